"""What a model makes of clips: sounds for their pictures, or pictures for their sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from avfoley_engine.evaluation.clips import Clip
from avfoley_engine.models.interface import FoleyModel, VideoModel
from avfoley_engine.protocol import SAMPLE_RATE


@dataclass(frozen=True)
class Sampling:
    """How the model is asked: the clips' captions or none, clip n with seed `seed + n`.

    Up to `batch` clips of one length are made at once by a model that can (`generate_batch`).
    """

    steps: int
    guidance_scale: float
    captions: bool = True
    seed: int = 0
    batch: int = 8


def sounds(clips: Sequence[Clip], model: FoleyModel, sampling: Sampling, first: int) -> list[np.ndarray]:
    """The sound (samples,) float32 of each clip's picture; `first` is the number of the first clip."""
    pictures = [torch.from_numpy(clip.frames(model.frame_rate, model.frame_size)) for clip in clips]
    lengths = [round(clip.duration * model.sample_rate) for clip in clips]
    captions = [clip.caption for clip in clips]
    return [sound.float().cpu().numpy() for sound in _made(model, pictures, lengths, captions, sampling, first)]


def pictures(clips: Sequence[Clip], model: VideoModel, sampling: Sampling, first: int) -> list[np.ndarray]:
    """The picture (T, height, width, 3) uint8 of each clip's sound, at the model's rate."""
    sounds = [torch.from_numpy(_at_rate(clip.sound, model.sample_rate)) for clip in clips]
    lengths = [max(1, int(clip.duration * model.frame_rate)) for clip in clips]
    captions = [clip.video_caption for clip in clips]
    return [frames.cpu().numpy() for frames in _made(model, sounds, lengths, captions, sampling, first)]


def _made(
    model: Any,
    given: Sequence[torch.Tensor],
    lengths: Sequence[int],
    captions: Sequence[str],
    sampling: Sampling,
    first: int,
) -> Sequence[torch.Tensor]:
    asked = captions if sampling.captions else [""] * len(captions)
    seeds = [sampling.seed + first + n for n in range(len(given))]
    options = {"steps": sampling.steps, "guidance_scale": sampling.guidance_scale}
    alike = len({(len(one), length) for one, length in zip(given, lengths, strict=True)}) == 1
    if len(given) > 1 and alike and hasattr(model, "generate_batch"):
        made: torch.Tensor = model.generate_batch(
            torch.stack(list(given)), lengths[0], captions=list(asked), seeds=seeds, **options
        )
        return list(made)
    return [
        model.generate(one, length, caption=caption, seed=seed, **options)
        for one, length, caption, seed in zip(given, lengths, asked, seeds, strict=True)
    ]


def _at_rate(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    if sample_rate == SAMPLE_RATE:
        return samples
    import torchaudio.functional

    resampled: np.ndarray = torchaudio.functional.resample(torch.from_numpy(samples), SAMPLE_RATE, sample_rate).numpy()
    return resampled
