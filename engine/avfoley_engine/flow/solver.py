"""The Euler solver of the flow's ODE, from noise at t = 0 to data at t = 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

#: A flow time, or those of a batch.
Time = TypeVar("Time", float, torch.Tensor)

#: v(x, t): x (B, ...), t a float in [0, 1) -> velocity of the shape of x.
VelocityField = Callable[[torch.Tensor, float], torch.Tensor]


def shifted(t: Time, shift: float) -> Time:
    """Flow time t moved towards noise, where 0 and 1 stay: t / (t + shift (1 - t)), Eq. 23 of arXiv 2403.03206 with data at t = 1.

    The more numbers say the same, such as those of a colour that all frames share, the nearer to noise it is decided.
    """
    return t / (t + shift * (1 - t))


def unshifted(t: torch.Tensor, shift: float) -> torch.Tensor:
    """The inverse of `shifted`, of flow times (B,)."""
    return shift * t / (1 + (shift - 1) * t)


def euler(
    velocity: VelocityField,
    noise: torch.Tensor,
    steps: int,
    on_step: Callable[[float], None] | None = None,
    *,
    shift: float = 1.0,
) -> torch.Tensor:
    """Integrates dx = v(x, t) dt over `steps` steps, equal ones before their times are `shifted`.

    `on_step` is called after every step with the share done; what it raises ends the integration.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps: at least one is needed")
    x = noise
    for k in range(steps):
        t, following = shifted(k / steps, shift), shifted((k + 1) / steps, shift)
        x = x + velocity(x, t) * (following - t)
        if on_step is not None:
            on_step((k + 1) / steps)
    return x
