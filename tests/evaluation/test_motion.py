"""The frame-difference control."""

from __future__ import annotations

import numpy as np
import pytest
from avfoley_engine.evaluation import motion

NOISE = np.random.default_rng(0).integers(0, 9, (120, 36, 64, 3))


def still() -> np.ndarray:
    return np.full((120, 36, 64, 3), 90, np.uint8)


def test_flashes_are_found_at_their_frames() -> None:
    frames = (still() + NOISE).astype(np.uint8)
    for flash in (20, 60, 97):
        frames[flash:] += np.uint8(40)
    times, heights = motion.detect(frames)
    strongest = np.sort(times[np.argsort(heights)[-3:]])
    assert strongest.tolist() == [20 / 24, 60 / 24, 97 / 24]


def test_a_flash_on_a_still_picture_is_the_only_event() -> None:
    frames = still()
    frames[50:] = 120
    times, heights = motion.detect(frames)
    assert times.tolist() == [50 / 24]
    assert heights.tolist() == [30]


def test_dark_after_bright_counts_as_much() -> None:
    frames = still()
    frames[50:] = 10
    assert motion.detect(frames)[0].tolist() == [50 / 24]


@pytest.mark.parametrize("frames", [still(), still()[:1], still()[:0]])
def test_a_still_picture_has_no_events(frames: np.ndarray) -> None:
    assert len(motion.detect(frames)[0]) == 0


def test_a_steady_pan_has_no_events() -> None:
    stripes = np.tile(np.arange(64 + 240) % 8 * 30, (36, 1))
    frames = np.stack([stripes[:, 2 * n : 2 * n + 64] for n in range(120)])[..., None].repeat(3, 3).astype(np.uint8)
    assert len(motion.detect(frames)[0]) == 0


def test_repeated_frames_of_slow_footage_are_no_events() -> None:
    # 12 frames a second played at 24: every second difference is zero.
    slow = (still() + NOISE)[::2].repeat(2, axis=0).astype(np.uint8)
    slow[60:] += np.uint8(40)
    times, heights = motion.detect(slow)
    assert times[heights.argmax()] == 60 / 24
    assert len(times) < 12
