"""Pairs and students, of a toy whose flow is known: data at -1 and 1, of two kinds of clips."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.reflow import pseudo_huber, straightness, u_shaped
from avfoley_engine.flow.solver import SOLVERS
from avfoley_engine.training.recipe import Objective
from avfoley_engine.training.reflow import Pairs, PairsOptions, Reflowable, ReflowOptions, make_pairs, reflow_loss
from avfoley_engine.training.run import train
from torch import nn


class Toy(Reflowable):
    """Points in the plane: half of them at height 1, half at -1, with clip n at n to the right."""

    revision, scale, clips, device = "toy", 2.0, 3, torch.device("cpu")

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))
        self.evaluations = 0

    def conditions(self, numbers: Sequence[int]) -> torch.Tensor:
        return torch.tensor([float(n) for n in numbers])

    def data(self, numbers: Sequence[int]) -> torch.Tensor:
        heights = torch.tensor([1.0 if torch.rand(()) < 0.5 else -1.0 for _ in numbers])
        return torch.stack([self.conditions(numbers), heights], 1)

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        return torch.stack([torch.randn(2, generator=torch.Generator().manual_seed(n)) for n in seeds])

    def teacher(self, x: torch.Tensor, t: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """The exact velocity of Gaussian clouds of width 0.1 around the points."""
        self.evaluations += len(x)
        t = t[:, None].clamp_max(0.999)
        width = (1 - t) ** 2 + (0.1 * t) ** 2
        means = torch.stack([torch.stack([conditions, torch.full_like(conditions, h)], 1) for h in (-1.0, 1.0)])
        closeness = (-(x - t * means).square() / (2 * width)).sum(2).softmax(0)[..., None]
        towards = means + 0.01 * t / width * (x - t * means)
        back = (1 - t) / width * (x - t * means)
        return (closeness * (towards - back)).sum(0)

    def student(self, x: torch.Tensor, t: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        velocity: torch.Tensor = self.network(torch.cat([x, t[:, None], conditions[:, None]], 1))
        return velocity


def misses(points: torch.Tensor, conditions: torch.Tensor) -> float:
    """The mean distance of points (B, 2) to the nearer of the two places where their data are."""
    return (points - torch.stack([conditions, torch.where(points[:, 1] < 0, -1.0, 1.0)], 1)).norm(dim=1).mean().item()


@pytest.fixture
def options(tmp_path: Path) -> PairsOptions:
    return PairsOptions(runs=tmp_path, noises=200, shard=256, sampling_steps=20)


def test_pairs_are_noise_and_sample_and_are_made_once(options: PairsOptions, tmp_path: Path) -> None:
    toy, folder = Toy(), tmp_path / "pairs"
    make_pairs(folder, toy, options)
    assert sorted(path.name for path in folder.iterdir()) == [
        "0000000.npz",
        "0000256.npz",
        "0000512.npz",
        "pairs.json",
    ]
    pairs = Pairs(folder, toy)
    assert len(pairs.seeds) == 600
    np.testing.assert_array_equal(pairs.clips, pairs.seeds % 3)
    assert misses(torch.from_numpy(pairs.latents).float(), torch.from_numpy(pairs.clips).float()) < 0.2
    seeds, numbers, samples = pairs.draw(8, np.random.default_rng(0))
    again = SOLVERS["midpoint"](
        lambda x, t: toy.teacher(x, x.new_full((len(x),), t), toy.conditions(numbers)), toy.noise(seeds), 20
    )
    torch.testing.assert_close(samples, again, atol=2e-3, rtol=2e-3)
    before = toy.evaluations
    make_pairs(folder, toy, options)
    assert toy.evaluations == before


def test_pairs_of_another_model_are_refused(options: PairsOptions, tmp_path: Path) -> None:
    toy = Toy()
    make_pairs(tmp_path / "pairs", toy, options)
    toy.revision = "another"
    with pytest.raises(ModelError, match="revision toy"):
        Pairs(tmp_path / "pairs", toy)
    with pytest.raises(ModelError, match="pairs of another model"):
        make_pairs(tmp_path / "pairs", toy, options)
    with pytest.raises(ModelError, match=r"pairs\.json"):
        Pairs(tmp_path / "nowhere", toy)


def one_step(velocity: Any, toy: Toy) -> tuple[float, torch.Tensor]:
    """How far one step of a velocity leads from the data, and the share of points on either side."""
    seeds = list(range(10_000, 10_300))
    numbers = toy.conditions([n % 3 for n in seeds])
    noise = toy.noise(seeds)
    points = noise + velocity(noise, torch.zeros(len(noise)), numbers)
    return misses(points, numbers), (points[:, 1] > 0).float().mean()


def test_one_step_of_a_student_reaches_the_data(options: PairsOptions, tmp_path: Path) -> None:
    toy = Toy()
    make_pairs(tmp_path / "pairs", toy, options)
    reflow = ReflowOptions(steps=600, batch=64, learning_rate=5e-3, one_step_share=0.5, log_every=100, ema_decay=0.99)
    train(Objective("reflow", toy.network, reflow_loss(toy, Pairs(tmp_path / "pairs", toy), reflow)), tmp_path, reflow)
    with torch.no_grad():
        taught, above = one_step(toy.student, toy)
        untaught, _ = one_step(toy.teacher, toy)
    # The teacher's first step leads to the mean of both places.
    assert untaught > 0.8
    assert taught < 0.45
    assert 0.35 < above < 0.65
    rows = [json.loads(line) for line in (tmp_path / "reflow" / "curve.jsonl").read_text().splitlines()]
    assert rows[-1]["pairs"] < 0.5 * rows[0]["pairs"]
    assert "real" in rows[-1]


def test_times_are_mostly_near_the_ends() -> None:
    times = u_shaped(100_000, torch.Generator().manual_seed(0))
    assert 0 <= times.min() <= times.max() <= 1
    counts = torch.histc(times, 10, 0, 1) / len(times)
    torch.testing.assert_close(counts, counts.flip(0), atol=0.01, rtol=0)
    # cosh(4 u) between the ends and the middle.
    assert counts[0] / counts[4] == pytest.approx(np.cosh(3.6) / np.cosh(0.4), rel=0.15)


def test_pseudo_huber_grows_with_the_length_of_an_error() -> None:
    errors = torch.tensor([[3.0, 4.0], [30.0, 40.0], [0.0, 0.0]])
    short, long, none = pseudo_huber(errors)
    assert short.item() == pytest.approx(5 / 2**0.5, rel=1e-3)
    assert long.item() == pytest.approx(50 / 2**0.5, rel=1e-3)
    assert none.item() == 0


def test_a_straight_path_is_straight() -> None:
    start, end = torch.randn(4, 3), torch.randn(4, 3)
    line = (end - start).expand(5, -1, -1)
    torch.testing.assert_close(straightness(line, start, end), torch.zeros(4))
    assert (straightness(2 * line, start, end) - 1).abs().max() < 1e-5
