"""`evaluate sync`: do the sound's onsets fall on the picture's events?

With `--direction a2v`: does the picture move where the sound has its events?

Four rows. *matched*: the model's sound against the events of its own clip. *shuffled*: against
another clip's events, the mean over several fixed rotations of the set, which is what a sound
unrelated to the picture reaches. *frame_difference*: peaks of the frame difference instead of
onsets. *real_sound*: the clip's own sound, the upper bound that the onset detector allows. On real
videos the reference is the onsets detected in their own sound; the row then says how far
CondFoleyGen's detector and ours agree.

From sound to picture, *matched* and *shuffled* compare the peaks of the generated picture's frame
difference with the events of the sound it was generated for, or of another. The other rows stay
what they are, and become the bounds: *frame_difference* is what that detector finds in the real
picture, *real_sound* what the sound itself allows.

Precision, recall and F1 are micro-averaged: counts are summed over the clips that have events, so
that every event weighs the same. Onset accuracy is CondFoleyGen's mean over those clips. Clips
without events give the number of false onsets.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any, TypeVar, cast

import numpy as np
from rich.console import RenderableType

from avfoley_engine.evaluation import condfoleygen, motion, options
from avfoley_engine.evaluation.clips import Clip, Reference, video_clips, world_clips
from avfoley_engine.evaluation.generated import Sampling, pictures, sounds
from avfoley_engine.evaluation.matching import Counts, count, onset_accuracy
from avfoley_engine.extras import require
from avfoley_engine.media import onsets
from avfoley_engine.models.avlink.config import DIRECTIONS, Direction
from avfoley_engine.models.interface import FoleyModel, VideoModel
from avfoley_engine.protocol import SAMPLE_RATE

ROWS = ("matched", "shuffled", "frame_difference", "real_sound")
#: The rows whose onsets are detected; *shuffled* compares *matched*'s with other clips' events.
DETECTED = ("matched", "frame_difference", "real_sound")
FIGURES = ("f1_80", "f1_40", "precision_80", "recall_80", "onset_accuracy")
_ROTATIONS = 8

Scores = dict[str, float | None]
T = TypeVar("T")


@dataclass(frozen=True)
class Onsets:
    """The onsets of one sound: the project's detector's, and CondFoleyGen's with strengths."""

    onsets: np.ndarray
    condfoleygen: np.ndarray
    strengths: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray, sample_rate: int) -> Onsets:
        return cls(onsets.detect(samples, sample_rate), *condfoleygen.detect(samples, sample_rate))

    @classmethod
    def of_picture(cls, frames: np.ndarray, frame_rate: float = motion.FRAME_RATE) -> Onsets:
        """The peaks of the frame difference of frames (T, H, W, 3) uint8."""
        times, heights = motion.detect(frames, frame_rate)
        return cls(times, *condfoleygen.suppressed(times, heights))

    def until(self, end: float) -> Onsets:
        early = self.condfoleygen < end
        return Onsets(self.onsets[self.onsets < end], self.condfoleygen[early], self.strengths[early])


@dataclass(frozen=True)
class Trial:
    """One clip's reference events, and the onsets predicted for it, by row."""

    name: str
    family: str
    duration: float
    reference: Reference
    predictions: Mapping[str, Onsets]


def evaluate(
    clips: Iterable[Clip], model: FoleyModel | VideoModel, sampling: Sampling, direction: Direction = "v2a"
) -> Iterator[Trial]:
    """Generates a sound or picture for every clip and detects onsets; yields trials in order."""
    number = 0
    for group in _batches(clips, sampling.batch):
        if direction == "v2a":
            foley = cast(FoleyModel, model)
            made = sounds(group, foley, sampling, number)
            predicted = [Onsets.of(sound.float().numpy(), foley.sample_rate) for sound in made]
        else:
            video = cast(VideoModel, model)
            made = pictures(group, video, sampling, number)
            predicted = [Onsets.of_picture(frames.numpy(), float(video.frame_rate)) for frames in made]
        number += len(group)
        for clip, onsets_of_model in zip(group, predicted, strict=True):
            predictions = {
                "matched": onsets_of_model,
                "frame_difference": Onsets.of_picture(clip.frames(Fraction(motion.FRAME_RATE), motion.FRAME_SIZE)),
                "real_sound": Onsets.of(clip.sound, SAMPLE_RATE),
            }
            yield Trial(clip.name, clip.family, clip.duration, clip.reference, predictions)


def check_installed() -> None:
    """Raises `ModelError` where a detector or the matching is not installed."""
    for module in ("librosa", "mir_eval.util"):
        require(module, "evaluate")


def report(trials: Sequence[Trial], reference_is_sound: bool = False) -> dict[str, Any]:
    """The rows of figures over all clips, and by family where there are several.

    `reference_is_sound` where the events are the onsets detected in the clip's own sound: its row
    then scores one detector by the other.
    """
    if reference_is_sound:
        trials = [_with_detectors_exchanged(trial) for trial in trials]
    quiet = [trial for trial in trials if not len(trial.reference.events) and not len(trial.reference.optional)]
    rows: dict[str, Any] = {
        "matched": score(trials, "matched"),
        "shuffled": shuffled(trials, "matched"),
        "frame_difference": score(trials, "frame_difference"),
        "real_sound": score(trials, "real_sound"),
        "frame_difference_shuffled": shuffled(trials, "frame_difference"),
        "silent_clips": len(quiet),
        "silent_false_onsets": {row: _mean([len(t.predictions[row].onsets) for t in quiet]) for row in DETECTED},
    }
    if len(families := sorted({trial.family for trial in trials})) > 1:
        rows["families"] = {family: _group([t for t in trials if t.family == family]) for family in families}
    return rows


