"""Exact time: rates as fractions, picture in whole frames, sound in whole samples.

OpenTimelineIO keeps times as floating point at floating-point rates, in which 23.976 and 24000/1001
are different rates. Every time is made exact here; nothing computes with OTIO's own arithmetic.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.errors import TimelineError

_NTSC = Fraction(1000, 1001)
# 23.976, 29.97, 47.952, 59.94 and 119.88 are all within 1.01e-6 of n * 1000/1001.
_NTSC_TOLERANCE = 2e-6
_TWO_DIGIT_NTSC = {23.98: 24, 47.95: 48}
_WHOLE_TOLERANCE = 1e-6
_LARGEST_DENOMINATOR = 1_000_000
# Above this a rate counts samples, not pictures.
_FASTEST_PICTURE = 1000
_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;])(\d{2,3})")


def exact_rate(rate: float | Fraction) -> Fraction:
    """The exact rate that a spelling of it means: 23.976 is 24000/1001, 25.0 is 25, 12.5 is 25/2.

    Raises TimelineError for a rate that is not positive and finite.
    """
    if isinstance(rate, Fraction):
        exact = rate
    elif not math.isfinite(rate):
        exact = Fraction(0)
    elif abs(rate - round(rate)) <= _WHOLE_TOLERANCE:
        exact = Fraction(round(rate))
    elif rate in _TWO_DIGIT_NTSC:
        exact = _TWO_DIGIT_NTSC[rate] * _NTSC
    else:
        ntsc = round(rate * 1.001) * _NTSC
        if abs(float(ntsc) - rate) <= _NTSC_TOLERANCE * rate:
            exact = ntsc
        else:
            simple = Fraction(rate).limit_denominator(10_000)
            exact = simple if abs(float(simple) - rate) <= 1e-6 * rate else Fraction(rate)
    if exact <= 0:
        raise TimelineError(
            f"{rate} is not a frame rate; set the timeline's rate in its editing program, export it again"
        )
    return exact


def is_picture_rate(rate: float | Fraction) -> bool:
    """Whether a rate can count pictures; 48000 counts samples, and 1 stands for no rate."""
    return 1 < rate <= _FASTEST_PICTURE


def round_half_up(value: Fraction) -> int:
    """The nearest integer; a half goes up."""
    return math.floor(value + Fraction(1, 2))


def _exact_value(value: float) -> Fraction:
    """The count a float stands for: noise around whole numbers is dropped, true fractions kept."""
    if not math.isfinite(value):
        raise TimelineError(f"{value} is not a time; export the timeline again from its editing program")
    if abs(value - round(value)) <= _WHOLE_TOLERANCE:
        return Fraction(round(value))
    return Fraction(value).limit_denominator(_LARGEST_DENOMINATOR)


def exact_seconds(time: RationalTime) -> Fraction:
    """A time in exact seconds, for sums over items of different rates."""
    return _seconds(time.value, time.rate)


# A timeline says the same times again and again.
@lru_cache(maxsize=16_384)
def _seconds(value: float, rate: float) -> Fraction:
    return _exact_value(value) / exact_rate(rate)


def exact_frames(time: RationalTime, rate: Fraction) -> Fraction:
    """A time in frames of `rate`, exact and so possibly between two frames."""
    return exact_seconds(time) * rate


def frames(time: RationalTime, rate: Fraction) -> int:
    """A time in whole frames of `rate`, rounded (OTIO's own ``to_frames`` truncates)."""
    return round_half_up(exact_frames(time, rate))


def rational_time(count: int | Fraction, rate: Fraction, spelled: float | None = None) -> RationalTime:
    """`count` frames at `rate`, in the host's own spelling of that rate where it has one."""
    return RationalTime(float(count), float(rate) if spelled is None else spelled)


def samples(count: int, rate: Fraction) -> int:
    """The sample, at 48 kHz, on which a frame begins: ``round(count * 48000 / rate)``."""
    return round_half_up(count * SAMPLE_RATE / rate)


def _dropped_per_minute(rate: Fraction) -> int:
    """Frame numbers that drop-frame skips a minute: 2 at 29.97, 4 at 59.94, 8 at 119.88, else 0."""
    nominal = math.ceil(rate)
    return nominal // 15 if nominal % 30 == 0 and rate == nominal * _NTSC else 0


def frames_per_day(rate: Fraction, drop_frame: bool) -> int:
    """How many frame numbers 24 hours of timecode have."""
    dropped = _dropped_per_minute(rate) if drop_frame else 0
    return math.ceil(rate) * 86_400 - dropped * (1440 - 144)


def parse_timecode(text: str, rate: Fraction) -> int:
    """Frames since midnight of ``HH:MM:SS:FF``; ``;`` for drop-frame (SMPTE ST 12-1).

    Raises TimelineError for text that is no timecode at this rate, or one that drop-frame skips.
    """
    match = _TIMECODE.fullmatch(text.strip())
    if match is None:
        raise TimelineError(f"{text!r} is not a timecode; write it as HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame")
    hours, minutes, seconds, frame = (int(match[group]) for group in (1, 2, 3, 5))
    nominal = math.ceil(rate)
    if hours > 23 or minutes > 59 or seconds > 59 or frame >= nominal:
        raise TimelineError(f"{text!r} does not exist at {float(rate):.6g} frames a second")
    count = (hours * 3600 + minutes * 60 + seconds) * nominal + frame
    if match[4] == ":":
        return count
    dropped = _dropped_per_minute(rate)
    if not dropped:
        raise TimelineError(f"{float(rate):.6g} frames a second has no drop-frame timecode {text!r}; write ':' for ';'")
    if minutes % 10 and seconds == 0 and frame < dropped:
        raise TimelineError(f"{text!r} is one of the numbers that drop-frame timecode skips")
    whole_minutes = hours * 60 + minutes
    return count - dropped * (whole_minutes - whole_minutes // 10)


def format_timecode(count: int, rate: Fraction, drop_frame: bool | None = None) -> str:
    """The timecode of a frame since midnight, in 24 hours; `drop_frame` None: as the rate has it.

    Raises TimelineError where drop-frame is asked for at a rate that has none.
    """
    dropped = _dropped_per_minute(rate)
    if drop_frame and not dropped:
        raise TimelineError(f"{float(rate):.6g} frames a second has no drop-frame timecode")
    use_drop = bool(dropped) if drop_frame is None else drop_frame
    nominal = math.ceil(rate)
    number = count % frames_per_day(rate, use_drop)
    if use_drop:
        ten_minutes, rest = divmod(number, nominal * 600 - 9 * dropped)
        # Only the first of ten minutes keeps its full count of numbers.
        skipped_minutes = max(0, (rest - dropped) // (nominal * 60 - dropped))
        number += dropped * (9 * ten_minutes + skipped_minutes)
    seconds, frame = divmod(number, nominal)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    digits = max(2, len(str(nominal - 1)))
    return f"{hour:02}:{minute:02}:{second:02}{';' if use_drop else ':'}{frame:0{digits}}"


def time_reference(count: int, rate: Fraction) -> int:
    """bext TimeReference (EBU Tech 3285): samples since midnight of a timecode's frame."""
    return samples(count, rate)


@dataclass(frozen=True)
class RecordClock:
    """The record side's clock: record frame 0 is the first frame the timeline plays.

    ``start`` is the frame since midnight of record frame 0; ``origin`` is where record frame 0 lies
    in the tracks' own time, which is not 0 if the top stack is itself trimmed. ``spelled_rate`` is
    the host's floating-point spelling of ``rate``, to write times with.
    """

    rate: Fraction
    spelled_rate: float
    start: int = 0
    origin: int = 0

    def absolute(self, record_frame: int) -> int:
        """The frame since midnight of a record frame, wrapped to 24 hours."""
        return (self.start + record_frame) % frames_per_day(self.rate, drop_frame=False)

    def timecode(self, record_frame: int) -> str:
        return format_timecode(self.absolute(record_frame), self.rate)

    def time(self, count: int | Fraction) -> RationalTime:
        return rational_time(count, self.rate, self.spelled_rate)

    def range(self, start: int | Fraction, duration: int | Fraction) -> TimeRange:
        return TimeRange(self.time(start), self.time(duration))


def record_clock(timeline: otio.schema.Timeline, rate: Fraction | None = None) -> RecordClock:
    """The clock of a timeline. Raises TimelineError if nothing has a rate.

    OTIO gives a timeline no rate of its own: it is `rate` if given, else that of the global start
    time, else the one that most items on the video tracks are cut at, else of any track.
    """
    start = timeline.global_start_time
    if rate is None:
        known = next(_spelled_rates(timeline), None)
        if known is None:
            raise TimelineError(
                f"timeline {timeline.name!r} has no clip that tells its frame rate; set its global start time"
            )
        spelled, exact = known, exact_rate(known)
    else:
        exact = rate
        spelled = next((own for own in _spelled_rates(timeline) if exact_rate(own) == rate), float(rate))
    trimmed = timeline.tracks.source_range
    return RecordClock(
        rate=exact,
        spelled_rate=spelled,
        start=0 if start is None else frames(start, exact),
        origin=0 if trimmed is None else frames(trimmed.start_time, exact),
    )


def _spelled_rates(timeline: otio.schema.Timeline) -> Iterator[float]:
    """The picture rates of a timeline's own times, the likeliest to be the record rate first."""
    start = timeline.global_start_time
    if start is not None and is_picture_rate(start.rate):
        yield start.rate
    for video in (True, False):
        tracks = [track for track in timeline.tracks if (getattr(track, "kind", None) == "Video") is video]
        rates = Counter(rate for track in tracks for rate in _item_rates(track) if is_picture_rate(rate))
        yield from (rate for rate, _ in rates.most_common())


def _item_rates(track: otio.core.Composable) -> Iterator[float]:
    for item in track if isinstance(track, otio.core.Composition) else [track]:
        if isinstance(item, otio.core.Item):
            if item.source_range is not None:
                yield item.source_range.duration.rate
            elif isinstance(item, otio.schema.Clip) and item.media_reference.available_range is not None:
                yield item.media_reference.available_range.duration.rate
