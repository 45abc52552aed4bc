"""Sizes of the upsampler, of its autoencoder and of the flow model in the autoencoder's latents: `nano`, which ships, and `paper`."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from avfoley_engine.models.avlink import config as avlink
from avfoley_engine.nn.dit import DiTConfig


@dataclass(frozen=True)
class AutoencoderConfig:
    """A latent covers `VideoAutoencoder.stride` pixels: 4 frames of 8 x 8.

    The widths are the channels at 4 x 4 pixels and every frame, at 8 x 8 and every second frame, and at 8 x 8 and every fourth.
    """

    latent_width: int = 8
    encoder_widths: tuple[int, int, int] = (12, 16, 16)
    decoder_widths: tuple[int, int, int] = (16, 28, 28)
    blocks: int = 1


@dataclass(frozen=True)
class UpsamplerConfig:
    """The flow model: a DiT over patches of (rows, columns) of latents, each seen with `around` more on every side.

    Where it predicts samples, convolutions of `guess_width` make a first guess that it refines.
    It runs in windows of `window_latents` in time, whose neighbours share `overlap_latents`.

    `condition_time`: the small frames are seen partially noised, at that flow time. Those that a backbone generates are not as clean as
    those that training shrinks (conditioning augmentation, arXiv 2106.15282). `text` is the text encoder of the model that it belongs to.

    `time_shift` moves flow times towards noise (`flow.solver.shifted`): most latents say nothing, and those at edges stand out of the noise
    so early that at plain times nothing would learn to place them. Sampling starts from noise of `temperature` times its deviation: less of
    it is taken for detail.
    """

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    dit: DiTConfig = field(
        default_factory=lambda: DiTConfig(
            width=44, depth=2, heads=2, time_width=16, text_width=None, prediction="sample"
        )
    )
    patch: tuple[int, int] = (2, 2)
    around: int = 1
    guess_width: int = 24
    window_latents: int = 2
    overlap_latents: int = 1
    condition_time: float = 0.97
    time_shift: float = 4.0
    temperature: float = 0.8
    text: Literal["minilm", "t5"] = "minilm"
    frame_rate: Fraction = Fraction(24)
    height: int = 288
    width: int = 512
    steps: int = 4


NANO = UpsamplerConfig()
#: The paper gives no sizes, but says where it comes from: its video model, whose 31 frames have as many tokens as the 31 latents of 5.16 s.
PAPER = UpsamplerConfig(
    autoencoder=AutoencoderConfig(encoder_widths=(128, 256, 512), decoder_widths=(128, 256, 512), blocks=2),
    dit=avlink.PAPER.video.dit,
    window_latents=31,
    overlap_latents=4,
    steps=16,
    temperature=1.0,
    text=avlink.PAPER.text,
)
PRESETS = {"nano": NANO, "paper": PAPER}
