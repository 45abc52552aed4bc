"""A folder of recorded sounds with an `index.csv`, decoded once and kept as 16-bit samples."""

from __future__ import annotations

import contextlib
import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from avfoley_engine.errors import MediaError


def is_held_out(file: str) -> bool:
    """Whether a sound is kept out of all training: every tenth by the hash of its name in the index."""
    return int(hashlib.sha256(file.encode()).hexdigest(), 16) % 10 == 0


@dataclass(frozen=True)
class Sound:
    """One recorded sound: mono 48 kHz int16 samples (N,), and its row in the index.

    `bandwidth` (Hz) is where a lossy codec or a low sampling rate has cut it off, infinite where nothing did.
    """

    file: str
    label: str
    caption: str
    license: str
    author: str
    samples: NDArray[np.int16]
    bandwidth: float = float("inf")


def decode(path: Path, sample_rate: int = 48_000) -> NDArray[np.float32]:
    """A file's sound, mono float32 (N,) at `sample_rate`; `MediaError` where there is none."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", layout="mono")
            chunks, rate = [], stream.rate
            for packet in container.demux(stream):
                # A damaged packet costs its own few milliseconds, not the file.
                with contextlib.suppress(av.InvalidDataError, av.ArgumentError):
                    for frame in packet.decode():
                        chunks += [f.to_ndarray()[0] for f in resampler.resample(frame)]
    except (av.FFmpegError, IndexError, OSError) as e:
        raise MediaError(
            f"{path}: no sound can be read from it ({e}). Remove its row from index.csv or replace the file."
        ) from e
    if not chunks:
        raise MediaError(f"{path}: holds no samples. Remove its row from index.csv or replace the file.")
    return torchaudio.functional.resample(torch.from_numpy(np.concatenate(chunks)), rate, sample_rate).numpy()


_BAND_HZ, _BANDS = 500, 44
#: A cut stands this far above everything beyond it, and above this level.
_CUT_DB, _AUDIBLE_DB = 15.0, -80.0


def bandwidth(samples: NDArray[np.int16], sample_rate: int = 48_000) -> float:
    """Frequency in Hz at which a sound was cut off, infinite if it was not: dull is not the same as cut.

    A cut is a fall of 15 dB within 500 Hz in the mean spectrum of the loud frames, beyond which
    nothing comes back.
    """
    n_fft = 2048
    x = torch.from_numpy(samples.astype(np.float32) / 32768)
    x = torch.nn.functional.pad(x, (0, max(0, n_fft - len(x))))
    power = torch.stft(x, n_fft, n_fft // 2, window=torch.hann_window(n_fft), return_complex=True).abs().square()
    energy = power.sum(dim=0)
    mean = power[:, energy >= 1e-4 * energy.max()].mean(dim=1)
    bins = round(_BAND_HZ / sample_rate * n_fft)
    bands = (10 * (mean + 1e-14).log10())[: bins * (len(mean) // bins)].unflatten(0, (-1, bins)).mean(dim=1)
    for band in range(_BANDS, 5, -1):
        if bands[band] > max(_AUDIBLE_DB, float(bands[band + 2 :].max()) + _CUT_DB):
            return (band + 1) * bins * sample_rate / n_fft
    return float("inf")


def read_index(folder: Path) -> list[dict[str, str]]:
    """The rows of a sound folder's `index.csv`. Raises `MediaError` where there is none."""
    index = folder / "index.csv"
    if not index.exists():
        raise MediaError(
            f"{index} is missing: a sound folder needs an index.csv with the columns file,label,caption,license,author."
        )
    with index.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def index_hash(folder: Path) -> str:
    """Sixteen hex digits that change when the index of a sound folder does."""
    return hashlib.sha256((folder / "index.csv").read_bytes()).hexdigest()[:16]


def load_sounds(folder: Path, cache: Path | None = None) -> list[Sound]:
    """Reads every sound that `folder/index.csv` lists (columns file, label, caption, license, author).

    With `cache`, decoded samples are kept in a file there and used again while the index is unchanged.
    """
    rows = read_index(folder)
    stored = cache / f"sounds-{index_hash(folder)}.npz" if cache else None
    if stored and stored.exists():
        with np.load(stored) as data:
            flat, ends, bandwidths = data["samples"], data["ends"], data["bandwidths"]
        parts = np.split(flat, ends[:-1])
    else:
        parts = [np.clip(decode(folder / r["file"]) * 32767, -32768, 32767).astype(np.int16) for r in rows]
        bandwidths = np.array([bandwidth(part) for part in parts])
        if stored:
            stored.parent.mkdir(parents=True, exist_ok=True)
            part = stored.with_suffix(".part.npz")
            ends = np.cumsum([len(p) for p in parts])
            np.savez(part, samples=np.concatenate(parts), ends=ends, bandwidths=bandwidths)
            part.replace(stored)
    return [
        Sound(r["file"], r["label"], r["caption"], r.get("license", ""), r.get("author", ""), part, float(limit))
        for r, part, limit in zip(rows, parts, bandwidths, strict=True)
    ]


class ByLabel:
    """Draws sounds, those of rare labels more often than their share, those of common ones less."""

    def __init__(self, sounds: Sequence[Sound]) -> None:
        self.groups = [[s for s in sounds if s.label == label] for label in sorted({s.label for s in sounds})]
        weights = np.sqrt([len(group) for group in self.groups])
        self.weights = weights / weights.sum()

    def __call__(self, rng: np.random.Generator) -> Sound:
        group = self.groups[rng.choice(len(self.groups), p=self.weights)]
        return group[rng.integers(len(group))]


def training_sounds(folder: Path, runs: Path) -> list[Sound]:
    """The sounds of a folder that are not held out, decoded once for all runs."""
    return [sound for sound in load_sounds(folder, runs / "cache") if not is_held_out(sound.file)]
