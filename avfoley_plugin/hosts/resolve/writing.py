"""From a timeline back into Resolve: what is ours, and nothing else. The API's return values are
not to be trusted, so whatever is done is read back, and what did not happen is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.items import items_of
from avfoley_plugin.hosts.resolve.colors import FROM_OTIO
from avfoley_plugin.hosts.resolve.reading import PLACE, ApiMarker, Item, Snapshot, read_timeline, snapshot
from avfoley_plugin.hosts.resolve.records import Record, StoredTake, stored
from avfoley_plugin.timeline.identity import (
    HOST_ID,
    CaptionIdentity,
    ClipIdentity,
    TakeIdentity,
    TrackIdentity,
    identity,
    marker_identity,
)
from avfoley_plugin.timeline.media_url import is_file, resolve_media
from avfoley_plugin.timeline.timing import exact_seconds, frames, round_half_up

BIN = "AVFoley"
#: Frames in which an event finds one without a marker, from its own on.
_ROOM = 12
_MEDIA_TYPES = {"video": 1, "audio": 2}


@dataclass(frozen=True)
class OurClip:
    """One of our clips as it shall be, in record frames on a track of the timeline; ``host_id`` is
    what its item is known by, if it has one already.
    """

    clip: otio.schema.Clip
    track: otio.schema.Track
    record_start: int
    frames: int
    takes: tuple[StoredTake, ...]
    active: StoredTake
    host_id: str | None

    def left(self, take: StoredTake, rate: Fraction) -> int:
        """What is cut off a take's head, in record frames."""
        start = exact_seconds(self.clip.source_range.start_time) - Fraction(take.start, SAMPLE_RATE)
        return max(0, round_half_up(start * rate))


def write_timeline(project: Any, api: Any, before: Snapshot, timeline: otio.schema.Timeline, folder: Path) -> None:
    """Brings the API's timeline to what is ours on `timeline`, which was read from `before`. Raises
    HostError where Resolve does not do as it is told; what was done until then stays.
    """
    _Writer(project, api, before, folder).write(timeline)


