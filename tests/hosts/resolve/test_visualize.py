"""`avfoley visualize resolve:`: pictures for the sounds that are selected in Resolve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import placed
from avfoley_plugin.workflows import VisualizeSettings, Written, regenerate, remove, visualize
from support.engine import Engine
from support.resolve_edit import START, Edit


@pytest.fixture
def engine(engine_home: Path) -> Iterator[LocalEngine]:
    running = Engine(engine_home)
    running.start("picture_worker", FAKE_STEP_SECONDS="0.005")
    yield LocalEngine(command=None)
    running.end()


@pytest.fixture
def music(edit: Edit, make_media: Callable[..., Path]) -> Path:
    """The sound on A1, sixteen seconds of it."""
    return make_media("music.wav", None, sound=np.zeros((1, 16 * 48_000), np.float32))


def pictures(edit: Edit) -> list[tuple[int, int, int]]:
    """What is on our video track: record start from the timeline's first frame, length, takes."""
    tracks = [track for track in edit.timeline._tracks["video"] if track.name == "AVFoley picture"]
    return [(item._start - START, item._frames, item.GetTakesCount()) for track in tracks for item in track.items]


def test_a_selected_sound_gets_a_picture_and_is_made_again(edit: Edit, music: Path, engine: LocalEngine) -> None:
    before = edit.state()
    edit.timeline._selected = [edit.music]
    for seed in (0, 0, 1):
        settings = VisualizeSettings(caption="a choir", seed=seed)
        *_, written = visualize(edit.host(), engine, settings, None)
        assert isinstance(written, Written)
    assert pictures(edit) == [(0, 400, 2)]
    (request,) = {take.request for take in written.takes}
    assert (request.sound.media, request.sound.source_start, request.frames) == (music, 0, 400)
    assert [marker["note"] for marker in edit.timeline._markers.values()] == ["a choir"]

    (frame,) = edit.timeline._markers
    edit.timeline._markers[frame]["note"] = "an organ"
    *_, written = regenerate(edit.host(), engine)
    assert isinstance(written, Written)
    assert pictures(edit) == [(0, 400, 3)]
    timeline = edit.host().read()
    assert list(captions(timeline).values()) == ["an organ"]
    assert [(take.identity.request.caption, take.active) for take in placed(timeline)][-1] == ("an organ", True)

    edit.timeline._selected = []
    assert remove(edit.host()) == edit.folder / "edit.otio"
    assert edit.state() == before
    assert remove(edit.host()) is None


def test_the_in_and_out_points_choose_a_part_of_a_sound(edit: Edit, music: Path, engine: LocalEngine) -> None:
    edit.timeline._marks = {"video": {"in": 100, "out": 149}}
    *_, written = visualize(edit.host(), engine, VisualizeSettings(), None)
    assert isinstance(written, Written)
    assert pictures(edit) == [(100, 50, 0)]
    assert [take.request.sound.source_start for take in written.takes] == [4]


def test_with_nothing_selected_there_are_no_pictures(edit: Edit, music: Path, engine: LocalEngine) -> None:
    with pytest.raises(SelectionError, match="nothing is selected in Reel 1"):
        list(visualize(edit.host(), engine, VisualizeSettings(), None))
