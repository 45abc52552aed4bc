"""What the user chose on a timeline, and where that lies on the record side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.timing import RecordClock, frames_per_day, parse_timecode

_FRAMES = re.compile(r"(\d+)\s*-\s*(\d+)")


@dataclass(frozen=True)
class Selection:
    """Clips, a record range, or both (the clips, trimmed to the range); with neither, everything.

    Clips are chosen by name (``clips``), or by the id that their host gave them when the timeline was read
    (``host_ids``, see `identity.HOST_ID`), which tells two clips of one name apart.

    ``record_range`` is "IN-OUT", OUT excluded: timecodes as the editing program shows them ("01:00:00:00-01:00:05:00",
    with ";" before the frames for drop-frame), or frames from the timeline's start ("0-120").
    """

    clips: tuple[str, ...] = ()
    record_range: str | None = None
    host_ids: frozenset[str] = frozenset()

    @property
    def chooses_clips(self) -> bool:
        return bool(self.clips or self.host_ids)

    def bounds(self, clock: RecordClock) -> tuple[int, int] | None:
        """The record range in record frames, None for no limit. Raises SelectionError if it is malformed or empty."""
        if self.record_range is None:
            return None
        counted = _FRAMES.fullmatch(self.record_range.strip())
        if counted:
            first, end = int(counted[1]), int(counted[2])
        else:
            parts = self.record_range.split("-")
            if len(parts) != 2:
                raise SelectionError(
                    f"range {self.record_range!r} is not IN-OUT, like 01:00:00:00-01:00:05:00, or in frames, 0-120"
                )
            first, end = (_record_frame(part, clock) for part in parts)
        if end <= first:
            raise SelectionError(f"range {self.record_range!r} is empty: its end must come after its start")
        return first, end


def _record_frame(timecode: str, clock: RecordClock) -> int:
    absolute = parse_timecode(timecode, clock.rate)
    if absolute < clock.start - frames_per_day(clock.rate, drop_frame=False) // 2:
        # The timeline runs past midnight.
        absolute += frames_per_day(clock.rate, drop_frame=";" in timecode)
    return absolute - clock.start


def within(start: Fraction, end: Fraction, limits: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction] | None:
    """The part of a range that lies within the limits; None if none does. An empty range is part of what it lies in."""
    first, last = max(start, limits[0]), min(end, limits[1])
    return (first, last) if first < last or (start == end == first < limits[1]) else None
