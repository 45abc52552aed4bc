"""Loops: one period of a sound, whose last sample is followed by its first."""

from __future__ import annotations

import numpy as np
import scipy.signal


def around(period: np.ndarray, margin: int) -> np.ndarray:
    """The period (..., n) with `margin` samples of its repetitions on both sides: (..., n + 2 * margin)."""
    samples = period.shape[-1]
    extended: np.ndarray = period[..., np.arange(-margin, samples + margin) % samples]
    return extended


def resampled(period: np.ndarray, samples: int) -> np.ndarray:
    """The period (n,) with `samples` samples instead, float32: every harmonic stays one, so the seam stays none."""
    if len(period) == samples:
        return period
    fitted: np.ndarray = scipy.signal.resample(period.astype(np.float64), samples).astype(np.float32)
    return fitted
