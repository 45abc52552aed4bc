"""The Euler solver of the flow's ODE, from noise at t = 0 to data at t = 1."""

from __future__ import annotations

from collections.abc import Callable

import torch

#: v(x, t): x (B, ...), t a float in [0, 1) -> velocity of the shape of x.
VelocityField = Callable[[torch.Tensor, float], torch.Tensor]


def euler(
    velocity: VelocityField, noise: torch.Tensor, steps: int, on_step: Callable[[float], None] | None = None
) -> torch.Tensor:
    """Integrates dx = v(x, t) dt over `steps` equal steps.

    `on_step` is called after every step with the share done; what it raises ends the integration.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps: at least one is needed")
    x = noise
    for k in range(steps):
        x = x + velocity(x, k / steps) / steps
        if on_step is not None:
            on_step((k + 1) / steps)
    return x


def guide(conditional: torch.Tensor, unconditional: torch.Tensor, scale: float) -> torch.Tensor:
    """Classifier-free guidance: v = v_uncond + w (v_cond - v_uncond)."""
    return unconditional + scale * (conditional - unconditional)
