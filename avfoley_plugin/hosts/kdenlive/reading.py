"""From a Kdenlive project to an OpenTimelineIO timeline. Video tracks come first, the lowest first;
then audio tracks, A1 first. ``metadata["kdenlive"]`` says where a thing lies in the file.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.items import dissolve, frame_range, gap, retime
from avfoley_plugin.hosts.kdenlive.guides import Guide, guides
from avfoley_plugin.hosts.kdenlive.markup import Element
from avfoley_plugin.hosts.kdenlive.project import Project, Slot, Track
from avfoley_plugin.hosts.kdenlive.records import Record, StoredCaption, StoredTake, StoredTrack, record, stored_takes
from avfoley_plugin.hosts.kdenlive.retimes import STILLS, Stretch, stretches
from avfoley_plugin.timeline.identity import TimelineIdentity, mark
from avfoley_plugin.timeline.placing import mark_track
from avfoley_plugin.timeline.timing import rational_time

#: The key of what a timeline's things know about where they are in the file.
PLACE = "kdenlive"

_FILMED = ("avformat", "avformat-novalidate", "timewarp", *STILLS)
_MOST_CLIPS = 100_000
_DEEPEST = 20


def read_timeline(project: Project) -> otio.schema.Timeline:
    """The sequence that was open, as a timeline. Raises HostError where the project is damaged."""
    return _Reader(project).timeline()


def zone(project: Project) -> tuple[int, int] | None:
    """The timeline's in and out zone: its first frame and the one after its last; None if it has none."""
    try:
        first, end = (int(project.setting(name)) for name in ("zonein", "zoneout"))
    except ValueError:
        return None
    return (first, end) if 0 <= first < end < 2**31 else None


def track_owners(project: Project, stored: Record, takes: dict[str, StoredTake]) -> dict[int, StoredTrack]:
    """Our tracks by their numbers. Kdenlive keeps no mark on a track, but its name; one that was
    renamed is the one that mostly holds our takes.
    """
    mine = stored.on(project.sequence_id)
    tracks = list(reversed(project.tracks(project.sequence)))
    holding = {track.number for track in tracks if _mostly_ours(project, track, takes)}
    found: dict[int, StoredTrack] = {}
    for same_name, is_holding in ((True, True), (True, False), (False, True)):
        for its in mine.tracks:
            if its in found.values():
                continue
            for track in tracks:
                free = track.number not in found and track.audio != its.picture
                if free and (track.name == its.name) >= same_name and (track.number in holding) >= is_holding:
                    found[track.number] = its
                    break
    return found


def match_captions(
    present: Sequence[Guide], stored: Iterable[StoredCaption], category: int | None
) -> list[tuple[Guide, StoredCaption]]:
    """Our captions and the guides that they are now: at the frame we left them, else with the text we gave them."""
    found: list[tuple[Guide, StoredCaption]] = []
    free = {guide.index: guide for guide in present}
    left = list(stored)
    for same_frame, same_text in ((True, True), (True, False), (False, True)):
        still = []
        for caption in left:
            for guide in free.values():
                unmoved, unedited = guide.frame == caption.frame, guide.text == caption.text
                known = guide.type == category or (unmoved and unedited)
                if known and unmoved >= same_frame and unedited >= same_text:
                    found.append((free.pop(guide.index), caption))
                    break
            else:
                still.append(caption)
        left = still
    return found


def _mostly_ours(project: Project, track: Track, takes: Container[str]) -> bool:
    """Whether more than half of a track's clips are takes."""
    clips = [project.bin_clip(slot.entry, slot.producer) for slot in project.slots(track)]
    ours = [clip for clip in clips if clip is not None and clip.properties["kdenlive:id"] in takes]
    return 2 * len(ours) > len(clips)


