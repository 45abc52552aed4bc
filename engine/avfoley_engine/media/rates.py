"""Exact frame rates: what a file's approximate rate stands for, and timecode at that rate."""

from __future__ import annotations

import re
from fractions import Fraction

STANDARD_RATES = tuple(Fraction(n) for n in (12, 15, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)) + tuple(
    Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120, 240)
)
# Half the way from 24000/1001 to 24: the widest that still tells the two apart.
_STANDARD_TOLERANCE = Fraction(1, 2000)

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{1,3})")


def standard_rate(rate: Fraction) -> Fraction | None:
    """The standard rate that `rate` (frames a second) is an approximation of, e.g. 2997/100 -> 30000/1001, or None."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= nearest * _STANDARD_TOLERANCE else None


def nominal_rate(rate: Fraction) -> int:
    """Frames counted as one second of timecode: 30 at 30000/1001."""
    return max(1, round(rate))


def has_drop_frame(rate: Fraction) -> bool:
    """Whether timecode at this rate exists in a drop-frame form (29.97 and 59.94)."""
    return rate.denominator == 1001 and nominal_rate(rate) % 30 == 0


def timecode_frames(timecode: str, rate: Fraction) -> int:
    """Frames since midnight of a timecode at `rate`; a last separator other than ":" means drop-frame.

    Raises ValueError.
    """
    match = _TIMECODE.fullmatch(timecode.strip())
    if not match:
        raise ValueError(f"{timecode!r} is no timecode")
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
    total_minutes = 60 * hours + minutes
    count = (60 * total_minutes + seconds) * nominal_rate(rate) + frames
    if match[4] != ":" and has_drop_frame(rate):
        count -= _dropped_per_minute(rate) * (total_minutes - total_minutes // 10)
    return count


def frames_per_day(rate: Fraction, drop_frame: bool) -> int:
    """Frames from 00:00:00:00 to the next midnight of timecode."""
    dropped = _dropped_per_minute(rate) * (1440 - 144) if drop_frame and has_drop_frame(rate) else 0
    return 86_400 * nominal_rate(rate) - dropped


def _dropped_per_minute(rate: Fraction) -> int:
    return nominal_rate(rate) // 15
