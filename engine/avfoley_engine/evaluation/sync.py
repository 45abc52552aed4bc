"""`evaluate sync`: does the sound begin when the picture's events do, or (`--direction a2v`) the picture move with the sound?

Four rows. *matched*: the model's sound against the events of the clip it was made for. *shuffled*: against another
clip's events, the mean over several fixed rotations of the set, which is what a sound unrelated to the picture reaches.
*frame_difference*: peaks of picture change in place of onsets. *real_sound*: the clip's own sound, the best that the
onset detector lets anybody reach; on real videos, whose truth is the own sound's detected onsets, it is how far
CondFoleyGen's detector and ours agree.

From sound to picture, *matched* and *shuffled* are where the made picture changes most (*frame_difference*'s detector on it)
against the events of the sound that it was made for, or another. The other rows stay what they are, and become the bounds:
*frame_difference* what that detector finds in the real picture, *real_sound* what there is to hear in the sound.

Precision, recall and F1 are micro-averaged: counts are summed over the clips that have events, so that every event
weighs the same. Onset accuracy is CondFoleyGen's mean over those clips. Clips without events tell how often a system
fires on nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from avfoley_engine.evaluation import condfoleygen, motion
from avfoley_engine.evaluation.clips import Clip, Truth, video_clips, world_clips
from avfoley_engine.evaluation.generated import Sampling, pictures, sounds
from avfoley_engine.evaluation.matching import Counts, count, onset_accuracy
from avfoley_engine.media import onsets
from avfoley_engine.models.avlink.config import DIRECTIONS, Direction
from avfoley_engine.models.interface import FoleyModel, VideoModel
from avfoley_engine.protocol import SAMPLE_RATE

ROWS = ("matched", "shuffled", "frame_difference", "real_sound")
FIGURES = ("f1_80", "f1_40", "precision_80", "recall_80", "onset_accuracy")
_ROTATIONS = 8

Scores = dict[str, float | None]
T = TypeVar("T")


@dataclass(frozen=True)
class DetectedOnsets:
    """The onsets of one sound: the project's detector's, and CondFoleyGen's with their strengths."""

    onsets: np.ndarray
    condfoleygen: np.ndarray
    strengths: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray, sample_rate: int) -> DetectedOnsets:
        return cls(onsets.detect(samples, sample_rate), *condfoleygen.detect(samples, sample_rate))

    @classmethod
    def of_picture(cls, frames: np.ndarray, frame_rate: float = motion.FRAME_RATE) -> DetectedOnsets:
        """Where the frame-difference detector would put the onsets."""
        times, heights = motion.detect(frames, frame_rate)
        return cls(times, *condfoleygen.suppressed(times, heights))

    def until(self, end: float) -> DetectedOnsets:
        early = self.condfoleygen < end
        return DetectedOnsets(self.onsets[self.onsets < end], self.condfoleygen[early], self.strengths[early])


@dataclass(frozen=True)
class Trial:
    """One clip's truth, and what was heard in each system's sound for it, or seen in its picture."""

    name: str
    family: str
    duration: float
    truth: Truth
    model: DetectedOnsets
    frame_difference: DetectedOnsets
    real_sound: DetectedOnsets


_DETECTED: dict[str, Callable[[Trial], DetectedOnsets]] = {
    "matched": lambda trial: trial.model,
    "frame_difference": lambda trial: trial.frame_difference,
    "real_sound": lambda trial: trial.real_sound,
}


def evaluate(
    clips: Iterable[Clip], model: FoleyModel | VideoModel, sampling: Sampling, direction: Direction = "v2a"
) -> Iterator[Trial]:
    """Makes every clip's sound and listens to it, or its picture and watches it; yields trials in the clips' order."""
    number = 0
    for group in _batches(clips, sampling.batch):
        if direction == "v2a":
            foley = cast(FoleyModel, model)
            made = [DetectedOnsets.of(sound, foley.sample_rate) for sound in sounds(group, foley, sampling, number)]
        else:
            video = cast(VideoModel, model)
            rate = float(video.frame_rate)
            made = [DetectedOnsets.of_picture(frames, rate) for frames in pictures(group, video, sampling, number)]
        number += len(group)
        for clip, detected in zip(group, made, strict=True):
            yield Trial(
                name=clip.name,
                family=clip.family,
                duration=clip.duration,
                truth=clip.truth,
                model=detected,
                frame_difference=DetectedOnsets.of_picture(clip.frames(Fraction(motion.FRAME_RATE), motion.FRAME_SIZE)),
                real_sound=DetectedOnsets.of(clip.sound, SAMPLE_RATE),
            )


