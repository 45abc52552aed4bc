"""`evaluate sync`: do the sound's onsets fall on the picture's events?

With `--direction a2v`: does the picture move where the sound has its events? With `--events`: does
the model see the events, before it makes any sound? *matched* then are the events that it spots; what
it misses there, no sound can have.

Five rows. *matched*: the model's sound against the events of its own clip. *shuffled*: against
another clip's events, the mean over several fixed rotations of the set, which is what a sound
unrelated to the picture reaches. *frame_difference*: peaks of the frame difference instead of
onsets; *flow_impact*: moments at which something in the picture stops or turns back, by optical
flow. *real_sound*: the clip's own sound, the upper bound that the onset detector allows. On real
videos the reference is the onsets detected in their own sound; the row then says how far
CondFoleyGen's detector and ours agree.

From sound to picture, *matched* and *shuffled* compare the peaks of the generated picture's frame
difference with the events of the sound it was generated for, or of another. The other rows stay
what they are, and become the bounds: *frame_difference* is what that detector finds in the real
picture, *real_sound* what the sound itself allows.

Precision, recall and F1 are micro-averaged: counts are summed over the clips that have events, so
that every event weighs the same. Onset accuracy is CondFoleyGen's mean over those clips. Clips
without events give the number of false onsets.

*per_clip* and *sources* have the same rows for each clip and each source of clips (a folder, or what
the column `source` of its index.csv says); *source_average* weighs every source the same.
*interval_90* is the bootstrap 90 % interval over clips of each row's F1 (+-80 ms), and of *gap*,
matched less shuffled.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any, TypeVar, cast

import numpy as np
import torch
from rich.console import RenderableType

from avfoley_engine.errors import ModelError
from avfoley_engine.evaluation import condfoleygen, flow_impact, motion, options
from avfoley_engine.evaluation.clips import STYLES, Clip, Reference, video_clips, world_clips
from avfoley_engine.evaluation.generated import Sampling, pictures, sounds
from avfoley_engine.evaluation.matching import Counts, count, onset_accuracy
from avfoley_engine.extras import require
from avfoley_engine.media import events, onsets
from avfoley_engine.models.avlink.config import DIRECTIONS, Direction
from avfoley_engine.models.interface import EventModel, FoleyModel, VideoModel
from avfoley_engine.protocol import SAMPLE_RATE

ROWS = ("matched", "shuffled", "frame_difference", "flow_impact", "real_sound")
#: The rows whose onsets are detected; *shuffled* compares *matched*'s with other clips' events.
DETECTED = ("matched", "frame_difference", "flow_impact", "real_sound")
FIGURES = ("f1_80", "f1_40", "precision_80", "recall_80", "onset_accuracy")
_ROTATIONS = 8
_RESAMPLES = 2000
_NOTHING = Counts()

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
    def of_peaks(cls, times: np.ndarray, heights: np.ndarray) -> Onsets:
        """The peaks that a detector finds in a picture."""
        return cls(times, *condfoleygen.suppressed(times, heights))

    def until(self, end: float) -> Onsets:
        early = self.condfoleygen < end
        return Onsets(self.onsets[self.onsets < end], self.condfoleygen[early], self.strengths[early])


@dataclass(frozen=True)
class Trial:
    """One clip's reference events, and the onsets predicted for it, by row."""

    name: str
    family: str
    source: str
    duration: float
    reference: Reference
    predictions: Mapping[str, Onsets]


@dataclass(frozen=True)
class Tally:
    """What one prediction hits of one reference; nothing where the reference has no events."""

    at_80: Counts = _NOTHING
    at_40: Counts = _NOTHING
    accuracy: float | None = None

    @classmethod
    def of(cls, reference: Reference, predicted: Onsets) -> Tally:
        at_80 = at_40 = _NOTHING
        accuracy = None
        if len(reference.events):
            at_80, at_40 = (
                count(reference.events, predicted.onsets, window, reference.optional) for window in (0.08, 0.04)
            )
        if len(reference.condfoleygen):
            accuracy = onset_accuracy(reference.condfoleygen, predicted.condfoleygen, predicted.strengths)
        return cls(at_80, at_40, accuracy)


