"""Event markers: what was spotted in the shots, a marker of one frame each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import opentimelineio as otio

from avfoley_plugin.timeline.identity import EventIdentity, identity, mark
from avfoley_plugin.timeline.timing import exact_frames, record_clock, round_half_up

if TYPE_CHECKING:
    from avfoley_plugin.timeline.stretch import Stretch

COLOR = otio.schema.MarkerColor.YELLOW


@dataclass(frozen=True)
class Event:
    """Something in a shot that begins to sound: `frame` counts from the shot's first frame, at its record rate."""

    frame: int
    confidence: float


def write_events(timeline: otio.schema.Timeline, shot: Stretch, name: str, events: Iterable[Event]) -> None:
    """Puts the events of a shot on the timeline, in place of those that were spotted in it before."""
    remove_events(timeline, shot.id)
    clock = record_clock(timeline, shot.record_rate)
    for number, event in enumerate(events):
        marker = otio.schema.Marker(name=name, color=COLOR)
        marker.marked_range = clock.range(clock.origin + shot.record_start + event.frame, 1)
        marker.comment = f"{event.confidence:.0%}"
        mark(marker, EventIdentity(id=shot.id, number=number, confidence=event.confidence))
        timeline.tracks.markers.append(marker)


def events_of(timeline: otio.schema.Timeline, shot: Stretch) -> list[Event]:
    """The event markers of a shot, in order, wherever the editor moved them to within it."""
    clock = record_clock(timeline, shot.record_rate)
    first = clock.origin + shot.record_start
    found = []
    for marker, ours in _event_markers(timeline):
        frame = round_half_up(exact_frames(marker.marked_range.start_time, shot.record_rate)) - first
        if ours.id == shot.id and 0 <= frame < shot.frames:
            found.append(Event(frame, ours.confidence))
    return sorted(found, key=lambda event: event.frame)


def has_events(timeline: otio.schema.Timeline) -> bool:
    """Whether there are event markers of ours."""
    return bool(_event_markers(timeline))


def carry_events(earlier: otio.schema.Timeline, timeline: otio.schema.Timeline) -> None:
    """Copies the event markers of an earlier version of a timeline, of the shots that have none on it."""
    there = {ours.id for _, ours in _event_markers(timeline)}
    missing = [marker for marker, ours in _event_markers(earlier) if ours.id not in there]
    timeline.tracks.markers.extend(marker.deepcopy() for marker in missing)


def remove_events(timeline: otio.schema.Timeline, shot: str | None = None) -> None:
    """Takes our event markers off the timeline: all, or those of the shot with this id."""
    gone = {id(marker) for marker, ours in _event_markers(timeline) if shot in (None, ours.id)}
    if gone:
        timeline.tracks.markers[:] = [marker for marker in timeline.tracks.markers if id(marker) not in gone]


def _event_markers(timeline: otio.schema.Timeline) -> list[tuple[otio.schema.Marker, EventIdentity]]:
    markers = [(marker, identity(marker, EventIdentity)) for marker in timeline.tracks.markers]
    return [(marker, ours) for marker, ours in markers if ours is not None]
