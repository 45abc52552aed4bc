"""Caption markers: what a shot's foley was made from, where an editor can change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import opentimelineio as otio

from avfoley_plugin.timeline.identity import CaptionIdentity, identity, mark, our_markers
from avfoley_plugin.timeline.timing import record_clock

if TYPE_CHECKING:
    from avfoley_plugin.timeline.stretch import Stretch

COLOR = otio.schema.MarkerColor.CYAN


class CaptionEdit(NamedTuple):
    """A caption that was changed in the editing program."""

    shot_id: str
    old: str
    new: str


def write_caption(timeline: otio.schema.Timeline, shot: Stretch, caption: str) -> otio.schema.Marker:
    """Puts a shot's caption on the timeline, as a marker over its record range, new or updated.

    A name or a colour that the editor gave the marker is kept.
    """
    markers = timeline.tracks.markers
    for marker in markers:
        found = identity(marker, CaptionIdentity)
        if found is not None and found.id == shot.id:
            break
    else:
        marker = otio.schema.Marker(name=shot.name, color=COLOR)
        markers.append(marker)
    marker.marked_range = _range_over(timeline, shot)
    marker.comment = caption
    mark(marker, CaptionIdentity(id=shot.id, caption=caption))
    return marker


def edit_caption(timeline: otio.schema.Timeline, shot: Stretch, caption: str) -> None:
    """Changes what a shot's next take is made from, as an editor does in the marker's comment.

    A shot that has takes then counts as edited. Here an empty caption is meant.
    """
    for marker, ours in our_markers(timeline, CaptionIdentity):
        if ours.id == shot.id:
            marker.comment = caption
            mark(marker, CaptionIdentity(id=shot.id, caption=ours.caption, cleared=not caption.strip()))
            return
    write_caption(timeline, shot, caption)


def caption_markers(timeline: otio.schema.Timeline) -> dict[str, otio.schema.Marker]:
    """The caption marker of every shot that has one, by the shot's id."""
    return {ours.id: marker for marker, ours in our_markers(timeline, CaptionIdentity)}


def move_caption(timeline: otio.schema.Timeline, shot: Stretch) -> None:
    """Puts the caption marker that a shot has, if any, over where the shot is now."""
    for marker, ours in our_markers(timeline, CaptionIdentity):
        if ours.id == shot.id:
            marker.marked_range = _range_over(timeline, shot)


def captions(timeline: otio.schema.Timeline) -> dict[str, str]:
    """The captions as they stand in the markers now, by shot id."""
    return {ours.id: _present(marker, ours) for marker, ours in our_markers(timeline, CaptionIdentity)}


def edited(timeline: otio.schema.Timeline) -> list[CaptionEdit]:
    """The captions that no longer read as we wrote them."""
    edits = (
        CaptionEdit(ours.id, ours.caption, _present(marker, ours))
        for marker, ours in our_markers(timeline, CaptionIdentity)
    )
    return [edit for edit in edits if edit.new != edit.old]


def _range_over(timeline: otio.schema.Timeline, shot: Stretch) -> otio.opentime.TimeRange:
    clock = record_clock(timeline, shot.record_rate)
    return clock.range(clock.origin + shot.record_start, shot.frames)


def _present(marker: otio.schema.Marker, ours: CaptionIdentity) -> str:
    # An empty comment is not an edit: several programs lose comments on the way.
    return marker.comment.strip() or ("" if ours.cleared else ours.caption)
