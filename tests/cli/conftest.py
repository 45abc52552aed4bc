"""The shell as a process, with an engine that runs a fake model, and a small timeline of real files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from engine_harness import Engine


@pytest.fixture
def engine(engine_home: Path) -> Iterator[Engine]:
    """An engine for the shell to find, whose model is done at once."""
    engine = Engine(engine_home)
    engine.start(env={"FAKE_STEP_SECONDS": "0.005"})
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
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(250):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def timeline(tmp_path: Path, clip: Path) -> Path:
    """Ten shots of one second each, named shot0 to shot9."""
    timeline = otio.schema.Timeline("cut")
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    available = TimeRange(RationalTime(0, 25), RationalTime(250, 25))
    for number in range(10):
        track.append(
            otio.schema.Clip(
                f"shot{number}",
                otio.schema.ExternalReference(clip.name, available),
                TimeRange(RationalTime(25 * number, 25), RationalTime(25, 25)),
            )
        )
    timeline.tracks.append(track)
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    return path


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
