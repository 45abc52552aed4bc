"""Reflow and one-step distillation, of any system: pairs of noise and sample, and a student that
learns to go straight from one to the other with guidance inside.

Frieren (Sec. 3.4) straightens its paths with pairs that a guided sampler made, then distils one step.
Here the guided velocity itself is learned, so that a step needs one evaluation; the losses and times
are those of arXiv 2405.20320.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.reflow import pseudo_huber, u_shaped
from avfoley_engine.flow.solver import SOLVERS, Solver
from avfoley_engine.training.options import CommandOptions, Share, option
from avfoley_engine.training.recipe import RecipeOptions
from avfoley_engine.training.trainer import LossFunction


class Reflowable(ABC):
    """What a system lets a student learn: clips by number, a guided teacher, and the student itself."""

    #: The teacher's revision and its guidance scale, which pairs remember.
    revision: str
    scale: float
    #: Clips that there are.
    clips: int
    device: torch.device

    @abstractmethod
    def conditions(self, numbers: Sequence[int]) -> Any:
        """What the generated modality of these clips is conditioned on."""

    @abstractmethod
    def data(self, numbers: Sequence[int]) -> torch.Tensor:
        """The data of these clips (B, ...)."""

    @abstractmethod
    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """Where the sampler begins (B, ...), of one seed each."""

    @abstractmethod
    def teacher(self, x: torch.Tensor, t: torch.Tensor, conditions: Any) -> torch.Tensor:
        """The guided velocity at x (B, ...) and t (B,)."""

    @abstractmethod
    def student(self, x: torch.Tensor, t: torch.Tensor, conditions: Any) -> torch.Tensor:
        """The student's velocity, in one evaluation."""


@dataclass(frozen=True)
class PairsFormat:
    """Who made pairs, and how."""

    revision: str
    scale: float
    clips: int
    steps: int
    solver: Solver


@dataclass(frozen=True, kw_only=True)
class PairsOptions(CommandOptions):
    """See `make_pairs`."""

    noises: int = option(4, "pairs of every clip")
    first: int = option(0, "number of the first pair")
    count: int | None = option(None, "how many pairs (default: all)")
    at_once: int = option(16, "pairs that are sampled together")
    shard: int = option(256, "pairs a file")
    sampling_steps: int = option(25, "solver steps")
    solver: Solver = option("midpoint", "solver")


