"""Events from how probable it is, frame by frame, that something begins to sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

#: Seconds that two events are apart, at least.
APART = Fraction(6, 100)


def peaks(probabilities: np.ndarray, threshold: float, frame_rate: Fraction) -> np.ndarray:
    """The frames (n,) of probabilities (T,) in which there is an event, in order.

    They are the highest within `APART` either way, and at least as high as the threshold. Of equal
    ones it is the first.
    """
    frames = np.flatnonzero(probabilities >= threshold)
    return frames[strongest(frames.tolist(), probabilities[frames], APART * frame_rate)]


def strongest(places: Sequence[float], strengths: np.ndarray, apart: Fraction | float) -> list[int]:
    """Which of the places (n,) have no stronger one less than `apart` away, in order."""
    chosen: list[int] = []
    for index in np.argsort(-strengths, kind="stable").tolist():
        if all(abs(places[index] - places[other]) >= apart for other in chosen):
            chosen.append(index)
    return sorted(chosen)
