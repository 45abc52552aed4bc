"""A stereo spread of a mono sound that folds back to it: L = M + S and R = M - S, so that L + R = 2 M.

S is M through an all-pass filter whose group delay differs from band to band (quasi-stereophony:
Schroeder, JASA 33, 1961; Kendall, Computer Music Journal 19, 1995). It has little below 200 Hz,
where ears hear no width. Onsets do not go into it, so that hits stay sharp and in the centre.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.ndimage
import scipy.signal
import torch
import torchaudio.functional

from avfoley_engine.media import loudness
from avfoley_engine.media.circular import around
from avfoley_engine.media.fades import faded
from avfoley_engine.protocol import SAMPLE_RATE

#: Level of the side under the mid: noise correlates by (1 - w^2) / (1 + w^2), about a half.
WIDTH = 0.6
#: Hertz between which the side fades in.
_LOW = (120.0, 320.0)
_DELAYS_SECONDS = (0.003, 0.023)
_TAPS = 4096
#: In seconds: an onset is where the level over the one is `_STEADY` times that over the other.
_SHORT, _LONG = 0.003, 0.150
_STEADY = 2.0
_SMOOTHING_SECONDS = 0.005
_FADE_SECONDS = 0.010
_OVERSAMPLING = 4
_BLOCK, _CONTEXT = 10 * SAMPLE_RATE, 64
#: What the side keeps clear of the ceiling, for what lies between the oversampled instants.
_MARGIN_DB = 0.1
_LIMITER_PASSES = 4


def spread(mid: np.ndarray, ceiling_dbtp: float, *, loop: bool = False) -> np.ndarray:
    """Mid (n,) at 48 kHz, float32 -> left and right (2, n) float32, whose mean is the mid.

    True peaks stay under the ceiling where the mid's are: the side gives way. `loop`: the mid is
    one period of a loop, and so are left and right; else the side ends with the mid.
    """
    margin = _TAPS + 2 * _samples(_LONG)
    heard = (around(mid, margin) if loop else np.pad(mid, margin)).astype(np.float64)
    side = scipy.signal.oaconvolve(heard * _steadiness(heard), decorrelator())[: len(heard)]
    if not loop:
        side[margin:-margin] = faded(side[margin:-margin], 0, _samples(_FADE_SECONDS))
        side[-margin:] = 0
    side = _under(ceiling_dbtp, heard, side)[margin:-margin].astype(np.float32)
    return np.stack([mid + side, mid - side])


@cache
def decorrelator() -> np.ndarray:
    """The filter from mid to side: (taps,), causal, of magnitude `WIDTH` above 320 Hz.

    Its group delay runs from knot to knot, a third of an octave apart; the golden ratio scatters their values evenly.
    """
    frequencies = np.fft.rfftfreq(_TAPS, 1 / SAMPLE_RATE)
    octaves = np.log2(np.maximum(frequencies, 1.0) / 100)
    knots = np.arange(25)
    shortest, longest = _DELAYS_SECONDS
    delays = shortest + (longest - shortest) * ((knots + 1) * (np.sqrt(5) - 1) / 2 % 1)
    delay = np.interp(octaves, knots / 3, delays)
    phase = -2 * np.pi * np.cumsum(delay) * frequencies[1]
    low, high = np.log2(np.array(_LOW) / 100)
    magnitude = 0.5 - 0.5 * np.cos(np.pi * np.clip((octaves - low) / (high - low), 0, 1))
    taps: np.ndarray = np.fft.irfft(WIDTH * magnitude * np.exp(1j * phase))
    return taps


def _steadiness(x: np.ndarray) -> np.ndarray:
    """A gain (n,) for x (n,): 1 where its level is steady, near 0 around its onsets."""
    power = np.square(x)
    short, long = (np.sqrt(_mean(power, _samples(seconds)).clip(1e-12)) for seconds in (_SHORT, _LONG))
    return _smooth(np.square(np.minimum(1, _STEADY * long / short)))


def _under(ceiling_dbtp: float, mid: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The side (n,), turned down where mid and side would pass the ceiling, or a mid that does."""
    ceiling_dbtp = max(ceiling_dbtp, loudness.true_peak(mid[None]))
    # A gain that changes moves the peaks between the samples a little, so once is not always enough.
    for _ in range(_LIMITER_PASSES):
        if loudness.true_peak(np.stack([mid + side, mid - side])) <= ceiling_dbtp:
            return side
        side = side * _room(mid, side, 10 ** ((ceiling_dbtp - _MARGIN_DB) / 20))
    return np.zeros_like(side)


def _room(mid: np.ndarray, side: np.ndarray, ceiling: float) -> np.ndarray:
    """A gain (n,) for the side under which |mid| + |side|, oversampled, stays below the ceiling where the mid does."""
    gain = np.ones_like(side)
    for start in range(0, len(mid), _BLOCK):
        first, last = max(0, start - _CONTEXT), start + _BLOCK
        both = np.stack([mid, side])[:, first : last + _CONTEXT]
        between = torchaudio.functional.resample(torch.from_numpy(both), 1, _OVERSAMPLING, lowpass_filter_width=16)
        # The oversampling filter rounds the samples themselves off, which count as well.
        instants = np.concatenate([between.numpy().reshape(2, -1, _OVERSAMPLING), both[..., None]], axis=2)
        heard, spread_by = np.abs(instants)
        free = ((ceiling - heard) / spread_by.clip(1e-9)).clip(0, 1)
        gain[start:last] = free.min(axis=1)[start - first :][:_BLOCK]
    return _smooth(gain)


def _smooth(gain: np.ndarray) -> np.ndarray:
    """A smooth gain that is nowhere above the given one."""
    size = _samples(_SMOOTHING_SECONDS)
    return _mean(scipy.ndimage.minimum_filter1d(gain, 2 * size + 1, mode="nearest"), size)


def _mean(x: np.ndarray, size: int) -> np.ndarray:
    mean: np.ndarray = scipy.ndimage.uniform_filter1d(x, size, mode="nearest")
    return mean


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
