"""A small classifier of sounds by label, and the space in which Fréchet distances are taken.

Its input is what every recording has: log-mel up to 11 kHz, because the band limits of lossy files
start at 16 kHz; relative to the sound's own peak, so that level does not count; and no deeper than
70 dB, so that a recording's noise floor counts little. It is trained on recordings alone. It must
tolerate the small flaws of a vocoder: equalisation, cut treble and noise are in its augmentation,
but never the project's own codec, to which a classifier trained on it would be blind.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from avfoley_engine.codec.mel import LogMel, MelConfig
from avfoley_engine.errors import MediaError
from avfoley_engine.evaluation.options import tracked
from avfoley_engine.protocol import SAMPLE_RATE
from avfoley_engine.world.recordings import Sound

#: 64 bands up to 11 kHz, a frame every 20 ms, plain natural logarithms.
FRONT_END = MelConfig(
    sample_rate=SAMPLE_RATE,
    n_fft=2048,
    window=1440,
    hop=960,
    bands=64,
    f_min=40.0,
    f_max=11_000.0,
    floor=1e-10,
    mean=0.0,
    std=1.0,
)
#: Frames of a window: two seconds.
WINDOW = 100
_NEPER = math.log(10) / 20
#: Levels reach from the sound's peak down to `_RANGE`; the ends below `_TRIM` are trimmed, and
#: windows below `_QUIET` are not used.
_RANGE, _TRIM, _QUIET = 70 * _NEPER, 50 * _NEPER, 30 * _NEPER
_SECONDS_AT_ONCE = 60
_WARM_UP = 100


@dataclass(frozen=True)
class ClassifierConfig:
    """Sizes of the network, and its training: AdamW, a warm-up and a cosine down to zero."""

    widths: tuple[int, ...] = (24, 48, 96, 192)
    embedding: int = 128
    dropout: float = 0.3
    steps: int = 1300
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    ema_decay: float = 0.995
    label_smoothing: float = 0.05
    mixup: float = 0.3


class _Block(nn.Module):
    """Two 3x3 convolutions with a skip, halving time and frequency."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(wider)
        self.second = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(wider)
        self.skip = nn.Conv2d(width, wider, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, bands, frames) -> (B, wider, bands / 2, frames / 2)."""
        y = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        return F.relu(y + self.skip(F.avg_pool2d(x, 2, ceil_mode=True)))


class Network(nn.Module):
    """Residual convolutions over a log-mel window, mean and maximum, an embedding, the labels."""

    def __init__(self, config: ClassifierConfig, labels: int) -> None:
        super().__init__()
        first, *wider = config.widths
        self.stem = nn.Conv2d(1, first, 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(first)
        self.blocks = nn.Sequential(*(_Block(a, b) for a, b in zip(config.widths, wider, strict=False)))
        self.embed = nn.Linear(2 * config.widths[-1], config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.embedding, labels)

    def embedding(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames), levels of -1 (quietest) to 0 (peak) -> (B, embedding)."""
        x = (2 * mel + 1)[:, None].contiguous(memory_format=torch.channels_last)
        x = self.blocks(F.relu(self.stem_norm(self.stem(x))))
        return self.embed(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames) -> logits (B, labels)."""
        return self.head(self.dropout(self.embedding(mel)))


class Classifier:
    """A trained network with its labels: waveforms in, names and embeddings out."""

    def __init__(self, network: Network, labels: Sequence[str]) -> None:
        self.network, self.labels = network.eval().requires_grad_(False), tuple(labels)

    @property
    def width(self) -> int:
        """Numbers of an embedding."""
        return self.network.head.in_features

    @torch.no_grad()
    def embed(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Waveform (samples,) at 48 kHz -> embedding (width,): the mean over its windows."""
        return self.network.embedding(torch.from_numpy(_windows(levels(waveform)))).mean(dim=0).numpy()

    @torch.no_grad()
    def ranking(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """Embeddings (sounds, width) -> label indices (sounds, labels), the likeliest first."""
        return self.network.head(torch.from_numpy(embeddings)).argsort(1, descending=True).numpy()


def levels(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Waveform (samples,) at 48 kHz -> log-mel (bands, frames), silent ends trimmed.

    0 at the sound's peak, -1 at 70 dB below it.
    """
    samples = torch.from_numpy(np.ascontiguousarray(waveform, np.float32))
    # In pieces: the spectrogram of ten minutes would take gigabytes. Each is at least an FFT long.
    pieces = [_whole_frames(piece) for piece in samples.split(_SECONDS_AT_ONCE * SAMPLE_RATE)]
    mel = torch.cat([_front_end()(piece[None])[0] for piece in pieces], dim=1).numpy()
    mel = np.maximum((mel - mel.max()) / _RANGE, -1)
    audible = np.flatnonzero(mel.max(axis=0) > -_TRIM / _RANGE)
    return mel[:, audible[0] : audible[-1] + 1]


def _whole_frames(samples: torch.Tensor) -> torch.Tensor:
    return F.pad(samples, (0, max(-len(samples) % FRONT_END.hop, 3 * FRONT_END.hop - len(samples))))


def train(
    features: Sequence[NDArray[np.float32]],
    names: Sequence[str],
    seed: int = 0,
    config: ClassifierConfig | None = None,
) -> Classifier:
    """Trains on `levels` of recordings, (bands, frames) each, and their labels.

    The same seed on the same machine gives the same weights.
    """
    config = config or ClassifierConfig()
    labels = sorted(set(names))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(config, len(labels))
        average = {name: p.detach().clone() for name, p in network.named_parameters()}
        crops = _Crops(features, [labels.index(name) for name in names])
        optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: min((step + 1) / _WARM_UP, 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / config.steps))),
        )
        for step in tracked(range(config.steps), "Training the classifier", config.steps):
            mel, target = crops.batch(config.batch, np.random.default_rng((seed, step)), config.mixup)
            loss = F.cross_entropy(network.train()(mel), target, label_smoothing=config.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            decay = min(config.ema_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(average.values()), [p.detach() for p in network.parameters()], 1 - decay)
        network.load_state_dict(average, strict=False)
    return Classifier(network, labels)


def trained(
    sounds: Sequence[Sound],
    cache_folder: Path,
    seed: int = 0,
    config: ClassifierConfig | None = None,
) -> Classifier:
    """The classifier of these recordings: from the cache, else trained (minutes) and kept there.

    Raises:
        MediaError: there are not two labels to tell apart.
    """
    config = config or ClassifierConfig()
    if len({sound.label for sound in sounds}) < 2:
        raise MediaError(
            "there are no two labels with recordings to train on; the classifier needs more sounds in the index"
        )
    path = cache_folder / f"classifier-{_identity(sounds, seed, config)}.safetensors"
    if (known := _load(path, config)) is not None:
        return known
    recordings = tracked(sounds, "Analysing recordings", len(sounds))
    features = [levels(sound.samples.astype(np.float32) / np.float32(32768)) for sound in recordings]
    classifier = train(features, [sound.label for sound in sounds], seed, config)
    cache_folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    weights = {name: tensor.contiguous() for name, tensor in classifier.network.state_dict().items()}
    save_file(weights, part, metadata={"labels": json.dumps(classifier.labels)})
    part.replace(path)
    return classifier


def _identity(sounds: Sequence[Sound], seed: int, config: ClassifierConfig) -> str:
    """Changes with all that may change the weights: recordings, labels, seed, sizes, this code."""
    digest = hashlib.sha256()
    for source in (inspect.getsource(sys.modules[__name__]), inspect.getsource(LogMel), repr(config), str(seed)):
        digest.update(source.encode())
    for sound in sounds:
        digest.update(f"\n{sound.file}\n{sound.label}\n".encode())
        digest.update(sound.samples.tobytes())
    return digest.hexdigest()[:16]


def _load(path: Path, config: ClassifierConfig) -> Classifier | None:
    """The classifier in a file, or None where there is none or it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            labels = json.loads(file.metadata()["labels"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError):
        return None
    network = Network(config, len(labels))
    network.load_state_dict(weights)
    return Classifier(network, labels)


@cache
def _front_end() -> LogMel:
    return LogMel(FRONT_END)


class _Crops:
    """Augmented windows: place, speed, gain, treble, noise, masked bands and times, mixup."""

    def __init__(self, features: Sequence[NDArray[np.float32]], targets: Sequence[int]) -> None:
        self.features, self.targets = features, np.array(targets)
        self.classes = int(self.targets.max()) + 1
        # Square root: rare labels are drawn more often than their share, common ones less.
        counts = np.bincount(self.targets)
        weights = 1 / np.sqrt(counts[self.targets])
        self.weights = weights / weights.sum()
        self.centres = _front_end().centres.numpy().astype(np.float64)

    def batch(self, size: int, rng: np.random.Generator, mixup: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Levels (size, bands, WINDOW), and the labels' shares (size, classes).

        `mixup` is the share of crops of two sounds.
        """
        chosen = rng.choice(len(self.features), (2, size), p=self.weights)
        shares = np.where(rng.random(size) < mixup, rng.beta(0.8, 0.8, size), 1.0).astype(np.float32)
        shares = np.maximum(shares, 1 - shares)
        mel = np.stack([self._crop(self.features[index], rng) for index in chosen[0]])
        target = np.eye(self.classes, dtype=np.float32)[self.targets[chosen]]
        for row in np.flatnonzero(shares < 1):
            share, other = shares[row], self._crop(self.features[chosen[1, row]], rng)
            mel[row] = np.logaddexp(mel[row] * _RANGE + np.log(share), other * _RANGE + np.log(1 - share)) / _RANGE
            target[0, row] = share * target[0, row] + (1 - share) * target[1, row]
        return torch.from_numpy(mel), torch.from_numpy(target[0])

    def _crop(self, mel: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """One window (bands, WINDOW) of a recording's levels (bands, frames)."""
        speed = float(np.exp(rng.uniform(-0.15, 0.15)))
        length = mel.shape[1]
        span = WINDOW * speed
        for _ in range(4):
            # A short sound lies anywhere in its window; a long one may begin late or end early.
            low, high = sorted((length - span, 0.0))
            start = rng.uniform(low - 0.15 * span, high + 0.15 * span)
            inside = mel[:, max(0, int(start)) : max(1, int(start + span))]
            if inside.shape[1] and inside.max() > -_QUIET / _RANGE:
                break
        times = start + speed * np.arange(WINDOW)
        bands = np.interp(self.centres / speed, self.centres, np.arange(len(mel)))
        window = _sampled(mel, bands, times)
        octaves = np.log2(self.centres / self.centres[0])
        knots = np.linspace(0, octaves[-1], 6)
        gain = np.interp(octaves, knots, rng.normal(0, 4, len(knots))) * _NEPER
        if rng.random() < 0.3:
            # A soft treble cut, 12 dB an octave.
            gain -= 12 * _NEPER * np.maximum(0, octaves - np.log2(rng.uniform(2000, 9000) / self.centres[0]))
        window = window * _RANGE + gain[:, None]
        if rng.random() < 0.7:
            noise = rng.uniform(-75, -35) * _NEPER + rng.uniform(-4, 2) * _NEPER * (octaves - octaves.mean())
            window = np.logaddexp(window, (noise[:, None] + rng.normal(0, 0.5, window.shape)))
        window = np.maximum((window - rng.uniform(-3, 3) * _NEPER - max(0.0, window.max())) / _RANGE, -1)
        for axis, longest in ((0, 12), (1, 20)):
            if rng.random() < 0.5:
                masked = int(rng.integers(1, longest + 1))
                at = int(rng.integers(window.shape[axis] - masked))
                window[(slice(None),) * axis + (slice(at, at + masked),)] = -1
        return window.astype(np.float32)


def _sampled(mel: NDArray[np.float32], bands: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float32]:
    """Levels at fractional bands and frames, interpolated linearly; silence outside the sound."""
    low = np.minimum(bands.astype(int), len(mel) - 2)
    share = (bands - low).astype(np.float32)[:, None]
    frames = np.floor(times).astype(int)
    padded = np.pad(mel, ((0, 0), (1, 2)), constant_values=-1)
    at = np.clip(frames + 1, 0, padded.shape[1] - 2)
    part = (times - frames).astype(np.float32)
    columns = (1 - part) * padded[:, at] + part * padded[:, at + 1]
    return (1 - share) * columns[low] + share * columns[low + 1]


def _windows(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Levels (bands, frames) -> windows (n, bands, WINDOW), half overlapping, without quiet ones.

    A short sound is centred in its only window.
    """
    if (missing := WINDOW - mel.shape[1]) > 0:
        mel = np.pad(mel, ((0, 0), (missing // 2, missing - missing // 2)), constant_values=-1)
    count = 1 + -(-(mel.shape[1] - WINDOW) // (WINDOW // 2))
    starts = np.linspace(0, mel.shape[1] - WINDOW, count).round().astype(int)
    windows = np.stack([mel[:, start : start + WINDOW] for start in starts])
    return windows[windows.max(axis=(1, 2)) > -_QUIET / _RANGE]
