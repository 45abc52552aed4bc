"""When sounds begin: the project's onset detector."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

#: Between the frames of `flux`.
HOP_SECONDS = 0.005
_WINDOW_SECONDS = 0.0215
# Half a window back: the frame before an onset holds nothing of it when the frame after it is centred on it.
_LAG = 2
_BANDS, _LOWEST, _HIGHEST = 40, 40.0, 16_000.0
# A band's level counts from this far under the clip's loudest, and never below the absolute floor (dBFS).
_RANGE, _FLOOR = 70.0, -80.0
# An onset rises by this many dB, averaged over the bands, above the flux that is usual around it: at 4 dB the rattle and the echoes of
# recorded hits count as hits too, at 8 dB soft ones are lost (chosen on clips outside the evaluation set)...
_RISE = 6.0
_USUAL, _APART_SECONDS = round(0.4 / HOP_SECONDS), 0.05
# ... and reaches a level that is audible in itself and beside the clip's loudest.
_AUDIBLE, _BESIDE_LOUDEST = -55.0, 38.0


def detect(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Onset times in seconds, ascending, of samples (n,) float.

    Spectral flux in decibels with a maximum filter over frequency against vibrato and noise (SuperFlux, Böck and Widmer
    2013), peaks picked above a running median, gated by level: silence and steady noise have no onsets. Accurate to
    about 5 ms.
    """
    return pick(*flux(samples, sample_rate), sample_rate)


def pick(rises: np.ndarray, level: np.ndarray, sample_rate: int) -> np.ndarray:
    """The onsets that `detect` finds in what `flux` gives."""
    loudest = level.max()
    if loudest < _AUDIBLE:
        return np.zeros(0)
    apart = round(_APART_SECONDS / HOP_SECONDS)
    rise = rises - median_filter(rises, _USUAL + 1, mode="reflect")
    reached = maximum_filter1d(level, 2 * _LAG + 1, origin=-_LAG)
    peaks = (
        (rises == maximum_filter1d(rises, 2 * (apart // 2) + 1))
        & (rise >= _RISE)
        & (reached >= max(_AUDIBLE, loudest - _BESIDE_LOUDEST))
    )
    onsets: list[int] = []
    for frame in np.flatnonzero(peaks):
        if not onsets or frame - onsets[-1] >= apart:
            onsets.append(int(frame))
    return np.array(onsets) * round(HOP_SECONDS * sample_rate) / sample_rate


def flux(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """What `detect` looks at, every `HOP_SECONDS` of samples (n,): the mean rise of the bands in dB, and the level in dBFS, both (T,)."""
    window = 2 * round(_WINDOW_SECONDS * sample_rate / 2)
    hop = round(HOP_SECONDS * sample_rate)
    bands, level = _levels(np.asarray(samples, np.float64), sample_rate, window, hop)
    bands = np.maximum(bands, max(bands.max() - _RANGE, _FLOOR))
    before = maximum_filter1d(bands, 3, axis=1)
    # What came before the clip is unknown: taken for what is usual in it, a hit on the first sample stands out and rain
    # does not.
    before = np.concatenate((np.repeat(np.median(before[:_USUAL], axis=0)[None], _LAG, axis=0), before[:-_LAG]))
    rises: np.ndarray = np.maximum(bands - before[: len(bands)], 0).mean(1)
    return rises, level


def _levels(samples: np.ndarray, sample_rate: int, window: int, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels in dBFS of frames centred on multiples of `hop`: by band (T, _BANDS), and altogether (T,)."""
    # Mirrored before the first sample; after the last one nothing, for a sound cut off there would seem to crack.
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    padded = np.concatenate((padded[window // 2 : 0 : -1], padded))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    shape = np.hanning(window + 1)[:-1]
    filters = _filters(sample_rate, window)
    bands = np.empty((len(frames), _BANDS))
    level = np.empty(len(frames))
    for start in range(0, len(frames), 4096):
        block = frames[start : start + 4096]
        power = np.abs(np.fft.rfft(block * shape)) ** 2 * (2 / shape.sum()) ** 2 / 2
        bands[start : start + 4096] = power @ filters
        level[start : start + 4096] = (block**2).mean(1)
    return 10 * np.log10(bands + 1e-12), 10 * np.log10(level + 1e-12)


def _filters(sample_rate: int, window: int) -> np.ndarray:
    """Triangular filters, equally spaced on the mel scale (O'Shaughnessy 1987): (window // 2 + 1, _BANDS)."""
    lowest, highest = (2595 * np.log10(1 + f / 700) for f in (_LOWEST, min(_HIGHEST, sample_rate / 2)))
    edges = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)[:, None]
    filters: np.ndarray = np.minimum((frequency - low) / (middle - low), (high - frequency) / (high - middle))
    return filters.clip(min=0)