#: A row's tallies by rotation of the set and clip; a row that is not shuffled has one rotation.
Tallies = Sequence[Sequence[Tally]]


def evaluate(
    clips: Iterable[Clip],
    model: FoleyModel | VideoModel | EventModel,
    sampling: Sampling,
    direction: Direction = "v2a",
) -> Iterator[Trial]:
    """Generates a sound or picture for every clip and detects onsets; yields trials in order.

    An `EventModel` generates nothing, and its events are the onsets.
    """
    number = 0
    for group in batches(clips, sampling.batch):
        predicted = [onsets_of_model for onsets_of_model, _ in generated(group, model, sampling, number, direction)]
        number += len(group)
        for clip, onsets_of_model in zip(group, predicted, strict=True):
            predictions = {
                "matched": onsets_of_model,
                "frame_difference": _of_picture(clip, motion),
                "flow_impact": _of_picture(clip, flow_impact),
                "real_sound": Onsets.of(clip.sound, SAMPLE_RATE),
            }
            yield Trial(clip.name, clip.family, clip.source, clip.duration, clip.reference, predictions)


def generated(
    group: Sequence[Clip],
    model: FoleyModel | VideoModel | EventModel,
    sampling: Sampling,
    first: int,
    direction: Direction = "v2a",
) -> list[tuple[Onsets, torch.Tensor | None]]:
    """What a model makes for clips, the first of which has this number: its onsets, and the sound
    (samples,) or picture (T, H, W, 3) itself, None of events alone.
    """
    if isinstance(model, EventModel):
        return [(_spotted(clip, model), None) for clip in group]
    if direction == "v2a":
        foley = cast(FoleyModel, model)
        made = sounds(group, foley, sampling, first)
        return [(Onsets.of(sound.float().numpy(), foley.sample_rate), sound) for sound in made]
    video = cast(VideoModel, model)
    made = pictures(group, video, sampling, first)
    rate = float(video.frame_rate)
    return [(Onsets.of_peaks(*motion.detect(frames.numpy(), rate)), frames) for frames in made]


def check_installed() -> None:
    """Raises `ModelError` where a detector or the matching is not installed."""
    for module in ("librosa", "mir_eval.util"):
        require(module, "evaluate")


def report(trials: Sequence[Trial], reference_is_sound: bool = False) -> dict[str, Any]:
    """The rows of figures: of all clips, of each, of each source, and of each family.

    `reference_is_sound` where the events are the onsets detected in the clip's own sound: its row
    then scores one detector by the other. Families are left out where there is only one.
    """
    if reference_is_sound:
        trials = [_with_detectors_exchanged(trial) for trial in trials]
    rows: dict[str, Tallies] = {row: [[Tally.of(t.reference, t.predictions[row]) for t in trials]] for row in DETECTED}
    rows |= {f"{row}_shuffled": shuffled(trials, row) for row in DETECTED[:-1]}
    rows["shuffled"] = rows.pop("matched_shuffled")
    quiet = [trial for trial in trials if not len(trial.reference.events) and not len(trial.reference.optional)]

    def group(members: Sequence[int]) -> dict[str, Any]:
        events = sum(len(trials[n].reference.events) for n in members)
        return {"clips": len(members), "events": events, **{row: score(rows[row], members) for row in ROWS}}

    def groups(names: Sequence[str]) -> dict[str, Any]:
        return {name: group([n for n, other in enumerate(names) if other == name]) for name in sorted(set(names))}

    sources = groups([trial.source for trial in trials])
    families = groups([trial.family for trial in trials])
    return {
        **{row: score(tallies, range(len(trials))) for row, tallies in rows.items()},
        "silent_clips": len(quiet),
        "silent_false_onsets": {row: _mean([len(t.predictions[row].onsets) for t in quiet]) for row in DETECTED},
        "interval_90": intervals(rows),
        "per_clip": [{"name": t.name, "source": t.source, **group([n])} for n, t in enumerate(trials)],
        "sources": sources,
        "source_average": {row: _average([figures[row] for figures in sources.values()]) for row in ROWS},
        **({"families": families} if len(families) > 1 else {}),
    }


