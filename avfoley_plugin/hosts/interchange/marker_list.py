"""The markers of a timeline as a list, for programs and people that take nothing else."""

from __future__ import annotations

import csv
import io

import opentimelineio as otio

from avfoley_plugin.timeline.identity import CaptionIdentity, identity
from avfoley_plugin.timeline.timing import exact_frames, format_timecode, record_clock, round_half_up

COLUMNS = ("timecode in", "timecode out", "duration", "name", "note", "color", "caption")


def marker_list(timeline: otio.schema.Timeline) -> str:
    """The timeline's markers as CSV (RFC 4180), in record order.

    "timecode out" is the first frame after, "duration" a count of frames as timecode, non-drop. "caption" is yes for
    captions of ours.
    """
    clock = record_clock(timeline)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for marker in sorted(
        timeline.tracks.markers, key=lambda marker: exact_frames(marker.marked_range.start_time, clock.rate)
    ):
        start = round_half_up(exact_frames(marker.marked_range.start_time, clock.rate)) - clock.origin
        frames = max(1, round_half_up(exact_frames(marker.marked_range.duration, clock.rate)))
        table.writerow(
            [
                clock.timecode(start),
                clock.timecode(start + frames),
                format_timecode(frames, clock.rate, drop_frame=False),
                marker.name,
                marker.comment,
                marker.color,
                "yes" if identity(marker, CaptionIdentity) is not None else "no",
            ]
        )
    return text.getvalue()
