"""From contact forces to events: a contact whose impulse rises over a threshold is heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

_BLOW = 0.016  # seconds over which a blow's force is summed
_SHADOW = 0.15  # seconds in which a much stronger blow hides the chatter after it
_SLOWEST = 0.15  # m/s: a slower meeting of two things is not heard


@dataclass(frozen=True)
class Impact:
    """A sounding contact: second of its onset, impulse (N s), place, the two bodies that met."""

    time: float
    impulse: float
    place: tuple[float, float, float]
    bodies: tuple[int, int]


def impacts_of(force: np.ndarray, step: float, least: float) -> list[tuple[int, float]]:
    """Blows in the normal force (N,) between two bodies: (step of the onset, impulse above what lay
    on it before).

    `least` is the smallest impulse that counts, newton seconds.
    """
    if not force.any():
        return []
    width = round(_BLOW / step)
    # What rests on the ground presses on it all the time, also before the clip: only what is more
    # than before is a blow.
    history = 2 * width + 1
    total = np.concatenate([[0.0], np.cumsum(np.pad(force, (history, width), mode="edge"))]) * step
    now = history + np.arange(len(force))
    before = (total[now - 1] - total[now - history]) / (history - 1) * width
    blow = total[now + width] - total[now] - before
    peaks = np.nonzero((blow >= least) & (blow >= maximum_filter1d(blow, 2 * width + 1)))[0]
    found: list[tuple[int, float]] = []
    for peak in peaks:
        span = force[peak : peak + width]
        resting = before[peak] / (width * step)
        onset = int(peak + np.argmax(span > resting + 0.15 * (span.max() - resting)))
        if not found or onset - found[-1][0] > width:
            found.append((onset, float(blow[peak])))
    return found


def merged(impacts: list[Impact], within: float) -> list[Impact]:
    """Impacts in order of time: those `within` seconds of a stronger one are part of it, and of the
    chatter after a strong one only what is nearly as strong remains.
    """
    rest = sorted(impacts, key=lambda i: -i.impulse)
    wholes: list[Impact] = []
    while rest:
        strongest = rest[0]
        parts = [i for i in rest if abs(i.time - strongest.time) <= within]
        rest = [i for i in rest if abs(i.time - strongest.time) > within]
        # It begins with the first part that one hears beside the strongest.
        start = min(i.time for i in parts if i.impulse >= 0.3 * strongest.impulse)
        if all(abs(start - whole.time) > within for whole in wholes):
            impulse = float(np.sqrt(sum(i.impulse**2 for i in parts)))
            wholes.append(Impact(start, impulse, strongest.place, strongest.bodies))
    result: list[Impact] = []
    for whole in sorted(wholes, key=lambda i: i.time):
        chatter = result and whole.time - result[-1].time < _SHADOW and whole.impulse < 0.5 * result[-1].impulse
        if not chatter:
            result.append(whole)
    return result


def least_impulse(mass: float) -> float:
    """The smallest impulse at which something of this mass is heard to meet another."""
    return _SLOWEST * mass
