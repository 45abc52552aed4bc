"""Captions and events as markers of the scene, which keeps their identities in a custom property. A
marker's name holds 63 bytes; of a longer one the scene keeps all, as long as nobody edits the marker.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from .otio_json import Json, is_marker, kind_of, marker_key, markers, nearest_frame

_PROPERTY = "avfoley"


@dataclass
class Kept:
    """What the scene keeps of a marker: its name and frame as we wrote them, and the document's marker."""

    name: str
    frame: int
    marker: Json


def read(scene: Any) -> list[Json]:
    """Our markers for a document. Of one that was edited the editor's text is a caption's comment, an event's name."""
    return [
        kept.marker
        if marker.name == kept.name
        else {**kept.marker, "name" if _is_event(kept) else "comment": marker.name}
        for kept, marker in _matched(scene)
    ]


def write(scene: Any, before: Json, after: Json, origin: int, rate: Fraction) -> None:
    """Brings the scene's markers from those of one document to those of the next. One that the editor moved stays
    where it is, until its shot moves; a new one makes way for markers of the editor's, and captions for events.
    """
    known, wanted, result = markers(before), markers(after), []
    present = {marker_key(kept.marker): (kept, marker) for kept, marker in _matched(scene)}
    for key in present.keys() - wanted.keys():
        scene.timeline_markers.remove(present.pop(key)[1])
    ours = [own for _, own in present.values()]
    theirs = {marker.frame for marker in scene.timeline_markers if marker not in ours}
    events: set[int] = set()
    for key, marker in sorted(wanted.items(), key=lambda found: found[0][0] == "caption"):
        first = nearest_frame(marker["marked_range"]["start_time"], rate) + origin
        earlier, there = known.get(key), present.get(key)
        own = None if there is None else there[1]
        is_event = kind_of(marker) == "event"
        taken = theirs | events if is_event else {each.frame for each in scene.timeline_markers if each != own}
        if there is None:
            text = _text(marker)
            own, untouched = scene.timeline_markers.new(text, frame=_free(taken, first)), True
        else:
            kept, own = there
            text = _text(marker, own.name)
            moved = earlier is None or earlier["marked_range"]["start_time"] != marker["marked_range"]["start_time"]
            if moved or own.frame in events:
                own.frame = _free(taken, first if moved else own.frame)
            untouched = own.name == kept.name or (earlier is not None and own.name == _edit(earlier))
        if untouched:
            own.name = text
        if is_event:
            events.add(own.frame)
        # What the editor wrote meanwhile differs from what is kept, and so is an edit.
        result.append(Kept(own.name if untouched else text, own.frame, marker))
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
    # The name of an event says how sure it is: one that was moved to where a caption was is still known by it.
    for of_events, same in (
        (None, lambda one, marker: (one.name, one.frame) == (marker.name, marker.frame)),
        (True, lambda one, marker: one.name == marker.name),
        (False, lambda one, marker: one.frame == marker.frame),
        (False, lambda one, marker: one.name == marker.name),
        (True, lambda one, marker: one.frame == marker.frame),
    ):
        for number, one in enumerate(kept):
            if number not in pairs and of_events in (None, _is_event(one)):
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
    return [kept for kept in found if is_marker(kept.marker)]


def _is_event(kept: Kept) -> bool:
    return kind_of(kept.marker) == "event"


def _text(marker: Json, present: str = "") -> str:
    """What a marker is called in the scene: by its caption, or as an event that says how sure it is. The editor's own
    name for an event, `present`, stays.
    """
    if kind_of(marker) == "caption":
        return str(marker["comment"]).strip() or str(marker["name"])
    return present if present == marker["name"] else f"{marker['name']} ({marker['comment']})"


def _edit(marker: Json) -> str:
    """Where the editor's text is in a marker that `read` gave."""
    return str(marker["name" if kind_of(marker) == "event" else "comment"])


def _free(taken: set[int], frame: int) -> int:
    """The first frame from `frame` on that is not taken."""
    while frame in taken:
        frame += 1
    return frame
