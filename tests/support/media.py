"""Small media files."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_film(
    path: Path,
    greys: Iterable[int],
    rate: Fraction = Fraction(25),
    *,
    codec: str = "mpeg4",
    height: int = 36,
    **options: str,
) -> Path:
    """Writes a film of grey frames, each as bright as its number (0 to 255) says, 64 pixels wide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by the name's end, which may be that of an unfinished file.
    with av.open(str(path), "w", format="mov" if path.suffix == ".mov" else "mp4") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        for grey in greys:
            picture = np.full((height, 64, 3), grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_silence(path: Path, samples: int, channels: int = 1) -> Path:
    """Writes a WAV file of silence, 48 kHz and 24 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 3, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(3 * channels * samples))
    return path
