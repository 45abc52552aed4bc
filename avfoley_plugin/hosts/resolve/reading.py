"""From the timeline that is open in Resolve to an OpenTimelineIO timeline, over the scripting API."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.errors import HostError, TimelineError
from avfoley_plugin.hosts.items import frame_range, gap, retime
from avfoley_plugin.hosts.resolve.colors import TO_OTIO
from avfoley_plugin.hosts.resolve.connection import offers
from avfoley_plugin.hosts.resolve.records import Record, stored
from avfoley_plugin.timeline.identity import HOST_ID, mark
from avfoley_plugin.timeline.placing import AMBIENCE, PICTURE, TRACK_NAME, mark_track
from avfoley_plugin.timeline.takes import file_length
from avfoley_plugin.timeline.timing import exact_rate, parse_timecode, rational_time

#: The key of what the things of a timeline know about where they are in Resolve.
PLACE = "resolve"
_KINDS = {"video": otio.schema.TrackKind.Video, "audio": otio.schema.TrackKind.Audio}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_OUR_TRACK = re.compile(rf"{TRACK_NAME}(?: (?:{AMBIENCE}|{PICTURE}))?(?: \d+)?")


@dataclass(frozen=True)
class Item:
    """An item, in record frames of the timeline; ``left`` are those cut off its media's head."""

    thing: Any = field(repr=False)
    name: str
    start: int
    frames: int
    left: int
    path: str
    enabled: bool

    @property
    def end(self) -> int:
        return self.start + self.frames


@dataclass(frozen=True)
class ApiTrack:
    """A track as the API counts it, from 1 for each kind."""

    kind: str
    index: int
    name: str
    enabled: bool
    items: tuple[Item, ...]


@dataclass(frozen=True)
class ApiMarker:
    """A marker of the timeline; ``frame`` counts from the timeline's start."""

    frame: int
    frames: int
    color: str
    name: str
    note: str
    custom_data: str


@dataclass(frozen=True)
class Snapshot:
    """All that is read of a timeline, at one instant."""

    name: str
    rate: Fraction
    start: int
    tracks: tuple[ApiTrack, ...]
    markers: tuple[ApiMarker, ...]

    @property
    def digest(self) -> str:
        """The same as long as nothing that we read has changed."""
        return hashlib.sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def items(self) -> dict[str, tuple[ApiTrack, Item]]:
        """All items and their tracks, by their ids."""
        return {item_id(track, item): (track, item) for track in self.tracks for item in track.items}

    def track(self, kind: str, index: int) -> ApiTrack | None:
        """The track of that kind, "video" or "audio", and number."""
        return next((track for track in self.tracks if (track.kind, track.index) == (kind, index)), None)


def snapshot(timeline: Any) -> Snapshot:
    """Reads the API's timeline. Raises HostError if it tells no frame rate."""
    rate = setting_rate(timeline.GetSetting("timelineFrameRate"))
    if rate is None:
        raise HostError(f"Resolve tells no frame rate of timeline {timeline.GetName()!r}; open it again")
    start = _frame(timeline.GetStartFrame())
    tracks = []
    for kind in _KINDS:
        for index in range(1, int(timeline.GetTrackCount(kind) or 0) + 1):
            things = listed(timeline.GetItemListInTrack(kind, index))
            items = sorted((_item(thing, start) for thing in things), key=lambda item: item.start)
            enabled = not offers(timeline, "GetIsTrackEnabled") or timeline.GetIsTrackEnabled(kind, index) is not False
            tracks.append(ApiTrack(kind, index, str(timeline.GetTrackName(kind, index) or ""), enabled, tuple(items)))
    return Snapshot(str(timeline.GetName() or ""), rate, start, tuple(tracks), tuple(_markers(timeline)))


