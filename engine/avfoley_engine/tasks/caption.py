"""Captions for one silent shot: request and media file in, proposals out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from avfoley_engine.models.interface import CaptionModel
from avfoley_engine.protocol import CaptionRequest, CaptionResult, ProposedCaption
from avfoley_engine.tasks.span import shot_frames


def run(request: CaptionRequest, model: CaptionModel, out: Path, on_progress: Callable[[float], None]) -> CaptionResult:
    """Proposes captions for a shot, and writes no file.

    `on_progress` may raise `CancelledError`. Raises `MediaError` and `ModelError`. The same request
    on the same device gives the same captions.
    """
    began = time.perf_counter()
    on_progress(0.0)
    proposals = model.propose(shot_frames(request, model), request.proposals, seed=request.seed, on_step=on_progress)
    on_progress(1.0)
    return CaptionResult(
        proposals=[ProposedCaption(text=text, confidence=confidence) for text, confidence in proposals],
        model=model.name,
        revision=model.revision,
        seed=request.seed,
        seconds=time.perf_counter() - began,
    )
