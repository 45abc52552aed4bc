"""`evaluate steps`: what few solver steps cost and keep, of every system, plain and reflowed.

A row is a model, a direction and a number of steps. Its figures: F1 (+-80 ms) matched and shuffled,
as `evaluate sync` has them, on held-out clips of the world and on real videos; the share of the
world's clips whose sound a classifier of recordings names as the scene does; the Fréchet distance of
those sounds from the same scenes sounded by held-out recordings, on that classifier's embedding; the
seconds that a five-second clip takes by itself, and how often a network is evaluated for it.

Keys of the JSON's `rows`: system, model, direction, variant, steps, evaluations, f1_80,
f1_80_shuffled, real_f1_80, real_f1_80_shuffled, label_accuracy, frechet, seconds. A figure is None
where nothing was given to measure it on, and for pictures those of sounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
import platformdirs
import torch
import torchaudio
from rich.console import RenderableType

from avfoley_engine import world, zoo
from avfoley_engine.evaluation import options
from avfoley_engine.evaluation.classifier import Classifier, trained
from avfoley_engine.evaluation.clips import Clip, WorldClip, video_clips, world_clips
from avfoley_engine.evaluation.generated import Sampling, pictures, sounds
from avfoley_engine.evaluation.labels import CLASSIFIER
from avfoley_engine.evaluation.predictions import frechet_distance
from avfoley_engine.evaluation.sync import Tally, Trial, batches, check_installed, generated, score, shuffled
from avfoley_engine.models import registry
from avfoley_engine.models.avlink.config import DIRECTIONS, Direction
from avfoley_engine.models.interface import FoleyModel, VideoModel
from avfoley_engine.protocol import SAMPLE_RATE
from avfoley_engine.world.recordings import is_held_out, load_sounds

_TASKS = {"v2a": "foley", "a2v": "visualize"}
_TIMES = 3
FIGURES = ("f1_80", "f1_80_shuffled", "real_f1_80", "real_f1_80_shuffled", "label_accuracy", "frechet", "seconds")


@dataclass(frozen=True)
class Judge:
    """A classifier of recordings, and the embeddings of the clips' scenes sounded by held-out ones."""

    classifier: Classifier
    reference: np.ndarray

    @classmethod
    def of(cls, folder: Path, clips: Sequence[WorldClip], cache: Path) -> Judge:
        """Trains the classifier, or reads it from the cache. Raises MediaError as `load_sounds`."""
        recordings = [sound for sound in load_sounds(folder, cache) if not is_held_out(sound.file)]
        classifier = trained(recordings, cache, config=CLASSIFIER)
        bank = world.RecordedBank(folder, "heldout")
        return cls(classifier, np.stack([classifier.embed(clip.sounded(bank)) for clip in clips]))

    def figures(
        self, clips: Sequence[WorldClip], made: Sequence[torch.Tensor], sample_rate: int
    ) -> dict[str, float | None]:
        """How the clips' sounds (samples,) are named, and how far they are from the reference."""
        at_rate = [torchaudio.functional.resample(s.float(), sample_rate, SAMPLE_RATE).numpy() for s in made]
        embeddings = np.stack([self.classifier.embed(sound) for sound in at_rate])
        named = self.classifier.ranking(embeddings)[:, 0]
        known = [n for n, clip in enumerate(clips) if clip.label in self.classifier.labels]
        right = [self.classifier.labels[named[n]] == clips[n].label for n in known]
        return {
            "label_accuracy": float(np.mean(right)) if right else None,
            "frechet": frechet_distance(embeddings, self.reference),
        }


def f1(trials: Sequence[Trial]) -> tuple[float | None, float | None]:
    """F1 (+-80 ms) matched and shuffled."""
    matched = [[Tally.of(trial.reference, trial.predictions["matched"]) for trial in trials]]
    everything = range(len(trials))
    return score(matched, everything)["f1_80"], score(shuffled(trials, "matched"), everything)["f1_80"]


def seconds_of(model: FoleyModel | VideoModel, clip: Clip, sampling: Sampling, direction: Direction) -> float:
    """The median time of a few, of one clip's sound or picture from its decoded frames or samples."""
    make: Any = sounds if direction == "v2a" else pictures
    times = []
    for _ in range(_TIMES + 1):
        began = time.perf_counter()
        make([clip], model, sampling, 0)
        times.append(time.perf_counter() - began)
    return median(times[1:])


def rows(
    name: str,
    directions: Sequence[Direction],
    steps: Sequence[int],
    clips: Sequence[WorldClip],
    videos: Sequence[Clip],
    judge: Judge | None,
    settings: Mapping[str, Any],
    device: torch.device,
) -> Iterator[dict[str, Any]]:
    """The rows of one model, as it offers the directions."""
    info, entry = registry.info(name), zoo.entry(name)
    for direction in directions:
        if _TASKS[direction] not in info.tasks:
            continue
        model = cast("FoleyModel | VideoModel", registry.load(name, _TASKS[direction], device))
        for count in steps:
            sampling = Sampling(count, model.default_guidance_scale, **settings)
            trials, made = _trials(clips, model, sampling, direction)
            matched, unmatched = f1(trials)
            row = {
                "system": entry.config["system"],
                "model": name,
                "direction": direction,
                "variant": entry.config.get("variant", "plain"),
                "steps": count,
                "evaluations": count * model.evaluations,
                "f1_80": matched,
                "f1_80_shuffled": unmatched,
                **dict.fromkeys(FIGURES[2:6]),
                "seconds": seconds_of(model, clips[0], sampling, direction),
            }
            if videos and direction == "v2a":
                real, _ = _trials(
                    videos, model, Sampling(count, sampling.guidance_scale, **{**settings, "batch": 1}), direction
                )
                row["real_f1_80"], row["real_f1_80_shuffled"] = f1(real)
            if judge and direction == "v2a":
                row |= judge.figures(clips, made, model.sample_rate)
            yield row


