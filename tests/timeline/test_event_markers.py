"""Event markers on a timeline."""

from __future__ import annotations

from typing import Any

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime

from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.events import Event, events_of, has_events, write_events
from avfoley_plugin.timeline.placing import carry_over, has_ours, remove_all


@pytest.fixture
def timeline(build: Any) -> otio.schema.Timeline:
    build.rate = 29.97
    return build.timeline([build.gap(7), build.clip("a", 100, 30), build.clip("b", 100, 12)], start=107_892)


def starts(timeline: otio.schema.Timeline) -> list[tuple[str, float]]:
    return [(marker.name, marker.marked_range.start_time.value) for marker in timeline.tracks.markers]


def test_a_marker_stands_on_its_frame(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, b = shoot(timeline)
    write_events(timeline, a, "a door", [Event(0, 0.9), Event(29, 0.626)])
    write_events(timeline, b, "event", [Event(3, 0.7)])
    assert starts(timeline) == [("a door", 7), ("a door", 36), ("event", 40)]
    marker = timeline.tracks.markers[1]
    assert (marker.comment, marker.color, marker.marked_range.duration) == ("63%", "YELLOW", RationalTime(1, 29.97))
    assert events_of(timeline, a) == [Event(0, 0.9), Event(29, 0.626)]
    assert events_of(timeline, b) == [Event(3, 0.7)]


def test_events_are_no_captions(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, _ = shoot(timeline)
    write_events(timeline, a, "a door", [Event(2, 0.9)])
    assert (captions(timeline), edited(timeline)) == ({}, [])
    assert shoot(timeline)[0].caption == a.caption


def test_spotting_again_replaces_the_events_of_the_shot_alone(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, b = shoot(timeline)
    timeline.tracks.markers.append(otio.schema.Marker("mine"))
    write_caption(timeline, a, "boots")
    write_events(timeline, a, "boots", [Event(2, 0.9), Event(8, 0.9)])
    write_events(timeline, b, "event", [Event(3, 0.7)])
    write_events(timeline, a, "boots", [Event(5, 0.8)])
    assert starts(timeline) == [("mine", 0), ("a", 7), ("event", 40), ("boots", 12)]
    write_events(timeline, a, "boots", [])
    assert starts(timeline) == [("mine", 0), ("a", 7), ("event", 40)]


def test_a_marker_that_an_editor_moved_is_the_event(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, _ = shoot(timeline)
    write_events(timeline, a, "event", [Event(2, 0.9), Event(8, 0.7)])
    moved, away = timeline.tracks.markers
    moved.marked_range = otio.opentime.TimeRange(RationalTime(27, 29.97), RationalTime(1, 29.97))
    away.marked_range = otio.opentime.TimeRange(RationalTime(90, 29.97), RationalTime(1, 29.97))
    assert events_of(timeline, a) == [Event(20, 0.9)]


def test_remove_takes_events_off_and_nothing_else(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, _ = shoot(timeline)
    timeline.tracks.markers.append(otio.schema.Marker("event"))
    write_events(timeline, a, "event", [Event(2, 0.9)])
    assert has_events(timeline)
    assert has_ours(timeline)
    remove_all(timeline)
    assert starts(timeline) == [("event", 0)]
    assert not has_ours(timeline)


def test_events_of_an_earlier_version_come_along(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, b = shoot(timeline)
    earlier = timeline.deepcopy()
    write_events(earlier, a, "old", [Event(2, 0.9)])
    write_events(earlier, b, "old", [Event(1, 0.9)])
    write_events(timeline, a, "new", [Event(4, 0.9)])
    carry_over(earlier, timeline)
    assert starts(timeline) == [("new", 11), ("old", 38)]
