"""A worker with the real task, and a model that needs no weights: a burst where the picture changes most."""

from __future__ import annotations

import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avfoley_engine.jobs.worker import Backend, main
from avfoley_engine.protocol import SAMPLE_RATE

from support.messages import model_info

if TYPE_CHECKING:
    import torch

STAND_IN = model_info(title="AV-Link nano", size_bytes=33_900_000)
MODELS = [STAND_IN]


class BurstingModel:
    """A FoleyModel; see `avfoley_engine.models.interface`."""

    name = STAND_IN.name
    revision = STAND_IN.revision
    sample_rate = SAMPLE_RATE
    frame_rate = Fraction(24)
    frame_size = (36, 64)
    window_frames = 124
    default_steps = STAND_IN.default_steps
    default_guidance_scale = STAND_IN.default_guidance_scale

    def generate(self, frames: torch.Tensor | None, samples: int, *, seed: int = 0, **settings: Any) -> torch.Tensor:
        import torch

        generator = torch.Generator().manual_seed(seed)
        for step in range(25):
            time.sleep(0.08)
            settings["on_step"]((step + 1) / 25)
        sound = 0.003 * torch.randn(samples, generator=generator)
        assert frames is not None
        change = frames.float().diff(dim=0).abs().mean((1, 2, 3))
        above = change > change.mean() + change.std()
        tone = 180 * 2 ** float(torch.rand(1, generator=generator) * 2)
        clock = torch.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
        last = -8
        for frame in (torch.nonzero(above)[:, 0] + 1).tolist():
            if frame - last < 6:
                continue
            last = frame
            at = round(frame * SAMPLE_RATE / self.frame_rate)
            ring = torch.sin(2 * torch.pi * tone * clock) * torch.exp(-14 * clock)
            burst = ring + 0.6 * torch.randn(len(clock), generator=generator) * torch.exp(-45 * clock)
            length = min(len(clock), samples - at)
            loud = 0.25 + 0.5 * float(torch.rand(1, generator=generator))
            sound[at : at + length] += loud * burst[:length]
        return sound.clamp(-1, 1)


if __name__ == "__main__":
    from avfoley_engine import tasks

    backend = Backend(
        device=lambda: "cpu", info=lambda name: STAND_IN, load=lambda name, task, device: BurstingModel(), run=tasks.run
    )
    main(sys.argv[1:], lambda: backend)
