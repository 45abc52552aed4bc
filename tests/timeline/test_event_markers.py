"""Event markers on a timeline."""

from __future__ import annotations

from typing import Any

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime

from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.events import Event, events_by_shot, events_of, has_events, write_events
from avfoley_plugin.timeline.history import Change, snapshot
from avfoley_plugin.timeline.placing import Placement, carry_over, has_ours, place_takes, remove_all


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


def test_a_shot_that_is_cut_in_another_way_replaces_what_was_spotted_in_its_place(
    timeline: otio.schema.Timeline, read: Any, shoot: Any
) -> None:
    a, b = shoot(timeline)
    write_events(timeline, a, "whole", [Event(2, 0.9), Event(12, 0.9), Event(25, 0.9)])
    write_events(timeline, b, "other", [Event(1, 0.9)])
    (part,), _ = read(timeline, record_range="17-27")
    assert part.id != a.id
    write_events(timeline, part, "part", [Event(4, 0.8)])
    assert sorted(starts(timeline), key=lambda start: start[1]) == [
        ("whole", 9), ("part", 21), ("whole", 32), ("other", 38),
    ]  # fmt: skip
    assert events_by_shot(timeline, [a, b]) == {
        a.id: [Event(2, 0.9), Event(14, 0.8), Event(25, 0.9)],
        b.id: [Event(1, 0.9)],
    }
    write_events(timeline, a, "whole", [])
    assert starts(timeline) == [("other", 38)]


def test_of_overlapping_layers_each_has_its_own(build: Any, read: Any) -> None:
    timeline = build.timeline([build.clip("below", 0, 40)], [build.gap(10), build.clip("above", 0, 10)])
    below, above = (read(timeline, name)[0][0] for name in ("below", "above"))
    write_events(timeline, below, "below", [Event(12, 0.9)])
    write_events(timeline, above, "above", [Event(3, 0.9)])
    assert events_by_shot(timeline, [below, above]) == {below.id: [Event(12, 0.9)], above.id: [Event(3, 0.9)]}
    write_events(timeline, above, "above", [])
    assert events_of(timeline, below) == [Event(12, 0.9)]


def test_they_follow_a_shot_whose_take_follows_it(
    timeline: otio.schema.Timeline, build: Any, shoot: Any, take: Any
) -> None:
    a, _ = shoot(timeline)
    place_takes(timeline, [Placement(a, [take(a)])])
    write_events(timeline, a, "a door", [Event(2, 0.9)])
    timeline.tracks[0].insert(0, build.gap(5))
    place_takes(timeline, [], current=shoot(timeline))
    assert starts(timeline) == [("a door", 14)]
    assert events_of(timeline, shoot(timeline)[0]) == [Event(2, 0.9)]


def test_spotting_is_taken_back_and_done_again(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, b = shoot(timeline)
    write_events(timeline, b, "event", [Event(1, 0.9)])
    write_events(timeline, a, "event", [Event(2, 0.9)])
    before, earlier = snapshot(timeline), starts(timeline)
    write_events(timeline, a, "event", [Event(4, 0.8), Event(8, 0.8)])
    change, later = Change(before, snapshot(timeline)), starts(timeline)
    assert change.shots == {a.id}

    # What an editor does meanwhile stays.
    timeline.tracks.markers.append(otio.schema.Marker("mine"))
    change.take_back(timeline)
    assert sorted(starts(timeline)) == sorted([*earlier, ("mine", 0)])
    change.do_again(timeline)
    assert sorted(starts(timeline)) == sorted([*later, ("mine", 0)])


def test_without_a_change_there_is_nothing_to_take_back(timeline: otio.schema.Timeline, shoot: Any) -> None:
    a, _ = shoot(timeline)
    write_events(timeline, a, "event", [Event(2, 0.9)])
    before = snapshot(timeline)
    write_events(timeline, a, "event", [Event(2, 0.9)])
    assert not Change(before, snapshot(timeline)).shots
