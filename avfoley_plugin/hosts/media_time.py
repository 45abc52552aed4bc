"""Timelines for programs that count a clip's source in its file's own timecode, and know only one file a clip."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE

from avfoley_plugin.riff import wave_time_reference
from avfoley_plugin.timeline.identity import Kind, identity
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.timing import RecordClock, exact_seconds, round_half_up


def count_in_media_time(clip: otio.schema.Clip, folder: Path, clock: RecordClock) -> None:
    """Counts all takes of a clip of ours in their files' timecode, in frames of the timeline; other clips stay.

    A Broadcast Wave begins at its time reference. The clip's source range is that of its active take; those of the
    others are moved, so that all have the same time at the shot's first frame.
    """
    active = clip.media_reference
    if identity(active, Kind.TAKE) is None or clip.source_range is None or active.available_range is None:
        return
    begins = _begin(active, folder, clock)
    shift = begins / clock.rate - exact_seconds(active.available_range.start_time)
    start = round_half_up((exact_seconds(clip.source_range.start_time) + shift) * clock.rate)
    frames = round_half_up(exact_seconds(clip.source_range.duration) * clock.rate)
    clip.source_range = clock.range(start, frames)
    for reference in clip.media_references().values():
        if identity(reference, Kind.TAKE) is not None and reference.available_range is not None:
            first = round_half_up((exact_seconds(reference.available_range.start_time) + shift) * clock.rate)
            length = round_half_up(exact_seconds(reference.available_range.duration) * clock.rate)
            # A file's last frame may lack a part of a sample, which is no reason to call the cut out of range.
            reference.available_range = clock.range(first, max(length, start + frames - first))


def _begin(reference: otio.schema.ExternalReference, folder: Path, clock: RecordClock) -> int:
    path = resolve_media(reference.target_url, folder)
    return 0 if path is None else round_half_up(wave_time_reference(path) * clock.rate / SAMPLE_RATE)
