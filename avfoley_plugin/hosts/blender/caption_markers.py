"""Captions as markers of the scene, which keeps their identities in a custom property. A marker's
name holds 63 bytes; of a longer caption the scene keeps all, as long as nobody edits the marker.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from .otio_json import METADATA, Json, captions, is_caption, nearest_frame

_PROPERTY = "avfoley"


@dataclass
class Kept:
    """What the scene keeps of a marker: its name and frame as we wrote them, and the document's marker."""

    name: str
    frame: int
    marker: Json


def read(scene: Any) -> list[Json]:
    """Our markers for a document; the comment of one that was edited is the editor's text."""
    return [
        kept.marker if marker.name == kept.name else {**kept.marker, "comment": marker.name}
        for kept, marker in _matched(scene)
    ]


def write(scene: Any, before: Json, after: Json, origin: int, rate: Fraction) -> None:
    """Brings the scene's markers from those of one document to those of the next. One that the editor moved stays
    where it is, until its shot moves; a new one makes way for markers of the editor's.
    """
    known, result = captions(before), []
    present = {kept.marker["metadata"][METADATA]["id"]: (kept, marker) for kept, marker in _matched(scene)}
    for shot, marker in captions(after).items():
        first = nearest_frame(marker["marked_range"]["start_time"], rate) + origin
        earlier, there = known.get(shot), present.pop(shot, None)
        text = marker["comment"].strip() or marker["name"]
        if there is None:
            own, untouched = scene.timeline_markers.new(text, frame=_free(scene, first)), True
        else:
            kept, own = there
            if earlier is None or earlier["marked_range"]["start_time"] != marker["marked_range"]["start_time"]:
                own.frame = _free(scene, first, own)
            untouched = own.name == kept.name or (earlier is not None and own.name == earlier["comment"])
        if untouched:
            own.name = text
        # What the editor wrote meanwhile differs from what is kept, and so is an edit.
        result.append(Kept(own.name if untouched else text, own.frame, marker))
    for _, own in present.values():
        scene.timeline_markers.remove(own)
    text = json.dumps([asdict(one) for one in result])
    if text != "[]" or _PROPERTY in scene:
        scene[_PROPERTY] = text


def remove(scene: Any) -> None:
    """Takes our markers off the scene."""
    for _, marker in _matched(scene):
        scene.timeline_markers.remove(marker)
    if _PROPERTY in scene:
        del scene[_PROPERTY]


def _matched(scene: Any) -> list[tuple[Kept, Any]]:
    """Our markers that are still there: unchanged, else renamed on their frame, else moved under their name."""
    kept = _kept(scene)
    pairs: dict[int, tuple[Kept, Any]] = {}
    free = list(scene.timeline_markers)
    for same in (
        lambda one, marker: (one.name, one.frame) == (marker.name, marker.frame),
        lambda one, marker: one.frame == marker.frame,
        lambda one, marker: one.name == marker.name,
    ):
        for number, one in enumerate(kept):
            if number not in pairs:
                index = next((index for index, marker in enumerate(free) if same(one, marker)), None)
                if index is not None:
                    pairs[number] = (one, free.pop(index))
    return [pairs[number] for number in sorted(pairs)]


def _kept(scene: Any) -> list[Kept]:
    try:
        found = [Kept(**one) for one in json.loads(scene.get(_PROPERTY, "[]"))]
    except (TypeError, ValueError):
        # Somebody else's property, or a damaged one.
        return []
    return [kept for kept in found if is_caption(kept.marker)]


def _free(scene: Any, frame: int, own: Any = None) -> int:
    """The first frame from `frame` on that has no marker but `own`."""
    taken = {marker.frame for marker in scene.timeline_markers if marker != own}
    while frame in taken:
        frame += 1
    return frame
