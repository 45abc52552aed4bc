"""`evaluate labels`: is a sound that was asked for by name recognised as such?

A small classifier (see `classifier`), trained on the model's own training recordings, labels
held-out ones: that is the *ceiling*. Then it labels generated sounds. *templates*: captions as in
training. *phrasings*: captions that no template makes. *codec*: held-out recordings encoded and
decoded, which bounds every generator.

A generated row's top-1 weighs all labels the same. The ceiling has the labels of the held-out
recordings, and common ones weigh more. Two more shares of it compare like with like: over those
labels, each the same (*held_out_labels*, with the ceiling's macro average), and each as often as it
is held out (*held_out_mix*).

The Fréchet distances (Heusel et al. 2017; of sounds, Kilgour et al. 2019) are on the classifier's
embedding, against the held-out recordings and with as many sounds of each label as those have. Few
sounds make the distance larger: only figures of one table compare.

Keys of the JSON that need a word::

    sounds_a_label, seconds     least sounds per label; their length, None where it is typical
    left_out                    labels that have only held-out recordings
    top1, top1_macro, top5      accuracies: by sound for the ceiling and the codec, by label (all
                                weigh the same) for generated sounds
    points_below_templates      100 (templates top1 - phrasings top1), over the labels of both
    frechet                     a distance is None where a side has fewer than two sounds
    by_label                    ceiling: top-1 or None; heard_as: the most frequent prediction
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
import torchaudio
from numpy.typing import NDArray
from rich.console import RenderableType
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import MediaError, ModelError
from avfoley_engine.evaluation import generated, options
from avfoley_engine.evaluation.classifier import Classifier, ClassifierConfig, trained
from avfoley_engine.evaluation.generated import Sampling
from avfoley_engine.evaluation.phrasings import load_phrasings
from avfoley_engine.evaluation.predictions import (
    Predictions,
    frechet_distance,
    generated_row,
    label_row,
    points_below,
    real_row,
)
from avfoley_engine.models.interface import FoleyModel
from avfoley_engine.protocol import SAMPLE_RATE
from avfoley_engine.training.phrases import caption_of
from avfoley_engine.world.recordings import Sound, is_held_out, load_sounds

_SHORTEST_SECONDS, _LONGEST_SECONDS = 1.0, 5.0
#: Sizes and training of the classifier.
CLASSIFIER = ClassifierConfig()
#: Seeds of one label's sounds are consecutive; those of the next label start this much higher.
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
        """Splits the sounds of a folder as training does. Raises MediaError if none is held out."""
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
class Request:
    """One sound to generate."""

    label: str
    caption: str
    seconds: float
    seed: int


def template_requests(lengths: Mapping[str, float], counts: Mapping[str, int], seed: int) -> list[Request]:
    """`counts` sounds of each label, of its length in seconds, with training's own captions."""
    return [
        Request(label, caption_of(label, "", np.random.default_rng((seed, place, n))), seconds, _seed(seed, place, n))
        for place, (label, seconds) in enumerate(lengths.items())
        for n in range(counts[label])
    ]


def phrasing_requests(lengths: Mapping[str, float], count: int, seed: int) -> list[Request]:
    """`count` sounds per label with captions that no template makes, from the templates' noise.

    Every phrasing comes once before any comes twice. A label without phrasings gets no request.
    Raises MediaError if no label has any.
    """
    phrasings = load_phrasings()
    requests = []
    for place, (label, seconds) in enumerate(lengths.items()):
        known = phrasings.get(label, [])
        order = np.random.default_rng((seed, place)).permutation(len(known))
        for n in range(count if known else 0):
            requests.append(Request(label, known[order[n % len(known)]], seconds, _seed(seed, place, n)))
    if not requests:
        raise MediaError("none of the sounds' labels has new phrasings; evaluate without --phrasings")
    return requests


def generate(requests: Sequence[Request], model: FoleyModel, sampling: Sampling) -> Iterator[tuple[int, Waveform]]:
    """Yields each sound's place in `requests` and waveform (samples,) at 48 kHz, by length.

    Raises ModelError where the model's samples are not finite.
    """
    by_seconds: dict[float, list[int]] = {}
    for place, request in enumerate(requests):
        by_seconds.setdefault(request.seconds, []).append(place)
    for seconds, places in by_seconds.items():
        samples = round(seconds * model.sample_rate)
        for start in range(0, len(places), sampling.batch):
            some = places[start : start + sampling.batch]
            captions, seeds = [requests[n].caption for n in some], [requests[n].seed for n in some]
            lengths = [samples] * len(some)
            sounds = generated.generate(model, [None] * len(some), lengths, captions, seeds, sampling)
            for place, sound in zip(some, sounds, strict=True):
                if not sound.isfinite().all():
                    raise ModelError(f"{model.name} made samples that are not finite. Its weights are unusable.")
                yield place, torchaudio.functional.resample(sound.float(), model.sample_rate, SAMPLE_RATE).numpy()


