"""Our clips on a timeline that was read from a project, in the project's own terms."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import opentimelineio as otio

from avfoley_plugin.hosts.items import items_of
from avfoley_plugin.hosts.kdenlive.reading import PLACE
from avfoley_plugin.timeline.identity import ClipIdentity, TakeIdentity, TrackIdentity, identity
from avfoley_plugin.timeline.timing import frames, round_half_up


@dataclass(frozen=True)
class PlacedClip:
    """One of our clips, in record frames; ``in_point`` is in frames of its file. ``track`` is a
    number, or the id of a track of ours that is new; ``picture``: it is a video track. ``entry`` is
    where in the file the clip was read from, None for a new one.
    """

    clip: otio.schema.Clip
    track: int | str
    picture: bool
    start: int
    frames: int
    in_point: int
    entry: int | None

    @property
    def end(self) -> int:
        return self.start + self.frames

    @property
    def playing(self) -> tuple[object, ...]:
        """The same for two clips that play the same take at the same place."""
        reference = self.clip.media_reference
        take = identity(reference, TakeIdentity)
        its_id = None if take is None else take.id
        return self.track, self.start, self.frames, self.in_point, reference.target_url, its_id


def placed_clips(timeline: otio.schema.Timeline, rate: Fraction) -> list[PlacedClip]:
    """Our clips on a timeline that was read from a project."""
    found = []
    for track in timeline.tracks:
        number, ours = track_number(track), identity(track, TrackIdentity)
        key = number if number is not None else ours.id if ours is not None else None
        if key is None or not isinstance(track, otio.schema.Track):
            continue
        picture = track.kind == otio.schema.TrackKind.Video
        for child, at, duration in items_of(track):
            if isinstance(child, otio.schema.Clip) and identity(child, ClipIdentity) and child.source_range is not None:
                start = round_half_up(at * rate)
                length = max(1, round_half_up((at + duration) * rate) - start)
                in_point = max(0, frames(child.source_range.start_time, rate))
                entry = child.metadata.get(PLACE, {}).get("entry")
                found.append(PlacedClip(child, key, picture, start, length, in_point, entry))
    return found


def track_number(track: otio.core.Composable) -> int | None:
    """The number of the project's track that a timeline's track was read from; None for a new one."""
    return track.metadata.get(PLACE, {}).get("track")
