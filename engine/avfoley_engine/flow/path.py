"""The linear probability path of rectified flow, data at t = 1: X_t = t X_1 + (1 - t) X_0, X_0 ~ N(0, I), v = X_1 - X_0."""

from __future__ import annotations

import torch


def interpolate(data: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """X_t for data and noise (B, ...) and t (B,)."""
    t = t.reshape(-1, *[1] * (data.dim() - 1))
    return t * data + (1 - t) * noise


def logit_normal(size: int, location: float, scale: float, device: torch.device | None = None) -> torch.Tensor:
    """Flow times (size,) whose logit is N(location, scale). AV-Link: (0, 1) for backbones, (-1, 1) for fusion blocks."""
    return torch.sigmoid(location + scale * torch.randn(size, device=device))
