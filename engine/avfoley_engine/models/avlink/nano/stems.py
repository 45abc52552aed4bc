"""What stands before the tokens of a small video backbone, whose large patches would hide what moves inside them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.nn.convolutions import along_time, depthwise


class Stem(nn.Module):
    """Two strided convolutions, written as matrix products: blocks of 3 x 4 pixels of a frame, then 2 x 2 of those over four frames.

    The second layer's windows overlap in time (stride 2), so every output sees what changed across its neighbours' border too.
    """

    def __init__(self, few: int, many: int) -> None:
        super().__init__()
        self.pixels = nn.Linear(3 * 4 * 3, few)
        self.motion = nn.Linear(4 * 2 * 2 * few, many)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T, H, W, 3), T even -> (B, T / 2, H / 6, W / 8, many)."""
        x = x.unflatten(3, (-1, 4)).unflatten(2, (-1, 3)).transpose(3, 4).flatten(4)
        x = F.silu(self.pixels(x))
        x = torch.cat([x[:, :1], x, x[:, -1:]], dim=1).unfold(1, 4, 2)
        # (B, T', h 2, w 2, C, 4) -> (B, T', h, w, 2, 2, C, 4)
        x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).transpose(3, 4).flatten(4)
        return F.silu(self.motion(x))


class MotionStem(nn.Module):
    """What changes between frames, as features for every token: convolutions over a frame and its differences to three neighbours.

    Both the mean and the maximum over a token's area are kept, because a small fast thing fills little of a large patch. Two depthwise
    convolutions along time then let a step see its neighbours before attention has learned where to look.
    """

    channels = (24, 40, 48)

    def __init__(self, grid: tuple[int, int], frames: int, width: int) -> None:
        super().__init__()
        self.grid, self.frames = grid, frames
        first, second, third = self.channels
        self.spatial = nn.Sequential(
            nn.Conv2d(4, first, 7, 4, 3),
            nn.GroupNorm(4, first),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, 2, 1),
            nn.GroupNorm(4, second),
            nn.ReLU(),
            nn.Conv2d(second, third, 3, 1, 1),
            nn.GroupNorm(4, third),
            nn.ReLU(),
        )
        self.features = nn.Linear(2 * third * frames, width)
        self.temporal = depthwise(width, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T, H, W, 3), T even -> (B, T / frames * down * across, width), tokens in the order of the patches."""
        batch, (down, across) = x.shape[0], self.grid
        grey = x.mean(-1)
        around = torch.cat([grey[:, :1], grey[:, :1], grey, grey[:, -1:]], dim=1)
        steps = 4 * around.diff(dim=1)
        x = torch.stack([grey, steps[:, :-2], steps[:, 1:-1], steps[:, 2:]], dim=2).flatten(0, 1)
        x = self.spatial(x)
        pooled = torch.cat([F.adaptive_avg_pool2d(x, self.grid), F.adaptive_max_pool2d(x, self.grid)], dim=1)
        # (B T, C, down, across) -> (B, down, across, T', frames C)
        pooled = pooled.unflatten(0, (batch, -1, self.frames)).permute(0, 4, 5, 1, 2, 3).flatten(4)
        y = along_time(self.temporal, F.relu(self.features(pooled)).flatten(0, 2).transpose(1, 2))
        return y.unflatten(0, (batch, down * across)).permute(0, 3, 1, 2).flatten(1, 2)