def score(tallies: Tallies, members: Iterable[int]) -> Scores:
    """The figures of one row over some clips; None where none of them has events."""
    members = list(members)
    return _average([_figures([rotation[n] for n in members]) for rotation in tallies])


def shuffled(trials: Sequence[Trial], row: str) -> Tallies:
    """Tallies of other clips' onsets against each clip's events.

    Up to 8 rotations, spread evenly, of the clips that have events. A pair of unequal length is
    compared over the shorter.
    """
    having = [n for n, trial in enumerate(trials) if len(trial.reference.events)]
    rotations = min(_ROTATIONS, len(having) - 1)
    table = []
    for rotation in range(rotations):
        shift = 1 + rotation * (len(having) - 1) // rotations
        tallies = [Tally()] * len(trials)
        for own, other in zip(having, having[shift:] + having[:shift], strict=True):
            end = min(trials[own].duration, trials[other].duration)
            tallies[own] = Tally.of(trials[own].reference.until(end), trials[other].predictions[row].until(end))
        table.append(tallies)
    return table


def intervals(rows: Mapping[str, Tallies]) -> dict[str, list[float] | None]:
    """Bootstrap 90 % intervals over clips of each row's F1 (+-80 ms) and of the gap.

    Every row draws the same clips. None where there are fewer than two clips with events.
    """
    clips = [n for n, tally in enumerate(rows["matched"][0]) if tally.at_80.reference]
    if len(clips) < 2:
        return dict.fromkeys((*ROWS, "gap"))
    drawn = np.random.default_rng(0).choice(clips, (_RESAMPLES, len(clips)))
    f1 = {}
    for row in ROWS:
        counts = np.array([[astuple(tally.at_80) for tally in rotation] for rotation in rows[row]])
        reference, estimated, matched = np.moveaxis(counts[:, drawn].sum(axis=2), -1, 0)
        f1[row] = (2 * matched / np.maximum(reference + estimated, 1)).mean(axis=0)
    f1["gap"] = f1["matched"] - f1["shuffled"]
    return {row: np.percentile(values, (5, 95)).tolist() for row, values in f1.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate sync`."""
    options.add_model(parser)
    parser.add_argument(
        "--direction",
        choices=DIRECTIONS,
        default="v2a",
        help="sound for the picture, or picture for the sound (default: v2a)",
    )
    parser.add_argument(
        "--events", action="store_true", help="the events that the model sees, without making a sound: much faster"
    )
    options.add_clips(parser, 256)
    parser.add_argument(
        "--style", choices=STYLES, default="footage", help="the world's clips: drawn, or simulated (physics)"
    )
    parser.add_argument("--no-captions", action="store_true", help="give the model no captions")
    options.add_sampling(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate sync`. Raises `AVFoleyError`."""
    from avfoley_engine.models import registry

    check_installed()
    if arguments.events and arguments.direction != "v2a":
        raise ModelError("--events are seen in a picture: leave --direction a2v out")
    chosen = video_clips(arguments.videos) if arguments.videos else world_clips(arguments.clips, arguments.style)
    videos = chosen.name == "videos"
    task = "spot" if arguments.events else "foley" if arguments.direction == "v2a" else "visualize"
    model = cast(
        "FoleyModel | VideoModel | EventModel", registry.load(arguments.model, task, options.device(arguments))
    )
    # Every real video has a length of its own.
    batch = 1 if videos else arguments.batch
    # Nothing is sampled where events are only seen.
    sampling = (
        Sampling(0, 1.0, captions=False)
        if isinstance(model, EventModel)
        else options.sampling(arguments, model, captions=not arguments.no_captions, batch=batch)
    )
    made = evaluate(chosen.clips, model, sampling, arguments.direction)
    trials = list(options.tracked(made, "Evaluating", chosen.count))
    return {
        "direction": arguments.direction,
        "task": task,
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
    how = "events alone" if result["task"] == "spot" else f"{result['direction']}, {result['steps']} steps"
    model = f"{result['model']} ({how})"
    table = options.table(
        f"{model} on {result['clips']} clips ({result['set']}), {result['events']} events",
        [""],
        [
            "F1 ±80 ms",
            "F1 ±40 ms",
            "precision ±80",
            "recall ±80",
            "onset accuracy",
            "onsets per quiet clip",
            "90 % interval of F1 ±80",
        ],
    )
    for row in ROWS:
        figures = [*(result[row][name] for name in FIGURES), result["silent_false_onsets"].get(row)]
        interval = _interval(result["interval_90"][row])
        table.add_row(row.replace("_", " "), *map(options.figure, figures), interval)
    table.caption = f"90 % interval of matched less shuffled: {_interval(result['interval_90']['gap'])}"
    yield table
    if result["set"] == "videos":
        per_clip = [(clip["name"], clip) for clip in result["per_clip"]]
        yield _f1_table("clip", per_clip)
        average = {"clips": result["clips"], "events": result["events"], **result["source_average"]}
        yield _f1_table("source", [*result["sources"].items(), ("average over sources", average)])
    elif families := result.get("families"):
        yield _f1_table("family", families.items())
    yield from options.left_out(result)


def _f1_table(what: str, groups: Iterable[tuple[str, Mapping[str, Any]]]) -> RenderableType:
    headings = ["clips", "events", *(row.replace("_", " ") for row in ROWS)]
    table = options.table(f"F1 ±80 ms by {what}", [what], headings)
    for name, group in groups:
        figures = (options.figure(group[row]["f1_80"]) for row in ROWS)
        table.add_row(name, str(group["clips"]), str(group["events"]), *figures)
    return table


def _interval(bounds: Sequence[float] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _spotted(clip: Clip, model: EventModel) -> Onsets:
    frames = torch.from_numpy(clip.frames(model.frame_rate, model.frame_size))
    probabilities = model.event_probabilities(frames).numpy()
    spotted = events.peaks(probabilities, model.default_threshold, model.frame_rate)
    return Onsets.of_peaks((spotted + 0.5) / float(model.frame_rate), probabilities[spotted])


def _of_picture(clip: Clip, detector: Any) -> Onsets:
    frames = clip.frames(Fraction(detector.FRAME_RATE), detector.FRAME_SIZE)
    return Onsets.of_peaks(*detector.detect(frames))


def _figures(tallies: Sequence[Tally]) -> Scores:
    at_80, at_40 = (sum(counts, _NOTHING) for counts in ([t.at_80 for t in tallies], [t.at_40 for t in tallies]))
    if not at_80.reference:
        return dict.fromkeys(FIGURES)
    figures = (at_80.f1, at_40.f1, at_80.precision, at_80.recall, _mean([tally.accuracy for tally in tallies]))
    return dict(zip(FIGURES, figures, strict=True))


def _average(scores: Sequence[Scores]) -> Scores:
    return {figure: _mean([one[figure] for one in scores]) for figure in FIGURES}


def _with_detectors_exchanged(trial: Trial) -> Trial:
    """The trial with the two detectors' onsets of the real sound exchanged."""
    real = trial.predictions["real_sound"]
    exchanged = Onsets(real.condfoleygen, *condfoleygen.suppressed(real.onsets, np.ones(len(real.onsets))))
    return replace(trial, predictions={**trial.predictions, "real_sound": exchanged})


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
