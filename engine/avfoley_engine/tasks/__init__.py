"""Tasks: from a request and a model to a finished file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from avfoley_engine.protocol import FoleyRequest, Request, Result

if TYPE_CHECKING:
    from avfoley_engine.models.interface import FoleyModel, VideoModel

__all__ = ["run"]


def run(request: Request, model: FoleyModel | VideoModel, out: Path, on_progress: Callable[[float], None]) -> Result:
    """Carries out a request with a model that was loaded for its task; see `foley.run` and `visualize.run`."""
    from avfoley_engine.tasks import foley, visualize

    if isinstance(request, FoleyRequest):
        return foley.run(request, cast("FoleyModel", model), out, on_progress)
    return visualize.run(request, cast("VideoModel", model), out, on_progress)
