"""Embeddings of flow time and of text states."""

from __future__ import annotations

import math

import torch
from torch import nn


class TimeEmbedding(nn.Module):
    """Flow time t in [0, 1] as sinusoids, then an MLP."""

    def __init__(self, width: int, sinusoids: int = 256) -> None:
        super().__init__()
        self.sinusoids = sinusoids
        self.mlp = nn.Sequential(nn.Linear(sinusoids, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        """t (B,) -> (B, width)."""
        half = self.sinusoids // 2
        rates = torch.exp(-math.log(10_000) * torch.arange(half, device=t.device) / half)
        # Flow time is scaled to the range of diffusion steps, for which these rates were made.
        angle = 1000 * t.float()[:, None] * rates
        sinusoids = torch.cat([angle.cos(), angle.sin()], dim=-1)
        return self.mlp(sinusoids.to(next(self.parameters()).dtype))


class TextProjection(nn.Module):
    """Projects text encoder states to a backbone's width, after one learned null token.

    A dropped caption leaves that token alone, so attention to text is defined without a caption and
    it serves as the null condition.
    """

    def __init__(self, text_width: int, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.LayerNorm(text_width), nn.Linear(text_width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.null = nn.Parameter(0.02 * torch.randn(1, 1, width))

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """states (B, L, text_width), mask (B, L) -> context (B, 1 + L, width), mask (B, 1 + L)."""
        null = self.null.expand(states.shape[0], -1, -1)
        context = torch.cat([null, self.mlp(states.type_as(null)).type_as(null)], dim=1)
        return context, torch.cat([mask.new_ones(mask.shape[0], 1), mask], dim=1)


class PooledText(nn.Module):
    """Projects the mean of a caption's states, to be added to the time embedding; zero without one."""

    def __init__(self, text_width: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(text_width, elementwise_affine=False)
        self.projection = nn.Linear(text_width, width, bias=False)
        nn.init.zeros_(self.projection.weight)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """states (B, L, text_width), mask (B, L) bool -> (B, width), zero where the mask is empty."""
        weights = mask[..., None].type_as(states)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
        captioned = mask.any(dim=1, keepdim=True)
        projected: torch.Tensor = self.projection(self.norm(mean).type_as(self.projection.weight))
        return projected * captioned
