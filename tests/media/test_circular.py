"""Loops at another length: still one period, and nothing but faster or slower."""

from __future__ import annotations

import numpy as np
import pytest
from avfoley_engine.media import circular


def harmonics(samples: int) -> np.ndarray:
    """One period with energy up to 4 kHz, phases fixed."""
    phase = 2 * np.pi * np.arange(samples) / samples
    return sum(np.sin(n * phase + n * n) for n in range(1, 80)).astype(np.float32) / 80


@pytest.mark.parametrize("samples", [1920, 2000, 2003, 1801, 960])
def test_a_resampled_period_is_the_same_period(samples: int) -> None:
    fitted = circular.resampled(harmonics(1920), samples)
    assert fitted.dtype == np.float32
    assert np.allclose(fitted, harmonics(samples), atol=1e-5)


def test_around_repeats_the_period_on_both_sides() -> None:
    period = np.arange(5)
    assert circular.around(period, 7).tolist() == [3, 4, *range(5), *range(5), *range(5), 0, 1]
    assert circular.around(np.stack([period, -period]), 2)[1].tolist() == [-3, -4, 0, -1, -2, -3, -4, 0, -1]
