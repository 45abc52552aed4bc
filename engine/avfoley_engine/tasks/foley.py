"""Foley for one shot, or sound from words alone: request and media file in, Broadcast Wave out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio.functional

from avfoley_engine.errors import ModelError
from avfoley_engine.media import broadcast_wave, circular, loudness, onsets, probe, read_frames, stereo
from avfoley_engine.media.fades import faded
from avfoley_engine.models.interface import FoleyModel
from avfoley_engine.protocol import SAMPLE_RATE, FoleyRequest, FoleyResult
from avfoley_engine.tasks.span import ModelSpan, Reach, Span

PEAK_CEILING_DBTP = -1.0
# Into a handle there is time to fade. On the shot's first frame a hit's attack must stay.
_FADE_IN_SECONDS, _FADE_IN_ON_SHOT_SECONDS, _FADE_OUT_SECONDS = 0.005, 0.001, 0.010
_SEAM_SAMPLES = 64


def run(request: FoleyRequest, model: FoleyModel, out: Path, on_progress: Callable[[float], None]) -> FoleyResult:
    """Makes one take and writes it to `out`, a WAV file, which appears only when it is complete.

    `on_progress` gets the share of the work done, at the start and after every solver step, and may
    raise `CancelledError`. Raises `MediaError` and `ModelError`. The request is settled; the same
    one on the same device gives the same bytes.
    """
    began = time.perf_counter()
    on_progress(0.0)
    steps, guidance_scale = request.steps, request.guidance_scale
    assert steps is not None and guidance_scale is not None, "the request is settled"  # noqa: PT018
    made_by: dict[str, Any] = {"model": model.name, "revision": model.revision, "seed": request.seed}
    made_by |= {"steps": steps, "guidance_scale": guidance_scale}
    words: dict[str, Any] = {"caption": request.caption, "negative_caption": request.negative_caption}

    def generate(frames: torch.Tensor | None, samples: int) -> np.ndarray:
        """`samples` at 48 kHz, whatever the model's own rate is."""
        sound = model.generate(
            frames,
            math.ceil(samples * model.sample_rate / SAMPLE_RATE),
            **words,
            seed=request.seed,
            steps=steps,
            guidance_scale=guidance_scale,
            loop=request.loop,
            on_step=on_progress,
        )
        sound = sound.detach().float().cpu()
        if not bool(torch.isfinite(sound).all()):
            raise ModelError(
                f"{model.name} made a sound that is not finite; try another seed or a lower guidance scale"
            )
        if request.loop:
            return circular.resampled(sound.numpy(), samples)
        resampled: np.ndarray = torchaudio.functional.resample(sound, model.sample_rate, SAMPLE_RATE).numpy()
        return resampled

    if request.picture is None:
        span = Span.of(request, None)
        sound = generate(None, span.samples)
    else:
        media = probe(request.picture.media)
        span = Span.of(request, media)
        reach = Reach(request.picture, request.record_rate, media)
        view = ModelSpan.of(span, request, reach, model.frame_rate, model.window_frames)
        times = [reach.source_time(frame) for frame in view.record_frames(span, request.record_rate)]
        frames = torch.from_numpy(read_frames(request.picture.media, times, model.frame_size))
        on_progress(0.0)
        sound = generate(frames, round(view.frames * SAMPLE_RATE / view.frame_rate))[view.lead_samples :]

    mono = _under_the_ceiling(sound if request.loop else _with_faded_ends(sound, span), request.loop)
    take = stereo.spread(mono, PEAK_CEILING_DBTP, loop=request.loop) if request.channels == 2 else mono[None]
    peak_dbtp, loudness_lufs = loudness.true_peak(take), loudness.integrated(take)
    found = np.rint(onsets.detect(mono, SAMPLE_RATE) * SAMPLE_RATE).astype(int) - span.head_samples
    # A sound that counts samples belongs to no timeline.
    timecode_rate = None if request.record_rate == SAMPLE_RATE else request.record_rate
    sha256 = broadcast_wave.write(
        out,
        take,
        broadcast_wave.Description(
            rate=timecode_rate,
            start_frame=request.record_start,
            early_samples=span.head_samples,
            track="FOL" if request.picture else "SFX",
            title=request.picture.media.stem if request.picture else "",
            note=request.caption,
            reference=f"AVFoley {request.digest()[:24]}",
            coding=f"AVFoley {model.name}",
            metadata={
                "avfoley": request.digest()[:16],
                **made_by,
                "head_samples": span.head_samples,
                "shot_samples": span.shot_samples,
                **words,
            },
            loudness_lufs=loudness_lufs,
            peak_dbtp=peak_dbtp,
            loop=request.loop,
        ),
    )
    on_progress(1.0)
    return FoleyResult(
        path=out,
        sha256=sha256,
        samples=span.samples,
        shot_samples=span.shot_samples,
        head_samples=span.head_samples,
        tail_samples=span.tail_samples,
        channels=request.channels,
        peak_dbtp=peak_dbtp,
        loudness_lufs=loudness_lufs,
        onsets=[int(onset) for onset in found if 0 <= onset < span.shot_samples],
        **made_by,
        **words,
        seconds=time.perf_counter() - began,
    )


def _with_faded_ends(sound: np.ndarray, span: Span) -> np.ndarray:
    """Cut to the span's samples, because resampling may leave it a sample short, and faded."""
    sound = np.pad(sound[: span.samples], (0, max(0, span.samples - len(sound))))
    head = _FADE_IN_SECONDS if span.head_samples else _FADE_IN_ON_SHOT_SECONDS
    return faded(sound, round(head * SAMPLE_RATE), round(_FADE_OUT_SECONDS * SAMPLE_RATE))


def _under_the_ceiling(sound: np.ndarray, loop: bool) -> np.ndarray:
    if not loop:
        return loudness.attenuated(sound[None], PEAK_CEILING_DBTP)[0]
    # Between a loop's last sample and its first there may be a peak, too.
    heard = circular.around(sound, _SEAM_SAMPLES)
    return loudness.attenuated(heard[None], PEAK_CEILING_DBTP)[0, _SEAM_SAMPLES:-_SEAM_SAMPLES]
