"""Spotting for one silent shot: request and media file in, the events that are seen in it out."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from math import floor
from pathlib import Path

from avfoley_engine.media.events import peaks
from avfoley_engine.models.interface import EventModel
from avfoley_engine.protocol import SpotRequest, SpotResult, SpottedEvent
from avfoley_engine.tasks.span import shot_frames


def run(request: SpotRequest, model: EventModel, out: Path, on_progress: Callable[[float], None]) -> SpotResult:
    """Spots events in a shot, and writes no file.

    `on_progress` may raise `CancelledError`. Raises `MediaError` and `ModelError`. The same request
    on the same device gives the same events.
    """
    began = time.perf_counter()
    on_progress(0.0)
    frames = shot_frames(request, model)
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
