"""Small frames on the large ones' clock and on the latents' grid, which has a place for each of their pixels."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch
from torch.nn import functional as F

#: Frames, rows and columns of large pixels that one latent covers; in rows and columns also what a small pixel covers.
STRIDE = (4, 8, 8)


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
    fold = STRIDE[0]
    frames = at_rate(frames, rate, target, latents * fold)
    # (B, T', t, h, w, 3) -> (B, T', h, w, t, 3)
    return frames.unflatten(1, (latents, fold)).permute(0, 1, 3, 4, 2, 5).flatten(4)


def bicubic(frames: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Frames (T, h, w, 3) -> (T, *size, 3), by bicubic interpolation."""
    return F.interpolate(frames.movedim(-1, 1), size, mode="bicubic", align_corners=False).movedim(1, -1)


def enlarged(conditioning: torch.Tensor) -> torch.Tensor:
    """What `condition` gives (B, L, h, w, 12) -> the frames (B, 4 L, 8 h, 8 w, 3) that interpolation makes of it."""
    # (B, L, h, w, t, 3) -> (B, L, t, h, w, 3)
    frames = conditioning.unflatten(-1, (STRIDE[0], 3)).permute(0, 1, 4, 2, 3, 5).flatten(1, 2)
    size = (STRIDE[1] * conditioning.shape[2], STRIDE[2] * conditioning.shape[3])
    return bicubic(frames.flatten(0, 1), size).unflatten(0, frames.shape[:2])


def latents_for(frames: int, rate: Fraction, target: Fraction) -> int:
    """The latents that last at least as long as `frames` at `rate`."""
    return ceil(frames / rate * target / STRIDE[0])
