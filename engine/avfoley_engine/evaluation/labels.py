"""`evaluate labels`: does what was asked for by name sound like it?

A small classifier (see `classifier`), trained on the recordings that the model was trained on too, names held-out
recordings: that is the *ceiling*. Then it names generated sounds. *templates*: asked for as in training. *phrasings*:
in words of which no template is made. *codec*: held-out recordings encoded and decoded, what the best generator could
reach.

A generated row's top-1 weighs every label the same, whether or not held-out recordings have it. The ceiling's labels
are those of the held-out recordings, and common ones weigh more; so there are two shares of it besides that compare
like with like: over those labels, each the same (*held_out_labels*, with the ceiling's macro average), and each as
often as it is held out (*held_out_mix*).

The Fréchet distances (Heusel et al. 2017; of sounds, Kilgour et al. 2019) are taken on the classifier's embedding, all
against the held-out recordings and with as many sounds of each label as those have. Few sounds make the distance
larger: only figures of one table compare.

The keys of the JSON::

    model, revision, steps, guidance_scale, seed    what was asked, and how
    sounds_per_label, seconds   sounds made for each label at least; their length, None where it
                                is typical of each label
    training_sounds, labels     recordings and labels that the classifier was trained on
    left_out                    labels of which there are only held-out recordings
    ceiling, codec              sounds, labels, top1, top1_macro, top5 of real sounds, and through the codec (None where there is none)
    templates, phrasings        sounds, labels, top1, top5 (all labels the same), top1_held_out_labels, top1_held_out_mix,
                                share_of_ceiling: {top1, held_out_labels, held_out_mix},
                                confusions: [{label, classified_as, sounds}], the most frequent
                                first; phrasings is None without --phrasings
    points_below_templates      100 (templates top1 - phrasings top1), over the labels of both
    frechet                     sounds (held out), dimensions, and {sounds, distance} of generated, real_training, codec (where there is
                                one), white_noise, pink_noise; a distance is None where a side has fewer than two sounds
    by_label                    for each: seconds, training, held_out (sounds), ceiling (top-1 or None),
                                templates, phrasings: {sounds, top1, top5, classified_as} or None
                                (classified_as: the most frequent class)
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from rich import progress as bars
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import MediaError, ModelError
from avfoley_engine.evaluation.classifier import Classifier, ClassifierConfig, Progress, trained
from avfoley_engine.evaluation.phrasings import load_phrasings
from avfoley_engine.models.interface import FoleyModel
from avfoley_engine.protocol import SAMPLE_RATE
from avfoley_engine.training.phrases import caption_of
from avfoley_engine.world.recordings import Sound, is_held_out, load_sounds

_SHORTEST_SECONDS, _LONGEST_SECONDS = 1.0, 5.0
_CONFUSIONS = 20
#: Sizes and training of the classifier.
CLASSIFIER = ClassifierConfig()
#: Seeds of one label's sounds follow each other; those of the next label begin so much further on.
_SEEDS_PER_LABEL = 1000

Waveform = NDArray[np.float32]


@dataclass(frozen=True)
class Recordings:
    """Real sounds of labels that have training sounds; `left_out` are the labels without."""

    training: list[Sound]
    held_out: list[Sound]
    left_out: list[str]

    @classmethod
    def of(cls, sounds: Sequence[Sound], folder: Path) -> Recordings:
        """Splits the sounds of a folder as training does. Raises `MediaError` where one side is empty."""
        training = [sound for sound in sounds if not is_held_out(sound.file)]
        known = {sound.label for sound in training}
        held_out = [sound for sound in sounds if is_held_out(sound.file) and sound.label in known]
        if not held_out:
            raise MediaError(f"{folder}: none of its files is held out of training (every tenth is); add more sounds.")
        return cls(training, held_out, sorted({sound.label for sound in sounds} - known))

    def seconds(self, label: str) -> float:
        """The median length of a label's training sounds, between 1 and 5, in half seconds."""
        median = np.median([len(sound.samples) for sound in self.training if sound.label == label]) / SAMPLE_RATE
        return round(2 * float(np.clip(median, _SHORTEST_SECONDS, _LONGEST_SECONDS))) / 2


