"""Rates, rounding, samples and timecode."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime

from avfoley_plugin.errors import TimelineError
from avfoley_plugin.timeline import timing

RATES = {
    23.976: Fraction(24000, 1001),
    24: Fraction(24),
    25: Fraction(25),
    29.97: Fraction(30000, 1001),
    30: Fraction(30),
    47.952: Fraction(48000, 1001),
    48: Fraction(48),
    50: Fraction(50),
    59.94: Fraction(60000, 1001),
    60: Fraction(60),
    119.88: Fraction(120000, 1001),
}
DROP_FRAME = [Fraction(30000, 1001), Fraction(60000, 1001), Fraction(120000, 1001)]
rates = st.sampled_from(list(RATES.values()))
day = st.integers(0, 24 * 3600 * 120)


@pytest.mark.parametrize(("spelled", "exact"), RATES.items())
def test_every_spelling_of_a_rate_is_the_same_rate(spelled: float, exact: Fraction) -> None:
    spellings = {spelled, float(exact), round(float(exact), 3), round(float(exact), 5), exact}
    assert {timing.exact_rate(spelling) for spelling in spellings} == {exact}


@pytest.mark.parametrize(
    ("spelled", "exact"),
    [(23.98, Fraction(24000, 1001)), (12.5, Fraction(25, 2)), (14.985, Fraction(15000, 1001)), (29.5, Fraction(59, 2))],
)
def test_unusual_rates_are_exact_too(spelled: float, exact: Fraction) -> None:
    assert timing.exact_rate(spelled) == exact


@pytest.mark.parametrize("rate", [0, -25, float("nan"), float("inf")])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(TimelineError, match="not a frame rate"):
        timing.exact_rate(rate)


@given(st.floats(0.5, 200))
def test_an_exact_rate_is_near_its_spelling_and_stays(spelled: float) -> None:
    exact = timing.exact_rate(spelled)
    assert float(exact) == pytest.approx(spelled, rel=2e-4)
    assert timing.exact_rate(float(exact)) == exact


def test_frames_are_rounded_not_truncated() -> None:
    time = RationalTime(1.16 * 25, 25)
    assert time.to_frames() == 28
    assert timing.frames(time, Fraction(25)) == 29
    assert timing.frames(RationalTime(1.16, 1), Fraction(25)) == 29


@given(count=st.integers(-(10**7), 10**7), rate=rates)
def test_frames_survive_the_way_through_otio(count: int, rate: Fraction) -> None:
    time = timing.rational_time(count, rate)
    assert timing.frames(time, rate) == count
    assert timing.exact_seconds(time) == count / rate
    spelled = timing.rational_time(count, rate, round(float(rate), 3))
    assert timing.exact_frames(spelled, rate) == count


@given(count=st.integers(0, 10**6), rate=rates, other=rates)
def test_conversion_between_rates_is_exact_in_seconds(count: int, rate: Fraction, other: Fraction) -> None:
    frames = timing.exact_frames(timing.rational_time(count, rate), other)
    assert frames / other == count / rate


@pytest.mark.parametrize(("rate", "samples"), [(24, 2000), (25, 1920), (30, 1600), (50, 960), (60, 800)])
def test_samples_of_a_frame(rate: int, samples: int) -> None:
    assert timing.samples(1, Fraction(rate)) == samples


def test_ntsc_samples_do_not_drift() -> None:
    assert [timing.samples(n, Fraction(30000, 1001)) for n in range(6)] == [0, 1602, 3203, 4805, 6406, 8008]
    assert timing.samples(30_000, Fraction(30000, 1001)) == 1001 * 48_000


@given(starts=st.lists(st.integers(1, 500), min_size=1, max_size=50), rate=rates)
def test_adjacent_positions_sum_to_the_whole(starts: list[int], rate: Fraction) -> None:
    edges = [0]
    for length in starts:
        edges.append(edges[-1] + length)
    lengths = [timing.samples(b, rate) - timing.samples(a, rate) for a, b in pairwise(edges)]
    assert sum(lengths) == timing.samples(edges[-1], rate)
    assert abs(sum(lengths) - edges[-1] * 48_000 / rate) <= Fraction(1, 2)


@given(count=day, rate=rates)
def test_non_drop_timecode_round_trip(count: int, rate: Fraction) -> None:
    count %= timing.frames_per_day(rate, drop_frame=False)
    assert timing.parse_timecode(timing.format_timecode(count, rate, drop_frame=False), rate) == count


@given(count=day, rate=st.sampled_from(DROP_FRAME))
def test_drop_frame_timecode_round_trip(count: int, rate: Fraction) -> None:
    count %= timing.frames_per_day(rate, drop_frame=True)
    text = timing.format_timecode(count, rate)
    assert ";" in text
    assert timing.parse_timecode(text, rate) == count


@given(count=day, rate=st.sampled_from([r for r in RATES.values() if r < 100 and round(r) != 48]), drop=st.booleans())
def test_timecode_agrees_with_opentimelineio(count: int, rate: Fraction, drop: bool) -> None:
    drop = drop and rate in DROP_FRAME
    # OTIO wraps non-drop timecode, too, after as many frames as a day of drop-frame has.
    count %= timing.frames_per_day(rate, drop_frame=True)
    expected = otio.opentime.to_timecode(RationalTime(count, float(rate)), float(rate), drop)
    assert timing.format_timecode(count, rate, drop) == expected


@pytest.mark.parametrize(
    ("text", "frames"), [("00:00:59;29", 1799), ("00:01:00;02", 1800), ("00:10:00;00", 17982), ("01:00:00;00", 107892)]
)
def test_known_drop_frame_numbers(text: str, frames: int) -> None:
    rate = Fraction(30000, 1001)
    assert timing.parse_timecode(text, rate) == frames
    assert timing.format_timecode(frames, rate) == text


@pytest.mark.parametrize("text", ["", "1:2:3", "00:00:00:24", "00:60:00:00", "24:00:00:00", "00:00:00;00", "abc"])
def test_impossible_timecode_is_refused(text: str) -> None:
    with pytest.raises(TimelineError):
        timing.parse_timecode(text, Fraction(24))


def test_a_dropped_number_is_refused() -> None:
    with pytest.raises(TimelineError, match="skips"):
        timing.parse_timecode("00:01:00;01", Fraction(30000, 1001))


def test_timecode_wraps_at_midnight() -> None:
    assert timing.format_timecode(25 * 86_400 + 3, Fraction(25)) == "00:00:00:03"
    assert timing.format_timecode(-1, Fraction(25)) == "23:59:59:24"


def test_the_time_reference_of_drop_frame_follows_the_clock() -> None:
    rate = Fraction(30000, 1001)
    drop = timing.time_reference(timing.parse_timecode("01:00:00;00", rate), rate)
    assert drop == pytest.approx(3600 * 48_000, abs=48 * 4)
    non_drop = timing.time_reference(timing.parse_timecode("01:00:00:00", rate), rate)
    assert non_drop == round(3600 * 1.001 * 48_000)


def test_the_record_rate_is_the_timelines_not_the_first_medias() -> None:
    timeline = otio.schema.Timeline("t")
    clips = [
        otio.schema.Clip(source_range=otio.opentime.TimeRange(RationalTime(0, r), RationalTime(9, r)))
        for r in (30, 25, 25)
    ]
    timeline.tracks.append(otio.schema.Track(children=clips))
    assert timing.record_clock(timeline).rate == 25
    timeline.global_start_time = RationalTime(86_400, 23.976)
    clock = timing.record_clock(timeline)
    assert (clock.rate, clock.spelled_rate, clock.start) == (Fraction(24000, 1001), 23.976, 86_400)
    assert clock.timecode(12) == "01:00:00:12"


def test_a_timeline_of_sound_files_alone_has_no_record_rate() -> None:
    timeline = otio.schema.Timeline("radio play")
    sound = otio.opentime.TimeRange(RationalTime(0, 48000), RationalTime(48000, 48000))
    timeline.tracks.append(otio.schema.Track(kind="Audio", children=[otio.schema.Clip(source_range=sound)]))
    with pytest.raises(TimelineError, match="radio play"):
        timing.record_clock(timeline)