class _Writer:
    def __init__(self, project: Any, api: Any, before: Snapshot, folder: Path) -> None:
        self._project = project
        self._api = api
        self._before = before
        self._folder = folder
        self._pool = project.GetMediaPool()
        #: Kind and number of a track in Resolve, by the id of the timeline's.
        self._places: dict[int, tuple[str, int]] = {}

    def write(self, timeline: otio.schema.Timeline) -> None:
        clips = our_clips(timeline, self._before.rate, self._folder)
        owned = self._owned()
        kept = {clip.host_id for clip in clips if clip.host_id in owned and self._is_in_place(clip)}
        self._delete_items([self._before.items[key][1] for key in owned if key not in kept])

        missing = [clip for clip in clips if clip.host_id not in kept]
        media = self._import(take.path for clip in clips for take in clip.takes)
        for track in timeline.tracks:
            if identity(track, TrackIdentity) is not None or any(clip.track is track for clip in missing):
                self._places[id(track)] = self._place(track, [clip for clip in clips if clip.track is track])
        for clip in missing:
            self._append(clip, media)
        for clip in clips:
            self._take_up(clip, media)
        self._write_markers(timeline, clips)
        self._delete_tracks(timeline)

    def _owned(self) -> set[str]:
        """The items that are ours, by what the markers record; the same that reading knew as ours."""
        known = read_timeline(self._before).find_clips()
        return {clip.metadata[HOST_ID] for clip in known if identity(clip, ClipIdentity) is not None}

    def _is_in_place(self, clip: OurClip) -> bool:
        track, item = self._before.items[str(clip.host_id)]
        lefts = [clip.left(take, self._before.rate) for take in clip.takes if take.file == Path(item.path)]
        # A file that plays, but is no longer among the takes, cannot be taken out of a take selector.
        return (
            _place_of(clip.track) == (track.kind, track.index)
            and item.start == clip.record_start
            and _same_length(item.frames, clip.frames)
            and item.left in lefts
            and {_take_path(take) for take in _api_takes(item.thing)} <= {take.file for take in clip.takes}
        )

    def _delete_items(self, items: list[Item]) -> None:
        if not items:
            return
        # Without ripple: nothing that is not ours moves.
        self._api.DeleteClips([item.thing for item in items], False)
        for item in items:
            if self._find_item(item.start, Path(item.path)) is not None:
                raise HostError(f"Resolve did not delete {item.name!r} on its track; unlock the track and run again")

    def _find_item(self, record_start: int, path: Path, place: tuple[str, int] | None = None) -> Item | None:
        tracks = [track for track in snapshot(self._api).tracks if place in (None, (track.kind, track.index))]
        items = (item for track in tracks for item in track.items)
        return next((item for item in items if item.start == record_start and Path(item.path) == path), None)

    def _import(self, paths: Iterable[str]) -> dict[Path, Any]:
        """The media pool's items of our files, which are imported into a bin of ours where they are not there yet."""
        wanted = sorted({Path(path) for path in paths})
        if not wanted:
            return {}
        root = self._pool.GetRootFolder()
        bin_ = _bin(root) or self._pool.AddSubFolder(root, BIN) or _bin(root)
        if bin_ is None:
            raise HostError(f"Resolve made no bin {BIN!r} in the media pool; is the project read-only?")
        there = _media(bin_)
        absent = [path for path in wanted if path not in there]
        for path in absent:
            if not is_file(path):
                raise HostError(f"the take {path} is not there; relink it, or make it again")
        if absent:
            rate = self._project.GetSetting("timelineFrameRate")
            previous = self._pool.GetCurrentFolder()
            self._pool.SetCurrentFolder(bin_)
            self._pool.ImportMedia([str(path) for path in absent])
            if previous is not None:
                self._pool.SetCurrentFolder(previous)
            if self._project.GetSetting("timelineFrameRate") != rate:
                # Only where the project has neither media nor timeline yet, and then we have nothing to import.
                raise HostError(f"importing sound changed the project's frame rate from {rate}; undo, and set it again")
            there = _media(bin_)
        lacking = [str(path) for path in wanted if path not in there]
        if lacking:
            raise HostError(f"Resolve did not import {', '.join(lacking)}")
        return {path: there[path] for path in wanted}

    def _place(self, track: otio.schema.Track, clips: list[OurClip]) -> tuple[str, int]:
        """Kind and number of a track of ours in Resolve; it is added where it is not there yet."""
        place = _place_of(track)
        if place is not None:
            return place
        kind = "video" if track.kind == otio.schema.TrackKind.Video else "audio"
        count = int(self._api.GetTrackCount(kind))
        sounds = [take.identity.sound for clip in clips for take in clip.takes if take.identity.sound is not None]
        sort = "mono" if sounds and all(sound.channels == 1 for sound in sounds) else "stereo"
        # Without a type the track would be mono; releases before options were taken know the type as a plain word.
        for options in [()] if kind == "video" else [({"audioType": sort},), (sort,)]:
            self._api.AddTrack(kind, *options)
            if int(self._api.GetTrackCount(kind)) > count:
                break
        else:
            raise HostError(f"Resolve added no {kind} track; is the timeline locked?")
        self._api.SetTrackName(kind, count + 1, track.name)
        track.metadata[PLACE] = {"kind": kind, "index": count + 1}
        return kind, count + 1

    def _append(self, clip: OurClip, media: Mapping[Path, Any]) -> None:
        (kind, index), path = self._places[id(clip.track)], clip.active.file
        track, end = snapshot(self._api).track(kind, index), clip.record_start + clip.frames
        items = () if track is None else track.items
        taken = [item.name for item in items if item.start < end and clip.record_start < item.end]
        if taken:
            # Resolve would drop ours without a word.
            raise HostError(f"{', '.join(taken)} lies where the take of {clip.clip.name!r} belongs; move it away")
        left = clip.left(clip.active, self._before.rate)
        what = {"mediaPoolItem": media[path], "startFrame": left, "endFrame": left + clip.frames}
        where = {"mediaType": _MEDIA_TYPES[kind], "trackIndex": index}
        self._pool.AppendToTimeline([{**what, **where, "recordFrame": self._before.start + clip.record_start}])
        item = self._find_item(clip.record_start, path, (kind, index))
        if item is None or not _same_length(item.frames, clip.frames):
            at = f"frame {clip.record_start} of {kind} track {index}"
            put = "nothing" if item is None else f"{item.frames} frames"
            raise HostError(f"Resolve put {put} at {at}, not the {clip.frames} frames of {path.name}; undo it there")

    def _take_up(self, clip: OurClip, media: Mapping[Path, Any]) -> None:
        """Gives an item all takes of its clip, and selects the active one."""
        if len(clip.takes) < 2:
            return
        item = self._item_of(clip)
        present = [_take_path(take) for take in _api_takes(item.thing)] or [Path(item.path)]
        # The take that the item was made with is to be the first, whatever is added.
        for take in clip.takes:
            if take.file not in present:
                left = clip.left(take, self._before.rate)
                item.thing.AddTake(media[take.file], left, left + clip.frames)
        takes = [_take_path(take) for take in _api_takes(item.thing)]
        lacking = [take.file.name for take in clip.takes if take.file not in takes]
        if lacking:
            raise HostError(f"Resolve did not add {', '.join(lacking)} as takes of {clip.clip.name!r}")
        wanted = takes.index(clip.active.file) + 1
        if item.thing.GetSelectedTakeIndex() != wanted:
            item.thing.SelectTakeByIndex(wanted)
            if item.thing.GetSelectedTakeIndex() != wanted:
                raise HostError(f"Resolve did not select {clip.active.file.name} of {clip.clip.name!r}")

    def _item_of(self, clip: OurClip) -> Item:
        place = self._places.get(id(clip.track)) or _place_of(clip.track)
        for take in clip.takes:
            if (item := self._find_item(clip.record_start, take.file, place)) is not None:
                return item
        raise HostError(f"the take of {clip.clip.name!r} is no longer on its track; run again")

    def _write_markers(self, timeline: otio.schema.Timeline, clips: list[OurClip]) -> None:
        present = {m.custom_data: m for m in self._before.markers if stored(m.custom_data) is not None}
        taken = {m.frame for m in self._before.markers if m.custom_data not in present}
        wanted = self._wanted_markers(timeline, clips, taken)
        for custom_data in present.keys() - {marker.custom_data for marker in wanted}:
            self._delete_marker(custom_data)
        for marker in wanted:
            if present.get(marker.custom_data) == marker:
                continue
            if marker.custom_data in present:
                self._delete_marker(marker.custom_data)
            self._api.AddMarker(marker.frame, marker.color, marker.name, marker.note, marker.frames, marker.custom_data)
            if not self._api.GetMarkerByCustomData(marker.custom_data):
                raise HostError(f"Resolve set no marker at frame {marker.frame} for the caption of {marker.name!r}")

    def _delete_marker(self, custom_data: str) -> None:
        self._api.DeleteMarkerByCustomData(custom_data)
        if self._api.GetMarkerByCustomData(custom_data):
            raise HostError("Resolve did not delete a marker of ours; delete the markers named after shots, run again")

    def _wanted_markers(self, timeline: otio.schema.Timeline, clips: list[OurClip], taken: set[int]) -> list[ApiMarker]:
        """The markers of our captions, on frames not `taken` yet, to which theirs are added."""
        by_shot = {ours.id: (ours, clip) for clip in clips if (ours := identity(clip.clip, ClipIdentity)) is not None}
        rate = self._before.rate
        wanted = []
        for marker in timeline.tracks.markers:
            caption = marker_identity(marker)
            if caption is None:
                continue
            start = frames(marker.marked_range.start_time, rate)
            end = start + max(1, frames(marker.marked_range.duration, rate))
            # An event beside a marker that is there makes way for it, a caption anywhere over its shot.
            room = range(start, end if isinstance(caption, CaptionIdentity) else start + _ROOM)
            free = next((frame for frame in room if frame not in taken), None)
            if free is None:
                raise HostError(f"every frame of {marker.name!r} has a marker already; delete one and run again")
            taken.add(free)
            record = Record(caption=caption)
            if isinstance(caption, CaptionIdentity) and caption.id in by_shot:
                ours, clip = by_shot[caption.id]
                record = Record(caption=caption, clip=ours, name=clip.clip.name, takes=list(clip.takes))
            place = marker.metadata.get(PLACE)
            color = str(place["color"]) if place else FROM_OTIO.get(marker.color, "Cyan")
            custom_data = record.model_dump_json()
            wanted.append(ApiMarker(free, max(1, end - free), color, marker.name, marker.comment, custom_data))
        return wanted

    def _delete_tracks(self, timeline: otio.schema.Timeline) -> None:
        """Deletes the tracks that were ours and no longer are on the timeline, if nothing is on them."""
        still = {_place_of(track) for track in timeline.tracks}
        gone = {(track.kind, track.index) for track in self._before.tracks} - still
        # From the last, as those after a deleted one count one less.
        for kind, index in sorted(gone, reverse=True):
            track = snapshot(self._api).track(kind, index)
            if track is not None and not track.items:
                self._api.DeleteTrack(kind, index)


