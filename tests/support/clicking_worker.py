"""A worker with the real task, and a model whose sound is known: a click on each frame on which the picture changes.

The model looks at the picture $CLICKING_FRAME_RATE times a second (a fraction): at the picture's own rate it clicks on
the very sample on which a frame begins.
"""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avfoley_engine.jobs.worker import Backend, main

from support.fake_worker import MODELS as MODELS
from support.fake_worker import info

if TYPE_CHECKING:
    import torch


class ClickingModel:
    """A FoleyModel; see `avfoley_engine.models.interface`."""

    revision = "r1"
    sample_rate = 48_000
    frame_size = (9, 16)
    window_frames = 1
    default_steps = 1
    default_guidance_scale = 1.0
    loudness = 0.5

    def __init__(self, name: str) -> None:
        self.name = name
        self.frame_rate = Fraction(os.environ["CLICKING_FRAME_RATE"])

    def generate(self, frames: torch.Tensor | None, samples: int, **settings: Any) -> torch.Tensor:
        import torch

        sound = torch.zeros(samples)
        assert frames is not None
        changes = frames.float().diff(dim=0).abs().mean((1, 2, 3)) > 100
        for frame in (torch.nonzero(changes)[:, 0] + 1).tolist():
            sound[round(frame * self.sample_rate / self.frame_rate)] = self.loudness
        settings["on_step"](1.0)
        return sound


if __name__ == "__main__":
    from avfoley_engine import tasks

    backend = Backend(
        device=lambda: "cpu", info=info, load=lambda name, task, device: ClickingModel(name), run=tasks.run
    )
    main(sys.argv[1:], lambda: backend)
