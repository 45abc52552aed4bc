"""Classifier-free guidance (arXiv 2207.12598) of velocities."""

from __future__ import annotations

import torch


def guide(conditional: torch.Tensor, unconditional: torch.Tensor, scale: float) -> torch.Tensor:
    """Classifier-free guidance: v = v_uncond + w (v_cond - v_uncond)."""
    return unconditional + scale * (conditional - unconditional)
