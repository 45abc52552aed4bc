"""Where single sounds come from: a folder of recordings, split for good into training and held-out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Protocol

import numpy as np

from avfoley_engine.errors import MediaError
from avfoley_engine.world.recordings import decode, is_held_out, read_index

SAMPLE_RATE = 48000

_MAX_SECONDS = 10.0
_ONSET_LEVEL = 0.3  # of the peak: where a slow attack counts as begun
_LEAD = 0.0015  # seconds kept before the onset, faded in

# Rare labels borrow from their nearest kin when a split has no file of theirs.
_KIN: dict[str, str] = tomllib.loads(Path(__file__).with_name("kin.toml").read_text(encoding="utf-8"))


class SoundBank(Protocol):
    """A source of mono float32 sounds at 48 kHz, chosen by label with the caller's random stream."""

    def pick(self, label: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """One whole sound (samples,) of a label, its onset at sample 0, and the name of where it is from."""

    def takes(self, label: str, rng: np.random.Generator, count: int) -> list[np.ndarray]:
        """Up to `count` single hits of one coherent source, each with its onset at sample 0 and its peak at 1."""


class RecordedBank:
    """The recordings listed in `folder`/index.csv (columns `file`, `label`, `author`), decoded on first use, then kept.

    A fixed tenth of the files, chosen by a hash of the file's name, is held out: split "train" never yields those,
    "heldout" only those, "all" every file. A label without files in the split is served by its nearest kin.

    Raises MediaError where the index is missing, or a label has neither files nor kin, or a file cannot be decoded.
    """

    def __init__(self, folder: Path | str, split: str = "train") -> None:
        if split not in ("train", "heldout", "all"):
            raise ValueError(f"split must be train, heldout or all, not {split!r}")
        self.folder = Path(folder)
        self._files: dict[str, list[str]] = {}
        self._authors: dict[str, str] = {}
        for row in read_index(self.folder):
            if split == "all" or is_held_out(row["file"]) == (split == "heldout"):
                self._files.setdefault(row["label"], []).append(row["file"])
                self._authors[row["file"]] = row.get("author", "")
        self._sounds: dict[str, np.ndarray] = {}
        self._hits: dict[str, list[tuple[int, int]]] = {}

    @property
    def labels(self) -> frozenset[str]:
        """Labels with files of their own in this split."""
        return frozenset(self._files)

    def files(self, label: str) -> tuple[str, ...]:
        """File names that serve a label: its own, or those of its nearest kin."""
        wanted = label
        while wanted not in self._files:
            if wanted not in _KIN:
                raise MediaError(
                    f"{self.folder / 'index.csv'}: no sounds labelled {label!r}; add some, or use the synthetic bank"
                )
            wanted = _KIN[wanted]
        return tuple(self._files[wanted])

    def sound(self, name: str) -> np.ndarray:
        """The first 10 s of a recording, mono float32 (samples,) at 48 kHz, its onset at sample 0 and its peak at 1."""
        if name not in self._sounds:
            decoded = trim(decode(self.folder / name)[: 15 * SAMPLE_RATE])
            self._sounds[name] = np.round(decoded * 32767).astype(np.int16)
        return self._sounds[name].astype(np.float32) / 32767

    def pick(self, label: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        name = str(rng.choice(self.files(label)))
        return self.sound(name), name

    def takes(self, label: str, rng: np.random.Generator, count: int) -> list[np.ndarray]:
        names = self.files(label)
        first = str(rng.choice(names))
        author, series = self._authors[first], _series(first)
        kindred = [name for name in names if self._authors[name] == author and _series(name) == series]
        rng.shuffle(kindred)
        result: list[np.ndarray] = []
        for name in [first, *(name for name in kindred if name != first)]:
            sound = self.sound(name)
            if name not in self._hits:
                self._hits[name] = hits(sound)
            spans = self._hits[name]
            chosen = rng.permutation(len(spans))[: count - len(result)]
            result += [faded_in(sound[slice(*spans[i])]) for i in chosen]
            if len(result) >= count:
                break
        return result


def _series(name: str) -> str:
    """A file's name without its take number: `wood_03.wav` and `wood_11.wav` are one series."""
    return Path(name).stem.rstrip("0123456789").rstrip("_- ")


def trim(samples: np.ndarray) -> np.ndarray:
    """Cuts what lies before the onset, cuts to 10 s, and scales to a peak of 1."""
    peak = float(np.abs(samples).max())
    if peak < 1e-5:
        return np.zeros(SAMPLE_RATE // 10, dtype=np.float32)
    start = _first_onset(samples / peak)
    return faded_in(samples[start : start + int(_MAX_SECONDS * SAMPLE_RATE)])


def faded_in(samples: np.ndarray) -> np.ndarray:
    """A copy with a peak of 1 whose first 1.5 ms rise from zero, so that a cut makes no click."""
    lead = min(int(_LEAD * SAMPLE_RATE), len(samples))
    result = samples.astype(np.float32)
    result[:lead] *= np.linspace(0, 1, lead, dtype=np.float32)
    return result / max(float(np.abs(result).max()), 1e-6)


def _envelope(samples: np.ndarray, hop: int) -> np.ndarray:
    """Peak of each `hop` samples."""
    count = len(samples) // hop
    return np.asarray(np.abs(samples[: count * hop]).reshape(count, hop).max(1))


def _first_onset(samples: np.ndarray) -> int:
    envelope = _envelope(samples, 24)
    if not len(envelope):
        return 0
    return max(0, int(np.argmax(envelope > _ONSET_LEVEL * envelope.max())) * 24 - int(_LEAD * SAMPLE_RATE))


def hits(samples: np.ndarray) -> list[tuple[int, int]]:
    """Spans (start, stop) of the single hits in a recording: from each clear rise of the level to just before the next.

    A rise counts where the 10 ms peak level more than doubles within 30 ms (or triples within 60 ms) and ends above a
    fifth of the file's peak; hits shorter than 80 ms or weaker than three tenths of the peak are left out.
    """
    hop = SAMPLE_RATE // 100
    envelope = np.maximum(_envelope(samples, hop), 1e-4)
    if len(envelope) < 8:
        return [(0, len(samples))]
    peak = envelope.max()
    padded = np.concatenate([np.full(6, 1e-4), envelope])
    floor_30 = np.min([padded[6 - k : len(padded) - k] for k in range(1, 4)], axis=0)
    floor_60 = np.min([padded[6 - k : len(padded) - k] for k in range(1, 7)], axis=0)
    rising = ((envelope > 2.0 * floor_30) | (envelope > 3.0 * floor_60)) & (envelope > 0.2 * peak)
    starts: list[int] = []
    for index in np.nonzero(rising)[0]:
        if not starts or index - starts[-1] > 8:
            starts.append(int(index))
    if not starts:
        return [(0, len(samples))]
    spans = []
    for number, start in enumerate(starts):
        stop = (starts[number + 1] - 3) * hop if number + 1 < len(starts) else len(samples)
        begin = max(0, (start - 1) * hop)
        top = float(np.abs(samples[begin:stop]).max()) if stop > begin else 0.0
        if stop - begin < 0.08 * SAMPLE_RATE or top < 0.3 * float(np.abs(samples).max()):
            continue
        spans.append((begin + _first_onset(samples[begin : min(stop, begin + SAMPLE_RATE // 5)]), stop))
    return spans or [(0, len(samples))]
