"""Captions as guides of our category, on the frames where their shots begin, and events on theirs."""

from __future__ import annotations

from typing import Any

import opentimelineio as otio

from avfoley_plugin.hosts.kdenlive.changes import Changes, json_text
from avfoley_plugin.hosts.kdenlive.guides import guides
from avfoley_plugin.hosts.kdenlive.json_array import changed
from avfoley_plugin.hosts.kdenlive.markup import property_tag
from avfoley_plugin.hosts.kdenlive.reading import PLACE, match_captions
from avfoley_plugin.hosts.kdenlive.records import StoredCaption, StoredTimeline
from avfoley_plugin.timeline.identity import CaptionIdentity, EventIdentity, marker_identity
from avfoley_plugin.timeline.timing import frames


def _text_of(marker: otio.schema.Marker, its: CaptionIdentity | EventIdentity) -> str:
    """What a guide says, which has one text."""
    if isinstance(its, EventIdentity):
        return f"{marker.name} ({its.confidence:.0%})"
    return marker.comment.strip() or its.caption


def write_captions(changes: Changes, timeline: otio.schema.Timeline, mine: StoredTimeline) -> None:
    """Brings our guides to a timeline's captions and events; updates `mine`, what is ours on the
    sequence. A frame has room for one guide: ours makes way for another, by a frame.
    """
    project = changes.project
    owner, prefix = project.settings
    element = owner.property(f"{prefix}guides")
    text = "" if element is None else element.text
    present = guides(text, "guides")
    ours = {guide.index: guide for guide, _ in match_captions(present, mine.captions, changes.record.category)}
    taken = {guide.frame for guide in present if guide.index not in ours}
    kept: set[int] = set()
    added: list[dict[str, Any]] = []
    mine.captions = []
    for marker in timeline.tracks.markers:
        its = marker_identity(marker)
        if its is None:
            continue
        frame = max(0, frames(marker.marked_range.start_time, project.rate))
        length = max(0, frames(marker.marked_range.duration, project.rate))
        while frame in taken:
            frame += 1
        taken.add(frame)
        written = _text_of(marker, its)
        guide = ours.get(marker.metadata.get(PLACE, {}).get("guide", -1))
        if guide is not None and (guide.frame, guide.text) == (frame, written):
            kept.add(guide.index)
        else:
            kind = changes.category() if guide is None else guide.type
            added.append({"comment": written, "pos": frame, "type": kind})
        name, color = marker.name, marker.color
        mine.captions.append(
            StoredCaption(frame=frame, text=written, name=name, color=color, frames=length, identity=its)
        )
    drop = set(ours) - kept
    if element is None:
        if added:
            changes.add_child(owner, property_tag(f"{prefix}guides", json_text(added)))
            mine.added_guides = True
    elif mine.added_guides and not added and len(drop) == len(present):
        changes.patch.remove(element)
        mine.added_guides = False
    else:
        changes.patch.edit_text(element, changed(text, "guides", drop, added))