def score(trials: Iterable[Trial], row: str) -> Scores:
    """The figures of one row over the clips that have events; None where no clip has."""
    return _figures((trial.reference, trial.predictions[row]) for trial in trials)


def shuffled(trials: Sequence[Trial], row: str) -> Scores:
    """The figures of a row's onsets against the events of other clips.

    The mean over up to 8 rotations, spread evenly, of the clips that have events. A pair of unequal
    length is compared over the shorter.
    """
    having = [trial for trial in trials if len(trial.reference.events)]
    rotations = min(_ROTATIONS, len(having) - 1)
    if rotations < 1:
        return dict.fromkeys(FIGURES)
    scores = []
    for rotation in range(rotations):
        shift = 1 + rotation * (len(having) - 1) // rotations
        pairs = []
        for own, other in zip(having, having[shift:] + having[:shift], strict=True):
            end = min(own.duration, other.duration)
            pairs.append((own.reference.until(end), other.predictions[row].until(end)))
        scores.append(_figures(pairs))
    return {figure: _mean([one[figure] for one in scores]) for figure in FIGURES}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate sync`."""
    options.add_model(parser)
    parser.add_argument(
        "--direction",
        choices=DIRECTIONS,
        default="v2a",
        help="sound for the picture, or picture for the sound (default: v2a)",
    )
    options.add_clips(parser, 256)
    parser.add_argument("--no-captions", action="store_true", help="give the model no captions")
    options.add_sampling(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate sync`. Raises `AVFoleyError`."""
    from avfoley_engine import zoo

    check_installed()
    chosen = video_clips(arguments.videos) if arguments.videos else world_clips(arguments.clips)
    videos = chosen.name == "videos"
    load = zoo.load if arguments.direction == "v2a" else zoo.load_video
    model: FoleyModel | VideoModel = load(arguments.model, options.device(arguments))
    # Every real video has a length of its own.
    batch = 1 if videos else arguments.batch
    sampling = options.sampling(arguments, model, captions=not arguments.no_captions, batch=batch)
    made = evaluate(chosen.clips, model, sampling, arguments.direction)
    trials = list(options.tracked(made, "Evaluating", chosen.count))
    return {
        "direction": arguments.direction,
        "set": chosen.name,
        "clips": len(trials),
        "model": model.name,
        "revision": model.revision,
        "steps": sampling.steps,
        "guidance_scale": sampling.guidance_scale,
        "captions": sampling.captions and not videos,
        "seed": sampling.seed,
        "events": sum(len(trial.reference.events) for trial in trials),
        **report(trials, reference_is_sound=videos),
        "left_out": chosen.left_out,
    }


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as tables."""
    model = f"{result['model']} ({result['direction']}, {result['steps']} steps)"
    table = options.table(
        f"{model} on {result['clips']} clips ({result['set']}), {result['events']} events",
        [""],
        ["F1 ±80 ms", "F1 ±40 ms", "precision ±80", "recall ±80", "onset accuracy", "onsets per quiet clip"],
    )
    for row in ROWS:
        figures = [*(result[row][name] for name in FIGURES), result["silent_false_onsets"].get(row)]
        table.add_row(row.replace("_", " "), *map(options.figure, figures))
    yield table
    if families := result.get("families"):
        headings = ["clips", "events", "model", "frame difference", "real sound"]
        table = options.table("F1 ±80 ms by family", ["family"], headings)
        for family, rows in families.items():
            figures = [rows[row]["f1_80"] for row in DETECTED]
            table.add_row(family, str(rows["clips"]), str(rows["events"]), *map(options.figure, figures))
        yield table
    yield from options.left_out(result)


def _figures(pairs: Iterable[tuple[Reference, Onsets]]) -> Scores:
    at_80, at_40, accuracies = Counts(), Counts(), []
    for reference, predicted in pairs:
        if len(reference.events):
            at_80 += count(reference.events, predicted.onsets, 0.08, reference.optional)
            at_40 += count(reference.events, predicted.onsets, 0.04, reference.optional)
        if len(reference.condfoleygen):
            accuracies.append(onset_accuracy(reference.condfoleygen, predicted.condfoleygen, predicted.strengths))
    if not at_80.reference:
        return dict.fromkeys(FIGURES)
    figures = (at_80.f1, at_40.f1, at_80.precision, at_80.recall, _mean(accuracies))
    return dict(zip(FIGURES, figures, strict=True))


def _with_detectors_exchanged(trial: Trial) -> Trial:
    """The trial with the two detectors' onsets of the real sound exchanged."""
    real = trial.predictions["real_sound"]
    exchanged = Onsets(real.condfoleygen, *condfoleygen.suppressed(real.onsets, np.ones(len(real.onsets))))
    return replace(trial, predictions={**trial.predictions, "real_sound": exchanged})


def _group(trials: Sequence[Trial]) -> dict[str, Any]:
    events = sum(len(trial.reference.events) for trial in trials)
    return {"clips": len(trials), "events": events, **{row: score(trials, row) for row in DETECTED}}


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