def report(trials: Sequence[Trial], truth_is_sound: bool = False) -> dict[str, Any]:
    """The rows of figures over all clips, and by family where there are several.

    `truth_is_sound` where the events are the own sound's detected onsets: its row then scores one detector by the
    other.
    """
    if truth_is_sound:
        trials = [replace(trial, real_sound=_other_detector(trial.real_sound)) for trial in trials]
    families = sorted({trial.family for trial in trials})
    rows: dict[str, Any] = {
        "matched": score((trial.truth, trial.model) for trial in trials),
        "shuffled": shuffled(trials, [trial.model for trial in trials]),
        "frame_difference": score((trial.truth, trial.frame_difference) for trial in trials),
        "real_sound": score((trial.truth, trial.real_sound) for trial in trials),
        "frame_difference_shuffled": shuffled(trials, [trial.frame_difference for trial in trials]),
    }
    quiet = [trial for trial in trials if not len(trial.truth.events) and not len(trial.truth.optional)]
    rows["silent_clips"] = len(quiet)
    rows["silent_false_onsets"] = {
        row: float(np.mean([len(detected(trial).onsets) for trial in quiet])) if quiet else None
        for row, detected in _DETECTED.items()
    }
    if len(families) > 1:
        rows["families"] = {family: _family([t for t in trials if t.family == family]) for family in families}
    return rows


def score(pairs: Iterable[tuple[Truth, DetectedOnsets]]) -> Scores:
    """The figures of one row, over the pairs whose truth has events; None where there is none."""
    at_80, at_40, accuracies = Counts(), Counts(), []
    for truth, detected in pairs:
        if len(truth.events):
            at_80 += count(truth.events, detected.onsets, 0.08, truth.optional)
            at_40 += count(truth.events, detected.onsets, 0.04, truth.optional)
        if len(truth.condfoleygen):
            accuracies.append(onset_accuracy(truth.condfoleygen, detected.condfoleygen, detected.strengths))
    if not at_80.reference:
        return dict.fromkeys(FIGURES)
    return {
        "f1_80": at_80.f1,
        "f1_40": at_40.f1,
        "precision_80": at_80.precision,
        "recall_80": at_80.recall,
        "onset_accuracy": float(np.mean(accuracies)) if accuracies else None,
    }