class _Reader:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._rate = project.rate
        self._record = record(project)
        self._takes = stored_takes(project)
        self._clips = 0

    def timeline(self) -> otio.schema.Timeline:
        project = self._project
        timeline = otio.schema.Timeline(project.path.stem, global_start_time=rational_time(0, self._rate))
        owners = track_owners(project, self._record, self._takes)
        for track in self._tracks((project.sequence,)):
            number = track.metadata[PLACE]["track"]
            if number in owners:
                mark_track(track, owners[number].id, owners[number].layer)
            timeline.tracks.append(track)
        timeline.tracks.markers.extend(self._guide_markers())
        marked = zone(project)
        name = project.sequence.properties.get("kdenlive:clipname", "")
        timeline.metadata[PLACE] = {"sequence": name, **({} if marked is None else {"zone": list(marked)})}
        if self._record.source is not None:
            mark(timeline, TimelineIdentity(source=self._record.source))
        return timeline

    def _guide_markers(self) -> list[otio.schema.Marker]:
        present = guides(self._project.setting("guides"), "guides")
        mine = self._record.on(self._project.sequence_id)
        captions = match_captions(present, mine.captions, self._record.category)
        ours = {guide.index: caption for guide, caption in captions}
        markers = []
        for guide in present:
            caption = ours.get(guide.index)
            if caption is None:
                marker = self._marker(guide)
            else:
                span = frame_range(guide.frame, caption.frames, self._rate)
                marker = otio.schema.Marker(caption.name, span, caption.color, comment=guide.text)
                mark(marker, caption.identity)
            marker.metadata[PLACE] = {"guide": guide.index}
            markers.append(marker)
        return markers

    def _marker(self, guide: Guide) -> otio.schema.Marker:
        name, comment = guide.name_and_comment
        span = frame_range(guide.frame, guide.frames, self._rate)
        return otio.schema.Marker(name, span, guide.color, comment=comment)

    def _tracks(self, within: tuple[Element, ...]) -> list[otio.schema.Track]:
        """The tracks of the last of these sequences, each of which is nested in the one before."""
        tracks = self._project.tracks(within[-1])
        ordered = [track for track in tracks if not track.audio] + [track for track in reversed(tracks) if track.audio]
        return [self._track(track, within) for track in ordered]

    def _track(self, track: Track, within: tuple[Element, ...]) -> otio.schema.Track:
        made = otio.schema.Track(track.name, kind=_kind(track))
        made.enabled = track.enabled
        made.metadata[PLACE] = {"track": track.number}
        at = 0
        for slot, first, end, mixed in self._uncovered(track):
            if first > at:
                made.append(gap(first - at, self._rate))
            if mixed is not None:
                made.append(dissolve("mix", *mixed, self._rate))
            made.append(self._item(slot, first, end, track, within))
            at = end
        return made

    def _uncovered(self, track: Track) -> list[tuple[Slot, int, int, tuple[int, int] | None]]:
        """A track's entries, the record range that is theirs, and the mix before: frames around the
        cut. Entries of one track overlap only where they are mixed.
        """
        found: list[tuple[Slot, int, int, tuple[int, int] | None]] = []
        mixes = [
            (self._project.frames(mix.attributes.get("in", "0")), mix.properties.get("kdenlive:mixcut", ""))
            for mix in track.element["transition"]
        ]
        for slot in self._project.slots(track):
            first, mixed = slot.start, None
            if found and found[-1][2] > slot.start:
                before, before_first, before_end, before_mix = found[-1]
                overlap_end = min(before_end, slot.end)
                after = next((cut for start, cut in mixes if start == slot.start), "")
                out = int(after) if after.isascii() and after.isdigit() else (overlap_end - slot.start) // 2
                cut = min(max(overlap_end - out, slot.start, before_first), overlap_end)
                if not before_first < cut < slot.end:
                    # One of the two lies within the other.
                    continue
                found[-1] = (before, before_first, cut, before_mix)
                first, mixed = cut, (cut - slot.start, overlap_end - cut)
            found.append((slot, first, slot.end, mixed))
        return found

    def _item(self, slot: Slot, first: int, end: int, track: Track, within: tuple[Element, ...]) -> otio.core.Item:
        self._clips += 1
        if self._clips > _MOST_CLIPS:
            raise HostError(f"it has more than {_MOST_CLIPS} clips; split it into smaller projects")
        trimmed = replace(slot, start=first, frames=end - first, in_point=slot.in_point + first - slot.start)
        item = self._own_item(trimmed, track, within)
        off = "set.test_audio" if track.audio else "set.test_image"
        item.enabled = slot.producer.properties.get(off) != "1"
        item.metadata[PLACE] = {"entry": slot.entry.start}
        return item

    def _own_item(self, slot: Slot, track: Track, within: tuple[Element, ...]) -> otio.core.Item:
        clip = self._project.bin_clip(slot.entry, slot.producer)
        # In a nested sequence our takes are not ours.
        take = None if clip is None or len(within) > 1 else self._takes.get(clip.properties["kdenlive:id"])
        if take is not None and take.picture != track.audio:
            return self._ours(slot, take)
        if slot.producer.tag == "tractor" and "kdenlive:uuid" in slot.producer.properties:
            return self._nested(slot, within)
        parts = stretches(self._project, slot)
        if len(parts) == 1:
            return self._clip(slot, clip, parts[0])
        whole = otio.schema.Track(self._name(slot, clip), kind=_kind(track))
        whole.extend(self._clip(slot, clip, part) for part in parts)
        return whole

    def _nested(self, slot: Slot, within: tuple[Element, ...]) -> otio.schema.Stack:
        """A sequence on a track of another."""
        uuid = slot.producer.properties["kdenlive:uuid"]
        if any(uuid == outer.properties.get("kdenlive:uuid") for outer in within):
            raise HostError("a sequence of it plays in itself; open the project in Kdenlive to repair it")
        if len(within) >= _DEEPEST:
            raise HostError("its sequences are nested too deep")
        stack = otio.schema.Stack(slot.producer.properties.get("kdenlive:clipname", "") or "sequence")
        stack.source_range = frame_range(slot.in_point, slot.frames, self._rate)
        stack.extend(self._tracks((*within, slot.producer)))
        return stack

    def _clip(self, slot: Slot, bin_clip: Element | None, part: Stretch) -> otio.schema.Clip:
        clip = otio.schema.Clip(self._name(slot, bin_clip), self._media(slot, bin_clip))
        clip.source_range = frame_range(part.start, part.frames, self._rate)
        retime(clip, part.speed)
        if bin_clip is not None:
            text = bin_clip.properties.get("kdenlive:markers", "")
            clip.markers.extend(self._marker(guide) for guide in guides(text, f"markers of {clip.name}"))
        return clip

    def _name(self, slot: Slot, bin_clip: Element | None) -> str:
        properties = slot.producer.properties if bin_clip is None else bin_clip.properties
        resource = _resource(slot.producer, bin_clip)
        return properties.get("kdenlive:clipname") or resource.replace("\\", "/").rpartition("/")[2]

    def _media(self, slot: Slot, bin_clip: Element | None) -> otio.core.MediaReference:
        service = slot.producer.properties.get("mlt_service", "")
        resource = _resource(slot.producer, bin_clip)
        if service not in _FILMED:
            return otio.schema.GeneratorReference(generator_kind=service or "unknown", parameters={PLACE: resource})
        if not resource:
            return otio.schema.MissingReference()
        path = self._project.resource(resource)
        if service in STILLS and ("%" in path.name or path.name.startswith(".all.")):
            folder, rate = str(path.parent), float(self._rate)
            return otio.schema.ImageSequenceReference(target_url_base=folder, name_prefix=path.name, rate=rate)
        length = self._project.length(slot.producer if bin_clip is None else bin_clip)
        return _file(path, None if length is None or length < 1 else frame_range(0, length, self._rate))

    def _ours(self, slot: Slot, active: StoredTake) -> otio.schema.Clip:
        """One of our clips, with all the takes of its shot that the bin has."""
        references: dict[str, otio.core.MediaReference] = {}
        active_key = active.key
        for bin_id, take in self._takes.items():
            if take.clip.id == active.clip.id:
                key = take.key
                while key in references:
                    key = f"{key} again"
                references[key] = self._take(self._project.bin_clips[bin_id], take, active.take.head_samples)
                if take is active:
                    active_key = key
        clip = otio.schema.Clip(active.name, source_range=frame_range(slot.in_point, slot.frames, self._rate))
        clip.set_media_references(references, active_key)
        mark(clip, active.clip)
        return clip

    def _take(self, bin_clip: Element, take: StoredTake, head_samples: int) -> otio.schema.ExternalReference:
        path = self._project.resource(bin_clip.properties.get("resource", ""))
        start = RationalTime(head_samples - take.take.head_samples, SAMPLE_RATE).rescaled_to(take.rate)
        reference = _file(path, TimeRange(start, RationalTime(take.length, take.rate)))
        reference.name = path.name
        mark(reference, take.take)
        return reference


def _kind(track: Track) -> str:
    return str(otio.schema.TrackKind.Audio if track.audio else otio.schema.TrackKind.Video)


def _file(path: Path, available: TimeRange | None) -> otio.schema.ExternalReference:
    return otio.schema.ExternalReference(path.as_uri() if path.is_absolute() else str(path), available)


def _resource(producer: Element, bin_clip: Element | None) -> str:
    """The file of a clip: the original where a proxy stands in for it."""
    properties = producer.properties
    resource = properties.get("resource", "")
    if properties.get("mlt_service") == "timewarp":
        resource = properties.get("warp_resource") or resource.partition(":")[2]
    about = {} if bin_clip is None else bin_clip.properties
    has_proxy = about.get("kdenlive:proxy", "-") not in ("-", "")
    return (about.get("kdenlive:originalurl") if has_proxy else "") or resource
