"""A picture for one sound, or from words alone: request and media file in, video file out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avfoley_engine.media import read_sound_range
from avfoley_engine.media.movie import write_movie
from avfoley_engine.models.interface import VideoModel
from avfoley_engine.protocol import SoundRange, VisualizeRequest, VisualizeResult

#: Share of the work that is the model's own; the rest is making its frames large and encoding them.
_MODEL_SHARE = 0.6


def run(
    request: VisualizeRequest, model: VideoModel, out: Path, on_progress: Callable[[float], None]
) -> VisualizeResult:
    """Makes one take and writes it to `out`, a video file.

    `on_progress` gets the share of the work done, at the start and after every solver step of the
    model and the upsampler, and may raise `CancelledError`. Raises `MediaError` and `ModelError`.
    The request is settled; the same one on the same device gives the same bytes.
    """
    began = time.perf_counter()
    on_progress(0.0)
    steps, guidance_scale = request.steps, request.guidance_scale
    assert steps is not None and guidance_scale is not None, "the request is settled"  # noqa: PT018
    settings: dict[str, Any] = {"seed": request.seed, "steps": steps, "guidance_scale": guidance_scale}
    settings |= {"caption": request.caption, "negative_caption": request.negative_caption}
    duration = request.frames / request.record_rate
    sound = None
    if request.sound is not None:
        sound = torch.from_numpy(sound_of(request.sound, duration, model.sample_rate))
    small = model.generate(
        sound,
        ceil(duration * model.frame_rate),
        **settings,
        on_step=lambda share: on_progress(_MODEL_SHARE * share),
    )
    upsampler = model.upsampler
    pieces = upsampler.upsample(
        small,
        model.frame_rate,
        caption=request.caption,
        seed=request.seed,
        on_step=lambda share: on_progress(_MODEL_SHARE + (1 - _MODEL_SHARE) * share),
    )
    frames = write_movie(
        out,
        at_record_rate(pieces, upsampler.frame_rate, request.record_rate, request.frames),
        upsampler.frame_size,
        request.record_rate,
        request.codec,
        start_frame=request.record_start,
        metadata={
            "avfoley": request.digest()[:16],
            "model": model.name,
            "revision": model.revision,
            **settings,
            "upsampling": upsampler.method,
        },
    )
    with out.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    on_progress(1.0)
    height, width = upsampler.frame_size
    return VisualizeResult(
        path=out,
        sha256=sha256,
        frames=frames,
        rate=request.record_rate,
        width=width,
        height=height,
        codec=request.codec,
        upsampling=upsampler.method,
        model=model.name,
        revision=model.revision,
        **settings,
        seconds=time.perf_counter() - began,
    )


def sound_of(sound: SoundRange, duration: Fraction, sample_rate: int) -> np.ndarray:
    """What the record side plays of a sound in `duration` s: (samples,) float32 at `sample_rate`.

    A retimed sound is read at another rate, as a tape that runs faster or slower; a reversed one is
    turned round.
    """
    samples = ceil(duration * sample_rate)
    reading_rate = round(sample_rate / abs(sound.speed))
    first = round(sound.source_start * reading_rate)
    if sound.speed > 0:
        return read_sound_range(sound.media, reading_rate, first, samples)
    return read_sound_range(sound.media, reading_rate, first - samples, samples)[::-1].copy()


def at_record_rate(
    pieces: Iterable[torch.Tensor], rate: Fraction, record_rate: Fraction, count: int
) -> Iterator[np.ndarray]:
    """Frames (h, w, 3) of pieces at `rate` -> exactly `count` on display at `record_rate`.

    The last one is held where the pieces end early.
    """
    shown, begin = 0, 0
    last: np.ndarray | None = None
    for piece in pieces:
        images = piece.numpy()
        while shown < count and int(shown * rate / record_rate) < begin + len(images):
            yield images[int(shown * rate / record_rate) - begin]
            shown += 1
        begin, last = begin + len(images), images[-1]
    while shown < count and last is not None:
        yield last
        shown += 1
