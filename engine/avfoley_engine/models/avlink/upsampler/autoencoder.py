"""The upsampler's autoencoder: causal in time as MAGVIT-v2 (arXiv 2310.05737), KL instead of codes.

Unlike MAGVIT-v2's it codes what the small frames do not tell: the encoder reads how frames differ
from the enlarged small ones, and the decoder, which sees the small ones too, adds to the enlarged.
What small networks lose is then detail, never the picture. Nothing is normalised over space or time
and nothing looks ahead: a long video is decoded piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.avlink.upsampler.config import AutoencoderConfig
from avfoley_engine.models.avlink.upsampler.frames import STRIDE, enlarged

#: Pixels of a frame that are folded into channels before the first layer, down and across.
_FOLD = 4


def fold(x: torch.Tensor, time: int, space: int) -> torch.Tensor:
    """x (B, C, T, H, W) -> (B, time * space * space * C, T / time, H / space, W / space)."""
    x = x.unflatten(4, (-1, space)).unflatten(3, (-1, space)).unflatten(2, (-1, time))
    # (B, C, T', t, H', h, W', w) -> (B, t, h, w, C, T', H', W')
    return x.permute(0, 3, 5, 7, 1, 2, 4, 6).flatten(1, 4)


def unfold(x: torch.Tensor, time: int, space: int) -> torch.Tensor:
    """The inverse of `fold`."""
    x = x.unflatten(1, (time, space, space, -1))
    # (B, t, h, w, C, T', H', W') -> (B, C, T', t, H', h, W', w)
    return x.permute(0, 4, 5, 1, 6, 2, 7, 3).flatten(6, 7).flatten(4, 5).flatten(2, 3)


class ChannelNorm(nn.Module):
    """RMS normalisation over channels, at each place and instant on its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, C, T, H, W), same shape."""
        return F.rms_norm(x.movedim(1, -1), (x.shape[1],), self.gain, 1e-6).movedim(-1, 1)


class SpatialConv(nn.Conv3d):
    """3 x 3 within each frame."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, (1, 3, 3), padding=(0, 1, 1))


class CausalConv(nn.Conv3d):
    """3 frames long: this one and the two before. Before the first frame stands the first frame."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, (3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.cat([x[:, :, :1], x[:, :, :1], x], dim=2))


class ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(ChannelNorm(width), nn.SiLU(), SpatialConv(width, width)),
            *(ChannelNorm(width), nn.SiLU(), CausalConv(width)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))


class VideoAutoencoder(nn.Module):
    """Frames to latents with a diagonal Gaussian posterior, and back, both beside small frames.

    `conditioning` is these, as `condition` puts them on the latents' grid: (B, L, h, w, 12) for
    frames (B, 4 L, 8 h, 8 w, 3). Latents of `encode` and `decode` have mean 0 and deviation 1.
    """

    #: Frames, rows and columns of pixels that one latent covers.
    stride = STRIDE

    latent_mean: torch.Tensor
    latent_std: torch.Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        pixels = 3 * _FOLD * _FOLD
        first, second, third = config.encoder_widths
        self.encoder = nn.ModuleList(
            [
                SpatialConv(pixels, first),
                _blocks(first, config.blocks),
                nn.Conv3d(8 * first, second, 1),
                _blocks(second, config.blocks),
                nn.Conv3d(2 * second, third, 1),
                _blocks(third, config.blocks),
                nn.Conv3d(third, 2 * config.latent_width, 1),
            ]
        )
        first, second, third = config.decoder_widths
        self.decoder = nn.ModuleList(
            [
                SpatialConv(config.latent_width + 3 * STRIDE[0], third),
                _blocks(third, config.blocks),
                nn.Conv3d(third, 2 * second, 1),
                _blocks(second, config.blocks),
                nn.Conv3d(second, 8 * first, 1),
                _blocks(first, config.blocks),
                SpatialConv(first, pixels),
            ]
        )
        # Before it has learned, it adds nothing.
        for parameter in self.decoder[-1].parameters():
            nn.init.zeros_(parameter)
        self.register_buffer("latent_mean", torch.zeros(config.latent_width))
        self.register_buffer("latent_std", torch.ones(config.latent_width))

    @property
    def reach(self) -> int:
        """Latents before its own that a frame depends on; each block's convolution looks 2 back."""
        return ceil(2 * self.config.blocks * (1 + 1 / 2 + 1 / 4))

    def posterior(self, frames: torch.Tensor, conditioning: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames (B, T, H, W, 3) in [-1, 1] -> mean, log-variance (B, width, T/4, H/8, W/8)."""
        pixels, one, half, two, quarter, three, out = self.encoder
        x = one(pixels(fold((frames - enlarged(conditioning)).movedim(-1, 1), 1, _FOLD)))
        x = two(half(fold(x, 2, 2)))
        mean, log_variance = out(three(quarter(fold(x, 2, 1)))).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def pixels(self, latents: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        """Latents as of the posterior (B, latent_width, T/4, H/8, W/8) -> frames (B, T, H, W, 3)."""
        into, three, half, two, whole, one, pixels = self.decoder
        x = unfold(half(three(into(torch.cat([latents, conditioning.movedim(-1, 1)], dim=1)))), 2, 1)
        x = unfold(whole(two(x)), 2, 2)
        return enlarged(conditioning) + unfold(pixels(one(x)), 1, _FOLD).movedim(1, -1)

    def forward(self, frames: torch.Tensor, conditioning: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames (B, T, H, W, 3) -> their reconstruction, and the KL to N(0, I) a number."""
        mean, log_variance = self.posterior(frames, conditioning)
        latents = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return self.pixels(latents, conditioning), kl

    def encode(self, frames: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, H, W, 3) in [-1, 1] -> normalised latents (B, T/4, H/8, W/8, latent_width)."""
        return (self.posterior(frames, conditioning)[0].movedim(1, -1) - self.latent_mean) / self.latent_std

    def decode(self, latents: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        """Normalised latents (B, T/4, H/8, W/8, latent_width) -> frames (B, T, H, W, 3)."""
        return self.pixels((latents * self.latent_std + self.latent_mean).movedim(-1, 1), conditioning)

    def decode_in_pieces(self, latents: torch.Tensor, conditioning: torch.Tensor, piece: int) -> Iterator[torch.Tensor]:
        """What `decode` gives, `piece` latents at a time, so that memory does not grow with the length."""
        for start in range(0, latents.shape[1], piece):
            part = slice(max(0, start - self.reach), start + piece)
            yield self.decode(latents[:, part], conditioning[:, part])[:, (start - part.start) * self.stride[0] :]

    def measure(self, frames: torch.Tensor, conditioning: torch.Tensor) -> None:
        """Sets the latent statistics to those of frames (B, T, H, W, 3)."""
        posteriors = [self.posterior(*rows)[0] for rows in zip(frames.split(1), conditioning.split(1), strict=True)]
        mean = torch.cat([posterior.movedim(1, -1).flatten(0, -2) for posterior in posteriors])
        self.latent_mean.copy_(mean.mean(dim=0))
        self.latent_std.copy_(mean.std(dim=0).clamp_min(1e-4))
