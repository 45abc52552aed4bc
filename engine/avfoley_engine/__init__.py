"""The AVFoley engine: models, media and jobs, in a process of their own."""

__version__ = "0.1.0"
