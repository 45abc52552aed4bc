"""Kdenlive itself opens what we wrote, keeps it, and hands over what it has open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from avfoley_plugin.hosts import KdenliveFile
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.identity import ClipIdentity, TrackIdentity, identity
from avfoley_plugin.timeline.placing import foley_tracks, placed
from support.engine import Engine
from support.kdenlive_program import Desktop, needs_kdenlive, wait
from support.kdenlive_projects import CUT, CUT_END
from support.kdenlive_takes import CAPTION, CLICKS, put_picture, put_takes
from support.melt import heard

pytestmark = [needs_kdenlive, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    desktop = Desktop(tmp_path / "home")
    # The host under test finds the same D-Bus.
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.environment["DBUS_SESSION_BUS_ADDRESS"])
    yield desktop
    desktop.end()


def texts(path: Path, name: str) -> list[str]:
    """The comments in a JSON property of the project's document."""
    (found,) = ET.parse(path).getroot().findall(f"playlist/property[@name='kdenlive:docproperties.{name}']")
    return [value["comment"] for value in json.loads(found.text or "")]


def test_a_project_of_kdenlives_own_takes_our_foley_and_keeps_it(
    desktop: Desktop, engine: Engine, avfoley: Callable[..., str], cut: Callable[..., Path]
) -> None:
    path = cut(sequences=False, filmed=True)
    settings = ("--model", "fake", "--caption", CAPTION, "--handles", 5)
    kdenlive = desktop.kdenlive(path)
    main_window = desktop.windows()

    def loaded() -> bool:
        return not kdenlive.modified and desktop.windows() == main_window

    kdenlive.save()
    saved = path.read_bytes()
    assert b'kdenliveversion">' in saved, "it is written by Kdenlive"
    old_sound = heard(path, CUT_END)

    # Kdenlive has the project open: what it has not saved yet is read too, and it shows what was written.
    kdenlive.act("add_marker_guide_quickly")
    wait("a guide", lambda: kdenlive.modified)
    avfoley("foley", path, *settings, "--takes", 2)
    written = path.read_bytes()
    wait("the project to be loaded again, without a dialog", loaded)
    kdenlive.save()
    assert path.read_bytes() != written, "it is written by Kdenlive again"
    timeline = KdenliveFile(path).read()
    assert [(take.record_start, take.frames, take.key, take.active) for take in placed(timeline)] == [
        (start, frames, f"take {number}", number == 1) for start, _, frames in CUT for number in (1, 2)
    ]
    assert [track.name for track in foley_tracks(timeline)] == ["AVFoley"]
    assert list(captions(timeline).values()) == [CAPTION, CAPTION]
    guides = texts(path, "guides")
    assert sorted(guides)[:2] == [CAPTION, CAPTION]
    assert len(guides) == 4, "two of ours, the one that was there, the one that was made just now"
    categories = texts(path, "guidesCategories")
    assert "AVFoley" in categories
    assert not any("Recovered" in category for category in categories)
    markers = [element.text or "" for element in ET.parse(path).iterfind(".//property[@name='kdenlive:markers']")]
    assert sum(CAPTION in marker.replace('\\"', '"') for marker in markers) >= 4, "each take is marked at its shot"

    sound = heard(path, CUT_END)
    clicks = np.flatnonzero(np.abs(sound) > 0.2)
    expected = [(start + click) * 1920 for (start, _, _), click in zip(CUT, CLICKS, strict=True)]
    # MLT is good to a millisecond where it begins a 24-bit file in its midst, here after the handle.
    assert np.abs(clicks - expected).max() <= 48, clicks - expected
    assert np.abs(np.delete(sound - old_sound, clicks)).max() < 1e-3

    # Once more, and then all of it away.
    avfoley("foley", path, *settings, "--seed", 2)
    wait("the project to be loaded again, without a dialog", loaded)
    kdenlive.save()
    timeline = KdenliveFile(path).read()
    assert len(placed(timeline)) == 6
    assert len(foley_tracks(timeline)) == 1
    assert len(texts(path, "guides")) == 4
    avfoley("remove", path)
    wait("the project to be loaded again, without a dialog", loaded)
    kdenlive.save()
    assert "avfoley" not in path.read_text().lower()
    assert len(texts(path, "guides")) == 2
    assert np.abs(heard(path, CUT_END) - old_sound).max() < 1e-3
    assert desktop.windows() == main_window


def test_a_written_project_is_opened_without_a_dialog(
    desktop: Desktop, cut: Callable[..., Path], make_media: Callable[..., Path]
) -> None:
    """Sound and generated picture, in a Kdenlive that was not running."""
    path = cut(sequences=False, filmed=True)
    grey = make_media("made.mov", [np.full((36, 64, 3), 128, np.uint8)] * 20)
    put_takes(path)
    put_picture(path, grey, start=40, frames=20)
    kdenlive = desktop.kdenlive(path)
    assert len(desktop.windows()) == 1, desktop.windows()
    kdenlive.save()
    timeline = KdenliveFile(path).read()
    tracks = [(track.name, track.kind) for track in timeline.tracks if identity(track, TrackIdentity)]
    assert tracks == [("AVFoley picture", "Video"), ("AVFoley", "Audio")]
    clips = [clip for clip in timeline.find_clips() if identity(clip, ClipIdentity)]
    assert [clip.range_in_parent().start_time.value for clip in clips] == [40, 0, 37]
