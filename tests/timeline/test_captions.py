"""Caption markers and what an editor does to them."""

from __future__ import annotations

from typing import Any

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime

from avfoley_plugin.timeline.captions import captions, edited, write_caption


@pytest.fixture
def timeline(build: Any) -> otio.schema.Timeline:
    build.rate = 29.97
    return build.timeline([build.gap(7), build.clip("a", 100, 30), build.clip("b", 100, 12)], start=107_892)


def test_a_marker_covers_its_shot_in_record_time(timeline: otio.schema.Timeline, shoot: Any) -> None:
    shot = shoot(timeline)[0]
    marker = write_caption(timeline, shot, "boots on gravel")
    assert list(timeline.tracks.markers) == [marker]
    assert (marker.name, marker.comment, marker.color) == ("a", "boots on gravel", "CYAN")
    assert marker.marked_range.start_time == RationalTime(7, 29.97)
    assert marker.marked_range.duration == RationalTime(30, 29.97)
    assert captions(timeline) == {shot.id: "boots on gravel"}


def test_writing_again_updates_the_same_marker(timeline: otio.schema.Timeline, shoot: Any) -> None:
    theirs = otio.schema.Marker("a", comment="boots on gravel")
    timeline.tracks.markers.append(theirs)
    a, b = shoot(timeline)
    write_caption(timeline, a, "boots on gravel").color = "PINK"
    write_caption(timeline, b, "a door")
    timeline.tracks[0][0].source_range = otio.opentime.TimeRange(duration=RationalTime(20, 29.97))
    moved = shoot(timeline)[0]
    write_caption(timeline, moved, "boots on snow")
    assert [marker.comment for marker in timeline.tracks.markers] == ["boots on gravel", "boots on snow", "a door"]
    marker = timeline.tracks.markers[1]
    assert (marker.color, marker.marked_range.start_time.value) == ("PINK", 20)
    assert edited(timeline) == []


def test_an_edited_comment_is_the_new_caption(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, b = shoot(timeline)
    write_caption(timeline, a, "boots on gravel")
    write_caption(timeline, b, "a door")
    timeline.tracks.markers[0].comment = "boots on tin\n"
    assert edited(timeline) == [(a.id, "boots on gravel", "boots on tin")]
    assert shoot(timeline)[0].caption == "boots on tin"
    write_caption(timeline, a, "boots on tin")
    assert edited(timeline) == []


def test_a_comment_that_a_program_lost_is_no_edit(timeline: otio.schema.Timeline, shoot: Any) -> None:
    write_caption(timeline, shoot(timeline)[0], "boots on gravel")
    timeline.tracks.markers[0].comment = ""
    assert edited(timeline) == []
    assert shoot(timeline)[0].caption == "boots on gravel"
