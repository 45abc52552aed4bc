"""Tasks: from a settled request and a model to a result. One table says what there is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avfoley_engine.errors import JobError
from avfoley_engine.protocol import (
    CaptionRequest,
    CaptionResult,
    FoleyRequest,
    FoleyResult,
    Request,
    Result,
    SpotRequest,
    SpotResult,
    TakeRequest,
    TakeResult,
    VisualizeRequest,
    VisualizeResult,
)

if TYPE_CHECKING:
    from avfoley_engine.models.interface import Model


@dataclass(frozen=True)
class Task:
    """What is asked, what comes of it, and the module whose `run` makes it, which needs torch."""

    request: type[TakeRequest]
    result: type[TakeResult]
    module: str


TASKS = {
    "foley": Task(FoleyRequest, FoleyResult, "avfoley_engine.tasks.foley"),
    "visualize": Task(VisualizeRequest, VisualizeResult, "avfoley_engine.tasks.visualize"),
    "caption": Task(CaptionRequest, CaptionResult, "avfoley_engine.tasks.caption"),
    "spot": Task(SpotRequest, SpotResult, "avfoley_engine.tasks.spot"),
}


def run(request: Request, model: Model, out: Path, on_progress: Callable[[float], None]) -> Result:
    """Carries out a settled request with a model loaded for its task: `run` of the task's module.

    A result that is a file is written to `out`.

    Raises:
        JobError: there is no such task.
    """
    if request.task not in TASKS:
        raise JobError(f"There is no task {request.task!r}, but {', '.join(TASKS)}. Update AVFoley.")
    made: Result = importlib.import_module(TASKS[request.task].module).run(request, model, out, on_progress)
    return made
