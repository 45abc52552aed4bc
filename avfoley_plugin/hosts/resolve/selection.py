"""What the editor has chosen in Resolve's timeline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from avfoley_plugin.hosts.resolve.connection import offers
from avfoley_plugin.hosts.resolve.reading import Snapshot, listed
from avfoley_plugin.timeline.selection import Selection

#: Clips of this colour are chosen where Resolve does not tell which are selected.
COLOR = "Teal"


def selection(timeline: Any, found: Snapshot) -> Selection:
    """The first of these that says something: the selected clips (Resolve 21.0.4 and later), the
    clips of the colour "Teal", in and out points, the clip under the playhead. Else everything.
    """
    for choose in (_selected, _colored):
        if chosen := choose(timeline, found):
            return Selection(host_ids=chosen)
    if (marks := _marks(timeline)) is not None:
        return Selection(record_range=f"{marks[0]}-{marks[1]}")
    current = timeline.GetCurrentVideoItem() if offers(timeline, "GetCurrentVideoItem") else None
    return Selection() if current is None else Selection(host_ids=_ids([current], found))


def _ids(things: list[Any], found: Snapshot) -> frozenset[str]:
    """The ids of items. Two handles of the API for one item are not equal: an item is known by where it is."""
    return frozenset(
        key
        for thing in things
        for key, (track, item) in found.items.items()
        if (item.start + found.start, item.name, item.frames)
        == (thing.GetStart(), thing.GetName(), thing.GetDuration())
        and _track_of(thing) in (None, (track.kind, track.index))
    )


def _track_of(thing: Any) -> tuple[str, int] | None:
    """Kind and number of the track that an item is on; None where Resolve does not tell."""
    reported = thing.GetTrackTypeAndIndex() if offers(thing, "GetTrackTypeAndIndex") else None
    match reported:
        case [str(kind), int(index) | float(index)]:
            return kind, round(index)
    return None


def _selected(timeline: Any, found: Snapshot) -> frozenset[str]:
    selected = timeline.GetSelectedClips() if offers(timeline, "GetSelectedClips") else None
    return _ids(listed(selected), found)


def _colored(timeline: Any, found: Snapshot) -> frozenset[str]:
    return frozenset(
        key
        for key, (_, item) in found.items.items()
        if offers(item.thing, "GetClipColor") and item.thing.GetClipColor() == COLOR
    )


def _marks(timeline: Any) -> tuple[int, int] | None:
    """The in point and the frame after the out point, in record frames; None unless both are set."""
    marks = timeline.GetMarkInOut() if offers(timeline, "GetMarkInOut") else None
    video = marks.get("video") if isinstance(marks, Mapping) else None
    match video:
        case {"in": int() | float() as first, "out": int() | float() as last} if 0 <= first <= last < math.inf:
            # They count from the timeline's first frame, and the out point is part of the range.
            return int(first), int(last) + 1
    return None
