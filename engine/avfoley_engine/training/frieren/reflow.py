"""Frieren's reflow and one-step distillation; see `training.reflow`."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from avfoley_engine.models.frieren import system
from avfoley_engine.models.frieren.foley import FrierenFoley, guided_velocity
from avfoley_engine.nn.low_rank import with_low_rank
from avfoley_engine.training.checkpoints import checkpoint_of, ema_weights
from avfoley_engine.training.frieren.data import SeenClips
from avfoley_engine.training.loading import named
from avfoley_engine.training.options import Command, option
from avfoley_engine.training.recipe import Objective, Recipe
from avfoley_engine.training.reflow import PairsOptions, Reflowable, ReflowOptions, make_pairs, pairs_of, reflow_loss
from avfoley_engine.training.rendering import SEEN

RUN = "frieren-reflow"


class ReflowableFrieren(Reflowable):
    """A Frieren model as the teacher; the student begins as its estimator."""

    def __init__(self, teacher: FrierenFoley, data: SeenClips, scale: float, rank: int | None = None) -> None:
        self.foley, self.seen, self.scale = teacher, data, scale
        self.revision, self.device, self.clips = teacher.revision, teacher.device, len(data.clips.clips)
        self.estimator = untrained_student(teacher, rank)

    @torch.no_grad()
    def conditions(self, numbers: Sequence[int]) -> torch.Tensor:
        """Their visual features."""
        return self.foley.features.encoder(self.seen.of(numbers).seen)  # type: ignore[operator,union-attr,no-any-return]

    def data(self, numbers: Sequence[int]) -> torch.Tensor:
        """Their latents."""
        return self.seen.of(numbers).latents

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """As `FrierenFoley` draws it for one window."""
        config = self.foley.config
        size = (config.window_latents, config.estimator.latent_width)
        return torch.stack([torch.randn(size, generator=torch.Generator().manual_seed(n)) for n in seeds]).to(
            self.device
        )

    def teacher(self, x: torch.Tensor, t: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """The guided velocity of the teacher."""
        return guided_velocity(self.foley.estimator, x, t, conditions, self.scale)

    def student(self, x: torch.Tensor, t: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """The velocity of the student's estimator."""
        velocity: torch.Tensor = self.estimator(x, t, conditions)
        return velocity


def untrained_student(teacher: FrierenFoley, rank: int | None) -> torch.nn.Module:
    """A copy of the teacher's estimator, with guidance inside from now on, all or low-rank changes of
    which learn.
    """
    student = deepcopy(teacher.estimator).requires_grad_(True)
    student.config = replace(student.config, guided=True)
    if rank is not None:
        with_low_rank(student, rank)
    return student


@dataclass(frozen=True, kw_only=True)
class _Taught:
    """Who teaches, on which clips."""

    teacher: str = option("frieren-nano", "Frieren model, name or folder, that is the teacher")
    data: Path | None = option(None, "folder of shards (default: the runs' world and physics)")
    scale: float | None = option(None, "guidance scale of the teacher (default: the model's own)")

    def reflowable(self, runs: Path, device: torch.device, rank: int | None = None) -> ReflowableFrieren:
        """The teacher and its clips. Raises ModelError if either cannot be used."""
        foley = system.load(named(self.teacher), device)
        folders = [self.data] if self.data else [runs / name for name in SEEN]
        data = SeenClips(folders, foley.config, foley.features.events, device)  # type: ignore[arg-type]
        return ReflowableFrieren(foley, data, self.scale or foley.default_guidance_scale, rank)


@dataclass(frozen=True, kw_only=True)
class FrierenPairsOptions(PairsOptions, _Taught):
    """See `make_frieren_pairs`."""


def make_frieren_pairs(options: FrierenPairsOptions, device: torch.device) -> None:
    """Makes pairs with a Frieren model, to the runs' folder `frieren-pairs`."""
    make_pairs(options.runs / "frieren-pairs", options.reflowable(options.runs, device), options)


@dataclass(frozen=True, kw_only=True)
class FrierenReflowOptions(ReflowOptions, _Taught):
    """See `training.reflow.reflow_loss`."""

    resume: str | None = option(None, "start from the student of these runs, as one-step distillation does")


def build_reflow(options: FrierenReflowOptions, device: torch.device) -> Objective:
    """A student beside its teacher, on the pairs of the runs."""
    reflowable = options.reflowable(options.runs, device, options.rank)
    student = reflowable.estimator
    if options.resume:
        student.load_state_dict(ema_weights(checkpoint_of(Path(options.resume), RUN)), strict=False)
    pairs = pairs_of(options.runs / "frieren-pairs", reflowable, options)
    loss = reflow_loss(reflowable, pairs, options)
    return Objective(RUN, student, loss, casts=True, frozen={"teacher": reflowable.foley.estimator})


PAIRS = Command("make the pairs that Frieren is reflowed with", FrierenPairsOptions, make_frieren_pairs)
REFLOW = Recipe("Frieren's student, which goes straight", FrierenReflowOptions, build_reflow)
