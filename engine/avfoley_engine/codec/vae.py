"""The 1D-VAE: log-mel frames to a short sequence of latents and back (as in GenAU and Make-An-Audio 2, used by AV-Link and Frieren)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class VAEConfig:
    """`widths` has one entry a resolution; between two of them time is halved."""

    bands: int = 100
    latent_width: int = 32
    widths: tuple[int, ...] = (96, 128, 128)
    blocks: int = 1

    @property
    def stride(self) -> int:
        """Mel frames a latent."""
        return 2 ** (len(self.widths) - 1)


class ResidualBlock(nn.Module):
    """Two convolutions along time with group norm, around a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, L) -> (B, width, L)."""
        return x + self.layers(x)


class VAE(nn.Module):
    """KL-regularised autoencoder along time; convolutional, so any length that is a multiple of the stride."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        encoder: list[nn.Module] = [nn.Conv1d(config.bands, widths[0], 5, padding=2)]
        for width, wider in zip(widths, (*widths[1:], None), strict=True):
            encoder += [ResidualBlock(width) for _ in range(config.blocks)]
            if wider is not None:
                encoder.append(nn.Conv1d(width, wider, 4, stride=2, padding=1))
        encoder += [nn.SiLU(), nn.Conv1d(widths[-1], 2 * config.latent_width, 1)]
        self.encoder = nn.Sequential(*encoder)

        decoder: list[nn.Module] = [nn.Conv1d(config.latent_width, widths[-1], 3, padding=1)]
        for width, narrower in zip(widths[::-1], (*widths[-2::-1], None), strict=True):
            decoder += [ResidualBlock(width) for _ in range(config.blocks + 1)]
            if narrower is not None:
                decoder.append(nn.ConvTranspose1d(width, narrower, 4, stride=2, padding=1))
        decoder += [nn.SiLU(), nn.Conv1d(widths[0], config.bands, 5, padding=2)]
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
        """mel (B, bands, frames) -> (reconstruction of the same shape, KL to N(0, I) as a mean over all latent numbers)."""
        mean, log_variance = self.posterior(mel)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return self.decode(latent), kl
