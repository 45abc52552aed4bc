"""The 1D-VAE: log-mel to a short sequence of latents and back (GenAU, Make-An-Audio 2, Frieren)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn


@dataclass(frozen=True)
class VAEConfig:
    """`widths`, one a resolution, between which time is halved; `blocks` a resolution, each way."""

    bands: int = 100
    latent_width: int = 32
    widths: tuple[int, ...] = (128, 160, 192)
    blocks: int = 2

    @property
    def stride(self) -> int:
        """Mel frames a latent."""
        return 2 ** (len(self.widths) - 1)

    def decoder_reach(self, frames: int = 0) -> int:
        """Latents on either side of its own that decide a mel frame and the `frames` next to it."""
        reach = frames + 2 + ResidualBlock.reach * self.blocks
        for _ in self.widths[1:]:
            # A transposed convolution (kernel 4, stride 2, padding 1) reaches two outputs each way.
            reach = (reach + 2) // 2 + ResidualBlock.reach * self.blocks
        return reach + 1


class ResidualBlock(nn.Module):
    """Two convolutions along time around a skip connection.

    There is no normalisation: over time it would make a frame depend on the sound's length, over
    channels take away the level. It starts as the identity instead (Fixup, arXiv 1901.09321).
    """

    #: Frames on either side that decide a frame.
    reach = 2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.SiLU(), nn.Conv1d(width, width, 3, padding=1), nn.SiLU(), nn.Conv1d(width, width, 3, padding=1)
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, L) -> (B, width, L)."""
        return x + self.layers(x)


class VAE(nn.Module):
    """KL-regularised autoencoder along time; convolutional, so any length that is a multiple of the stride."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths

        def blocks(width: int) -> list[nn.Module]:
            return [ResidualBlock(width) for _ in range(config.blocks)]

        encoder: list[nn.Module] = [nn.Conv1d(config.bands, widths[0], 5, padding=2)]
        decoder: list[nn.Module] = [nn.Conv1d(config.latent_width, widths[-1], 3, padding=1)]
        for width, wider in pairwise(widths):
            encoder += [*blocks(width), nn.Conv1d(width, wider, 4, stride=2, padding=1)]
        for width, narrower in zip(widths[:0:-1], widths[-2::-1], strict=True):
            decoder += [*blocks(width), nn.ConvTranspose1d(width, narrower, 4, stride=2, padding=1)]
        encoder += [*blocks(widths[-1]), nn.SiLU(), nn.Conv1d(widths[-1], 2 * config.latent_width, 1)]
        decoder += [*blocks(widths[0]), nn.SiLU(), nn.Conv1d(widths[0], config.bands, 5, padding=2)]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder)

    def posterior(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mel (B, bands, frames) -> mean and log-variance of q(z|x), each (B, latent_width, frames // stride)."""
        mean, log_variance = self.encoder(mel).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """latent (B, latent_width, L) -> log-mel (B, bands, L * stride)."""
        mel: torch.Tensor = self.decoder(latent)
        return mel

    def forward(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mel (B, bands, frames) -> its reconstruction, and the KL to N(0, I) a latent number."""
        mean, log_variance = self.posterior(mel)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return self.decode(latent), kl
