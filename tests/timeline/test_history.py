"""Taking back and doing again what was written, beside what an editor did meanwhile."""

from __future__ import annotations

from typing import Any

import opentimelineio as otio
import pytest

from avfoley_plugin.timeline.captions import captions, edit_caption, edited, write_caption
from avfoley_plugin.timeline.history import Change, snapshot
from avfoley_plugin.timeline.placing import (
    Placement,
    delete_take,
    foley_tracks,
    place_takes,
    placed,
    star_take,
    use_take,
)


@pytest.fixture
def timeline(build: Any) -> otio.schema.Timeline:
    return build.timeline([build.clip("a", 100, 48), build.gap(10), build.clip("b", 0, 30)])


def state(timeline: otio.schema.Timeline) -> list[tuple[str, int, int, bool, bool]]:
    return [
        (take.shot_name, take.record_start, take.identity.request.seed, take.active, take.identity.starred)
        for take in placed(timeline)
    ]


def make(timeline: otio.schema.Timeline, shoot: Any, take: Any, name: str, *seeds: int, **options: Any) -> Change:
    before = snapshot(timeline)
    shot = shoot(timeline, name)[0]
    keeps = options.pop("keeps_active", False)
    place_takes(timeline, [Placement(shot, [take(shot, seed, **options) for seed in seeds], keeps)])
    write_caption(timeline, shot, "steps")
    return Change(before, snapshot(timeline))


def test_taking_back_the_first_takes_leaves_the_timeline_as_it_was(timeline: Any, shoot: Any, take: Any) -> None:
    bare = timeline.to_json_string()
    change = make(timeline, shoot, take, "a", 1, 2)
    made = timeline.to_json_string()
    assert change.shots == {shoot(timeline, "a")[0].id}
    change.take_back(timeline)
    assert timeline.to_json_string() == bare
    change.do_again(timeline)
    assert timeline.to_json_string() == made


def test_what_an_editor_did_meanwhile_stays(timeline: Any, shoot: Any, take: Any) -> None:
    make(timeline, shoot, take, "b", 1)
    change = make(timeline, shoot, take, "a", 1)
    timeline.tracks.markers.append(otio.schema.Marker("theirs", comment="check this"))
    edit_caption(timeline, shoot(timeline, "b")[0], "a door")
    foley_tracks(timeline)[0].metadata["gain"] = -3
    change.take_back(timeline)
    assert [row[0] for row in state(timeline)] == ["b"]
    assert [marker.comment for marker in timeline.tracks.markers] == ["a door", "check this"]
    assert foley_tracks(timeline)[0].metadata["gain"] == -3


def test_use_star_delete_and_their_undo(timeline: Any, shoot: Any, take: Any) -> None:
    make(timeline, shoot, take, "a", 1, 2, 3)
    shot = shoot(timeline, "a")[0].id
    one, two, three = (found.identity.id for found in placed(timeline))
    steps = [
        (lambda: use_take(timeline, shot, three), [(1, False, False), (2, False, False), (3, True, False)]),
        (lambda: star_take(timeline, shot, two, True), [(1, False, False), (2, False, True), (3, True, False)]),
        # Of the takes that are left, a starred one comes before a newer one.
        (lambda: delete_take(timeline, shot, three), [(1, False, False), (2, True, True)]),
        (lambda: delete_take(timeline, shot, one), [(2, True, True)]),
        (lambda: star_take(timeline, shot, two, False), [(2, True, False)]),
        (lambda: delete_take(timeline, shot, two), []),
    ]
    history = []
    for step, expected in steps:
        before, content = snapshot(timeline), timeline.to_json_string()
        step()
        history.append((Change(before, snapshot(timeline)), content))
        assert [row[2:] for row in state(timeline)] == expected
    assert captions(timeline) == {shot: "steps"}
    for change, content in reversed(history):
        change.take_back(timeline)
        assert timeline.to_json_string() == content


def test_the_take_in_use_starts_on_the_shots_first_frame_whatever_its_handles(
    timeline: Any, shoot: Any, take: Any
) -> None:
    make(timeline, shoot, take, "a", 1, head=5)
    make(timeline, shoot, take, "a", 2, head=2)
    shot = shoot(timeline, "a")[0].id
    (clip,) = foley_tracks(timeline)[0].find_clips()
    for found in placed(timeline):
        use_take(timeline, shot, found.identity.id)
        into_file = clip.source_range.start_time - clip.media_reference.available_range.start_time
        assert into_file.to_seconds() * 48_000 == pytest.approx(found.identity.result.head_samples)
        assert clip.media_reference.available_range.start_time.value == 0


def test_a_take_in_use_can_stay_so_beside_new_ones(timeline: Any, shoot: Any, take: Any) -> None:
    make(timeline, shoot, take, "a", 1, head=5)
    make(timeline, shoot, take, "a", 2, 3, keeps_active=True)
    assert [row[2:4] for row in state(timeline)] == [(1, True), (2, False), (3, False)]
    (clip,) = foley_tracks(timeline)[0].find_clips()
    assert clip.source_range.start_time.value == 5


def test_a_caption_that_was_emptied_is_an_edit(timeline: Any, shoot: Any, take: Any) -> None:
    make(timeline, shoot, take, "a", 1)
    shot = shoot(timeline, "a")[0]
    edit_caption(timeline, shot, "")
    assert edited(timeline) == [(shot.id, "steps", "")]
    edit_caption(timeline, shot, "steps")
    assert edited(timeline) == []
