"""What a model generates for clips or captions: sounds for pictures, or pictures for sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torchaudio.functional

from avfoley_engine.evaluation.clips import Clip
from avfoley_engine.models.interface import FoleyModel, VideoModel
from avfoley_engine.protocol import SAMPLE_RATE


@dataclass(frozen=True)
class Sampling:
    """How a model samples: with the clips' captions or without, clip n with seed `seed + n`.

    A model that has `generate_batch` makes up to `batch` clips of one length at once.
    """

    steps: int
    guidance_scale: float
    captions: bool = True
    seed: int = 0
    batch: int = 8

    def seeds(self, first: int, count: int) -> range:
        """Those of `count` clips from number `first` on."""
        return range(self.seed + first, self.seed + first + count)


def sounds(clips: Sequence[Clip], model: FoleyModel, sampling: Sampling, first: int) -> list[torch.Tensor]:
    """The sound (samples,) float32 for each clip's picture; `first` is the first clip's number."""
    pictures = [torch.from_numpy(clip.frames(model.frame_rate, model.frame_size)) for clip in clips]
    lengths = [round(clip.duration * model.sample_rate) for clip in clips]
    captions = [clip.caption if sampling.captions else "" for clip in clips]
    return generate(model, pictures, lengths, captions, sampling.seeds(first, len(clips)), sampling)


def pictures(clips: Sequence[Clip], model: VideoModel, sampling: Sampling, first: int) -> list[torch.Tensor]:
    """The picture (T, height, width, 3) uint8 of each clip's sound, at the model's rate."""
    sounds = [
        torchaudio.functional.resample(torch.from_numpy(clip.sound), SAMPLE_RATE, model.sample_rate) for clip in clips
    ]
    lengths = [max(1, int(clip.duration * model.frame_rate)) for clip in clips]
    captions = [clip.video_caption if sampling.captions else "" for clip in clips]
    return generate(model, sounds, lengths, captions, sampling.seeds(first, len(clips)), sampling)


def generate(
    model: Any,
    conditions: Sequence[torch.Tensor | None],
    lengths: Sequence[int],
    captions: Sequence[str],
    seeds: Sequence[int],
    sampling: Sampling,
) -> list[torch.Tensor]:
    """One result, on the CPU, for each condition: a picture or a sound, or None for words alone."""
    options = {"steps": sampling.steps, "guidance_scale": sampling.guidance_scale}
    sizes = {(None if one is None else len(one), length) for one, length in zip(conditions, lengths, strict=True)}
    if len(lengths) > 1 and len(sizes) == 1:
        given = [one for one in conditions if one is not None]
        stacked = torch.stack(given) if given else None
        made = model.generate_batch(stacked, lengths[0], captions=list(captions), seeds=list(seeds), **options)
    else:
        made = [
            model.generate(one, length, caption=caption, seed=seed, **options)
            for one, length, caption, seed in zip(conditions, lengths, captions, seeds, strict=True)
        ]
    return [one.cpu() for one in made]
