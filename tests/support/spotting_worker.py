"""The worker of `fake_worker` with a model that spots events: one after 8 frames, surely, and one after 20."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from avfoley_engine.errors import ModelError
from avfoley_engine.jobs.worker import Backend, main
from avfoley_engine.protocol import ModelInfo, Request, Result, SpotRequest, SpotResult, SpottedEvent

from support import fake_worker
from support.messages import model_info

MODELS = [*fake_worker.MODELS, model_info("seeing", "spot", title="A model that sees")]


def info(name: str) -> ModelInfo:
    return next(model for model in MODELS if model.name == name)


def run(request: Request, model: Any, out: Path, on_progress: Callable[[float], None]) -> Result:
    if not isinstance(request, SpotRequest):
        return fake_worker.run(request, model, out, on_progress)
    if "unreadable" in request.picture.media.name:
        raise ModelError("the picture is unreadable; relink it")
    on_progress(1.0)
    events = [SpottedEvent(frame=8, confidence=0.9), SpottedEvent(frame=20, confidence=0.55)]
    return SpotResult(events=events, threshold=0.5, model="seeing", revision="r1", seed=0, seconds=0.1)


def backend() -> Backend:
    return Backend(device=lambda: "cpu", info=info, load=fake_worker.load, run=run)


if __name__ == "__main__":
    main(sys.argv[1:], backend)
