"""The figures on hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from avfoley_engine.evaluation.matching import Counts, count, onset_accuracy

EVENTS = np.array([0.5, 1.0, 1.7, 3.0])
NONE = np.zeros(0)


def test_a_perfect_answer() -> None:
    counts = count(EVENTS, EVENTS, 0.04)
    assert (counts.precision, counts.recall, counts.f1) == (1, 1, 1)


def test_60_ms_late_is_in_time_at_80_not_at_40() -> None:
    assert count(EVENTS, EVENTS + 0.06, 0.08).f1 == 1
    assert count(EVENTS, EVENTS + 0.06, 0.04).f1 == 0


def test_firing_all_the_time_has_recall_without_precision() -> None:
    counts = count(EVENTS, np.arange(0, 4, 0.05), 0.08)
    assert counts.recall == 1
    assert counts.precision == pytest.approx(4 / 80)
    assert counts.f1 == pytest.approx(2 * 4 / 84)


def test_nothing_heard_and_nothing_to_hear() -> None:
    assert count(EVENTS, NONE, 0.08) == Counts(4, 0, 0)
    assert count(NONE, EVENTS, 0.08) == Counts(0, 4, 0)
    assert (Counts(4, 0, 0).f1, Counts(0, 4, 0).f1, Counts().f1, Counts().precision) == (0, 0, 0, 0)


def test_one_onset_answers_one_event() -> None:
    assert count(np.array([1.0, 1.05]), np.array([1.02]), 0.08) == Counts(2, 1, 1)


def test_matching_is_the_largest_possible() -> None:
    # Taken greedily, 1.06 would go to 1.0 and leave 1.12 without.
    assert count(np.array([1.0, 1.12]), np.array([0.95, 1.06]), 0.08).matched == 2


def test_an_unseen_event_may_be_met_or_missed() -> None:
    unseen = np.array([2.2])
    assert count(EVENTS, EVENTS, 0.08, unseen).f1 == 1
    assert count(EVENTS, np.sort(np.append(EVENTS, 2.21)), 0.08, unseen).f1 == 1
    assert count(EVENTS, np.sort(np.append(EVENTS, 2.4)), 0.08, unseen).precision == pytest.approx(4 / 5)


def test_counts_add_up_so_that_every_event_weighs_the_same() -> None:
    total = Counts(9, 9, 9) + Counts(1, 1, 0)
    assert total.f1 == pytest.approx(0.9)


def test_onset_accuracy_is_hits_over_events_and_forgives_too_many() -> None:
    many = np.arange(0, 4, 0.06)
    assert onset_accuracy(EVENTS, many, np.ones(len(many))) == 1
    assert onset_accuracy(EVENTS, EVENTS[:2] + 0.09, np.ones(2)) == 0.5
    assert onset_accuracy(EVENTS, EVENTS + 0.11, np.ones(4)) == 0
    assert onset_accuracy(EVENTS, NONE, NONE) == 0


def test_onset_accuracy_takes_the_strongest_in_reach() -> None:
    # The first event takes 1.05, being the louder; nothing is left for the second.
    assert onset_accuracy(np.array([1.0, 1.14]), np.array([0.92, 1.05]), np.array([0.2, 0.9])) == 0.5
    assert onset_accuracy(np.array([1.0, 1.14]), np.array([0.92, 1.05]), np.array([0.9, 0.2])) == 1