def shuffled(trials: Sequence[Trial], detected: Sequence[DetectedOnsets]) -> Scores:
    """Every sound against another clip's events: the mean over up to 8 rotations, spread evenly, of the clips with events.

    A pair of unequal length is compared over the shorter.
    """
    having = [n for n, trial in enumerate(trials) if len(trial.truth.events)]
    rotations = min(_ROTATIONS, len(having) - 1)
    if rotations < 1:
        return dict.fromkeys(FIGURES)
    rows = []
    for rotation in range(rotations):
        shift = 1 + rotation * (len(having) - 1) // rotations
        partners = having[shift:] + having[:shift]
        pairs = []
        for own, other in zip(having, partners, strict=True):
            end = min(trials[own].duration, trials[other].duration)
            pairs.append((_until(trials[own].truth, end), detected[other].until(end)))
        rows.append(score(pairs))
    return {figure: _mean([row[figure] for row in rows]) for figure in FIGURES}


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `sync` to the evaluation's commands."""
    parser = commands.add_parser("sync", help="onsets against the picture's events", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", default="avlink-nano", help="a registered model (default: %(default)s)")
    parser.add_argument(
        "--direction",
        choices=DIRECTIONS,
        default="v2a",
        help="sound for the picture, or picture for the sound (default: v2a)",
    )
    parser.add_argument("--videos", type=Path, metavar="DIR", help="real videos, scored against their own sound")
    parser.add_argument("--clips", type=_positive, default=256, help="clips of the world's held-out set (default: 256)")
    parser.add_argument("--steps", type=_positive, help="solver steps (default: the model's)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the model's)")
    parser.add_argument("--no-captions", action="store_true", help="let the model see the picture alone")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first clip's sound (default: 0)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--batch", type=_positive, default=8, help="clips made at once (default: 8)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `evaluate sync`; returns the exit status. Raises `AVFoleyError`."""
    from avfoley_engine.jobs.worker import best_device
    from avfoley_engine.models import registry

    left_out: dict[str, str] = {}
    clips: Sequence[Clip] | Iterator[Clip]
    if arguments.videos:
        clips, left_out = video_clips(arguments.videos)
        total = len(clips)
    else:
        clips, total = world_clips(arguments.clips), arguments.clips
    device = arguments.device or best_device()
    model: FoleyModel | VideoModel
    model = registry.load(arguments.model, "foley" if arguments.direction == "v2a" else "visualize", device)
    sampling = Sampling(
        steps=arguments.steps or model.default_steps,
        guidance_scale=model.default_guidance_scale if arguments.guidance is None else arguments.guidance,
        captions=not arguments.no_captions,
        seed=arguments.seed,
        # Real videos have their own lengths each.
        batch=1 if arguments.videos else arguments.batch,
    )
    progress = Console(stderr=True)
    made = evaluate(clips, model, sampling, arguments.direction)
    trials = list(track(made, "Listening", total, console=progress, disable=not progress.is_terminal))
    result: dict[str, Any] = {
        "direction": arguments.direction,
        "set": "videos" if arguments.videos else "world",
        "clips": len(trials),
        "model": model.name,
        "revision": model.revision,
        "steps": sampling.steps,
        "guidance_scale": sampling.guidance_scale,
        "captions": sampling.captions and not arguments.videos,
        "seed": sampling.seed,
        "events": sum(len(trial.truth.events) for trial in trials),
        **report(trials, truth_is_sound=arguments.videos is not None),
        "left_out": left_out,
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(result, Console())
    return 0


def _other_detector(real: DetectedOnsets) -> DetectedOnsets:
    """The own sound with the two detectors' onsets exchanged, so that each is scored by the other."""
    return DetectedOnsets(real.condfoleygen, *condfoleygen.suppressed(real.onsets, np.ones(len(real.onsets))))


def _until(truth: Truth, end: float) -> Truth:
    return Truth(*(times[times < end] for times in (truth.events, truth.optional, truth.condfoleygen)))


def _family(trials: Sequence[Trial]) -> dict[str, Any]:
    rows = {row: score((trial.truth, detected(trial)) for trial in trials) for row, detected in _DETECTED.items()}
    return {"clips": len(trials), "events": sum(len(trial.truth.events) for trial in trials), **rows}


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _print(result: Mapping[str, Any], console: Console) -> None:
    made = f"{result['model']} ({result['direction']}, {result['steps']} steps)"
    title = f"{made} on {result['clips']} clips ({result['set']}), {result['events']} events"
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for heading in ("F1 ±80 ms", "F1 ±40 ms", "precision ±80", "recall ±80", "onset accuracy", "onsets a quiet clip"):
        table.add_column(heading, justify="right")
    for row in ROWS:
        false_onsets = result["silent_false_onsets"].get(row)
        table.add_row(row.replace("_", " "), *(_figure(result[row][name]) for name in FIGURES), _figure(false_onsets))
    console.print(table)
    if families := result.get("families"):
        table = Table(title="F1 ±80 ms by family")
        for heading in ("family", "clips", "events", "model", "frame difference", "real sound"):
            table.add_column(heading, justify="left" if heading == "family" else "right")
        for family, rows in families.items():
            figures = (_figure(rows[row]["f1_80"]) for row in _DETECTED)
            table.add_row(family, str(rows["clips"]), str(rows["events"]), *figures)
        console.print(table)
    for name, reason in result["left_out"].items():
        console.print(f"left out: {name} ({reason})", highlight=False)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