@torch.no_grad()
def through_codec(codec: AudioCodec, waveform: Waveform) -> Waveform:
    """Encodes and decodes a waveform (samples,) at 48 kHz."""
    rate = codec.config.mel.sample_rate
    x = torchaudio.functional.resample(torch.from_numpy(waveform)[None], SAMPLE_RATE, rate)
    x = F.pad(x, (0, -x.shape[1] % codec.config.samples_per_latent)).to(codec.latent_mean.device)
    decoded = torchaudio.functional.resample(codec.decode(codec.encode(x)).cpu(), rate, SAMPLE_RATE)
    return decoded[0, : len(waveform)].numpy()


def noise(samples: int, rng: np.random.Generator, *, pink: bool) -> Waveform:
    """White noise (samples,), or pink: 3 dB less per octave."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    if pink:
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        spectrum[0] = 0
    waveform = np.fft.irfft(spectrum, samples)
    return (0.5 * waveform / np.abs(waveform).max()).astype(np.float32)


def evaluate(
    recordings: Recordings,
    classifier: Classifier,
    model: FoleyModel,
    sampling: Sampling,
    *,
    count: int,
    seconds: float | None = None,
    phrasings: bool = False,
) -> dict[str, Any]:
    """Generates at least `count` sounds per label and classifies all: the result of the command."""
    held_out, labels, seed = [sound.label for sound in recordings.held_out], classifier.labels, sampling.seed
    mix = Counter(held_out)
    rng = np.random.default_rng(seed)

    def classify(what: str, names: Sequence[str], waveforms: Iterable[tuple[int, Waveform]]) -> Predictions:
        embeddings = np.zeros((len(names), classifier.width), np.float32)
        for place, waveform in options.tracked(waveforms, what, len(names)):
            embeddings[place] = classifier.embed(waveform)
        return Predictions.of(classifier, names, embeddings)

    def made(what: str, requests: Sequence[Request]) -> Predictions:
        return classify(what, [request.label for request in requests], generate(requests, model, sampling))

    lengths = {label: seconds or recordings.seconds(label) for label in labels}
    counts = {label: max(count, mix[label]) for label in labels}
    real = classify("Held-out recordings", held_out, enumerate(map(_waveform, recordings.held_out)))
    templates = made("Templates", template_requests(lengths, counts, seed))
    phrased = made("Phrasings", phrasing_requests(lengths, count, seed)) if phrasings else None
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
        "generated": templates.first(real.counts),
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
        "sounds_a_label": count,
        "seconds": seconds,
        "training_sounds": len(recordings.training),
        "labels": len(labels),
        "left_out": recordings.left_out,
        "ceiling": real_row(real),
        "codec": real_row(coded) if coded else None,
        "templates": generated_row(templates, real, labels),
        "phrasings": generated_row(phrased, real, labels) if phrased else None,
        "points_below_templates": points_below(templates, phrased) if phrased else None,
        "frechet": {
            "sounds": len(held_out),
            "dimensions": real.embeddings.shape[1],
            **{
                name: {"sounds": len(some), "distance": frechet_distance(some, real.embeddings)}
                for name, some in embeddings.items()
            },
        },
        "by_label": {
            label: {
                "seconds": lengths[label],
                "training": sum(sound.label == label for sound in recordings.training),
                "held_out": mix[label],
                "ceiling": float(real.rates()[n]) if mix[label] else None,
                "templates": label_row(templates, n, labels),
                "phrasings": label_row(phrased, n, labels) if phrased else None,
            }
            for n, label in enumerate(labels)
        },
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate labels`."""
    parser.add_argument("--sounds", type=Path, required=True, metavar="DIR", help="sound folder with an index.csv")
    options.add_model(parser, runs="the model")
    parser.add_argument(
        *("--clips-per-label", "--clips-a-label"),
        type=options.positive,
        default=5,
        metavar="N",
        help="sounds to generate per label (default: 5)",
    )
    parser.add_argument("--phrasings", action="store_true", help="use new captions too, ten per label")
    what = "length of every sound (default: typical of its label, 1 to 5)"
    parser.add_argument("--seconds", type=_seconds, help=what)
    options.add_sampling(parser)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keeps decoded sounds and the classifier")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate labels`. Raises `AVFoleyError`."""
    cache = arguments.cache or Path(platformdirs.user_cache_dir("avfoley", appauthor=False))
    model = _model(arguments)
    recordings = Recordings.of(load_sounds(arguments.sounds, cache), arguments.sounds)
    return evaluate(
        recordings,
        trained(recordings.training, cache, config=CLASSIFIER),
        model,
        options.sampling(arguments, model),
        count=arguments.clips_per_label,
        seconds=arguments.seconds,
        phrasings=arguments.phrasings,
    )


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as tables."""
    table = options.table(
        f"{result['model']}: {result['labels']} labels, {result['steps']} steps, guidance {result['guidance_scale']:g}",
        [""],
        ["sounds", "labels", "top-1", "top-5", "held-out labels", "held-out mix", "share of ceiling"],
    )
    if result["points_below_templates"] is not None:
        table.caption = f"phrasings are {result['points_below_templates']:.1f} points below the templates"
    for name in ("ceiling", "codec", "templates", "phrasings"):
        if (row := result[name]) is None:
            continue
        if "share_of_ceiling" in row:
            shares = (row["top1_held_out_labels"], row["top1_held_out_mix"], row["share_of_ceiling"]["top1"])
        else:
            shares = (row["top1_macro"], row["top1"], row["top1"] / result["ceiling"]["top1"])
        table.add_row(name, str(row["sounds"]), str(row["labels"]), *map(_percent, (row["top1"], row["top5"], *shares)))
    yield table
    title = "Fréchet distance from the held-out recordings, on the classifier's embedding"
    table = options.table(title, [""], ["sounds", "distance"])
    for name, row in result["frechet"].items():
        if isinstance(row, dict):
            table.add_row(name.replace("_", " "), str(row["sounds"]), options.figure(row["distance"], ".1f"))
    yield table
    captions = [name for name in ("templates", "phrasings") if result[name]]
    table = options.table("By label", ["label"], ["seconds", "training", "held out", "ceiling"])
    for name in captions:
        table.add_column(name, justify="right")
        table.add_column("top-5", justify="right")
        table.add_column("mostly predicted as")
    for label, row in result["by_label"].items():
        cells = [label, f"{row['seconds']:g}", str(row["training"]), str(row["held_out"]), _percent(row["ceiling"])]
        for name in captions:
            made = row[name] or {"top1": None, "top5": None, "heard_as": ""}
            cells += [_percent(made["top1"]), _percent(made["top5"]), made["heard_as"]]
        table.add_row(*cells)
    yield table
    table = options.table("Most frequent confusions", ["captions", "label", "predicted as"], ["sounds"])
    for name in captions:
        for confusion in result[name]["confusions"]:
            table.add_row(name, confusion["label"], confusion["heard_as"], str(confusion["sounds"]))
    yield table
    if result["left_out"]:
        yield f"left out, without training sounds: {', '.join(result['left_out'])}"


def _model(arguments: argparse.Namespace) -> FoleyModel:
    if arguments.runs:
        from avfoley_engine.training.loading import model_of_runs

        return model_of_runs(arguments.runs, options.device(arguments))
    from avfoley_engine.models import registry

    return registry.load(arguments.model, "foley", options.device(arguments))


def _waveform(sound: Sound) -> Waveform:
    return sound.samples.astype(np.float32) / np.float32(32768)


def _seed(seed: int, place: int, n: int) -> int:
    return seed + _SEEDS_PER_LABEL * place + n


def _of_each(sounds: Sequence[Sound], mix: Mapping[str, int], rng: np.random.Generator) -> list[Sound]:
    """As many sounds of each label as `mix` says, drawn without replacement, as far as they go."""
    chosen: list[Sound] = []
    for label, count in sorted(mix.items()):
        some = [sound for sound in sounds if sound.label == label]
        chosen += [some[n] for n in rng.permutation(len(some))[:count]]
    return chosen


def _seconds(text: str) -> float:
    if not 0 < (seconds := float(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not the length of a sound")
    return seconds


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
