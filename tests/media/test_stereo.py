"""The stereo spread: wide, and yet the mono sound."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from avfoley_engine.media import loudness, stereo

RATE = 48_000
CEILING = -1.0


def noise(samples: int = RATE, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def correlation(take: np.ndarray, low: float, high: float) -> float:
    """Of left and right between two frequencies."""
    band = scipy.signal.butter(4, (low, high), "bandpass", fs=RATE, output="sos")
    return float(np.corrcoef(scipy.signal.sosfilt(band, take.astype(np.float64)))[0, 1])


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("level", [0.01, 0.1, 1.0])
def test_the_mono_sum_is_the_mono_take(level: float, loop: bool) -> None:
    mid = loudness.attenuated(noise(level=level)[None], CEILING)[0]
    take = stereo.spread(mid, CEILING, loop=loop)
    assert take.shape == (2, len(mid))
    assert take.dtype == np.float32
    assert np.abs(take.mean(axis=0) - mid).max() < 1e-7


def test_noise_is_wide_above_the_bass_and_nowhere_out_of_phase() -> None:
    take = stereo.spread(noise(4 * RATE), CEILING)
    for low, high in ((400, 800), (800, 1600), (1600, 5000), (5000, 15_000)):
        assert 0.3 < correlation(take, low, high) < 0.65
    assert correlation(take, 30, 120) > 0.99
    assert correlation(take, 120, 200) > 0.9


def test_both_sides_sound_alike_and_about_as_loud_as_the_mono_take() -> None:
    mid = noise(4 * RATE)
    take = stereo.spread(mid, CEILING)
    added = loudness.integrated(take) - loudness.integrated(np.stack([mid, mid]))
    assert 0 <= added < 1.5
    assert abs(loudness.integrated(take[:1]) - loudness.integrated(take[1:])) < 0.3
    left, right = (scipy.signal.welch(side, RATE, nperseg=1024)[1] for side in take)
    third_octaves = [slice(round(f / 47 * 0.89), round(f / 47 * 1.12) + 1) for f in (500, 1000, 2000, 4000, 8000)]
    for band in third_octaves:
        assert abs(10 * np.log10(left[band].mean() / right[band].mean())) < 3


def test_a_hit_stays_in_the_centre_and_its_bed_wide() -> None:
    mid = noise(2 * RATE, level=0.01)
    hit = slice(RATE, RATE + 480)
    mid[hit] += np.exp(-np.arange(480) / 60).astype(np.float32) * noise(480, level=0.2, seed=1)
    side = np.diff(stereo.spread(mid, CEILING), axis=0)[0] / 2

    def relative(part: slice) -> float:
        return float(np.square(side[part]).mean() / np.square(mid[part]).mean())

    assert relative(hit) < 0.03
    assert relative(slice(RATE // 4, RATE // 2)) > 0.2
    # Nor does it come late: what follows is the side of the bed alone.
    assert np.abs(side[RATE : RATE + 2400]).max() < 0.05


@pytest.mark.parametrize("loop", [False, True])
def test_loud_takes_stay_under_the_ceiling_and_yet_wide(loop: bool) -> None:
    mid = loudness.attenuated(noise(2 * RATE, level=0.4).clip(-0.8, 0.8)[None], CEILING)[0]
    take = stereo.spread(mid, CEILING, loop=loop)
    assert loudness.true_peak(np.tile(take, 2) if loop else take) <= CEILING + 1e-6
    assert np.corrcoef(take)[0, 1] < 0.7


@pytest.mark.parametrize("samples", [3000, 30_011])
def test_a_loop_stays_a_loop(samples: int) -> None:
    period = loudness.attenuated(noise(samples, level=0.4)[None], CEILING)[0]
    turned = stereo.spread(np.roll(period, 1234), CEILING, loop=True)
    assert np.allclose(np.roll(stereo.spread(period, CEILING, loop=True), 1234, axis=1), turned, atol=1e-6)
    # Spread as a sound with two ends it would not be one.
    ended = np.roll(stereo.spread(period, CEILING), 1234, axis=1)
    assert np.abs(ended - turned).max() > 0.05


def test_the_side_ends_with_the_mid() -> None:
    mid = noise(RATE // 2)
    side = np.diff(stereo.spread(mid, CEILING), axis=0)[0] / 2
    assert abs(side[-1]) < 1e-4
    assert np.abs(side[-4800:-960]).max() > 0.05


def test_silence_and_very_short_sounds() -> None:
    assert not stereo.spread(np.zeros(4800, np.float32), CEILING).any()
    for samples in (1, 2, 100):
        for loop in (False, True):
            take = stereo.spread(noise(samples), CEILING, loop=loop)
            assert take.shape == (2, samples)
            assert np.isfinite(take).all()