@dataclass(frozen=True)
class Prompt:
    """One sound to be made."""

    label: str
    caption: str
    seconds: float
    seed: int


@dataclass(frozen=True)
class Sampling:
    """How the model is asked."""

    steps: int
    guidance_scale: float
    batch: int = 8


@dataclass(frozen=True)
class Classified:
    """Sounds as classified: the true label of each (sounds,), its ranking of labels (sounds, labels),
    and the embeddings.
    """

    truth: NDArray[np.int64]
    ranking: NDArray[np.int64]
    embeddings: NDArray[np.float32]

    @classmethod
    def of(cls, classifier: Classifier, names: Sequence[str], embeddings: NDArray[np.float32]) -> Classified:
        truth = np.array([classifier.labels.index(name) for name in names], np.int64)
        return cls(truth, classifier.ranking(embeddings), embeddings)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Sounds of each label."""
        return np.bincount(self.truth, minlength=self.ranking.shape[1])

    def right(self, top: int = 1) -> NDArray[np.bool_]:
        """Whether each sound's label is among the `top` first."""
        right: NDArray[np.bool_] = (self.ranking[:, :top] == self.truth[:, None]).any(axis=1)
        return right

    def rates(self, top: int = 1) -> NDArray[np.float64]:
        """The share of each label's sounds that is right; NaN for a label without sounds."""
        hits = np.bincount(self.truth, weights=self.right(top), minlength=self.ranking.shape[1])
        return np.where(self.counts > 0, hits / np.maximum(self.counts, 1), np.nan)


def frechet_distance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """The squared Fréchet distance of Gaussians fitted to two sets of embeddings (sounds, dimensions), two sounds at least.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The trace of the root is taken from (C1^(1/2) C2 C1^(1/2))^(1/2), which
    is symmetric: it stays real where there are fewer sounds than dimensions and C1 C2 is singular.
    """
    means = [np.mean(x, axis=0, dtype=np.float64) for x in (first, second)]
    covariances = [np.atleast_2d(np.cov(np.asarray(x, np.float64), rowvar=False)) for x in (first, second)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariances[1] @ root).clip(min=0)).sum()
    traces = np.trace(covariances[0]) + np.trace(covariances[1])
    return float(max(0.0, np.square(means[0] - means[1]).sum() + traces - 2 * cross))


def template_prompts(lengths: Mapping[str, float], counts: Mapping[str, int], seed: int) -> list[Prompt]:
    """Prompts from the training templates: `counts` sounds of each label, each of its length in seconds."""
    return [
        Prompt(label, caption_of(label, "", np.random.default_rng((seed, place, n))), seconds, _seed(seed, place, n))
        for place, (label, seconds) in enumerate(lengths.items())
        for n in range(counts[label])
    ]


def phrasing_prompts(lengths: Mapping[str, float], count: int, seed: int) -> list[Prompt]:
    """Prompts that no template has: `count` sounds per label, from the same noise as the templates'.

    Every phrasing comes once before any comes twice. A label without phrasings has no prompt.

    Raises:
        MediaError: no label has phrasings.
    """
    phrasings = load_phrasings()
    prompts = []
    for place, (label, seconds) in enumerate(lengths.items()):
        known = phrasings.get(label, [])
        order = np.random.default_rng((seed, place)).permutation(len(known))
        for n in range(count if known else 0):
            prompts.append(Prompt(label, known[order[n % len(known)]], seconds, _seed(seed, place, n)))
    if not prompts:
        raise MediaError("none of the sounds' labels has new phrasings; evaluate without --phrasings")
    return prompts


