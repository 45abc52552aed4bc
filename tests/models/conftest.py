"""A miniature of AV-Link: the same classes, few numbers, weights drawn at random."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import TextStates


@pytest.fixture
def small_config() -> AVLinkConfig:
    dit = replace(NANO.audio.dit, width=64, depth=4, heads=2, text_width=16)
    return AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=8),
        video=replace(NANO.video, dit=replace(dit, prediction="sample")),
        fusion=FusionConfig(blocks=2, width=64, heads=2, local_heads=1),
    )


def randomise(module: torch.nn.Module) -> None:
    """Undoes zero initialisation, so that every path of the network is felt."""
    generator = torch.Generator().manual_seed(1)
    for p in module.parameters():
        p.data += 0.05 * torch.randn(p.shape, generator=generator)


@pytest.fixture
def link(small_config: AVLinkConfig) -> AVLink:
    torch.manual_seed(0)
    model = AVLink(small_config).eval()
    randomise(model.audio)
    randomise(model.video)
    return model


@pytest.fixture
def inputs(small_config: AVLinkConfig) -> dict[str, object]:
    torch.manual_seed(2)
    text = TextStates(torch.randn(2, 3, 16), torch.tensor([[True, True, False], [True, False, False]]))
    return {
        "audio": torch.randn(2, 25, 8),
        "t_audio": torch.tensor([0.1, 0.6]),
        "audio_text": text,
        "video": torch.randn(2, 24, 36, 64, 3),
        "t_video": torch.tensor([0.96, 0.96]),
        "video_text": text,
    }
