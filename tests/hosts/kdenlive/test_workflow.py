"""``avfoley foley project.kdenlive``, with the real task in a model whose sound is known."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from kdenlive_projects import CUT, CUT_END
from kdenlive_takes import CLICKS
from melt_player import heard, needs_melt

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.hosts import KdenliveFile, open_host
from avfoley_plugin.making import TakeDone
from avfoley_plugin.timeline.identity import Kind, identity
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.takes import foley_tracks, placed
from avfoley_plugin.workflows import FoleySettings, Written, foley, regenerate

sys.path.insert(0, str(Path(__file__).parents[2] / "engine"))

from engine_harness import Engine

WORKER = Path(__file__).parents[2] / "end_to_end" / "clicking_worker.py"


@pytest.fixture
def engine(engine_home: Path) -> Iterator[Engine]:
    engine = Engine(engine_home)
    engine.start("--worker", str(WORKER), env={"CLICKING_FRAME_RATE": "25"})
    yield engine
    engine.end()


def shots(path: Path) -> list[tuple[int, int]]:
    timeline = KdenliveFile(path).read()
    return [(take.record_start, take.frames) for take in placed(timeline)]


@needs_melt
def test_the_shell_puts_foley_on_a_project(engine: Engine, cut: Callable[..., Path]) -> None:
    path = cut(sequences=False, filmed=True)
    command = [sys.executable, "-m", "avfoley_plugin.cli", "foley", path, "--model", "fake", "--handles", "5", "--json"]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=path.parent, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = json.loads(ran.stdout.splitlines()[-1])
    assert written["timeline"] == str(path)
    assert shots(path) == [(start, frames) for start, _, frames in CUT]
    assert (path.parent / "the cut.avfoley" / "the cut cues.csv").is_file()
    clicks = np.flatnonzero(np.abs(heard(path, CUT_END)) > 0.2)
    expected = [(start + click) * 1920 for (start, _, _), click in zip(CUT, CLICKS, strict=True)]
    assert np.abs(clicks - expected).max() <= 48, clicks


def test_takes_follow_an_editor_who_saves_meanwhile(engine: Engine, cut: Callable[..., Path]) -> None:
    path = cut(sequences=True, filmed=True)
    run = foley(open_host(path), LocalEngine(command=None), FoleySettings(model="fake"))
    for update in run:
        if isinstance(update, TakeDone) and isinstance(update.subject, Shot) and update.subject.record_start == 0:
            path.write_text(path.read_text().replace('<blank length="7"/>', '<blank length="19"/>'))
    assert isinstance(update, Written)
    assert update.unplaced == ()
    assert shots(path) == [(0, 30), (49, 40)]
    assert path.read_text().count('<blank length="19"/>') == 2
    guides = [marker for marker in KdenliveFile(path).read().tracks.markers if identity(marker, Kind.CAPTION)]
    assert [round(guide.marked_range.start_time.value) for guide in guides] == [0, 49]


def test_an_edited_guide_makes_its_shot_again(engine: Engine, cut: Callable[..., Path]) -> None:
    path = cut(sequences=True, filmed=True)
    settings = FoleySettings(model="fake", caption="a clap")
    *_, written = foley(open_host(path), LocalEngine(command=None), settings)
    assert isinstance(written, Written)
    guides, clips = path.read_text().split("sequenceproperties.guides", 1)
    path.write_text(f"{guides}sequenceproperties.guides{clips.replace('a clap', 'a knock', 1)}")
    *_, again = regenerate(open_host(path), LocalEngine(command=None))
    assert isinstance(again, Written)
    assert [take.request.caption for take in again.takes] == ["a knock"]
    timeline = KdenliveFile(path).read()
    assert len(foley_tracks(timeline)) == 1
    takes = [(take.identity["caption"], take.active) for take in placed(timeline)]
    assert takes == [("a clap", False), ("a knock", True), ("a clap", True)]
