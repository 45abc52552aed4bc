"""Rotary position embedding over one or several axes (RoFormer, arXiv 2104.09864)."""

from __future__ import annotations

import torch

#: cos and sin, each (N, head_width // 2), of the angle by which each pair of channels is turned.
Rotation = tuple[torch.Tensor, torch.Tensor]


def frequencies(pairs: int, base: float, device: torch.device | None = None) -> torch.Tensor:
    """Angles a unit of position for `pairs` pairs of channels: 1 down to about 1/base, geometric."""
    return base ** (-torch.arange(pairs, dtype=torch.float32, device=device) / pairs)


def rotation(positions: torch.Tensor, pairs: tuple[int, ...], base: float) -> Rotation:
    """The rotation (cos, sin) of every token, each (N, sum(pairs)), at positions (N, axes) float.

    `pairs` says how many pairs of channels each axis turns.
    """
    rates = (frequencies(count, base, positions.device) for count in pairs)
    angle = torch.cat([positions[:, axis, None].float() * some for axis, some in enumerate(rates)], dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: torch.Tensor, by: Rotation) -> torch.Tensor:
    """Rotates channel pairs (i, i + head_width / 2) of x (B, heads, N, head_width) by each token."""
    cos, sin = by
    a, b = x.float().chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1).type_as(x)


def grid_rotation(grid: tuple[int, int, int], pairs: int, base: float, device: torch.device | str) -> Rotation:
    """3D RoPE of a video's tokens, `grid` in time, down, across: the latter get a quarter each."""
    axes = [torch.arange(n, device=device) for n in grid]
    positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    return rotation(positions, (pairs - 2 * (pairs // 4), pairs // 4, pairs // 4), base)
