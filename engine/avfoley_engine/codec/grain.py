"""What a decoded log-mel lacks: the fine, random part of a spectrum that latents do not carry.

A VAE trained on distances decodes the mean of all sounds that have a latent, which is smoother than
any of them. Its likelihood p(x | z) has a deviation too: a small network says how large the
residual is in every band and frame (a heteroscedastic Gaussian decoder, Kendall and Gal, arXiv
1703.04977), and a sample is added: the vocoder knows mels as rough as recordings'.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class GrainConfig:
    """`share` of the residual's deviation is added.

    Less than 1, because what is left of a tonal sound is no noise, though the network calls it so.
    White noise is filtered by (a, 1, a) over bands, then over frames; neighbours then correlate by
    2a / (1 + 2a^2): 0.56 and 0.25. What `nano`'s VAE leaves of recordings has 0.55 between bands,
    0.53 between frames, of which 0.39, an error of level, lasts four frames and is left out.
    """

    width: int = 128
    share: float = 0.7
    band_spread: float = 0.35
    frame_spread: float = 0.13

    @property
    def reach(self) -> int:
        """Mel frames on either side of its own that decide a frame: those of kernels of 5, 3 and 3."""
        return 4


class Grain(nn.Module):
    """The residual's deviation, read from the decoded mel, and noise of that deviation."""

    def __init__(self, config: GrainConfig, bands: int) -> None:
        super().__init__()
        self.config, self.bands = config, bands
        width = config.width
        self.network = nn.Sequential(
            nn.Conv1d(bands, width, 5, padding=2),
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv1d(width, bands, 3, padding=1),
        )

    def log_deviation(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames) as decoded -> ln of the residual's deviation, same shape."""
        logarithm: torch.Tensor = self.network(mel)
        return logarithm.clamp(-6, 2)

    def noise(self, frames: int) -> torch.Tensor:
        """(bands, frames) of unit deviation, correlated as residuals are, and always the same."""
        noise = torch.randn(1, 1, self.bands + 2, frames + 2, generator=torch.Generator().manual_seed(0))
        for spread, shape in ((self.config.band_spread, (1, 1, 3, 1)), (self.config.frame_spread, (1, 1, 1, 3))):
            kernel = torch.tensor([spread, 1.0, spread])
            noise = F.conv2d(noise, (kernel / kernel.norm()).view(shape))
        return noise[0, 0]

    def forward(self, mel: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames) and noise (bands, frames) -> a sample of the likelihood around that mel."""
        return mel + self.config.share * self.log_deviation(mel).exp() * noise

    def loss(self, mel: torch.Tensor, recorded: torch.Tensor) -> torch.Tensor:
        """Nats a number, less ln(2 pi) / 2, of a recording's mel (B, bands, frames) given `mel`."""
        logarithm = self.log_deviation(mel)
        return (logarithm + 0.5 * ((recorded - mel) / logarithm.exp()).square()).mean()