def generate(prompts: Sequence[Prompt], model: FoleyModel, sampling: Sampling) -> Iterator[tuple[int, Waveform]]:
    """Generates a sound for every prompt, those of one length together; yields the prompt's index and
    the waveform (samples,) at 48 kHz.

    Raises:
        ModelError: the model's samples are no numbers.
    """
    by_seconds: dict[float, list[int]] = {}
    for place, prompt in enumerate(prompts):
        by_seconds.setdefault(prompt.seconds, []).append(place)
    options: dict[str, Any] = {"steps": sampling.steps, "guidance_scale": sampling.guidance_scale}
    for seconds, places in by_seconds.items():
        samples = round(seconds * model.sample_rate)
        for start in range(0, len(places), sampling.batch):
            some = places[start : start + sampling.batch]
            captions, seeds = [prompts[n].caption for n in some], [prompts[n].seed for n in some]
            sounds: Iterable[torch.Tensor]
            if hasattr(model, "generate_batch"):
                sounds = model.generate_batch(None, samples, captions=captions, seeds=seeds, **options)
            else:
                sounds = (
                    model.generate(None, samples, caption=caption, seed=seed, **options)
                    for caption, seed in zip(captions, seeds, strict=True)
                )
            for place, sound in zip(some, sounds, strict=True):
                if not sound.isfinite().all():
                    raise ModelError(f"{model.name} made samples that are no numbers. Its weights are of no use.")
                yield place, torchaudio.functional.resample(sound.float().cpu(), model.sample_rate, SAMPLE_RATE).numpy()


@torch.no_grad()
def through_codec(codec: AudioCodec, waveform: Waveform) -> Waveform:
    """Encodes and decodes a waveform (samples,) at 48 kHz."""
    rate = codec.config.mel.sample_rate
    x = torchaudio.functional.resample(torch.from_numpy(waveform)[None], SAMPLE_RATE, rate)
    x = F.pad(x, (0, -x.shape[1] % codec.config.samples_per_latent)).to(codec.latent_mean.device)
    decoded = torchaudio.functional.resample(codec.decode(codec.encode(x)).cpu(), rate, SAMPLE_RATE)
    samples: Waveform = decoded[0, : len(waveform)].numpy()
    return samples


