"""The shell's verbs on ``project.kdenlive``, with models whose sound and picture are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.hosts import KdenliveFile, open_host
from avfoley_plugin.making import TakeDone
from avfoley_plugin.settings import FoleySettings
from avfoley_plugin.timeline.identity import CaptionIdentity, identity
from avfoley_plugin.timeline.placing import foley_tracks, placed
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.workflows import Written, foley, regenerate, remove
from support.engine import Engine
from support.kdenlive_projects import CUT, CUT_END
from support.kdenlive_takes import CLICKS, FORMATS
from support.melt import heard, needs_melt, seen


def shots(path: Path) -> list[tuple[int, int]]:
    timeline = KdenliveFile(path).read()
    return [(take.record_start, take.frames) for take in placed(timeline)]


@needs_melt
def test_the_shell_puts_foley_on_a_project_and_takes_it_off(
    engine: Engine, avfoley: Callable[..., str], cut: Callable[..., Path]
) -> None:
    path = cut(sequences=False, filmed=True)
    before = path.read_bytes()
    said = avfoley("foley", path, "--model", "fake", "--handles", 5, "--json")
    assert json.loads(said.splitlines()[-1])["timeline"] == str(path)
    assert shots(path) == [(start, frames) for start, _, frames in CUT]
    assert (path.parent / "the cut.avfoley" / "the cut cues.csv").is_file()
    clicks = np.flatnonzero(np.abs(heard(path, CUT_END)) > 0.2)
    expected = [(start + click) * 1920 for (start, _, _), click in zip(CUT, CLICKS, strict=True)]
    assert np.abs(clicks - expected).max() <= 48, clicks

    assert avfoley("remove", path).strip() == str(path)
    assert path.read_bytes() == before
    assert "nothing of AVFoley's" in avfoley("remove", path)
    assert path.read_bytes() == before


@needs_melt
@FORMATS
def test_the_sounds_in_the_zone_get_pictures(
    painter: Engine, avfoley: Callable[..., str], cut: Callable[..., Path], sequences: bool
) -> None:
    path = cut(sequences=sequences, filmed=True, zone=(10, 40))
    before, untouched = seen(path, CUT_END), path.read_bytes()
    avfoley("visualize", path, "--caption", "a grey wall", "--seed", 90)
    timeline = KdenliveFile(path).read()
    (track,) = foley_tracks(timeline)
    assert (track.name, track.kind) == ("AVFoley picture", "Video")
    assert [(take.record_start, take.frames, take.layer) for take in placed(timeline)] == [
        (10, 20, "picture/2"),
        (37, 3, "picture/2"),
    ]
    after = seen(path, CUT_END)
    grey = {*range(10, 30), *range(37, 40)}
    assert [after[frame] for frame in grey] == pytest.approx([90 / 255] * 23, abs=0.03)
    others = [frame for frame in range(CUT_END) if frame not in grey]
    assert [after[frame] for frame in others] == pytest.approx([before[frame] for frame in others], abs=0.01)

    # Again, and again with another seed: the same clips, with another take each.
    avfoley("visualize", path, "--caption", "a grey wall", "--seed", 90)
    assert len(placed(KdenliveFile(path).read())) == 2
    avfoley("visualize", path, "--caption", "a grey wall", "--seed", 91)
    timeline = KdenliveFile(path).read()
    assert len(foley_tracks(timeline)) == 1
    assert [take.active for take in placed(timeline)] == [False, True] * 2
    avfoley("remove", path)
    assert path.read_bytes() == untouched


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
    guides = [marker for marker in KdenliveFile(path).read().tracks.markers if identity(marker, CaptionIdentity)]
    assert [round(guide.marked_range.start_time.value) for guide in guides] == [0, 49]


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30_000, 1001), Fraction(60_000, 1001)], ids=str)
def test_an_edited_guide_makes_its_shot_again_and_again(
    engine: Engine, cut: Callable[..., Path], rate: Fraction
) -> None:
    path = cut(sequences=True, filmed=True, rate=rate)
    before = path.read_bytes()
    settings = FoleySettings(model="fake", caption="a clap")
    *_, written = foley(open_host(path), LocalEngine(command=None), settings)
    assert isinstance(written, Written)
    for old, new in (("a clap", "a knock"), ("a knock", "a slam")):
        guides, clips = path.read_text().split("sequenceproperties.guides", 1)
        path.write_text(f"{guides}sequenceproperties.guides{clips.replace(old, new, 1)}")
        *_, again = regenerate(open_host(path), LocalEngine(command=None))
        assert isinstance(again, Written)
        assert [take.request.caption for take in again.takes] == [new]
    timeline = KdenliveFile(path).read()
    assert len(foley_tracks(timeline)) == 1
    takes = [(take.record_start, take.frames, take.identity.request.caption, take.active) for take in placed(timeline)]
    assert takes == [
        (0, 30, "a clap", False),
        (0, 30, "a knock", False),
        (0, 30, "a slam", True),
        (37, 40, "a clap", True),
    ]
    assert remove(KdenliveFile(path)) == path
    assert path.read_bytes() == before
