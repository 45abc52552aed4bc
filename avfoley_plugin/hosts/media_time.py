"""Timelines for programs that count sources in frames of each file's own timecode."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE, MediaProbe
from opentimelineio.opentime import TimeRange

from avfoley_plugin.errors import AVFoleyError, HostError
from avfoley_plugin.hosts.items import frame_range, items_of
from avfoley_plugin.riff import wave_time_reference
from avfoley_plugin.timeline.identity import TakeIdentity, identity
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.timing import (
    RecordClock,
    exact_frames,
    frames,
    is_picture_rate,
    record_clock,
    round_half_up,
)

Probe = Callable[[Path], MediaProbe]


def count_in_media_time(clip: otio.schema.Clip, folder: Path, clock: RecordClock, probe: Probe | None = None) -> None:
    """Counts the takes of a clip of ours in their files' timecode, in frames of the timeline. A
    Broadcast Wave begins at its time reference, a picture at the timecode that `probe` finds, else
    at 0. All takes are moved to have the same time at the shot's first frame as the active one.
    """
    active = clip.media_reference
    if identity(active, TakeIdentity) is None or clip.source_range is None or active.available_range is None:
        return
    shift = _begin(active, folder, clock, probe) - exact_frames(active.available_range.start_time, clock.rate)
    start = round_half_up(exact_frames(clip.source_range.start_time, clock.rate) + shift)
    plays = frames(clip.source_range.duration, clock.rate)
    clip.source_range = clock.range(start, plays)
    for reference in clip.media_references().values():
        if identity(reference, TakeIdentity) is not None and reference.available_range is not None:
            first = round_half_up(exact_frames(reference.available_range.start_time, clock.rate) + shift)
            length = frames(reference.available_range.duration, clock.rate)
            # A file's last frame may lack a part of a sample, which is no reason to call the cut out of range.
            reference.available_range = clock.range(first, max(length, start + plays - first))


def in_media_time(timeline: otio.schema.Timeline, folder: Path, probe: Probe | None = None) -> otio.schema.Timeline:
    """A copy of a timeline whose takes count in their files' timecode, as other programs want."""
    prepared = timeline.deepcopy()
    clock = record_clock(prepared)
    for clip in prepared.find_clips():
        count_in_media_time(clip, folder, clock, probe)
    return prepared


def _begin(reference: otio.schema.ExternalReference, folder: Path, clock: RecordClock, probe: Probe | None) -> int:
    path = resolve_media(reference.target_url, folder)
    if path is None:
        return 0
    take = identity(reference, TakeIdentity)
    if take is not None and take.sound is not None:
        return round_half_up(wave_time_reference(path) * clock.rate / SAMPLE_RATE)
    try:
        return frames(file_range(path, probe, clock.rate).start_time, clock.rate)
    except HostError:
        # That a take is not there, the media check tells.
        return 0


def file_range(path: Path, probe: Probe | None, rate: Fraction) -> TimeRange:
    """All of a file in its own timecode, sound in frames of `rate`. HostError if nothing tells."""
    if probe is None:
        raise HostError(f"nothing tells how long {path} is; set the clip's in and out points, or its available range")
    try:
        found = probe(path)
    except AVFoleyError as error:
        raise HostError(f"nothing tells how long {path} is, and it cannot be read: {error}") from error
    if found.has_picture:
        return frame_range(found.start_timecode, found.frames, found.rate)
    # A sound's rate is that of its samples.
    begins = round_half_up(Fraction(found.start_timecode) / found.rate * rate)
    return frame_range(begins, math.floor(found.duration * rate), rate)


def with_lengths(timeline: otio.schema.Timeline, folder: Path, probe: Probe | None) -> otio.schema.Timeline:
    """A copy of a timeline in which every clip tells its length; relative media URLs resolve
    against `folder`. Raises HostError, naming the clip, where nobody knows.
    """
    measured = timeline.deepcopy()
    for one in measured.find_clips():
        reference = one.media_reference
        if one.source_range is None and reference.available_range is None:
            path = resolve_media(getattr(reference, "target_url", ""), folder)
            if path is None:
                raise HostError(f"nothing tells how long clip {one.name!r} is; relink it, or set its in and out points")
            reference.available_range = file_range(path, probe, record_clock(measured).rate)
    return measured


def in_whole_frames(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """A copy of a timeline whose items say what they play, samples counted in its frames. Cuts are
    rounded, not lengths, so nothing drifts; what is shorter than half a frame goes.
    """
    whole, clock = timeline.deepcopy(), record_clock(timeline)
    for track in whole.find_children(descended_from_type=otio.schema.Track):
        gone = []
        for item, at, duration in items_of(track):
            item.source_range = played = item.trimmed_range()
            if _counts_samples(played):
                length = round_half_up((at + duration) * clock.rate) - round_half_up(at * clock.rate)
                item.source_range = clock.range(frames(played.start_time, clock.rate), length)
                gone += [item] if length == 0 else []
            if isinstance(item, otio.schema.Clip):
                _count_media_in_frames(item, clock)
        for item in gone:
            track.remove(item)
    return whole


def _counts_samples(span: TimeRange) -> bool:
    return not (is_picture_rate(span.start_time.rate) and is_picture_rate(span.duration.rate))


def _count_media_in_frames(clip: otio.schema.Clip, clock: RecordClock) -> None:
    available = clip.media_reference.available_range
    if available is not None and _counts_samples(available):
        # No rounding shall make it end before the clip does.
        first = math.floor(exact_frames(available.start_time, clock.rate))
        spans = (available, clip.source_range)
        last = max(
            exact_frames(span.start_time, clock.rate) + exact_frames(span.duration, clock.rate) for span in spans
        )
        clip.media_reference.available_range = clock.range(first, math.ceil(last) - first)