def our_clips(timeline: otio.schema.Timeline, rate: Fraction, folder: Path) -> list[OurClip]:
    """All clips of ours on a timeline, in record frames. Relative media URLs resolve against `folder`."""
    found = []
    for track in timeline.tracks:
        for child, at, duration in items_of(track):
            if not isinstance(child, otio.schema.Clip) or identity(child, ClipIdentity) is None:
                continue
            stored_takes = (_stored_take(key, ref, folder) for key, ref in child.media_references().items())
            takes = {take.key: take for take in stored_takes if take is not None}
            active = takes.get(child.active_media_reference_key)
            if active is not None:
                start, length = round_half_up(at * rate), round_half_up(duration * rate)
                host_id = child.metadata.get(HOST_ID)
                found.append(OurClip(child, track, start, length, tuple(takes.values()), active, host_id))
    return found


def _place_of(track: otio.core.Composable) -> tuple[str, int] | None:
    """Kind and number in Resolve of the track that a timeline's track was read from; None for a new one."""
    place = track.metadata.get(PLACE)
    return (str(place["kind"]), int(place["index"])) if place else None


def _stored_take(key: str, reference: otio.core.MediaReference, folder: Path) -> StoredTake | None:
    ours = identity(reference, TakeIdentity)
    path = None if ours is None else resolve_media(reference.target_url, folder)
    if ours is None or path is None or reference.available_range is None:
        return None
    start = frames(reference.available_range.start_time, Fraction(SAMPLE_RATE))
    return StoredTake(key=key, path=str(path), start=start, identity=ours)


def _same_length(found: int, wanted: int) -> bool:
    # A sound file holds whole samples: its last frame may lack a fraction of one, and Resolve counts whole frames.
    return wanted - 1 <= found <= wanted


def _api_takes(item: Any) -> list[Any]:
    """What the API tells of each take of an item; nothing, while it has no take selector."""
    count = item.GetTakesCount()
    return [item.GetTakeByIndex(number) for number in range(1, int(count or 0) + 1)]


def _take_path(take: Any) -> Path:
    media = take.get("mediaPoolItem") if isinstance(take, Mapping) else None
    return Path() if media is None else _media_path(media)


def _bin(root: Any) -> Any:
    return next((folder for folder in root.GetSubFolderList() or [] if folder.GetName() == BIN), None)


def _media(bin_: Any) -> dict[Path, Any]:
    return {_media_path(clip): clip for clip in bin_.GetClipList() or []}


def _media_path(media: Any) -> Path:
    return Path(str((media.GetClipProperty() or {}).get("File Path") or ""))
