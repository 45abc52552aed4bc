"""Flow matching: path, solver and guidance against closed forms."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from avfoley_engine.flow.guidance import guide
from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.flow.solver import EVALUATIONS, SOLVERS, Solver, euler, shifted, unshifted


def test_path_runs_from_noise_to_data() -> None:
    data, noise = torch.randn(3, 4), torch.randn(3, 4)
    path = interpolate(data, noise, torch.tensor([0.0, 0.25, 1.0]))
    assert torch.equal(path[0], noise[0])
    assert torch.allclose(path[1], 0.25 * data[1] + 0.75 * noise[1])
    assert torch.equal(path[2], data[2])


@pytest.mark.parametrize("steps", [1, 5, 64])
def test_euler_is_exact_on_a_straight_flow(steps: int) -> None:
    data, noise = torch.randn(2, 5), torch.randn(2, 5)
    assert torch.allclose(euler(lambda x, t: data - noise, noise, steps), data, atol=1e-5)


def test_euler_converges_on_a_curved_flow() -> None:
    x = torch.ones(1)
    errors = [abs(euler(lambda y, t: y, x, n).item() - 2.718281828) for n in (10, 100, 1000)]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]


def test_a_shift_keeps_the_ends_and_moves_the_logit_by_its_logarithm() -> None:
    assert [shifted(t, 8.0) for t in (0.0, 1.0)] == [0.0, 1.0]
    for t in (0.1, 0.5, 0.96):
        logits = torch.logit(torch.tensor([t, shifted(t, 8.0)], dtype=torch.float64))
        assert (logits[0] - logits[1]).item() == pytest.approx(math.log(8))
        assert shifted(t, 1.0) == t
        assert unshifted(torch.tensor([shifted(t, 8.0)]), 8.0).item() == pytest.approx(t)


def test_shifted_steps_are_small_near_noise_and_reach_the_data() -> None:
    times: list[float] = []
    data, noise = torch.randn(2, 5), torch.randn(2, 5)

    def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
        times.append(t)
        return data - noise

    assert torch.allclose(euler(velocity, noise, 10, shift=8.0), data, atol=1e-5)
    lengths = [b - a for a, b in itertools.pairwise([*times, 1.0])]
    assert lengths == sorted(lengths)
    assert times[1] < 0.02


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        euler(lambda x, t: x, torch.ones(1), 0)


def test_guidance() -> None:
    conditional, unconditional = torch.tensor([3.0]), torch.tensor([1.0])
    assert guide(conditional, unconditional, 1.0) == 3
    assert guide(conditional, unconditional, 0.0) == 1
    assert guide(conditional, unconditional, 4.0) == 9


def test_logit_normal_has_its_location_and_scale() -> None:
    torch.manual_seed(0)
    logits = torch.logit(logit_normal(20_000, -1.0, 1.0))
    assert logits.mean().item() == pytest.approx(-1, abs=0.05)
    assert logits.std().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_solvers_have_their_orders(solver: Solver, order: int) -> None:
    x = torch.ones(1, dtype=torch.float64)
    evaluations: list[float] = []

    def growth(y: torch.Tensor, t: float) -> torch.Tensor:
        evaluations.append(t)
        return y * (1 + t)

    coarse, fine = (abs(SOLVERS[solver](growth, x, n).item() - math.exp(1.5)) for n in (8, 16))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.25)
    assert len(evaluations) == 24 * EVALUATIONS[solver]
