"""Reflow and one-step distillation of rectified flows (arXiv 2209.03003; Frieren, Sec. 3.4).

A teacher's samples and the noise that they came from are pairs between which a student learns to go
straight. The losses and times are those of arXiv 2405.20320.
"""

from __future__ import annotations

import torch


def pseudo_huber(error: torch.Tensor) -> torch.Tensor:
    """The pseudo-Huber loss of each row of errors (B, ...), with c = 0.00054 sqrt(d): (B,), divided by sqrt(d).

    It grows with the length of an error and not with its square, so that attacks are not dulled.
    """
    flat = error.flatten(1)
    size = flat.shape[1]
    c = 0.00054 * size**0.5
    return ((flat.square().sum(1) + c**2).sqrt() - c) / size**0.5


def u_shaped(count: int, generator: torch.Generator | None = None, sharpness: float = 4.0) -> torch.Tensor:
    """Flow times (count,) in [0, 1] of a density in proportion to exp(a t) + exp(-a t), shifted so that
    both ends are alike: e^{a u} + e^{-a u} at u = 2 t - 1. Most are near the ends, where paths bend.
    """
    u = torch.rand(count, generator=generator)
    # The inverse of the distribution sinh(a u) / sinh(a), of u in [-1, 1].
    ends = torch.sinh(torch.tensor(sharpness))
    return (torch.asinh((2 * u - 1) * ends) / sharpness + 1) / 2


def straightness(velocities: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """How far paths are from straight lines: the mean of |(x1 - x0) - v(x_t, t)|^2 over time (Eq. 10 of
    arXiv 2209.03003), divided by |x1 - x0|^2; 0 of straight ones.

    velocities (steps, B, ...) along the paths from start (B, ...) to end (B, ...) -> (B,).
    """
    line = end - start
    errors = (velocities - line).flatten(2).square().sum(2).mean(0)
    return errors / line.flatten(1).square().sum(1)
