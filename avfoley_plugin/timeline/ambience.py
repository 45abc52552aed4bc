"""Ambiences: one take from words alone over a stretch of the timeline, across all cuts."""

from __future__ import annotations

import hashlib
import itertools

import opentimelineio as otio

from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import AMBIENCE, placed
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.takes import PlacedTake
from avfoley_plugin.timeline.timing import record_clock


def ambience(timeline: otio.schema.Timeline, record_range: str) -> Shot:
    """The ambience over a record range, written as in `Selection`.

    One that is already over just that range is found again, wherever it was made first; its caption
    is the marker's. Raises SelectionError for a range that is malformed or empty.
    """
    bounds = Selection(record_range=record_range).bounds(record_clock(timeline))
    assert bounds is not None
    first, end = bounds
    here = {take.shot_id: (take.record_start, take.frames) for take in placed(timeline) if take.layer == AMBIENCE}
    found = next((shot_id for shot_id, place in here.items() if place == (first, end - first)), None)
    if found is not None:
        return _shot(timeline, found, first, end)
    digest = hashlib.sha256(f"{AMBIENCE}|{first}|{end}".encode()).hexdigest()[:16]
    # The editor may have moved the one that was made here.
    ids = itertools.chain([digest], (f"{digest}-{number}" for number in itertools.count(2)))
    return _shot(timeline, next(shot_id for shot_id in ids if shot_id not in here), first, end)


def placed_ambience(timeline: otio.schema.Timeline, take: PlacedTake) -> Shot:
    """The ambience that a take was made for, at the place and length that its clip has now."""
    return _shot(timeline, take.shot_id, take.record_start, take.record_start + take.frames)


def _shot(timeline: otio.schema.Timeline, shot_id: str, first: int, end: int) -> Shot:
    clock = record_clock(timeline)
    return Shot(
        id=shot_id,
        name="Ambience",
        track_name="",
        layer=AMBIENCE,
        frames=end - first,
        record_rate=clock.rate,
        record_start=first,
        record_start_timecode=clock.absolute(first),
        caption=captions(timeline).get(shot_id, ""),
    )
