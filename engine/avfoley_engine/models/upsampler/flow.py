"""The upsampler's flow model: a DiT on the autoencoder's latents, which sees the small frames at every latent's own place."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch
from torch import nn

from avfoley_engine.models.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.upsampler.config import UpsamplerConfig
from avfoley_engine.nn.dit import DiT
from avfoley_engine.nn.rope import Rotation, rotation


def at_rate(frames: torch.Tensor, rate: Fraction, target: Fraction, count: int, start: int = 0) -> torch.Tensor:
    """frames (B, T, H, W, 3) at `rate` -> `count` frames at `target` from number `start` on, float, linear between neighbours.

    The last one is held.
    """
    places = [min(n * rate / target, Fraction(frames.shape[1] - 1)) for n in range(start, start + count)]
    first = torch.tensor([int(place) for place in places], device=frames.device)
    share = torch.tensor([float(place - int(place)) for place in places], device=frames.device)
    after = (first + 1).clamp_max(frames.shape[1] - 1)
    return torch.lerp(frames[:, first].float(), frames[:, after].float(), share[:, None, None, None])


def condition(frames: torch.Tensor, rate: Fraction, target: Fraction, latents: int) -> torch.Tensor:
    """Small frames (B, T, h, w, 3) in [-1, 1] at `rate` -> (B, latents, h, w, 12): a latent's instants on its channels."""
    fold = VideoAutoencoder.stride[0]
    frames = at_rate(frames, rate, target, latents * fold)
    # (B, T', t, h, w, 3) -> (B, T', h, w, t, 3)
    return frames.unflatten(1, (latents, fold)).permute(0, 1, 3, 4, 2, 5).flatten(4)


class UpsamplerDiT(DiT):
    """Velocity of latents given the small frames, which have a pixel for every latent: 36x64 of them for 288x512.

    Data are latents and condition side by side on channels (B, T, h, w, latent_width + 12); the velocity has the latents' channels only.
    T is any, h and w are multiples of the patch's.
    """

    def __init__(self, config: UpsamplerConfig) -> None:
        rows, columns = config.patch
        latent_width = config.autoencoder.latent_width
        super().__init__(config.dit, rows * columns * latent_width)
        self.patch, self.latent_width = config.patch, latent_width
        seen = latent_width + 3 * VideoAutoencoder.stride[0]
        self.input = nn.Linear(rows * columns * seen, config.dit.width)

    def patchify(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = self.patch
        x = x.unflatten(3, (-1, columns)).unflatten(2, (-1, rows))
        # (B, T, H', h, W', w, C) -> (B, T, H', W', h, w, C)
        return self.input(x.transpose(3, 4).flatten(4).flatten(1, 3))

    def unpatchify(self, tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        rows, columns = self.patch
        x = tokens.unflatten(1, self._grid(like)).unflatten(-1, (rows, columns, self.latent_width))
        # (B, T, H', W', h, w, C) -> (B, T, H', h, W', w, C)
        return x.transpose(3, 4).reshape(*like.shape[:-1], self.latent_width)

    def rotation(self, x: torch.Tensor) -> Rotation:
        pairs = self.config.width // self.config.heads // 2
        spatial = pairs // 3
        axes = [torch.arange(n, device=x.device) for n in self._grid(x)]
        positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
        return rotation(positions, (pairs - 2 * spatial, spatial, spatial), self.config.rope_base)

    def _grid(self, x: torch.Tensor) -> tuple[int, int, int]:
        """Tokens in time, down and across."""
        rows, columns = self.patch
        return x.shape[1], x.shape[2] // rows, x.shape[3] // columns


def latents_for(frames: int, rate: Fraction, target: Fraction) -> int:
    """The latents that last at least as long as `frames` at `rate`."""
    return ceil(frames / rate * target / VideoAutoencoder.stride[0])
