"""Modules that a plain install lacks: training and evaluation import them when they need them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from avfoley_engine.errors import ModelError


def require(module: str, extra: str) -> ModuleType:
    """Imports `module`, which the extra `extra` installs. Raises ModelError if it did not."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModelError(f"{error.name} is not installed: pip install 'avfoley[{extra}]'") from error
