"""Events from how probable it is, frame by frame, that something begins to sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

#: Seconds that two events are apart, at least.
APART = Fraction(6, 100)


def peaks(probabilities: np.ndarray, threshold: float, frame_rate: Fraction) -> np.ndarray:
    """The frames (n,) of probabilities (T,) in which there is an event, in order.

    They are the local maxima that reach the threshold, of level ones the first frame. The likelier
    come first: within `APART` of one there is no other. Of equal ones the earlier comes first.
    """
    if not len(probabilities):
        return np.zeros(0, np.int64)
    # A run of equal frames counts as one. A slope beside a peak has no event of its own.
    runs = np.flatnonzero(np.diff(probabilities, prepend=-1.0))
    levels = np.concatenate([[-1.0], probabilities[runs], [-1.0]])
    highest = runs[(levels[1:-1] > levels[:-2]) & (levels[1:-1] > levels[2:]) & (levels[1:-1] >= threshold)]
    return highest[strongest(highest.tolist(), probabilities[highest], APART * frame_rate)]


def strongest(places: Sequence[float], strengths: np.ndarray, apart: Fraction | float) -> list[int]:
    """Which of the places (n,) have no stronger one less than `apart` away, in order."""
    chosen: list[int] = []
    for index in np.argsort(-strengths, kind="stable").tolist():
        if all(abs(places[index] - places[other]) >= apart for other in chosen):
            chosen.append(index)
    return sorted(chosen)
