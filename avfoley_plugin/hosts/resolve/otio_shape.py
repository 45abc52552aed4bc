"""OpenTimelineIO files in the shape that Resolve reads and writes, exchanged by hand. Others it
takes for none, without a word: it wants media as bare absolute paths, each with an available range
in its own timecode, a global start time, and a new name. Markers' notes and a sound's channels are
where it writes them itself, under ``metadata["Resolve_OTIO"]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import opentimelineio as otio

from avfoley_plugin.hosts.items import keep_active_take, markers_of
from avfoley_plugin.hosts.media_time import Probe, count_in_media_time, file_range
from avfoley_plugin.timeline.identity import TakeIdentity, TrackIdentity, identity
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.timing import RecordClock, record_clock

KEY = "Resolve_OTIO"
_NOTE = "Note"
_CHANNELS = "Channels"
_AUDIO_TYPE = "Audio Type"
_VERSION = {"Resolve OTIO Meta Version": "1.0"}


def for_resolve(timeline: otio.schema.Timeline, folder: Path, probe: Probe | None = None) -> otio.schema.Timeline:
    """A copy of a timeline that Resolve can import, with the active takes only. Relative media URLs
    resolve against `folder`; `probe` tells the range of media whose clip does not. Raises HostError
    where nothing tells it.
    """
    shaped = timeline.deepcopy()
    clock = record_clock(shaped)
    shaped.name = f"{shaped.name or 'timeline'} (AVFoley)"
    if shaped.global_start_time is None:
        shaped.global_start_time = clock.time(0)
    shaped.metadata[KEY] = {**_VERSION, **_resolves(shaped)}
    for track in shaped.find_children(descended_from_type=otio.schema.Track):
        _shape_track(track)
    for clip in shaped.find_clips():
        keep_active_take(clip)
        if isinstance(clip.media_reference, otio.schema.ExternalReference):
            _shape_media(clip, folder, probe, clock)
    for marker in markers_of(shaped):
        if marker.comment:
            marker.metadata[KEY] = {**_resolves(marker), _NOTE: marker.comment}
    return shaped


def is_from_resolve(timeline: otio.schema.Timeline) -> bool:
    """Whether Resolve wrote a timeline."""
    return any(KEY in thing.metadata for thing in (timeline, timeline.tracks, *timeline.tracks, *timeline.find_clips()))


def from_resolve(timeline: otio.schema.Timeline) -> None:
    """Puts what Resolve writes in places of its own where OpenTimelineIO has them: the notes of markers."""
    for marker in markers_of(timeline):
        note = _resolves(marker).get(_NOTE)
        if isinstance(note, str) and note and not marker.comment:
            marker.comment = note


def _resolves(thing: Any) -> dict[str, Any]:
    found = thing.metadata.get(KEY)
    return dict(found) if isinstance(found, Mapping) else {}


def _shape_media(clip: otio.schema.Clip, folder: Path, probe: Probe | None, clock: RecordClock) -> None:
    reference = clip.media_reference
    path = resolve_media(reference.target_url, folder)
    if path is None:
        return
    reference.target_url = str(path)
    reference.name = reference.name or path.name
    take = identity(reference, TakeIdentity)
    if take is not None:
        count_in_media_time(clip, folder, clock, probe)
        if take.sound is not None:
            numbers = [{"Source Channel ID": number, "Source Track ID": 0} for number in range(take.sound.channels)]
            clip.metadata[KEY] = {**_resolves(clip), _CHANNELS: numbers}
        return
    if reference.available_range is None:
        reference.available_range = file_range(path, probe, clock.rate)
    if clip.source_range is None:
        clip.source_range = reference.available_range


def _shape_track(track: otio.schema.Track) -> None:
    takes = [take for clip in track.find_clips() if (take := identity(clip.media_reference, TakeIdentity)) is not None]
    if identity(track, TrackIdentity) is not None and takes and track.kind == otio.schema.TrackKind.Audio:
        mono = all(take.sound is not None and take.sound.channels == 1 for take in takes)
        track.metadata[KEY] = {**_resolves(track), _AUDIO_TYPE: "Mono" if mono else "Stereo"}
