"""A miniature of AV-Link: the same classes, few numbers, weights drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.video import AVLinkVideo
from avfoley_engine.nn.dit import TextStates


@pytest.fixture
def small_config() -> AVLinkConfig:
    dit = replace(NANO.audio.dit, width=64, depth=4, heads=2, text_width=16)
    return AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=8),
        video=replace(NANO.video, dit=replace(dit, prediction="sample"), event_channels=(8, 8, 8, 8), flow_channels=8),
        fusion=FusionConfig(blocks=2, width=64, heads=2, local_heads=1),
    )


def randomise(module: torch.nn.Module) -> None:
    """Undoes zero initialisation, so that every path of the network is felt."""
    generator = torch.Generator().manual_seed(1)
    for p in module.parameters():
        p.data += 0.05 * torch.randn(p.shape, generator=generator)


@pytest.fixture
def linked() -> Callable[[AVLinkConfig], AVLink]:
    """Makes a link whose backbones say something and whose fusion blocks are as they are initialised."""

    def make(config: AVLinkConfig) -> AVLink:
        torch.manual_seed(0)
        model = AVLink(config).eval()
        randomise(model.audio)
        randomise(model.video)
        return model

    return make


@pytest.fixture
def link(linked: Callable[[AVLinkConfig], AVLink], small_config: AVLinkConfig) -> AVLink:
    return linked(small_config)


@pytest.fixture
def open_gates() -> Callable[[AVLink], AVLink]:
    """Lets the fusion blocks be felt."""

    def opened(link: AVLink) -> AVLink:
        torch.manual_seed(3)
        for fusion in link.fusion.values():
            for block in fusion.blocks:  # type: ignore[union-attr]
                for layer in block.modulation.values():
                    torch.nn.init.normal_(layer.bias, std=0.5)
        return link

    return opened


class Letters:
    """A text encoder that turns each letter into a state: no weights needed."""

    def __init__(self, width: int = 16) -> None:
        self.width = width

    def __call__(self, captions: Sequence[str]) -> TextStates:
        longest = max(map(len, captions))
        mask = torch.zeros(len(captions), longest, dtype=torch.bool)
        states = torch.zeros(len(captions), longest, self.width)
        for i, caption in enumerate(captions):
            for j, letter in enumerate(caption):
                states[i, j, ord(letter) % 16] = 1
                mask[i, j] = True
        return TextStates(states, mask)


@pytest.fixture
def foley(link: AVLink, open_gates: Callable[[AVLink], AVLink]) -> AVLinkFoley:
    """The whole model, its fusion blocks felt."""
    torch.manual_seed(4)
    codec = AudioCodec(replace(CodecConfig(), vae=VAEConfig(latent_width=8, widths=(32, 32, 32))))
    text = Letters()
    return AVLinkFoley("small", "r", open_gates(link), codec, text, default_steps=2, default_guidance_scale=3.0)  # type: ignore[arg-type]


@pytest.fixture
def video(foley: AVLinkFoley) -> AVLinkVideo:
    return AVLinkVideo.beside(foley)


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
