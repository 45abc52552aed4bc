"""The host side of AVFoley: timelines in, foley tracks and caption markers out."""

__version__ = "0.1.0"
