"""A recipe: how one part of a system is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

import torch
from torch import nn

from avfoley_engine.errors import ModelError
from avfoley_engine.models.registry import SYSTEMS
from avfoley_engine.training.options import CommandOptions, option
from avfoley_engine.training.trainer import LossFunction, Trainer, TrainerConfig


@dataclass(frozen=True, kw_only=True)
class RecipeOptions(CommandOptions, TrainerConfig):
    """What every recipe is told; its own dataclass adds to it."""

    batch: int = option(16, "clips a step, over all processes")
    micro_batch: int | None = option(None, "how many of them go through the network at once (default: all)")
    sharded: bool = option(False, "spread the weights over processes (FSDP2), as under torchrun, if only over one")

    @property
    def at_once(self) -> int:
        """Clips that go through the network at once."""
        return self.micro_batch or self.batch


@dataclass
class Objective:
    """A network and the loss that trains it.

    - module: its trainable parameters learn.
    - name: that of the run's folder.
    - units: what FSDP gathers, uses and frees as one, beside all the rest.
    - casts: the network brings its inputs to its weights' precision, which FSDP may make bfloat16;
      else it runs under autocast.
    - frozen: modules that must stay, bit for bit, what they are.
    - finish: writes what the run leaves beside its checkpoint, from averaged weights in the module.
    - trainer: makes another trainer than the plain one, in the run's folder.
    """

    name: str
    module: nn.Module
    loss: LossFunction
    units: Sequence[nn.Module] = ()
    casts: bool = False
    frozen: Mapping[str, nn.Module] = field(default_factory=dict)
    finish: Callable[[], None] | None = None
    trainer: Callable[[Path, TrainerConfig], Trainer] | None = None


AnyOptions = TypeVar("AnyOptions", bound=RecipeOptions)


@dataclass(frozen=True)
class Recipe(Generic[AnyOptions]):
    """What a part is, the dataclass of its options, and what makes an objective of them on a device."""

    what: str
    options: type[AnyOptions]
    build: Callable[[AnyOptions, torch.device], Objective]


def modules() -> list[ModuleType]:
    """The modules whose `RECIPES`, and `COMMANDS` if they have any, train the codec and the systems."""
    systems = [system.recipes for system in SYSTEMS.values() if system.recipes]
    return [import_module(module) for module in ("avfoley_engine.training.codec", *systems)]


def recipes() -> dict[str, Recipe]:  # type: ignore[type-arg]
    """All recipes by the names of their parts."""
    return {name: recipe for module in modules() for name, recipe in module.RECIPES.items()}


def recipe_of(part: str) -> Recipe:  # type: ignore[type-arg]
    """The recipe of a part. Raises `ModelError` where there is none."""
    known = recipes()
    if part not in known:
        raise ModelError(f"There is no recipe for {part!r}. There are: {', '.join(known)}.")
    return known[part]
