"""Multi-head attention with QK-norm."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.nn.rope import Rotation, rotate


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, N, width) -> (B, heads, N, width // heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: torch.Tensor) -> torch.Tensor:
    """(B, heads, N, head_width) -> (B, N, heads * head_width)."""
    return x.transpose(1, 2).flatten(-2)


class SelfAttention(nn.Module):
    """Self-attention with RoPE and RMS-normalised queries and keys, each with a learned gain."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm = nn.RMSNorm(width // heads, eps=1e-6)
        self.k_norm = nn.RMSNorm(width // heads, eps=1e-6)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, by: Rotation, mask: torch.Tensor | None = None) -> torch.Tensor:
        """x (B, N, width), mask (B, N) True for tokens, or None for all tokens -> (B, N, width)."""
        q, k, v = (split_heads(y, self.heads) for y in self.qkv(x).chunk(3, dim=-1))
        q, k = rotate(self.q_norm(q), by), rotate(self.k_norm(k), by)
        allowed = None if mask is None else mask[:, None, None, :]
        return self.out(merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)))


class CrossAttention(nn.Module):
    """Attention from tokens to a context of the same width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.q_norm = nn.RMSNorm(width // heads, eps=1e-6)
        self.k_norm = nn.RMSNorm(width // heads, eps=1e-6)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, context: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """x (B, N, width), context (B, L, width), mask (B, L) True for tokens -> (B, N, width)."""
        q = self.q_norm(split_heads(self.q(x), self.heads))
        k, v = (split_heads(y, self.heads) for y in self.kv(context).chunk(2, dim=-1))
        allowed = None if mask is None else mask[:, None, None, :]
        return self.out(merge_heads(F.scaled_dot_product_attention(q, self.k_norm(k), v, attn_mask=allowed)))
