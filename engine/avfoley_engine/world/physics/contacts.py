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
    """A sounding contact: second of its onset, impulse in newton seconds, where it is, and the two bodies that met."""

    time: float
    impulse: float
    place: tuple[float, float, float]
    bodies: tuple[int, int]


def impacts_of(force: np.ndarray, step: float, least: float) -> list[tuple[int, float]]:
    """Blows in the normal force (N,) between two bodies: (step of the onset, impulse above what lay on it before).

    `least` is the smallest impulse that counts, newton seconds.
    """
    if not force.any():
        return []
    width = round(_BLOW / step)
    total = np.concatenate([[0.0], np.cumsum(force)]) * step
    ahead = total[np.minimum(np.arange(len(force)) + width, len(force))] - total[:-1]
    # What rests on the ground presses on it all the time: only what is more than before is a blow.
    last, first = np.maximum(np.arange(len(force)) - 1, 0), np.maximum(np.arange(len(force)) - 1 - 2 * width, 0)
    before = (total[last] - total[first]) / np.maximum(last - first, 1) * width
    blow = ahead - before
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
    """Impacts in order of time: those `within` seconds of the first are one; weak ones just after a strong one go."""
    clusters: list[list[Impact]] = []
    for impact in sorted(impacts, key=lambda i: i.time):
        if clusters and impact.time - clusters[-1][0].time <= within:
            clusters[-1].append(impact)
        else:
            clusters.append([impact])
    result: list[Impact] = []
    for cluster in clusters:
        strongest = max(cluster, key=lambda i: i.impulse)
        start = next(i for i in cluster if i.impulse >= 0.3 * strongest.impulse)
        whole = Impact(
            start.time, float(np.sqrt(sum(i.impulse**2 for i in cluster))), strongest.place, strongest.bodies
        )
        if result and whole.time - result[-1].time < _SHADOW and whole.impulse < 0.5 * result[-1].impulse:
            continue
        result.append(whole)
    return result


def least_impulse(mass: float) -> float:
    """The smallest impulse at which something of this mass is heard to meet another."""
    return _SLOWEST * mass
