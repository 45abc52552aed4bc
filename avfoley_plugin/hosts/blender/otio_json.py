"""OpenTimelineIO documents as plain JSON: Blender's Python does not have the library. Positions and
lengths on tracks are in frames of the document's rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

#: An object of a document.
Json = dict[str, Any]

#: The metadata that tells what is ours; see `avfoley_plugin.timeline.identity`.
METADATA = "avfoley"
#: The metadata that leads from a clip or track back to the strip or channel that it stands for.
PLACE = "blender"


@dataclass(frozen=True)
class Placed:
    """A clip of ours: `frames` from `start`; its take's file, with head, is at `content_start`."""

    clip: Json
    track: Json
    start: int
    frames: int
    content_start: int

    @property
    def strip(self) -> str | None:
        """The name of the strip that it was read from; None for a new one."""
        name = self.clip["metadata"].get(PLACE, {}).get("strip")
        return None if name is None else str(name)

    @property
    def take(self) -> Json:
        """The active take's media reference."""
        return active(self.clip)


def time(value: Fraction | int, rate: Fraction) -> Json:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(value)}


def time_range(start: Json, duration: Json) -> Json:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": start, "duration": duration}


def frame_range(start: int, frames: int, rate: Fraction) -> Json:
    return time_range(time(start, rate), time(frames, rate))


def seconds(time: Json) -> Fraction:
    return Fraction(time["value"]) / Fraction(time["rate"])


def nearest_frame(time: Json, rate: Fraction) -> int:
    return round(seconds(time) * rate)


def gap(frames: int, rate: Fraction) -> Json:
    return _item("Gap.1", "", frame_range(0, frames, rate))


def clip(
    name: str, reference: Json, source_range: Json, *, enabled: bool = True, speed: Fraction = Fraction(1)
) -> Json:
    """A clip; its source range lasts as long as it plays, whatever its `speed` (source time a record time)."""
    warp = {"OTIO_SCHEMA": "LinearTimeWarp.1", "name": "", "effect_name": "LinearTimeWarp", "metadata": {}}
    return {
        **_item("Clip.2", name, source_range, enabled=enabled),
        "effects": [] if speed == 1 else [{**warp, "time_scalar": float(speed)}],
        "media_references": {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def file_reference(url: str, available: Json) -> Json:
    named: Json = {"OTIO_SCHEMA": "ExternalReference.1", "name": "", "metadata": {}, "available_image_bounds": None}
    return {**named, "target_url": url, "available_range": available}


def no_reference() -> Json:
    named: Json = {"OTIO_SCHEMA": "MissingReference.1", "name": "", "metadata": {}, "available_image_bounds": None}
    return {**named, "available_range": None}


def track(
    name: str, kind: str, items: Iterable[tuple[int, int, Json]], rate: Fraction, *, enabled: bool = True
) -> Json:
    """A track of a kind, "Video" or "Audio", with items at (start, end), which do not overlap."""
    children, at = [], 0
    for start, end, item in sorted(items, key=lambda item: item[0]):
        if start > at:
            children.append(gap(start - at, rate))
        children.append(item)
        at = end
    return {**_item("Track.1", name, None, enabled=enabled), "kind": kind, "children": children}


def timeline(name: str, start: int, tracks: list[Json], markers: list[Json], rate: Fraction) -> Json:
    """A timeline whose first frame has the number `start` since midnight."""
    stack = {**_item("Stack.1", "tracks", None), "children": tracks, "markers": markers}
    timed = {"OTIO_SCHEMA": "Timeline.1", "name": name, "metadata": {}, "global_start_time": time(start, rate)}
    return {**timed, "tracks": stack}


def kind_of(thing: Json) -> str | None:
    """What a thing of ours is, as the ``kind`` of its `avfoley_plugin.timeline.identity` names it; None for others."""
    ours = thing.get("metadata", {}).get(METADATA)
    return ours.get("kind") if isinstance(ours, dict) else None


def is_clip_of_takes(thing: Any) -> bool:
    """Whether something is a clip of ours that has all that is relied on."""
    try:
        for take in [active(thing), *thing["media_references"].values()]:
            seconds(take["available_range"]["start_time"])
            seconds(take["available_range"]["duration"])
            if not all(isinstance(text, str) for text in (take["target_url"], take["metadata"][METADATA]["id"])):
                return False
        return kind_of(thing) == "foley" and isinstance(thing["name"], str)
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError):
        return False


def is_caption(thing: Any) -> bool:
    """Whether something is a caption marker of ours that has all that is relied on."""
    try:
        seconds(thing["marked_range"]["start_time"])
        texts = (thing["name"], thing["comment"], thing["metadata"][METADATA]["id"])
        return kind_of(thing) == "caption" and all(isinstance(text, str) for text in texts)
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError):
        return False


def active(clip: Json) -> Json:
    """The media reference that a clip plays."""
    reference: Json = clip["media_references"][clip["active_media_reference_key"]]
    return reference


def placed(document: Json, rate: Fraction) -> Iterator[Placed]:
    """All clips of ours on a timeline's tracks."""
    for each in document["tracks"]["children"]:
        at = Fraction(0)
        for child in each.get("children", ()):
            source = child.get("source_range")
            if source is None:
                continue
            if kind_of(child) == "foley":
                start = round(at * rate)
                head = seconds(source["start_time"]) - seconds(active(child)["available_range"]["start_time"])
                frames = nearest_frame(source["duration"], rate)
                yield Placed(child, each, start, frames, start - round(head * rate))
            at += seconds(source["duration"])


def captions(document: Json) -> dict[str, Json]:
    """Our caption markers by the id of their shot."""
    markers = document["tracks"]["markers"]
    return {marker["metadata"][METADATA]["id"]: marker for marker in markers if kind_of(marker) == "caption"}


def _item(schema: str, name: str, source_range: Json | None, *, enabled: bool = True) -> Json:
    named: Json = {"OTIO_SCHEMA": schema, "name": name, "metadata": {}, "source_range": source_range}
    return {**named, "effects": [], "markers": [], "enabled": enabled}
