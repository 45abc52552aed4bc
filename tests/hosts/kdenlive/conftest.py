"""A cut in a Kdenlive project with its media."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "end_to_end"))

from kdenlive_projects import FILM, LENGTH, TONE, WHITE, project


@pytest.fixture
def media(make_media: Callable[..., Path]) -> Callable[[Fraction], Path]:
    """A film that turns white and black again, with a tone of its own."""

    def make(rate: Fraction = Fraction(25)) -> Path:
        time = np.arange(round(LENGTH / rate * 48_000)) / 48_000
        sounds = (time >= TONE.start / rate) & (time < TONE.stop / rate)
        tone = (0.1 * np.sin(2 * np.pi * 1000 * time) * sounds).astype(np.float32)[None]
        pictures = [np.full((36, 64, 3), 255 if frame in WHITE else 0, np.uint8) for frame in range(LENGTH)]
        return make_media(FILM, pictures, rate=rate, sound=tone)

    return make


@pytest.fixture
def cut(media: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Writes a project beside its media: ``cut(sequences=True)``; see `kdenlive_projects.project`.

    Unless `filmed`, the media is an empty file.
    """

    def write(
        name: str = "the cut.kdenlive",
        *,
        sequences: bool,
        rate: Fraction = Fraction(25),
        filmed: bool = False,
        **more: object,
    ) -> Path:
        path = tmp_path / name
        film = media(rate) if filmed else tmp_path / FILM
        film.touch()
        path.write_text(project(FILM, sequences=sequences, rate=rate, **more), encoding="utf-8")
        return path

    return write
