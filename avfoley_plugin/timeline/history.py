"""What a timeline held of ours at one time, and putting that back, beside others' edits: undo."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import opentimelineio as otio

from avfoley_plugin.timeline.captions import caption_markers
from avfoley_plugin.timeline.events import event_markers
from avfoley_plugin.timeline.identity import EventIdentity, TrackIdentity, identity, remove_markers
from avfoley_plugin.timeline.placing import (
    foley_tracks,
    insert_on,
    new_track,
    our_clips,
    range_on_track,
    tracks_for,
    vacate,
)
from avfoley_plugin.timeline.timing import record_clock


@dataclass(frozen=True)
class _Placed:
    """A clip of ours, detached, and where it lay: on the track of that id, from that frame on."""

    clip: otio.schema.Clip
    layer: str
    record_rate: Fraction
    track: str | None
    start: int | Fraction
    frames: int | Fraction


@dataclass(frozen=True)
class Snapshot:
    """Copies of our clips and markers of a timeline by shot id, and the ids of our tracks."""

    clips: dict[str, _Placed] = field(default_factory=dict)
    markers: dict[str, otio.schema.Marker] = field(default_factory=dict)
    events: dict[str, list[otio.schema.Marker]] = field(default_factory=dict)
    tracks: frozenset[str | None] = frozenset()


@dataclass(frozen=True)
class Change:
    """What one writing did to a timeline; it can be taken back, and done again."""

    before: Snapshot
    after: Snapshot

    @property
    def shots(self) -> frozenset[str]:
        """The ids of the shots whose takes, captions or events it changed."""
        before, after = _contents(self.before), _contents(self.after)
        return frozenset(shot for shot in {*before, *after} if before.get(shot) != after.get(shot))

    def take_back(self, timeline: otio.schema.Timeline) -> None:
        """Gives the shots that it changed what they had before; all else stays as it is."""
        _restore(timeline, self.before, self.shots)

    def do_again(self, timeline: otio.schema.Timeline) -> None:
        """Gives the shots that it changed what they had after it."""
        _restore(timeline, self.after, self.shots)


def snapshot(timeline: otio.schema.Timeline) -> Snapshot:
    """What the timeline holds of ours now."""
    clips = {}
    for clip, ours in our_clips(timeline):
        place = range_on_track(clip, record_clock(timeline, ours.record_rate))
        if place is not None:
            clips[ours.id] = _Placed(clip.deepcopy(), ours.layer, ours.record_rate, _id(clip.parent()), *place)
    markers = {shot: marker.deepcopy() for shot, marker in caption_markers(timeline).items()}
    events = {shot: [marker.deepcopy() for marker in found] for shot, found in event_markers(timeline).items()}
    return Snapshot(clips, markers, events, frozenset(map(_id, foley_tracks(timeline))))


def _id(track: otio.core.Composition) -> str | None:
    """The id of a track of ours; None for others."""
    ours = identity(track, TrackIdentity)
    return None if ours is None else ours.id


def _contents(of: Snapshot) -> dict[str, tuple[object, ...]]:
    clips = {shot: (at.clip.to_json_string(), at.track, at.start) for shot, at in of.clips.items()}
    markers = {shot: marker.to_json_string() for shot, marker in of.markers.items()}
    events = {shot: [marker.to_json_string() for marker in found] for shot, found in of.events.items()}
    return {shot: (clips.get(shot), markers.get(shot), events.get(shot)) for shot in {*clips, *markers, *events}}


def _restore(timeline: otio.schema.Timeline, wanted: Snapshot, shots: frozenset[str]) -> None:
    for clip, ours in our_clips(timeline):
        if ours.id in shots:
            vacate(clip, record_clock(timeline, ours.record_rate))
    for shot in sorted(shots & wanted.clips.keys()):
        _put_back(timeline, wanted.clips[shot])
    for track in foley_tracks(timeline):
        if _id(track) not in wanted.tracks and all(isinstance(child, otio.schema.Gap) for child in track):
            timeline.tracks.remove(track)

    there = caption_markers(timeline)
    for shot in sorted(shots):
        if shot in there:
            index = next(i for i, marker in enumerate(timeline.tracks.markers) if marker is there[shot])
            if shot in wanted.markers:
                timeline.tracks.markers[index] = wanted.markers[shot].deepcopy()
            else:
                del timeline.tracks.markers[index]
        elif shot in wanted.markers:
            timeline.tracks.markers.append(wanted.markers[shot].deepcopy())
    remove_markers(timeline, EventIdentity, lambda _, ours: ours.id in shots)
    for shot in sorted(shots & wanted.events.keys()):
        timeline.tracks.markers.extend(marker.deepcopy() for marker in wanted.events[shot])


def _put_back(timeline: otio.schema.Timeline, wanted: _Placed) -> None:
    clock = record_clock(timeline, wanted.record_rate)
    clip = wanted.clip.deepcopy()
    tracks = sorted(tracks_for(timeline, wanted.layer), key=lambda track: _id(track) != wanted.track)
    if not any(insert_on(track, clip, wanted.start, wanted.frames, clock) for track in tracks):
        insert_on(new_track(timeline, wanted.layer), clip, wanted.start, wanted.frames, clock)
