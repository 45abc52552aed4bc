"""The items of tracks as hosts read and write them: where they lie, and how they are retimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar

import opentimelineio as otio
from opentimelineio.opentime import TimeRange

from avfoley_plugin.errors import HostError
from avfoley_plugin.timeline.timing import exact_seconds, rational_time

_MOST_TRACKS = 500


class _Extent(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


_Placed = TypeVar("_Placed", bound=_Extent)


def items_of(track: Iterable[otio.core.Composable]) -> Iterator[tuple[otio.core.Item, Fraction, Fraction]]:
    """The items of a track, where each starts on it, and how long it lasts, in seconds."""
    at = Fraction(0)
    for item in track:
        if isinstance(item, otio.core.Item):
            duration = exact_seconds(item.duration())
            yield item, at, duration
            at += duration


def frame_range(start: int | Fraction, frames: int | Fraction, rate: Fraction) -> TimeRange:
    return TimeRange(rational_time(start, rate), rational_time(frames, rate))


def gap(frames: int | Fraction, rate: Fraction) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=frame_range(0, frames, rate))


def dissolve(name: str, before: int | Fraction, after: int | Fraction, rate: Fraction) -> otio.schema.Transition:
    """A transition of so many frames before and after its cut."""
    kind = otio.schema.TransitionTypes.SMPTE_Dissolve
    return otio.schema.Transition(name, kind, rational_time(before, rate), rational_time(after, rate))


def retime(item: otio.core.Item, speed: Fraction) -> None:
    """Has an item play at a speed, in source time a record time; 0 is a freeze frame."""
    if speed == 0:
        item.effects.append(otio.schema.FreezeFrame())
    elif speed != 1:
        item.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(speed)))


def speed_of(item: otio.core.Item) -> Fraction:
    """The speed that an item's effects give it."""
    speed = Fraction(1)
    for effect in item.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            speed *= Fraction(effect.time_scalar).limit_denominator(1_000_000)
    return speed


def markers_of(timeline: otio.schema.Timeline) -> Iterator[otio.schema.Marker]:
    """All markers of a timeline: its own, and those of everything on it."""
    for item in (timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)):
        yield from item.markers


def keep_active_take(clip: otio.schema.Clip) -> None:
    """Leaves a clip only what it plays, under the usual key, for programs that know no other."""
    clip.set_media_references({clip.DEFAULT_MEDIA_KEY: clip.media_reference.deepcopy()}, clip.DEFAULT_MEDIA_KEY)


def free_rows(placed: Iterable[_Placed]) -> list[list[_Placed]]:
    """Rows of items without overlap, in which they keep their order. HostError for too many."""
    rows: list[list[_Placed]] = []
    for item in placed:
        row = next((row for row in rows if row[-1].end <= item.start), None)
        if row is not None:
            row.append(item)
        elif len(rows) < _MOST_TRACKS:
            rows.append([item])
        else:
            raise HostError("it holds more tracks than any timeline does")
    return rows
