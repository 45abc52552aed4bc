"""What the user chose on a timeline, and where that lies on the record side."""

from __future__ import annotations

import re
from dataclasses import dataclass

from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.timing import RecordClock, frames_per_day, parse_timecode

_FRAMES = re.compile(r"(\d+)\s*-\s*(\d+)")


@dataclass(frozen=True)
class Selection:
    """Clips, a record range, or both (the clips, trimmed to the range); with neither, everything.

    ``clips`` are names; ``host_ids`` are the ids that their host gave clips when the timeline was
    read (see `identity.HOST_ID`), which tell two clips of one name apart. ``record_range`` is
    "IN-OUT", OUT excluded: timecodes as the editing program shows them ("01:00:00:00-01:00:05:00",
    with ";" before the frames for drop-frame), or frames from the timeline's start ("0-120").
    """

    clips: tuple[str, ...] = ()
    record_range: str | None = None
    host_ids: frozenset[str] = frozenset()

    @property
    def chooses_clips(self) -> bool:
        return bool(self.clips or self.host_ids)

    def bounds(self, clock: RecordClock) -> tuple[int, int] | None:
        """The range in record frames, None for no limit. Raises SelectionError if it is empty."""
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
