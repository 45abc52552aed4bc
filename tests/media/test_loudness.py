"""True peak and loudness against signals whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from avfoley_engine.media import loudness

RATE = 48_000


def sine(frequency: float, amplitude: float, seconds: float = 2.0, phase: float = 0.0) -> np.ndarray:
    t = np.arange(int(RATE * seconds)) / RATE
    return (amplitude * np.sin(2 * np.pi * frequency * t + phase)).astype(np.float32)[None]


def test_true_peak_lies_between_the_samples() -> None:
    # A quarter of the sample rate, 45 degrees off: every sample is 3 dB under the peak.
    between = sine(RATE / 4, 1.0, phase=np.pi / 4)
    assert abs(np.abs(between).max() - 0.7071) < 1e-3
    assert abs(loudness.true_peak(between)) < 0.3


def test_true_peak_of_long_sound_finds_the_late_peak() -> None:
    sound = np.zeros((1, RATE * 25), np.float32)
    sound[0, RATE * 20 : RATE * 22] = sine(RATE / 4, 0.5, phase=np.pi / 4)
    assert abs(loudness.true_peak(sound) + 6.02) < 0.3


def test_silence_has_a_floor_and_no_loudness() -> None:
    silence = np.zeros((1, RATE), np.float32)
    assert loudness.true_peak(silence) == loudness.SILENCE_DBTP
    assert loudness.integrated(silence) is None


def test_loudness_of_the_reference_tone() -> None:
    # BS.1770-4: 997 Hz at 0 dBFS in one channel reads -3.01 LKFS.
    assert loudness.integrated(sine(997, 1.0, 5.0)) == pytest.approx(-3.01, abs=0.1)
    assert loudness.integrated(sine(997, 0.1, 5.0)) == pytest.approx(-23.01, abs=0.1)


def test_no_loudness_under_the_gating_block() -> None:
    assert loudness.integrated(sine(997, 0.5, 0.39)) is None


@pytest.mark.parametrize("amplitude", [0.99, 1.4, 8.0])
def test_loud_sound_comes_down_to_the_ceiling_linearly(amplitude: float) -> None:
    loud = sine(RATE / 4, amplitude, phase=np.pi / 4)
    quiet = loudness.attenuated(loud)
    assert -1.1 < loudness.true_peak(quiet) <= -1.0
    np.testing.assert_allclose(quiet / np.abs(quiet).max(), loud / np.abs(loud).max(), atol=1e-6)


def test_quiet_sound_stays_as_it_is() -> None:
    quiet = sine(1000, 0.1)
    assert loudness.attenuated(quiet) is quiet


def test_gates_leave_out_the_pauses() -> None:
    # A second of tone between pauses of near silence reads as the tone, not as the mean.
    pause = 1e-4 * sine(997, 1.0, 4.0)
    with_pauses = np.concatenate((pause, sine(997, 0.1, 4.0), pause), axis=1)
    assert loudness.integrated(with_pauses) == pytest.approx(-23.0, abs=0.5)


def test_stereo_adds_its_channels() -> None:
    tone = sine(997, 0.1, 3.0)
    assert loudness.integrated(np.concatenate((tone, tone))) == pytest.approx(-20.0, abs=0.1)
