"""A cut of one clip, as an OpenTimelineIO file."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange


def write_cut(media: Path, shots: int, media_frames: int) -> Path:
    """Writes cut.otio beside its media: shots of 25 frames, one after the other, named shot0, shot1 and so on."""
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    available = TimeRange(RationalTime(0, 25), RationalTime(media_frames, 25))
    for number in range(shots):
        shown = TimeRange(RationalTime(25 * number, 25), RationalTime(25, 25))
        track.append(otio.schema.Clip(f"shot{number}", otio.schema.ExternalReference(media.name, available), shown))
    path = media.with_name("cut.otio")
    otio.adapters.write_to_file(otio.schema.Timeline("cut", tracks=[track]), str(path))
    return path
