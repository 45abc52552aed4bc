"""The markers of a timeline as a list, for programs and people that take nothing else."""

from __future__ import annotations

import csv
import io

import opentimelineio as otio

from avfoley_plugin.timeline.identity import CaptionIdentity, identity
from avfoley_plugin.timeline.timing import exact_seconds, format_timecode, frames, record_clock

COLUMNS = ("timecode in", "timecode out", "duration", "name", "note", "color", "caption")


def marker_list(timeline: otio.schema.Timeline) -> str:
    """The timeline's markers as CSV (RFC 4180), in record order. "timecode out" is the first frame
    after, "duration" frames as non-drop timecode, "caption" yes for captions of ours.
    """
    clock = record_clock(timeline)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for marker in sorted(timeline.tracks.markers, key=lambda each: exact_seconds(each.marked_range.start_time)):
        start = frames(marker.marked_range.start_time, clock.rate) - clock.origin
        length = max(1, frames(marker.marked_range.duration, clock.rate))
        times = clock.timecode(start), clock.timecode(start + length)
        duration = format_timecode(length, clock.rate, drop_frame=False)
        ours = "no" if identity(marker, CaptionIdentity) is None else "yes"
        table.writerow([*times, duration, marker.name, marker.comment, marker.color, ours])
    return text.getvalue()
