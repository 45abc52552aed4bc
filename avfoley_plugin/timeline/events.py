"""Event markers: what was spotted in the shots, a marker of one frame each."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import opentimelineio as otio

from avfoley_plugin.timeline.identity import EventIdentity, mark, our_markers, remove_markers
from avfoley_plugin.timeline.timing import RecordClock, exact_frames, exact_seconds, record_clock, round_half_up

if TYPE_CHECKING:
    from avfoley_plugin.timeline.stretch import Stretch

COLOR = otio.schema.MarkerColor.YELLOW


@dataclass(frozen=True)
class Event:
    """Something in a shot begins to sound: `frame` counts record frames from the shot's first."""

    frame: int
    confidence: float


def write_events(timeline: otio.schema.Timeline, shot: Stretch, name: str, events: Iterable[Event]) -> None:
    """Puts a shot's events on the timeline, in place of those spotted in its range before."""
    clock = record_clock(timeline, shot.record_rate)

    def is_earlier(marker: otio.schema.Marker, ours: EventIdentity) -> bool:
        return ours.id == shot.id or (ours.layer == shot.layer and 0 <= _frame_in(shot, marker, clock) < shot.frames)

    remove_markers(timeline, EventIdentity, is_earlier)
    for number, event in enumerate(events):
        marker = otio.schema.Marker(name=name, color=COLOR)
        marker.marked_range = clock.range(clock.origin + shot.record_start + event.frame, 1)
        marker.comment = f"{event.confidence:.0%}"
        mark(marker, EventIdentity(id=shot.id, layer=shot.layer, number=number, confidence=event.confidence))
        timeline.tracks.markers.append(marker)


def events_of(timeline: otio.schema.Timeline, shot: Stretch) -> list[Event]:
    """The event markers in a shot, in order, wherever the editor moved them to within it."""
    return events_by_shot(timeline, [shot])[shot.id]


def events_by_shot(timeline: otio.schema.Timeline, shots: Iterable[Stretch]) -> dict[str, list[Event]]:
    """The event markers in each of some shots, by the shot's id, in order; see `events_of`."""
    markers = our_markers(timeline, EventIdentity)
    timed = [(exact_seconds(marker.marked_range.start_time), marker, ours) for marker, ours in markers]
    timed.sort(key=lambda entry: entry[0])
    starts = [start for start, _, _ in timed]
    shots = list(shots)
    clocks = {rate: record_clock(timeline, rate) for rate in {shot.record_rate for shot in shots}}
    found: dict[str, list[Event]] = {}
    for shot in shots:
        clock, found[shot.id] = clocks[shot.record_rate], []
        first = clock.origin + shot.record_start
        # A frame more on either side, for what lies between two frames.
        low = bisect.bisect_left(starts, (first - 1) / clock.rate)
        high = bisect.bisect_right(starts, (first + shot.frames) / clock.rate)
        for _, marker, ours in timed[low:high]:
            frame = _frame_in(shot, marker, clock)
            if (ours.id == shot.id or ours.layer == shot.layer) and 0 <= frame < shot.frames:
                found[shot.id].append(Event(frame, ours.confidence))
    return found


def event_markers(timeline: otio.schema.Timeline) -> dict[str, list[otio.schema.Marker]]:
    """The event markers of every shot that has some, by the shot's id."""
    found: dict[str, list[otio.schema.Marker]] = {}
    for marker, ours in our_markers(timeline, EventIdentity):
        found.setdefault(ours.id, []).append(marker)
    return found


def has_events(timeline: otio.schema.Timeline) -> bool:
    """Whether there are event markers of ours."""
    return bool(our_markers(timeline, EventIdentity))


def move_events(timeline: otio.schema.Timeline, shot_id: str, frames: int, clock: RecordClock) -> None:
    """Moves the event markers of a shot by record frames, as the shot was moved."""
    for marker in event_markers(timeline).get(shot_id, []):
        start = exact_frames(marker.marked_range.start_time, clock.rate) + frames
        marker.marked_range = otio.opentime.TimeRange(clock.time(start), marker.marked_range.duration)


def _frame_in(shot: Stretch, marker: otio.schema.Marker, clock: RecordClock) -> int:
    """The record frame of a marker, counted from a shot's first."""
    return round_half_up(exact_frames(marker.marked_range.start_time, clock.rate)) - clock.origin - shot.record_start