def _trials(
    clips: Sequence[Clip], model: FoleyModel | VideoModel, sampling: Sampling, direction: Direction
) -> tuple[list[Trial], list[torch.Tensor]]:
    """What a model makes for every clip, and its onsets as trials."""
    trials, made, number = [], [], 0
    for group in batches(clips, sampling.batch):
        for clip, (found, one) in zip(group, generated(group, model, sampling, number, direction), strict=True):
            assert one is not None
            made.append(one)
            trials.append(Trial(clip.name, clip.family, clip.source, clip.duration, clip.reference, {"matched": found}))
        number += len(group)
    return trials, made


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate steps`."""
    parser.add_argument("--models", nargs="+", metavar="NAME", help="registered models (default: all)")
    parser.add_argument("--direction", choices=DIRECTIONS, help="only this one (default: both)")
    what = "solver steps (default: 1 2 4 8 25)"
    parser.add_argument("--steps", nargs="+", type=options.positive, default=[1, 2, 4, 8, 25], metavar="N", help=what)
    options.add_clips(parser, 64)
    parser.add_argument(
        "--sounds", type=Path, metavar="DIR", help="folder of recordings with an index.csv, to judge by"
    )
    parser.add_argument("--no-captions", action="store_true", help="give the models no captions")
    parser.add_argument("--batch", type=options.positive, default=8, help="samples per batch (default: %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the figures over the steps")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keeps decoded sounds and the classifier")
    options.add_device(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate steps`. Raises `AVFoleyError`."""
    check_installed()
    names = arguments.models or [model.name for model in registry.models()]
    clips = cast("list[WorldClip]", list(world_clips(arguments.clips).clips))
    chosen = video_clips(arguments.videos) if arguments.videos else None
    cache = arguments.cache or Path(platformdirs.user_cache_dir("avfoley", appauthor=False))
    judge = Judge.of(arguments.sounds, clips, cache) if arguments.sounds else None
    settings = {"captions": not arguments.no_captions, "seed": arguments.seed, "batch": arguments.batch}
    directions = [arguments.direction] if arguments.direction else list(DIRECTIONS)
    found: list[dict[str, Any]] = []
    for name in names:
        made = rows(
            name,
            directions,
            arguments.steps,
            clips,
            list(chosen.clips) if chosen else [],
            judge,
            settings,
            options.device(arguments),
        )
        found += options.tracked(made, name, len(arguments.steps) * len(directions))
    if arguments.plot:
        draw(found, arguments.plot)
    return {
        "clips": len(clips),
        "videos": chosen.count if chosen else 0,
        "captions": settings["captions"],
        "seed": arguments.seed,
        "threads": torch.get_num_threads(),
        "rows": found,
        "left_out": chosen.left_out if chosen else {},
    }


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as a table."""
    title = f"Few steps: {result['clips']} clips of the world, {result['videos']} videos"
    headings = ["steps", "evaluations", "F1 ±80", "shuffled", "real F1 ±80", "shuffled", "label", "Fréchet", "seconds"]
    table = options.table(title, ["model", "direction"], headings)
    for row in result["rows"]:
        forms = (".3f", ".3f", ".3f", ".3f", ".3f", ".1f", ".2f")
        figures = (options.figure(row[name], form) for name, form in zip(FIGURES, forms, strict=True))
        table.add_row(row["model"], row["direction"], str(row["steps"]), str(row["evaluations"]), *figures)
    yield table
    yield from options.left_out(result)


def draw(found: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws figures over evaluations, a line a model and direction. Raises ModelError without matplotlib."""
    shown = {
        "f1_80": "F1 ±80 ms",
        "label_accuracy": "label accuracy",
        "frechet": "Fréchet distance",
        "seconds": "s a clip",
    }
    lines = list(dict.fromkeys((row["model"], row["direction"]) for row in found))
    with options.drawing(path, 1, len(shown), (16, 4), sharey=False) as axes:
        for axis, (figure, what) in zip(axes[0], shown.items(), strict=True):
            for model, direction in lines:
                points = [
                    (row["evaluations"], row[figure])
                    for row in found
                    if (row["model"], row["direction"]) == (model, direction) and row[figure] is not None
                ]
                if points:
                    axis.plot(*zip(*points, strict=True), marker="o", label=f"{model}, {direction}")
            axis.set(title=what, xlabel="evaluations", xscale="log")
            axis.grid(alpha=0.3)
        axes[0][0].legend(fontsize=8)
