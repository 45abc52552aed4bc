"""Convolutions along time."""

from __future__ import annotations

import torch
from torch import nn


def depthwise(width: int, *dilations: int) -> nn.ModuleList:
    """Depthwise convolutions along time, each with a mixing of channels behind it."""
    return nn.ModuleList(
        nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width),
            nn.Conv1d(width, width, 1),
            nn.ReLU(),
        )
        for dilation in dilations
    )


def along_time(layers: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    """x (B, width, T) through `depthwise` layers, each added to what it reads."""
    for layer in layers:
        x = x + layer(x)
    return x
