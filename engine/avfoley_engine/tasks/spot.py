"""Spotting for one silent shot: request and media file in, the events that are seen in it out."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import torch

from avfoley_engine.media import probe, read_frames
from avfoley_engine.media.events import peaks
from avfoley_engine.models.interface import EventModel
from avfoley_engine.protocol import SpotRequest, SpotResult, SpottedEvent
from avfoley_engine.tasks.span import Reach


def run(request: SpotRequest, model: EventModel, out: Path, on_progress: Callable[[float], None]) -> SpotResult:
    """Spots events in a shot, and writes no file.

    `on_progress` may raise `CancelledError`. Raises `MediaError` and `ModelError`. The same request on the same device
    gives the same events.
    """
    began = time.perf_counter()
    on_progress(0.0)
    reach = Reach(request.picture, request.record_rate, probe(request.picture.media))
    count = max(1, ceil(request.frames / request.record_rate * model.frame_rate))
    shown = [floor(n / model.frame_rate * request.record_rate) for n in range(count)]
    times = [reach.source_time(frame) for frame in shown]
    frames = torch.from_numpy(read_frames(request.picture.media, times, model.frame_size))
    on_progress(0.5)
    probabilities = model.event_probabilities(frames).numpy()
    threshold = model.default_threshold if request.threshold is None else request.threshold

    def record_frame(frame: int) -> int:
        middle = (frame + Fraction(1, 2)) / model.frame_rate
        return min(floor(middle * request.record_rate), request.frames - 1)

    events = [
        SpottedEvent(frame=record_frame(int(frame)), confidence=float(probabilities[frame]))
        for frame in peaks(probabilities, threshold, model.frame_rate)
    ]
    on_progress(1.0)
    return SpotResult(
        events=events,
        threshold=threshold,
        model=model.name,
        revision=model.revision,
        seed=0,
        seconds=time.perf_counter() - began,
    )