def setting_rate(value: Any) -> Fraction | None:
    """The exact rate that a setting says, which may read "29.97 DF"; None if it says none."""
    number = _NUMBER.match(str(value if value is not None else "").strip())
    with contextlib.suppress(TimelineError):
        return None if number is None else exact_rate(float(number[0]))
    return None


def read_timeline(found: Snapshot) -> otio.schema.Timeline:
    """The snapshot as a timeline; our takes, tracks and captions are known by what our markers record."""
    rate = float(found.rate)
    timeline = otio.schema.Timeline(found.name, global_start_time=RationalTime(found.start, rate))
    ours = [(marker, record) for marker in found.markers if (record := stored(marker.custom_data)) is not None]
    owners = _owners(found, (record for _, record in ours))
    timeline.tracks.extend(_track(track, found, owners) for track in found.tracks)
    records = {id(marker): record for marker, record in ours}
    timeline.tracks.markers.extend(_marker(one, found.rate, records.get(id(one))) for one in found.markers)
    return timeline


def item_id(track: ApiTrack, item: Item) -> str:
    """What an item is known by as long as the timeline is not changed."""
    return f"{track.kind} {track.index} {item.start}"


def _track(track: ApiTrack, found: Snapshot, owners: Mapping[str, Record]) -> otio.schema.Track:
    made = otio.schema.Track(name=track.name, kind=_KINDS[track.kind])
    made.enabled = track.enabled
    made.metadata[PLACE] = {"kind": track.kind, "index": track.index}
    at = 0
    for item in track.items:
        if item.end <= at:
            continue
        if item.start > at:
            made.append(gap(item.start - at, found.rate))
        owner = owners.get(item_id(track, item))
        clip = _clip(item, found.rate) if owner is None else _our_clip(item, owner, found.rate)
        clip.metadata[HOST_ID] = item_id(track, item)
        made.append(clip)
        at = item.end
    ours = [record for item in track.items if (record := owners.get(item_id(track, item))) is not None]
    named_ours = _OUR_TRACK.fullmatch(track.name) is not None
    if ours and (named_ours or len(ours) == len(track.items)):
        name = track.name if named_ours else f"{TRACK_NAME} {track.kind} {track.index}"
        mark_track(made, name.lower().replace(" ", "-"), "" if ours[0].clip is None else ours[0].clip.layer)
    return made


def _owners(found: Snapshot, records: Iterable[Record]) -> dict[str, Record]:
    """Which record each of our items belongs to: of several that play a take of one shot, which the
    editor copied, the nearest to where it was put.
    """
    items = [(key, item) for key, (_, item) in found.items.items()]
    owners: dict[str, Record] = {}
    for record in records:
        if record.clip is None:
            continue
        start, paths = record.clip.record_start, {take.file for take in record.takes}
        near = [(abs(item.start - start), key) for key, item in items if Path(item.path) in paths and key not in owners]
        if near:
            owners[min(near)[1]] = record
    return owners


def _clip(item: Item, rate: Fraction) -> otio.schema.Clip:
    clip = otio.schema.Clip(name=item.name)
    clip.enabled = item.enabled
    properties = _properties(item.thing)
    media_rate = setting_rate(properties.get("FPS")) or rate
    start = 0
    with contextlib.suppress(TimelineError):
        start = parse_timecode(str(properties.get("Start TC") or ""), media_rate)
    # Offsets count record frames of the media at its own speed, and are whole: the API tells no parts of frames.
    offset = item.left * media_rate / rate
    clip.source_range = TimeRange(rational_time(start + offset, media_rate), rational_time(item.frames, rate))
    if item.path:
        clip.media_reference = otio.schema.ExternalReference(item.path)
        length = _NUMBER.match(str(properties.get("Frames") or ""))
        if length is not None and 0 < float(length[0]) < math.inf:
            clip.media_reference.available_range = frame_range(start, Fraction(length[0]), media_rate)
    retime(clip, _speed(item, rate, media_rate))
    return clip


