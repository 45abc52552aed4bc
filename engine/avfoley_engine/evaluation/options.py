"""What the commands of `evaluate` share: options, tables, progress, and pictures of a grid."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from avfoley_engine.evaluation.generated import Sampling
from avfoley_engine.extras import require
from avfoley_engine.models.interface import FoleyModel, VideoModel

T = TypeVar("T")


def add_model(parser: argparse.ArgumentParser, *, runs: str | None = None) -> None:
    """Adds `--model`, and `--runs` where `runs` says what is taken of training runs."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", default="avlink-nano", help="a registered model (default: %(default)s)")
    if runs:
        source.add_argument("--runs", type=Path, metavar="DIR", help=f"{runs} of a folder of training runs")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds `--device` and `--seed`."""
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first sample (default: %(default)s)")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Adds `--steps`, `--guidance` and `--batch`, besides `--device` and `--seed`."""
    parser.add_argument("--steps", type=positive, help="solver steps (default: the model's)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the model's)")
    parser.add_argument("--batch", type=positive, default=8, help="samples per batch (default: %(default)s)")
    add_device(parser)


def add_clips(parser: argparse.ArgumentParser, count: int) -> None:
    """Adds `--clips` and `--videos`."""
    what = "clips of the world's held-out set (default: %(default)s)"
    parser.add_argument("--clips", type=positive, default=count, help=what)
    what = "folders of real videos instead of the world's clips"
    parser.add_argument("--videos", type=Path, nargs="+", metavar="DIR", help=what)


def positive(text: str) -> int:
    """An `argparse` type: an integer of at least 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def device(arguments: argparse.Namespace) -> torch.device:
    """The device of `add_device`."""
    from avfoley_engine.jobs.worker import best_device

    return torch.device(arguments.device or best_device())


def sampling(arguments: argparse.Namespace, model: FoleyModel | VideoModel, **other: Any) -> Sampling:
    """The sampling of `add_sampling`, with the model's defaults; `other` are further fields."""
    guidance_scale = model.default_guidance_scale if arguments.guidance is None else arguments.guidance
    settings = {"seed": arguments.seed, "batch": arguments.batch, **other}
    return Sampling(arguments.steps or model.default_steps, guidance_scale, **settings)


def tracked(items: Iterable[T], what: str, total: int) -> Iterable[T]:
    """Yields the items, with a progress bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    return track(items, what, total, console=console, disable=not console.is_terminal)


def table(title: str, names: Iterable[str], figures: Iterable[str], caption: str | None = None) -> Table:
    """A table with left-aligned columns of names, then right-aligned ones of figures."""
    made = Table(title=title, caption=caption)
    for heading in names:
        made.add_column(heading, no_wrap=True)
    for heading in figures:
        made.add_column(heading, justify="right")
    return made


def figure(value: float | None, form: str = ".3f") -> str:
    """A figure as tables show it: a dash where there is none."""
    return "–" if value is None else format(value, form)


def left_out(result: Mapping[str, Any]) -> list[str]:
    """A line for each file of a folder that was not used."""
    return [f"left out: {name} ({reason})" for name, reason in result["left_out"].items()]


@contextmanager
def drawing(path: Path, rows: int, columns: int, size: tuple[float, float], *, sharey: bool = True) -> Iterator[Any]:
    """Gives the axes (rows, columns) of a figure of `size` inches, which is then saved as `path`.

    Raises ModelError where matplotlib is not installed.
    """
    require("matplotlib", "evaluate").use("Agg")
    pyplot = require("matplotlib.pyplot", "evaluate")
    drawn, axes = pyplot.subplots(rows, columns, figsize=size, sharey=sharey, squeeze=False, layout="constrained")
    yield axes
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=64)
    pyplot.close(drawn)
