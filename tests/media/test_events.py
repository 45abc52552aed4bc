"""Events picked from probabilities."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from avfoley_engine.media.events import peaks

FILM = Fraction(24)


def probable(**frames: float) -> np.ndarray:
    """24 frames, improbable but for some, `f7=0.9`."""
    probabilities = np.full(24, 0.05)
    for name, value in frames.items():
        probabilities[int(name[1:])] = value
    return probabilities


def test_peaks_over_the_threshold_are_events_in_order() -> None:
    assert peaks(probable(f15=0.9, f7=0.6, f11=0.4), 0.5, FILM).tolist() == [7, 15]
    assert peaks(probable(f15=0.9, f7=0.6, f11=0.4), 0.4, FILM).tolist() == [7, 11, 15]


@pytest.mark.parametrize("rate", [12, 24, 60])
def test_a_slope_beside_a_peak_has_no_event(rate: int) -> None:
    """However wide it is: a model may see an event come and go."""
    wide = probable(f5=0.6, f6=0.7, f7=0.8, f8=0.9, f9=0.85, f10=0.8, f11=0.75, f12=0.7)
    assert peaks(wide, 0.5, Fraction(rate)).tolist() == [8]


@pytest.mark.parametrize(("rate", "expected"), [(24, [6, 8, 10]), (30, [6, 8, 10]), (50, [8]), (60, [8])])
def test_within_60_ms_of_a_likelier_one_there_is_no_event(rate: int, expected: list[int]) -> None:
    """Two frames are 83, 67, 40 and 33 ms."""
    assert peaks(probable(f6=0.7, f8=0.9, f10=0.8), 0.5, Fraction(rate)).tolist() == expected


def test_the_first_and_the_last_frame_may_have_one() -> None:
    assert peaks(np.array([0.8, 0.1, 0.1, 0.1, 0.7]), 0.5, FILM).tolist() == [0, 4]
    assert peaks(np.array([0.8]), 0.5, FILM).tolist() == [0]


def test_what_is_lower_but_far_enough_stays() -> None:
    assert peaks(probable(f6=0.7, f8=0.9, f10=0.8), 0.5, FILM).tolist() == [6, 8, 10]


def test_of_a_plateau_the_first_frame_counts() -> None:
    assert peaks(probable(f7=0.8, f8=0.8), 0.5, FILM).tolist() == [7]
    assert peaks(probable(f7=0.8, f8=0.8, f9=0.9), 0.5, FILM).tolist() == [9]


def test_no_frames_hold_no_events() -> None:
    assert peaks(np.zeros(0), 0.5, FILM).tolist() == []