def _our_clip(item: Item, record: Record, rate: Fraction) -> otio.schema.Clip:
    references, active = {}, None
    for take in record.takes:
        url = take.file.as_uri() if take.file.is_absolute() else take.path
        length = file_length(take.identity)
        available = TimeRange(RationalTime(take.start * length.rate / SAMPLE_RATE, length.rate), length)
        reference = otio.schema.ExternalReference(url, available)
        reference.name = take.file.name
        mark(reference, take.identity)
        references[take.key] = reference
        if take.file == Path(item.path):
            active = take
    assert active is not None
    assert record.clip is not None
    # What is cut off is counted from the file's first sample, which is at the reference's own start.
    head = item.left + active.start * rate / SAMPLE_RATE
    clip = otio.schema.Clip(name=record.name, source_range=frame_range(head, item.frames, rate))
    clip.enabled = item.enabled
    clip.set_media_references(references, active.key)
    mark(clip, record.clip)
    return clip


def _marker(marker: ApiMarker, rate: Fraction, record: Record | None) -> otio.schema.Marker:
    made = otio.schema.Marker(
        name=marker.name,
        marked_range=frame_range(marker.frame, marker.frames, rate),
        color=TO_OTIO.get(marker.color, otio.schema.MarkerColor.BLUE),
        comment=marker.note,
    )
    made.metadata[PLACE] = {"color": marker.color, "custom_data": marker.custom_data}
    if record is not None:
        mark(made, record.caption)
    return made


def _item(thing: Any, start: int) -> Item:
    properties = _properties(thing)
    return Item(
        thing=thing,
        name=str(thing.GetName() or ""),
        start=_frame(thing.GetStart()) - start,
        frames=max(0, _frame(thing.GetDuration())),
        # In record frames whatever the media's rate; GetSourceStartFrame is often one short.
        left=max(0, _frame(thing.GetLeftOffset())),
        path=str(properties.get("File Path") or ""),
        enabled=not offers(thing, "GetClipEnabled") or thing.GetClipEnabled() is not False,
    )


def _properties(thing: Any) -> Mapping[str, Any]:
    media = thing.GetMediaPoolItem()
    found = None if media is None else media.GetClipProperty()
    return found if isinstance(found, Mapping) else {}


def _speed(item: Item, rate: Fraction, media_rate: Fraction) -> Fraction:
    """The speed that an item's source frames tell, good to a frame at either end: if they can,
    normal speed or a whole per cent, else the fraction itself; 0 for a freeze frame. The API does
    not tell a speed, and of a reversed item nothing tells that it is.
    """
    if not (item.frames and offers(item.thing, "GetSourceStartFrame") and offers(item.thing, "GetSourceEndFrame")):
        return Fraction(1)
    first, last = item.thing.GetSourceStartFrame(), item.thing.GetSourceEndFrame()
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in (first, last)):
        return Fraction(1)
    consumed = abs(round(last) - round(first))
    normal = item.frames * media_rate / rate
    if abs(consumed - normal) <= 2:
        return Fraction(1)
    if consumed == 0:
        return Fraction(0)
    measured, slack = consumed / normal, 2 / normal
    percent = Fraction(round(measured * 100), 100)
    return percent if percent and abs(percent - measured) <= slack else measured


def _markers(timeline: Any) -> list[ApiMarker]:
    found = timeline.GetMarkers()
    markers = []
    for frame, reported in found.items() if isinstance(found, Mapping) else ():
        texts = (str(reported.get(key) or "") for key in ("color", "name", "note", "customData"))
        markers.append(ApiMarker(_frame(frame), max(1, _frame(reported.get("duration", 1))), *texts))
    return sorted(markers, key=lambda marker: marker.frame)


def listed(things: Any) -> list[Any]:
    """What the API calls a list, which may be a dictionary by number, or None."""
    return list(things.values()) if isinstance(things, Mapping) else list(things or ())


def _frame(value: Any) -> int:
    try:
        return round(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0
