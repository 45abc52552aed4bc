"""`avfoley train`: codec, world, backbones, fusion blocks, upsampler, and the model folder.

Every command resumes where it stopped. `avfoley train PART` takes a part's options as flags, and
`avfoley train run CONFIG` the same ones from a YAML file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from avfoley_engine.training import labelled, loading, probe, rendering, videos
from avfoley_engine.training.options import Command, add_flags, complaint, parse
from avfoley_engine.training.recipe import modules, recipes
from avfoley_engine.training.run import read_run, run


def commands() -> dict[str, Command]:
    """All commands by name, but `run`: the recipes, and what reads or writes for them."""
    trained = {name: Command(f"train {r.what}", r.options, partial(run, r)) for name, r in recipes().items()}
    of_systems = {name: c for module in modules() for name, c in getattr(module, "COMMANDS", {}).items()}
    return trained | {
        "world": Command("render the world to shards", rendering.WorldOptions, rendering.render_world),
        "sounds": Command("encode clips of labelled sounds", labelled.SoundsOptions, labelled.encode_labelled),
        "videos": Command("encode videos of your own to shards", videos.VideosOptions, videos.encode_folder),
        "probe": Command("look for events in the video features", probe.ProbeOptions, probe.probe_runs),
        "new": Command("write the folder of an untrained model", loading.NewOptions, loading.new_model),
        "export": Command("write the folder of a model from the runs", loading.ExportOptions, loading.export),
        **of_systems,
    }


def parser(known: dict[str, Command]) -> argparse.ArgumentParser:
    """The command line of `avfoley train`."""
    top = argparse.ArgumentParser("avfoley train", description=__doc__)
    subparsers = top.add_subparsers(dest="command", required=True)
    what = "a run from a YAML file, see training/configs; under torchrun on several devices"
    of_a_file = subparsers.add_parser("run", help=what, description=what)
    of_a_file.add_argument("config", type=Path, help="`part`, and its options by name")
    for name, command in known.items():
        own = subparsers.add_parser(name, help=command.what, description=command.what)
        add_flags(own, command.options)
    for own in subparsers.choices.values():
        own.add_argument("--device", help="cuda or cpu; the best there is by default")
        own.add_argument("--threads", type=int, help="CPU threads")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one training command. Returns the exit code."""
    known = commands()
    top = parser(known)
    given = vars(top.parse_args(argv))
    name, device, threads = (given.pop(key) for key in ("command", "device", "threads"))
    if threads:
        torch.set_num_threads(threads)
    target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if name == "run":
        run(*read_run(given["config"]), target)
        return 0
    try:
        options: Any = parse(known[name].options, given)
    except ValidationError as error:
        top.error(complaint(error))
    torch.manual_seed(options.seed)
    known[name].run(options, target)
    return 0
