"""Captions for one silent shot: request and media file in, proposals out."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil, floor
from pathlib import Path

import torch

from avfoley_engine.media import probe, read_frames
from avfoley_engine.models.interface import CaptionModel
from avfoley_engine.protocol import CaptionRequest, CaptionResult, ProposedCaption
from avfoley_engine.tasks.span import Reach


def run(request: CaptionRequest, model: CaptionModel, out: Path, on_progress: Callable[[float], None]) -> CaptionResult:
    """Proposes captions for a shot, and writes no file.

    `on_progress` may raise `CancelledError`. Raises `MediaError` and `ModelError`. The same request on the same device
    gives the same captions.
    """
    began = time.perf_counter()
    on_progress(0.0)
    reach = Reach(request.picture, request.record_rate, probe(request.picture.media))
    count = max(1, ceil(request.frames / request.record_rate * model.frame_rate))
    shown = [floor(n / model.frame_rate * request.record_rate) for n in range(count)]
    times = [reach.source_time(frame) for frame in shown]
    frames = torch.from_numpy(read_frames(request.picture.media, times, model.frame_size))
    proposals = model.propose(frames, request.proposals, seed=request.seed, on_step=on_progress)
    on_progress(1.0)
    return CaptionResult(
        proposals=[ProposedCaption(text=text, confidence=confidence) for text, confidence in proposals],
        model=model.name,
        revision=model.revision,
        seed=request.seed,
        seconds=time.perf_counter() - began,
    )