def noise(samples: int, rng: np.random.Generator, *, pink: bool) -> Waveform:
    """White noise (samples,), or pink: 3 dB less an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    if pink:
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        spectrum[0] = 0
    waveform = np.fft.irfft(spectrum, samples)
    scaled: Waveform = (0.5 * waveform / np.abs(waveform).max()).astype(np.float32)
    return scaled


def evaluate(
    recordings: Recordings,
    classifier: Classifier,
    model: FoleyModel,
    sampling: Sampling,
    *,
    count: int,
    seconds: float | None = None,
    phrasings: bool = False,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, Any]:
    """Makes at least `count` sounds of each label and has all named: the result as the module's docstring describes it."""
    held_out = [sound.label for sound in recordings.held_out]
    mix = Counter(held_out)
    rng = np.random.default_rng(seed)

    def classify(what: str, names: Sequence[str], waveforms: Iterable[tuple[int, Waveform]]) -> Classified:
        embeddings = np.zeros((len(names), classifier.width), np.float32)
        for done, (place, waveform) in enumerate(waveforms, 1):
            embeddings[place] = classifier.embed(waveform)
            progress(what, done, len(names))
        return Classified.of(classifier, names, embeddings)

    def made(what: str, prompts: Sequence[Prompt]) -> Classified:
        return classify(what, [prompt.label for prompt in prompts], generate(prompts, model, sampling))

    lengths = {label: seconds or recordings.seconds(label) for label in classifier.labels}
    counts = {label: max(count, mix[label]) for label in classifier.labels}
    real = classify("Held-out recordings", held_out, enumerate(map(_waveform, recordings.held_out)))
    templates = made("Templates", template_prompts(lengths, counts, seed))
    phrased = made("Phrasings", phrasing_prompts(lengths, count, seed)) if phrasings else None
    codec, coded = getattr(model, "codec", None), None
    if isinstance(codec, AudioCodec):
        decoded = (through_codec(codec, _waveform(sound)) for sound in recordings.held_out)
        coded = classify("Through the codec", held_out, enumerate(decoded))
    same = _of_each(recordings.training, mix, rng)
    training = classify("Training recordings", [sound.label for sound in same], enumerate(map(_waveform, same)))
    white, pink = (
        classify(what, held_out, enumerate(noise(len(s.samples), rng, pink=is_pink) for s in recordings.held_out))
        for what, is_pink in (("White noise", False), ("Pink noise", True))
    )
    embeddings = {
        "generated": templates.embeddings[_first(templates.truth, real.counts)],
        "real_training": training.embeddings,
        **({"codec": coded.embeddings} if coded else {}),
        "white_noise": white.embeddings,
        "pink_noise": pink.embeddings,
    }
    return {
        "model": model.name,
        "revision": model.revision,
        "steps": sampling.steps,
        "guidance_scale": sampling.guidance_scale,
        "seed": seed,
        "sounds_per_label": count,
        "seconds": seconds,
        "training_sounds": len(recordings.training),
        "labels": len(classifier.labels),
        "left_out": recordings.left_out,
        "ceiling": _real_row(real),
        "codec": _real_row(coded) if coded else None,
        "templates": _generated_row(templates, real, classifier.labels),
        "phrasings": _generated_row(phrased, real, classifier.labels) if phrased else None,
        "points_below_templates": _points_below(templates, phrased) if phrased else None,
        "frechet": {
            "sounds": len(held_out),
            "dimensions": real.embeddings.shape[1],
            **{
                name: {"sounds": len(some), "distance": _distance(some, real.embeddings)}
                for name, some in embeddings.items()
            },
        },
        "by_label": {
            label: {
                "seconds": lengths[label],
                "training": sum(sound.label == label for sound in recordings.training),
                "held_out": mix[label],
                "ceiling": _number(real.rates()[n]),
                "templates": _label(templates, n, classifier.labels),
                "phrasings": _label(phrased, n, classifier.labels) if phrased else None,
            }
            for n, label in enumerate(classifier.labels)
        },
    }


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `labels` to the evaluation's commands."""
    parser = commands.add_parser("labels", help="sounds made from words, named by a classifier", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sounds", type=Path, required=True, metavar="DIR", help="sound folder with an index.csv")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", default="avlink-nano", help="a registered model (default: %(default)s)")
    source.add_argument("--runs", type=Path, help="the model in a folder of training runs, before it is exported")
    parser.add_argument(
        "--clips-a-label", type=_positive, default=5, metavar="N", help="sounds made for each label (default: 5)"
    )
    parser.add_argument("--phrasings", action="store_true", help="ask in new words too, ten a label")
    parser.add_argument(
        "--seconds", type=_seconds, help="length of every sound (default: typical of its label, 1 to 5)"
    )
    parser.add_argument("--steps", type=_positive, help="solver steps (default: the model's)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the model's)")
    parser.add_argument("--seed", type=int, default=0, help="seed of sounds and captions (default: 0)")
    parser.add_argument("--device", help="cpu, cuda or mps, for the model (default: the best there is)")
    parser.add_argument("--batch", type=_positive, default=8, help="sounds made at once (default: 8)")
    parser.add_argument("--cache", type=Path, help="folder to keep decoded sounds and the classifier in")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `evaluate labels`; returns the exit status. Raises `AVFoleyError`."""
    import platformdirs

    from avfoley_engine.jobs.worker import best_device

    cache = arguments.cache or Path(platformdirs.user_cache_dir("avfoley", appauthor=False))
    model = _model(arguments, arguments.device or best_device())
    recordings = Recordings.of(load_sounds(arguments.sounds, cache), arguments.sounds)
    sampling = Sampling(
        steps=arguments.steps or model.default_steps,
        guidance_scale=model.default_guidance_scale if arguments.guidance is None else arguments.guidance,
        batch=arguments.batch,
    )
    terminal = Console(stderr=True)
    with bars.Progress(console=terminal, disable=not terminal.is_terminal) as shown:
        progress = _Bars(shown)
        classifier = trained(recordings.training, cache, config=CLASSIFIER, progress=progress)
        result = evaluate(
            recordings,
            classifier,
            model,
            sampling,
            count=arguments.clips_a_label,
            seconds=arguments.seconds,
            phrasings=arguments.phrasings,
            seed=arguments.seed,
            progress=progress,
        )
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(result, Console())
    return 0


class _Bars:
    """One progress bar for each thing that is done."""

    def __init__(self, shown: bars.Progress) -> None:
        self.shown, self.tasks = shown, dict[str, bars.TaskID]()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self.tasks:
            self.tasks[what] = self.shown.add_task(what, total=total)
        self.shown.update(self.tasks[what], completed=done)


def _model(arguments: argparse.Namespace, device: str) -> FoleyModel:
    if arguments.runs:
        from avfoley_engine.training.loading import model_of_runs

        return model_of_runs(arguments.runs, device)
    from avfoley_engine import zoo
    from avfoley_engine.models.avlink import system

    return system.load(zoo.entry(arguments.model), device)


def _waveform(sound: Sound) -> Waveform:
    return sound.samples.astype(np.float32) / np.float32(32768)


def _seed(seed: int, place: int, n: int) -> int:
    return seed + _SEEDS_PER_LABEL * place + n


def _of_each(sounds: Sequence[Sound], mix: Mapping[str, int], rng: np.random.Generator) -> list[Sound]:
    """As many sounds of each label as `mix` says, drawn without replacement; of a label with fewer, all."""
    chosen: list[Sound] = []
    for label, count in sorted(mix.items()):
        some = [sound for sound in sounds if sound.label == label]
        chosen += [some[n] for n in rng.permutation(len(some))[:count]]
    return chosen


def _first(truth: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of the first `counts` sounds of each label."""
    return np.concatenate([np.flatnonzero(truth == label)[:count] for label, count in enumerate(counts)])


