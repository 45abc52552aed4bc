"""The shell as a process, with an engine that runs a fake model, and a small timeline of real files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.engine import Engine
from support.media import write_film
from support.timelines import write_cut


@pytest.fixture
def engine(engine_home: Path) -> Iterator[Engine]:
    """An engine for the shell to find, whose model is done at once."""
    engine = Engine(engine_home)
    engine.start(FAKE_STEP_SECONDS="0.005")
    yield engine
    engine.end()


@pytest.fixture
def slow_engine(engine_home: Path) -> Iterator[Engine]:
    """An engine for the shell to find, whose model takes half a second a take."""
    engine = Engine(engine_home)
    engine.start()
    yield engine
    engine.end()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten seconds of grey picture at 25 frames a second."""
    return write_film(tmp_path / "clip.mp4", range(250), height=48)


@pytest.fixture
def timeline(clip: Path) -> Path:
    """Ten shots of one second each, named shot0 to shot9."""
    return write_cut(clip, shots=10, media_frames=250)


@dataclass(frozen=True)
class Ran:
    """What one run of the shell gave."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def avfoley(tmp_path: Path) -> Callable[..., Ran]:
    """Runs the shell: ``avfoley("models", "--json")``."""

    def run(*arguments: str | Path) -> Ran:
        done = subprocess.run(shell(arguments), capture_output=True, text=True, cwd=tmp_path, timeout=60)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def shell(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "avfoley_plugin.cli", *map(str, arguments)]
