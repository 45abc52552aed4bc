"""What the toy does with a picture."""

from __future__ import annotations

from fractions import Fraction

import torch
from avfoley_engine.models.interface import CaptionModel, EventModel, FoleyModel, OnStep
from avfoley_engine.zoo import Entry


def flashes(frames: torch.Tensor) -> torch.Tensor:
    """The frames (K,) of frames (T, H, W, 3) uint8 that are much brighter than the ones before."""
    light = frames.float().mean((1, 2, 3))
    return 1 + torch.nonzero(light.diff() > 50).flatten()


class ToyFoley(FoleyModel):
    sample_rate = 16_000
    frame_rate = Fraction(24)
    frame_size = (4, 4)
    window_frames = 1

    def __init__(self, entry: Entry) -> None:
        self.name, self.revision = entry.name, entry.revision
        self.loudness = float(entry.config["model"]["loudness"])
        self.default_steps, self.default_guidance_scale = 2, 1.0

    def generate_batch(
        self,
        frames: torch.Tensor | None,
        samples: int,
        *,
        captions: list[str],
        seeds: list[int],
        negative_captions: list[str] | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        loop: bool = False,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        sound = torch.zeros(len(captions), samples)
        for row, picture in zip(sound, [] if frames is None else frames, strict=False):
            for frame in flashes(picture):
                start = int(int(frame) * self.sample_rate / self.frame_rate)
                row[start : start + 40] = self.loudness
        for step in range(steps or self.default_steps):
            if on_step is not None:
                on_step((step + 1) / (steps or self.default_steps))
        return sound


class ToyCaptioner(CaptionModel):
    frame_rate = Fraction(24)
    frame_size = (4, 4)

    def __init__(self, entry: Entry) -> None:
        self.name, self.revision = entry.name, entry.revision

    def propose(
        self, frames: torch.Tensor, count: int, *, seed: int = 0, on_step: OnStep | None = None
    ) -> list[tuple[str, float]]:
        found = len(flashes(frames))
        if not found:
            return []
        return [(f"a light is switched on, {found}x", 0.9), ("a flash", 0.5)][:count]


class ToyEvents(EventModel):
    frame_rate = Fraction(24)
    frame_size = (4, 4)
    window_frames = 1
    default_threshold = 0.5
    device = torch.device("cpu")

    def __init__(self, entry: Entry) -> None:
        self.name, self.revision = entry.name, entry.revision

    def event_probabilities(self, frames: torch.Tensor) -> torch.Tensor:
        probabilities = torch.full((len(frames),), 0.1)
        probabilities[flashes(frames)] = 0.75
        return probabilities
