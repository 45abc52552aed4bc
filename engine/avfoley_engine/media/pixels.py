"""Pixels as files have them, and as networks have them."""

from __future__ import annotations

import torch


def to_pixels(frames: torch.Tensor) -> torch.Tensor:
    """uint8 frames (..., 3) -> float in [-1, 1]."""
    return frames.float() / 127.5 - 1


def from_pixels(frames: torch.Tensor) -> torch.Tensor:
    """Float in [-1, 1], clamped to it -> uint8 frames (..., 3)."""
    return ((frames.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
