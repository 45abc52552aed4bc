"""A folder of recorded sounds with an `index.csv`, decoded once and kept as 16-bit samples."""

from __future__ import annotations

import contextlib
import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from avfoley_engine.errors import MediaError


def is_held_out(file: str) -> bool:
    """Whether a sound is kept out of training: every tenth by the hash of its name in the index, the same for every part of the system."""
    return int(hashlib.sha256(file.encode()).hexdigest(), 16) % 10 == 0


@dataclass(frozen=True)
class Sound:
    """One recorded sound: mono 48 kHz int16 samples (N,), and its row in the index."""

    file: str
    label: str
    caption: str
    license: str
    author: str
    samples: NDArray[np.int16]


def decode(path: Path, sample_rate: int = 48_000) -> NDArray[np.float32]:
    """Decodes the first audio stream of a file to mono float32 (N,) at `sample_rate`.

    Raises:
        MediaError: the file cannot be decoded or holds no sound.
    """
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
    samples = torch.from_numpy(np.concatenate(chunks))
    return torchaudio.functional.resample(samples, rate, sample_rate).numpy()


def load_sounds(folder: Path, cache: Path | None = None) -> list[Sound]:
    """Reads every sound that `folder/index.csv` lists (columns file, label, caption, license, author).

    With `cache`, decoded samples are kept in one `.npy` beside it and used again while the index is unchanged.
    """
    index = folder / "index.csv"
    if not index.exists():
        raise MediaError(
            f"{index} is missing: a sound folder needs an index.csv with the columns file,label,caption,license,author."
        )
    rows = list(csv.DictReader(index.open(encoding="utf-8")))
    key = hashlib.sha256(index.read_bytes()).hexdigest()[:16]
    stored = cache / f"sounds-{key}.npz" if cache else None
    if stored and stored.exists():
        with np.load(stored) as data:
            flat, ends = data["samples"], data["ends"]
        parts = np.split(flat, ends[:-1])
    else:
        parts = [np.clip(decode(folder / r["file"]) * 32767, -32768, 32767).astype(np.int16) for r in rows]
        if stored:
            stored.parent.mkdir(parents=True, exist_ok=True)
            part = stored.with_suffix(".part.npz")
            np.savez(part, samples=np.concatenate(parts), ends=np.cumsum([len(p) for p in parts]))
            part.replace(stored)
    return [
        Sound(r["file"], r["label"], r["caption"], r.get("license", ""), r.get("author", ""), p)
        for r, p in zip(rows, parts, strict=True)
    ]
