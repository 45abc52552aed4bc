"""Fades of a sound's two ends, by raised cosines."""

from __future__ import annotations

import numpy as np


def faded(samples: np.ndarray, head: int, tail: int) -> np.ndarray:
    """Samples (..., n), float32, with the first `head` faded in and the last `tail` faded out, at most half of all each."""
    result = samples.copy()
    length = samples.shape[-1]
    head, tail = min(length // 2, head), min(length // 2, tail)
    result[..., :head] *= _rise(head)
    result[..., length - tail :] *= _rise(tail)[::-1]
    return result


def _rise(samples: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(samples) / max(1, samples))).astype(np.float32)