def _real_row(classified: Classified) -> dict[str, Any]:
    return {
        "sounds": len(classified.truth),
        "labels": int((classified.counts > 0).sum()),
        "top1": float(classified.right().mean()),
        "top1_macro": float(np.nanmean(classified.rates())),
        "top5": float(classified.right(5).mean()),
    }


def _generated_row(classified: Classified, real: Classified, labels: Sequence[str]) -> dict[str, Any]:
    rates, counts = classified.rates(), real.counts
    both = (counts > 0) & (classified.counts > 0)
    ceiling = _real_row(real)
    top1 = float(np.nanmean(rates))
    over_held_out = float(rates[both].mean()) if both.any() else None
    in_mix = float(np.average(rates[both], weights=counts[both])) if both.any() else None
    wrong = ~classified.right()
    confusions = Counter(zip(classified.truth[wrong].tolist(), classified.ranking[wrong, 0].tolist(), strict=True))
    return {
        "sounds": len(classified.truth),
        "labels": int((classified.counts > 0).sum()),
        "top1": top1,
        "top5": float(np.nanmean(classified.rates(5))),
        "top1_held_out_labels": over_held_out,
        "top1_held_out_mix": in_mix,
        "share_of_ceiling": {
            "top1": _share(top1, ceiling["top1"]),
            "held_out_labels": _share(over_held_out, ceiling["top1_macro"]),
            "held_out_mix": _share(in_mix, ceiling["top1"]),
        },
        "confusions": [
            {"label": labels[truth], "classified_as": labels[other], "sounds": sounds}
            for (truth, other), sounds in confusions.most_common(_CONFUSIONS)
        ],
    }


def _points_below(templates: Classified, phrasings: Classified) -> float | None:
    both = (templates.counts > 0) & (phrasings.counts > 0)
    return float(100 * (templates.rates()[both] - phrasings.rates()[both]).mean()) if both.any() else None


