"""The onset detectors on sounds whose onsets are known."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from avfoley_engine.evaluation import condfoleygen
from avfoley_engine.evaluation.matching import count
from avfoley_engine.media import onsets, read_sound

TIMES = [0.0, 0.5, 0.9, 1.0301, 2.2222, 3.1, 4.5, 4.95]


def hits(kind: str, sample_rate: int, bed: float = 0.0, gain: float = 0.4) -> np.ndarray:
    """Five seconds with a hit at each of TIMES, over noise of RMS `bed`."""
    rng = np.random.default_rng(0)
    sound = bed * rng.normal(size=5 * sample_rate)
    for time in TIMES:
        start = round(time * sample_rate)
        age = np.arange(min(sample_rate // 7, len(sound) - start)) / sample_rate
        decay = gain * np.exp(-age / 0.03)
        if kind == "click":
            # A fifth of a millisecond: one sample alone has hardly more energy than the noise of the detector's window.
            sound[start : start + max(1, sample_rate // 5000)] += gain
        elif kind == "knock":
            sound[start : start + len(age)] += decay * np.sin(2 * np.pi * 800 * age)
        else:
            sound[start : start + len(age)] += 0.3 * decay * rng.normal(size=len(age))
    return sound.astype(np.float32)


@pytest.mark.parametrize("sample_rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("kind", ["click", "knock", "crash"])
@pytest.mark.parametrize("bed", [0.0, 0.001, 0.01])
def test_hits_are_found_within_10_ms_and_nothing_else(sample_rate: int, kind: str, bed: float) -> None:
    found = onsets.detect(hits(kind, sample_rate, bed), sample_rate)
    assert len(found) == len(TIMES)
    assert np.abs(found - TIMES).max() <= 0.010


def test_quiet_hits_are_found_too() -> None:
    assert len(onsets.detect(hits("knock", 48_000, gain=0.02), 48_000)) == len(TIMES)


@pytest.mark.parametrize("level", [0.0, 1e-6, 1e-4])
def test_silence_has_no_onsets(level: float) -> None:
    assert len(onsets.detect(hits("click", 48_000, gain=level), 48_000)) == 0


@pytest.mark.parametrize("level", [1e-4, 1e-2, 0.3])
def test_steady_noise_has_no_onsets(level: float) -> None:
    for seed in range(5):
        noise = level * np.random.default_rng(seed).normal(size=5 * 48_000)
        assert len(onsets.detect(noise, 48_000)) == 0


def test_a_steady_tone_begins_once() -> None:
    tone = np.zeros(5 * 48_000)
    tone[96_000:] = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * 48_000) / 48_000)
    found = onsets.detect(tone, 48_000)
    assert len(found) == 1
    assert abs(found[0] - 2) < 0.01


@pytest.mark.parametrize("samples", [0, 1, 100, 2000])
def test_the_shortest_of_sounds(samples: int) -> None:
    assert len(onsets.detect(np.zeros(samples), 48_000)) == 0


def test_condfoleygens_detector_finds_hits() -> None:
    times, strengths = condfoleygen.detect(hits("knock", 48_000), 48_000)
    assert count(np.array(TIMES[1:-1]), times, 0.06).recall == 1
    assert strengths.max() == pytest.approx(1, abs=0.05)
    assert len(condfoleygen.detect(np.zeros(48_000), 48_000)[0]) == 0


def test_suppression_keeps_the_stronger_of_two_close_onsets() -> None:
    times, strengths = condfoleygen.suppressed(np.array([1.0, 1.03, 1.06, 2.0]), np.array([0.5, 0.9, 0.4, 0.1]))
    assert times.tolist() == [1.03, 2.0]
    assert strengths.tolist() == [0.9, 0.1]


def test_real_clips_agree_with_their_listed_onsets(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("clips")
    with (folder / "index.csv").open() as file:
        listed = {row["file"]: row["estimated_audio_onsets_s"].split() for row in csv.DictReader(file)}
    for name in ("stick_hits_bag.mp4", "chop_cabbage.mp4", "typewriter_screencast.mp4"):
        found = onsets.detect(read_sound(folder / name, 48_000)[0], 48_000)
        matched = count(np.array(listed[name], float), found, 0.05)
        assert matched.recall > 0.85
        assert matched.f1 > 0.8
