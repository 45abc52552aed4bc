"""Tasks: from a request and a model to a finished file."""

from avfoley_engine.tasks.foley import run

__all__ = ["run"]
