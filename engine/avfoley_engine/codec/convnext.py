"""ConvNeXt along time (arXiv 2201.03545, as in Vocos): the block that the vocoder is made of.

It normalises each frame by itself: what becomes of it does not depend on where the sound was cut.
"""

from __future__ import annotations

import torch
from torch import nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution along time, then a scaled pointwise MLP, around a skip connection."""

    #: Frames on either side that decide a frame.
    reach = 3

    def __init__(self, width: int, hidden: int, layer_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 2 * self.reach + 1, padding=self.reach, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.scale = nn.Parameter(layer_scale * torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, L) -> (B, width, L)."""
        y = self.depthwise(x).transpose(1, 2)
        y = self.scale * self.mlp(self.norm(y))
        return x + y.transpose(1, 2)
