"""The count of operations against PyTorch's own counter, and the paper's sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from avfoley_engine.models.avlink.config import DIRECTIONS, NANO, PAPER, Direction
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.velocity import guided_velocity
from avfoley_engine.nn.dit import TextStates
from torch.utils.flop_counter import FlopCounterMode

from flops import Window, linked_flops, step_flops


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "switches",
    [{}, {"attention": "cross"}, {"reinjection": False}, {"placement": "early"}],
    ids=lambda switches: "-".join(switches) or "paper",
)
@pytest.mark.parametrize("linked_guidance", [NANO.linked_guidance, NANO.caption_guidance], ids=["split", "single"])
def test_the_count_is_pytorchs(direction: Direction, switches: dict[str, Any], linked_guidance: float) -> None:
    config = replace(NANO, fusion=replace(NANO.fusion, **switches), linked_guidance=linked_guidance)
    window = Window(frames=24, latents=25, text=5, negative=0)
    with torch.device("meta"):
        link = AVLink(config, [direction]).requires_grad_(False)
        audio, video = torch.zeros(1, 25, 32), torch.zeros(1, 24, 36, 64, 3)
        x, condition = (audio, video) if direction == "v2a" else (video, audio)
        text = TextStates(torch.zeros(1, 5, 384), torch.ones(1, 5, dtype=torch.bool))
        nothing = TextStates(text.states[:, :0], text.mask[:, :0])
        counter = FlopCounterMode(display=False)
        with counter:
            guided_velocity(link, direction, x, torch.zeros(1), condition, text, nothing, 5.0)
    assert counter.get_total_flops() == pytest.approx(step_flops(config, direction, window), rel=0.01)


def test_a_guided_step_of_the_paper_is_58_tflop() -> None:
    """By the sizes of Appx. B: 17,856 video tokens, 24 blocks, 8 fusion blocks."""
    window = Window(frames=31, latents=162, text=32)
    assert step_flops(PAPER, "v2a", window) == pytest.approx(58e12, rel=0.03)
    alone = step_flops(PAPER, "v2a", window) - linked_flops(PAPER, "v2a", window)
    # The unconditional half skips the video: it is nearly free.
    assert alone < 0.01 * linked_flops(PAPER, "v2a", window)
