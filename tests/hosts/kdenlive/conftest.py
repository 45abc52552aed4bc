"""A cut in a Kdenlive project with its media, and the shell with engines whose sound and picture are known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from support.engine import Engine
from support.kdenlive_projects import FILM, LENGTH, TONE, WHITE, project


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
def engine(engine_home: Path) -> Iterator[Engine]:
    """An engine for the shell to find, with the real task, whose model clicks where the picture changes."""
    yield from _started(engine_home, "clicking_worker", CLICKING_FRAME_RATE="25")


@pytest.fixture
def painter(engine_home: Path) -> Iterator[Engine]:
    """An engine for the shell to find, whose pictures are as bright as the seed."""
    yield from _started(engine_home, "picture_worker", FAKE_STEP_SECONDS="0.005")


def _started(home: Path, worker: str, **environment: str) -> Iterator[Engine]:
    engine = Engine(home)
    engine.start(worker, **environment)
    yield engine
    engine.end()


@pytest.fixture
def avfoley() -> Callable[..., str]:
    """Runs the shell, and returns what it said: ``avfoley("foley", path)``."""

    def run(*arguments: object) -> str:
        command = [sys.executable, "-m", "avfoley_plugin.cli", *map(str, arguments)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run


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
