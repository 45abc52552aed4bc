"""The cue sheet: every take on a timeline as a row of CSV, for the people who mix it."""

from __future__ import annotations

import csv
import io
from urllib.parse import unquote

import opentimelineio as otio

from avfoley_plugin.timeline.placing import placed
from avfoley_plugin.timeline.timing import format_timecode, record_clock

COLUMNS = (
    *("shot", "track", "record in", "record out", "duration", "file", "caption", "model", "seed", "take"),
    *("active", "loudness LUFS", "peak dBTP"),
)


def cue_sheet(timeline: otio.schema.Timeline) -> str:
    """The takes on a timeline as CSV (RFC 4180), in record order.

    "file" is the name of the take's file. "record in" and "record out" (the first frame after) are
    timecodes, "duration" a count of frames as timecode, non-drop. Loudness is empty where it cannot
    be measured (under 0.4 s); loudness and peak are empty for pictures.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for take in placed(timeline):
        request, sound = take.identity.request, take.identity.sound
        clock = record_clock(timeline, request.record_rate)
        levels = (None, None) if sound is None else (sound.loudness_lufs, sound.peak_dbtp)
        table.writerow(
            [
                take.shot_name,
                take.track_name,
                clock.timecode(take.record_start),
                clock.timecode(take.record_start + take.frames),
                format_timecode(take.frames, clock.rate, drop_frame=False),
                unquote(take.url).rpartition("/")[2],
                request.caption,
                request.model,
                request.seed,
                take.key,
                "yes" if take.active else "no",
                *("" if level is None else f"{level:.1f}" for level in levels),
            ]
        )
    return text.getvalue()