@torch.no_grad()
def make_pairs(folder: Path, system: Reflowable, options: PairsOptions) -> None:
    """Samples pairs and writes them to files of `shard`; a finished file stays.

    Pair n is of clip n modulo the clips, from the noise of seed n. A file holds `seeds`, `clips` and
    `latents`, the samples in half precision.

    Raises:
        ModelError: the folder holds pairs that another model made, or otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    form = PairsFormat(system.revision, system.scale, system.clips, options.sampling_steps, options.solver)
    described = folder / "pairs.json"
    if described.exists() and read_format(folder) != form:
        raise ModelError(f"{folder} holds pairs of another model, or made otherwise. Remove it, or give other runs.")
    described.write_text(json.dumps(asdict(form), indent=1) + "\n", encoding="utf-8")
    solve = SOLVERS[options.solver]
    last = options.noises * system.clips if options.count is None else options.first + options.count
    for first in range(options.first, last, options.shard):
        path = folder / f"{first:07d}.npz"
        if path.exists():
            continue
        seeds = np.arange(first, min(first + options.shard, last))
        samples = []
        for some in np.array_split(seeds, -(-len(seeds) // options.at_once)):
            conditions = system.conditions([int(n) % system.clips for n in some])

            def velocity(x: torch.Tensor, t: float, given: Any = conditions) -> torch.Tensor:
                return system.teacher(x, x.new_full((len(x),), t), given)

            noise = system.noise([int(n) for n in some])
            samples.append(solve(velocity, noise, options.sampling_steps).half().cpu().numpy())
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, seeds=seeds, clips=seeds % system.clips, latents=np.concatenate(samples))
        part.replace(path)
        print(f"{path}: {len(seeds)} pairs", flush=True)


def read_format(folder: Path) -> PairsFormat:
    """Who made the pairs of a folder. Raises ModelError if that cannot be read."""
    path = folder / "pairs.json"
    try:
        return TypeAdapter(PairsFormat).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path} cannot be read ({error}). Make the pairs first, or again.") from error


class Pairs:
    """The pairs of a folder. New files are found when it is made, so pairs may be renewed between runs.

    Raises:
        ModelError: there are none, or another model made them.
    """

    def __init__(self, folder: Path, system: Reflowable) -> None:
        form = read_format(folder)
        if (form.revision, form.clips) != (system.revision, system.clips):
            raise ModelError(
                f"{folder} holds pairs of revision {form.revision} and {form.clips} clips, not {system.revision} and "
                f"{system.clips}. Make them again with this model and these clips."
            )
        files = [np.load(path) for path in sorted(folder.glob("*.npz"))]
        if not files:
            raise ModelError(f"{folder} holds no pairs. Make them first.")
        self.seeds, self.clips, self.latents = (
            np.concatenate([file[name] for file in files]) for name in ("seeds", "clips", "latents")
        )

    def draw(self, count: int, rng: np.random.Generator) -> tuple[list[int], list[int], torch.Tensor]:
        """Seeds, clips and samples (B, ...) of pairs drawn with replacement."""
        rows = rng.integers(len(self.seeds), size=count)
        samples = torch.from_numpy(self.latents[rows].astype(np.float32))
        return self.seeds[rows].tolist(), self.clips[rows].tolist(), samples


@dataclass(frozen=True, kw_only=True)
class ReflowOptions(RecipeOptions):
    """See `reflow_loss`."""

    steps: int = 4000
    learning_rate: float = 5e-4
    real_share: Share = option(0.2, "share of a batch that is real data, moved to the teacher's guided velocity")
    one_step_share: Share = option(0.0, "share of the pairs that are at t = 0: one-step distillation")
    uniform_times: bool = option(False, "flow times of pairs are uniform, not mostly near the ends")
    rank: int | None = option(32, "rank of the student's changes of the teacher's weights; null: all of them change")


def pairs_of(folder: Path, system: Reflowable, options: ReflowOptions) -> Pairs | None:
    """The pairs of a folder; None where a student learns from real data alone. Raises ModelError as `Pairs`."""
    return None if options.real_share == 1 else Pairs(folder, system)


def reflow_loss(system: Reflowable, pairs: Pairs | None, options: ReflowOptions) -> LossFunction:
    """Between pairs, the pseudo-Huber loss of the student's velocity against x1 - x0 at x_t; at real
    data's x_t, against the teacher's guided velocity.

    Of the pairs, `one_step_share` are at t = 0, where one step must lead to the sample. Without pairs
    a student learns guidance alone, and its paths stay as curved as the teacher's.
    """
    size = options.at_once
    real = size if pairs is None else round(options.real_share * size)

    def paired(rng: np.random.Generator) -> tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor]:
        """Clips, noise, samples and times of pairs."""
        assert pairs is not None
        seeds, numbers, samples = pairs.draw(size - real, rng)
        t = torch.rand(len(seeds)) if options.uniform_times else u_shaped(len(seeds))
        t[torch.from_numpy(rng.random(len(seeds)) < options.one_step_share)] = 0
        return numbers, system.noise(seeds), samples.to(system.device), t.to(system.device)

    def drawn(rng: np.random.Generator) -> tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor]:
        """Clips, noise, data and uniform times."""
        numbers = rng.integers(system.clips, size=real).tolist()
        noise = system.noise(rng.integers(1 << 40, size=real).tolist())
        return numbers, noise, system.data(numbers), torch.rand(real, device=system.device)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        errors, figures = [], {}
        if real < size:
            numbers, x0, x1, t = paired(rng)
            velocity = system.student(interpolate(x1, x0, t), t, system.conditions(numbers))
            errors.append(pseudo_huber(velocity - (x1 - x0)))
            figures["pairs"] = errors[-1].mean().item()
        if real:
            numbers, x0, x1, t = drawn(rng)
            x, conditions = interpolate(x1, x0, t), system.conditions(numbers)
            with torch.no_grad():
                target = system.teacher(x, t, conditions)
            errors.append(pseudo_huber(system.student(x, t, conditions) - target))
            figures["real"] = errors[-1].mean().item()
        return torch.cat(errors).mean(), figures

    return loss
