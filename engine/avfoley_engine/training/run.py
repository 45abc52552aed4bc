"""One way to train: whatever tells the options, the shell or a YAML file, a recipe makes them a run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import ValidationError
from torch import nn

from avfoley_engine.errors import ModelError
from avfoley_engine.training.checkpoints import checkpoint_of, ema_weights, newest_sharded
from avfoley_engine.training.options import complaint, parse
from avfoley_engine.training.recipe import Objective, Recipe, RecipeOptions, recipe_of
from avfoley_engine.training.sharded import ShardedTrainer, first_process_first, process_group
from avfoley_engine.training.trainer import Trainer, TrainerConfig, local_share


def read_run(path: Path) -> tuple[Recipe[Any], RecipeOptions]:
    """The run that a YAML file describes: `part`, and that recipe's options.

    Relative paths in it start where the command does.

    Raises:
        ModelError: the file cannot be read, there is no such part, or a key is wrong, missing or unknown.
    """
    try:
        keys = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
        recipe = recipe_of(str(keys.pop("part", "")))
        return recipe, parse(recipe.options, keys)
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        if isinstance(error, ValidationError):
            raise ModelError(f"{path} does not describe a run: {complaint(error)}.") from error
        raise ModelError(f"{path} cannot be read as YAML ({error}).") from error


def run(recipe: Recipe[Any], options: RecipeOptions, device: torch.device) -> None:
    """Trains until the options' end, from the newest checkpoint where there is one.

    Weights are sharded under torchrun, in which every process calls this, where a batch comes in
    pieces, and where the options say so.

    Raises:
        ModelError: the options do not fit together, what the recipe reads is missing or does not
            fit, or training has changed what is frozen.
    """
    torch.manual_seed(options.seed)
    if not ("RANK" in os.environ or options.sharded or options.at_once != options.batch):
        train(recipe.build(options, device), options.runs, options)
        return
    if options.batch % options.at_once:
        raise ModelError(f"batch {options.batch} is not a multiple of micro_batch {options.at_once}; change one")
    with process_group(device) as own:
        # Processes begin with the same weights, and the first prepares the data for all.
        with first_process_first():
            objective = recipe.build(options, own)
        if objective.trainer:
            raise ModelError(f"{objective.name} is trained on one device and by whole batches alone.")
        folder = _folder(objective, options.runs, sharded=True)
        # Sharded before the fingerprint is taken, which is of this process's share.
        trainer = ShardedTrainer(objective, folder, options, options.batch // options.at_once)
        with unchanged(objective.frozen, folder):
            trainer.run()
    if objective.finish and os.environ.get("RANK", "0") == "0":
        whole = recipe.build(options, device)
        assert whole.finish
        whole.module.load_state_dict(ema_weights(checkpoint_of(options.runs, whole.name)), strict=False)
        whole.finish()


def train(objective: Objective, runs: Path, config: TrainerConfig) -> None:
    """Trains on one device; see `run`. Leaves the averaged weights in the module."""
    folder = _folder(objective, runs, sharded=False)
    with unchanged(objective.frozen, folder):
        make = objective.trainer or partial(Trainer, objective.module, objective.loss)
        trainer = make(folder, config)
        trainer.run()
        objective.module.load_state_dict(trainer.ema.shadow, strict=False)
    if objective.finish:
        objective.finish()


def _folder(objective: Objective, runs: Path, *, sharded: bool) -> Path:
    folder = runs / objective.name
    other = folder / "checkpoint.safetensors"
    if other.exists() if sharded else newest_sharded(folder):
        how = "without `sharded`, torchrun and `micro_batch`" if sharded else "with `sharded`"
        raise ModelError(f"{folder} was begun otherwise: go on {how}, or give another folder of runs.")
    return folder


@contextmanager
def unchanged(modules: Mapping[str, nn.Module], folder: Path) -> Iterator[None]:
    """Raises `ModelError`, naming the run's folder, where modules change within it by any bit."""
    before = {name: fingerprint(module) for name, module in modules.items()}
    yield
    changed = [name for name, module in modules.items() if fingerprint(module) != before[name]]
    if changed:
        raise ModelError(f"{folder}: training changed the frozen {' and '.join(changed)}. Throw the run away.")


def fingerprint(module: nn.Module) -> str:
    """sha256 (hex) of a module's parameters and buffers, bit for bit; of this process's share where sharded."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(local_share(tensor).cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
