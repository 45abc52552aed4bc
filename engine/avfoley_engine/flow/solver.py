"""Solvers of the flow's ODE, from noise at t = 0 to data at t = 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

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


#: What an integration calls after every step, with the share done; what it raises ends it.
OnStep = Callable[[float], None]


def euler(
    velocity: VelocityField, noise: torch.Tensor, steps: int, on_step: OnStep | None = None, *, shift: float = 1.0
) -> torch.Tensor:
    """Integrates dx = v(x, t) dt over `steps` steps, equal ones before their times are `shifted`."""
    return _integrated(lambda x, t, h: velocity(x, t) * h, noise, steps, on_step, shift)


def midpoint(
    velocity: VelocityField, noise: torch.Tensor, steps: int, on_step: OnStep | None = None, *, shift: float = 1.0
) -> torch.Tensor:
    """As `euler`, by the midpoint method: two evaluations a step, an error of second order."""

    def change(x: torch.Tensor, t: float, h: float) -> torch.Tensor:
        return velocity(x + velocity(x, t) * (h / 2), t + h / 2) * h

    return _integrated(change, noise, steps, on_step, shift)


def rk4(
    velocity: VelocityField, noise: torch.Tensor, steps: int, on_step: OnStep | None = None, *, shift: float = 1.0
) -> torch.Tensor:
    """As `euler`, by the classical Runge-Kutta method: four evaluations a step, an error of fourth order.

    The last evaluation of all is at t = 1.
    """

    def change(x: torch.Tensor, t: float, h: float) -> torch.Tensor:
        first = velocity(x, t)
        second = velocity(x + first * (h / 2), t + h / 2)
        third = velocity(x + second * (h / 2), t + h / 2)
        fourth = velocity(x + third * h, t + h)
        return (first + 2 * second + 2 * third + fourth) * (h / 6)

    return _integrated(change, noise, steps, on_step, shift)


Solver = Literal["euler", "midpoint", "rk4"]
SOLVERS = {"euler": euler, "midpoint": midpoint, "rk4": rk4}
#: How often each evaluates the velocity in a step.
EVALUATIONS: dict[Solver, int] = {"euler": 1, "midpoint": 2, "rk4": 4}


def _integrated(
    change: Callable[[torch.Tensor, float, float], torch.Tensor],
    noise: torch.Tensor,
    steps: int,
    on_step: OnStep | None,
    shift: float,
) -> torch.Tensor:
    """Adds up `change`, of x at t over a step of length h. Raises `ValueError` without a step."""
    if steps < 1:
        raise ValueError(f"{steps} steps: at least one is needed")
    x = noise
    for k in range(steps):
        t, following = shifted(k / steps, shift), shifted((k + 1) / steps, shift)
        x = x + change(x, t, following - t)
        if on_step is not None:
            on_step((k + 1) / steps)
    return x
