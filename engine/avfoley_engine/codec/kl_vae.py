"""The 1D KL-VAE that Frieren published: of Make-An-Audio 2, in the manner of latent diffusion.

Parameters have the names of the published checkpoint, which therefore loads as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

#: Half the receptive field of what sees everything: attention, and norms over time.
_EVERYTHING = 1 << 20


@dataclass(frozen=True)
class KLVAEConfig:
    """`multiples` of `width`, one a level, of `blocks` residual blocks; time is halved behind the first.

    `kernel` is that of the encoder's convolutions and the decoder's outermost; its blocks have 3.
    """

    kind: Literal["kl"] = "kl"
    bands: int = 80
    latent_width: int = 20
    width: int = 384
    multiples: tuple[int, ...] = (1, 2, 4)
    blocks: int = 2
    kernel: int = 5
    groups: int = 32

    @property
    def stride(self) -> int:
        """Mel frames a latent."""
        return 2

    def decoder_reach(self, frames: int = 0) -> int:
        """Latents on either side that decide a mel frame: all."""
        return _EVERYTHING


class _Residual(nn.Module):
    def __init__(self, width: int, out: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width, eps=1e-6)
        self.conv1 = nn.Conv1d(width, out, kernel, padding=kernel // 2)
        self.norm2 = nn.GroupNorm(groups, out, eps=1e-6)
        self.conv2 = nn.Conv1d(out, out, kernel, padding=kernel // 2)
        if width != out:
            self.nin_shortcut = nn.Conv1d(width, out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        shortcut = getattr(self, "nin_shortcut", None)
        return y + (x if shortcut is None else shortcut(x))


class _Attention(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv1d(width, width, 1) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(x)
        q, k, v = (layer(y).transpose(1, 2) for layer in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        z: torch.Tensor = x + self.proj_out(y)
        return z


class _Middle(nn.Module):
    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.block_1 = _Residual(width, width, kernel, groups)
        self.attn_1 = _Attention(width, groups)
        self.block_2 = _Residual(width, width, kernel, groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return y


class _Resampled(nn.Module):
    """A convolution that halves time, or one behind repeated frames."""

    def __init__(self, width: int, *, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv = nn.Conv1d(width, width, 3, stride=2 if down else 1, padding=0 if down else 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(F.pad(x, (0, 1)) if self.down else x.repeat_interleave(2, dim=2))
        return y


class _Level(nn.Module):
    """The residual blocks of one width, and what halves or doubles time behind them."""

    def __init__(self, widths: list[int], kernel: int, groups: int, resampled: Literal["down", "up"] | None) -> None:
        super().__init__()
        pairs = pairwise(widths)
        self.block = nn.ModuleList(_Residual(width, out, kernel, groups) for width, out in pairs)
        if resampled == "down":
            self.downsample = _Resampled(widths[-1], down=True)
        if resampled == "up":
            self.upsample = _Resampled(widths[-1], down=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.block:
            x = block(x)
        for name in ("downsample", "upsample"):
            if hasattr(self, name):
                x = self.get_submodule(name)(x)
        return x


class _Encoder(nn.Module):
    def __init__(self, c: KLVAEConfig) -> None:
        super().__init__()
        widths = [c.width * m for m in c.multiples]
        self.conv_in = nn.Conv1d(c.bands, c.width, c.kernel, padding=c.kernel // 2)
        befores = [c.width, *widths[:-1]]
        self.down = nn.ModuleList(
            _Level([before, *[width] * c.blocks], c.kernel, c.groups, "down" if n == 0 else None)
            for n, (before, width) in enumerate(zip(befores, widths, strict=True))
        )
        self.mid = _Middle(widths[-1], c.kernel, c.groups)
        self.norm_out = nn.GroupNorm(c.groups, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv1d(widths[-1], 2 * c.latent_width, c.kernel, padding=c.kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        y: torch.Tensor = self.conv_out(F.silu(self.norm_out(self.mid(x))))
        return y


class _Decoder(nn.Module):
    def __init__(self, c: KLVAEConfig) -> None:
        super().__init__()
        widths = [c.width * m for m in c.multiples]
        self.conv_in = nn.Conv1d(c.latent_width, widths[-1], c.kernel, padding=c.kernel // 2)
        self.mid = _Middle(widths[-1], 3, c.groups)
        befores = [*widths[1:], widths[-1]]
        self.up = nn.ModuleList(
            _Level([before, *[width] * (c.blocks + 1)], 3, c.groups, "up" if n == 1 else None)
            for n, (before, width) in enumerate(zip(befores, widths, strict=True))
        )
        self.norm_out = nn.GroupNorm(c.groups, widths[0], eps=1e-6)
        self.conv_out = nn.Conv1d(widths[0], c.bands, c.kernel, padding=c.kernel // 2)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.mid(self.conv_in(z))
        for level in list(self.up)[::-1]:
            x = level(x)
        y: torch.Tensor = self.conv_out(F.silu(self.norm_out(x)))
        return y


class KLVAE(nn.Module):
    """Encoder and decoder, with attention in their middles: a latent depends on the whole sound."""

    def __init__(self, config: KLVAEConfig) -> None:
        super().__init__()
        self.config, width = config, config.latent_width
        self.encoder, self.decoder = _Encoder(config), _Decoder(config)
        self.quant_conv = nn.Conv1d(2 * width, 2 * width, 1)
        self.post_quant_conv = nn.Conv1d(width, width, 1)

    def posterior(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mel (B, bands, frames) -> mean and log-variance of q(z|x), each (B, latent_width, frames // 2)."""
        mean, log_variance = self.quant_conv(self.encoder(mel)).chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """latent (B, latent_width, L) -> log-mel (B, bands, 2 L)."""
        mel: torch.Tensor = self.decoder(self.post_quant_conv(latent))
        return mel