def _label(classified: Classified, label: int, labels: Sequence[str]) -> dict[str, Any] | None:
    """How one label fares."""
    if not (count := int(classified.counts[label])):
        return None
    named = Counter(classified.ranking[classified.truth == label, 0].tolist())
    return {
        "sounds": count,
        "top1": float(classified.rates()[label]),
        "top5": float(classified.rates(5)[label]),
        "classified_as": labels[named.most_common(1)[0][0]],
    }


def _share(value: float | None, ceiling: float) -> float | None:
    return None if value is None or not ceiling else value / ceiling


def _distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> float | None:
    return frechet_distance(first, second) if min(len(first), len(second)) > 1 else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _seconds(text: str) -> float:
    if not 0 < (seconds := float(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not the length of a sound")
    return seconds


def _print(result: Mapping[str, Any], console: Console) -> None:
    console.print(_rows(result))
    table = Table(title="Fréchet distance from the held-out recordings, on the classifier's embedding")
    table.add_column("")
    for heading in ("sounds", "distance"):
        table.add_column(heading, justify="right")
    for name, row in result["frechet"].items():
        if isinstance(row, dict):
            table.add_row(name.replace("_", " "), str(row["sounds"]), _figure(row["distance"]))
    console.print(table)
    console.print(_labels(result))
    table = Table(title="Most frequent confusions")
    for heading in ("prompts", "label", "classified as", "sounds"):
        table.add_column(heading, justify="right" if heading == "sounds" else "left")
    for name in ("templates", "phrasings"):
        for confusion in (result[name] or {"confusions": []})["confusions"]:
            table.add_row(name, confusion["label"], confusion["classified_as"], str(confusion["sounds"]))
    console.print(table)
    if result["left_out"]:
        console.print(f"left out, without training sounds: {', '.join(result['left_out'])}", highlight=False)


def _rows(result: Mapping[str, Any]) -> Table:
    table = Table(
        title=f"{result['model']}: {result['labels']} labels, {result['steps']} steps, guidance {result['guidance_scale']:g}"
    )
    table.add_column("", no_wrap=True)
    for heading in ("sounds", "labels", "top-1", "top-5", "held-out labels", "held-out mix", "share of ceiling"):
        table.add_column(heading, justify="right")
    for name in ("ceiling", "codec", "templates", "phrasings"):
        row = result[name]
        if row is None:
            continue
        if name in ("ceiling", "codec"):
            figures = (
                row["top1"],
                row["top5"],
                row["top1_macro"],
                row["top1"],
                row["top1"] / result["ceiling"]["top1"],
            )
        else:
            shares = row["share_of_ceiling"]
            figures = (row["top1"], row["top5"], row["top1_held_out_labels"], row["top1_held_out_mix"], shares["top1"])
        table.add_row(name, str(row["sounds"]), str(row["labels"]), *(_percent(figure) for figure in figures))
    if result["points_below_templates"] is not None:
        table.caption = f"phrasings are {result['points_below_templates']:.1f} points below the templates"
    return table


def _labels(result: Mapping[str, Any]) -> Table:
    rows = [name for name in ("templates", "phrasings") if result[name]]
    table = Table(title="By label")
    table.add_column("label", no_wrap=True)
    for heading in ("seconds", "training", "held out", "ceiling"):
        table.add_column(heading, justify="right")
    for name in rows:
        table.add_column(name, justify="right")
        table.add_column("top-5", justify="right")
        table.add_column("mostly classified as")
    for label, row in result["by_label"].items():
        cells = [label, f"{row['seconds']:g}", str(row["training"]), str(row["held_out"]), _percent(row["ceiling"])]
        for name in rows:
            made = row[name] or {"top1": None, "top5": None, "classified_as": ""}
            cells += [_percent(made["top1"]), _percent(made["top5"]), made["classified_as"]]
        table.add_row(*cells)
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
