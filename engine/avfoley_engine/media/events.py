"""Events from how probable it is, frame by frame, that something begins to sound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

#: Seconds that two events are apart, at least.
APART = Fraction(6, 100)


def peaks(probabilities: np.ndarray, threshold: float, frame_rate: Fraction) -> np.ndarray:
    """The frames (n,) of probabilities (T,) in which there is an event, in order.

    They are the highest within `APART` either way, and at least as high as the threshold. Of equal
    ones it is the first.
    """
    chosen: list[int] = []
    for frame in np.argsort(-probabilities, kind="stable"):
        if probabilities[frame] < threshold:
            break
        if all(abs(int(frame) - other) >= APART * frame_rate for other in chosen):
            chosen.append(int(frame))
    return np.array(sorted(chosen), np.int64)
