"""Sizes of the upsampler: of its autoencoder, and of the flow model in the autoencoder's latents."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from avfoley_engine.nn.dit import DiTConfig


@dataclass(frozen=True)
class AutoencoderConfig:
    """A latent covers `VideoAutoencoder.stride` pixels: 4 frames of 8 x 8.

    `widths` are the channels at 4 x 4 pixels and every frame, at 8 x 8 and every second frame, and at 8 x 8 and every fourth.
    """

    latent_width: int = 8
    widths: tuple[int, int, int] = (32, 64, 96)
    blocks: int = 1


@dataclass(frozen=True)
class UpsamplerConfig:
    """The flow model: a DiT over patches of (rows, columns) of latents.

    It runs in windows of `window_latents` in time, whose neighbours share `overlap_latents`.

    `condition_time`: the small frames are seen partially noised, at that flow time. Those that a backbone generates are not as clean as
    those that training shrinks (conditioning augmentation, arXiv 2106.15282).
    """

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    dit: DiTConfig = field(default_factory=lambda: DiTConfig(width=128, depth=4, heads=4))
    patch: tuple[int, int] = (2, 2)
    window_latents: int = 4
    overlap_latents: int = 1
    condition_time: float = 0.9
    frame_rate: Fraction = Fraction(24)
    height: int = 288
    width: int = 512
    steps: int = 4
