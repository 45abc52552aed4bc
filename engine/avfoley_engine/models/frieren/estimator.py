"""Frieren's vector-field estimator: channel-level fusion and a feed-forward transformer (Sec. 3.3)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.frieren.config import EstimatorConfig, FrierenConfig
from avfoley_engine.nn.attention import merge_heads, split_heads
from avfoley_engine.nn.embedding import TimeEmbedding


def regulated(features: torch.Tensor, latents: int, config: FrierenConfig) -> torch.Tensor:
    """Length regulator: features (B, S, width) -> one for each of `latents`, (B, latents, width).

    By time, feature n stands for the instant (n + 1/2) / features_per_second; a latent between two
    instants gets of both, one outside of all the nearest.
    """
    if config.regulator == "repeat":
        return features.repeat_interleave(config.repeats, dim=1)[:, :latents]
    ratio = config.features_per_second / config.latents_per_second
    steps, last = torch.arange(latents, device=features.device), features.shape[1] - 1
    places = ((2 * steps + 1) * ratio.numerator / (2 * ratio.denominator) - 0.5).clamp(0, last)
    before = places.floor().long()
    share = (places - before).type_as(features)[:, None]
    return torch.lerp(features[:, before], features[:, (before + 1).clamp_max(last)], share)


class Attention(nn.Module):
    """Multi-head self-attention, queries, keys and values without bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, N, width) -> (B, N, width)."""
        q, k, v = (split_heads(y, self.heads) for y in self.qkv(x).chunk(3, dim=-1))
        y: torch.Tensor = self.out(merge_heads(F.scaled_dot_product_attention(q, k, v)))
        return y


class FeedForward(nn.Module):
    """GEGLU between convolutions along time."""

    def __init__(self, width: int, ratio: int, kernel: int) -> None:
        super().__init__()
        self.inner = nn.Conv1d(width, 2 * ratio * width, kernel, padding=kernel // 2)
        self.out = nn.Conv1d(ratio * width, width, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, N, width) -> (B, N, width)."""
        value, gate = self.inner(x.transpose(1, 2)).chunk(2, dim=1)
        y: torch.Tensor = self.out(value * F.gelu(gate))
        return y.transpose(1, 2)


class EstimatorBlock(nn.Module):
    """Two self-attentions and a convolutional feed-forward layer between 1x1 convolutions, the last
    of which begins at zero.
    """

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        width = config.width
        self.norm = nn.GroupNorm(config.groups, width, eps=1e-6)
        self.enter = nn.Linear(width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attentions = nn.ModuleList(Attention(width, config.heads) for _ in range(2))
        self.feed_forward = FeedForward(width, config.feed_forward, config.kernel)
        self.leave = nn.Linear(width, width)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, N, width) -> (B, N, width)."""
        y = self.enter(self.norm(x.transpose(1, 2)).transpose(1, 2))
        for norm, layer in zip(self.norms, [*self.attentions, self.feed_forward], strict=True):
            y = y + layer(norm(y))
        z: torch.Tensor = x + self.leave(y)
        return z


class Estimator(nn.Module):
    """The velocity of latents, given visual features.

    Latents and features are joined channel by channel, so every latent meets the picture of its own
    instant, and the flow time goes before them as a token. A dropped condition is zero features.
    """

    def __init__(self, config: FrierenConfig) -> None:
        super().__init__()
        self.config, sizes = config, config.estimator
        width = sizes.width
        self.embedder = nn.Linear(config.features.features, sizes.condition_width)
        self.condition = nn.Sequential(
            nn.Linear(sizes.condition_width, width),
            nn.GELU(approximate="tanh"),
            nn.Linear(width, width),
            nn.LayerNorm(width),
        )
        self.time = TimeEmbedding(width)
        self.input = nn.Conv1d(sizes.latent_width, width, 5, padding=2)
        self.latent_half = nn.Linear(width, width // 2)
        self.condition_half = nn.Linear(width, width // 2)
        self.positions = nn.Parameter(0.02 * torch.randn(sizes.positions, width))
        self.blocks = nn.ModuleList(EstimatorBlock(sizes) for _ in range(sizes.blocks))
        self.final_norm = nn.GroupNorm(16, width)
        self.output = nn.Linear(width, sizes.latent_width)

    def forward(self, x: torch.Tensor, t: torch.Tensor, features: torch.Tensor | None) -> torch.Tensor:
        """Noised latents x (B, L, latent_width) at flow times t (B,), features (B, S, width) or None for
        none of them -> the velocity, of the shape of x.
        """
        weight = self.output.weight
        if features is None:
            features = weight.new_zeros(len(x), 1, self.config.features.features)
        condition = regulated(self.condition(self.embedder(features.to(weight))), x.shape[1], self.config)
        latents = self.input(x.to(weight).transpose(1, 2)).transpose(1, 2)
        fused = torch.cat([self.latent_half(latents), self.condition_half(condition)], dim=-1)
        if self.config.whole_times:
            t = (1000 * t).long().to(t) / 1000
        tokens = torch.cat([self.time(t)[:, None], fused], dim=1)
        tokens = tokens + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            tokens = block(tokens)
        normed = self.final_norm(tokens[:, 1:].transpose(1, 2)).transpose(1, 2)
        velocity: torch.Tensor = self.output(normed)
        return velocity.type_as(x)
