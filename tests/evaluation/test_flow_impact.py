"""The optical-flow control: where something stops or turns back, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from avfoley_engine.evaluation import flow_impact
from scipy.ndimage import gaussian_filter

STOPS, COUNT = 40, 70


def texture(seed: int, height: int, width: int) -> np.ndarray:
    """A smooth random pattern (height, width, 3) uint8."""
    pattern = gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 2)
    pattern = 128 + 45 * pattern / pattern.std()
    return pattern.clip(0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def film(column: Callable[[int], int], pan: int = 0) -> np.ndarray:
    """A square at `column` of each frame, before a scene that passes by `pan` pixels per frame."""
    scene, square = texture(0, 72, 128 + pan * COUNT), texture(1, 24, 24)
    frames = np.stack([scene[:, pan * n : pan * n + 128] for n in range(COUNT)])
    for n, frame in enumerate(frames):
        frame[24:48, column(n) : column(n) + 24] = square
    return frames


def stopping(n: int) -> int:
    return 10 + 2 * min(n, STOPS)


def bouncing(n: int) -> int:
    return 90 - 2 * abs(n - STOPS)


@pytest.mark.parametrize("pan", [0, 3])
@pytest.mark.parametrize("column", [stopping, bouncing])
def test_the_moment_is_found_whatever_the_camera_does(column: Callable[[int], int], pan: int) -> None:
    frames = film(column, pan)
    times, heights = flow_impact.detect(frames)
    assert times[heights.argmax()] == pytest.approx(STOPS / 24, abs=0.05)


@pytest.mark.parametrize("pan", [0, 3])
def test_a_scene_in_which_nothing_moves_has_no_events(pan: int) -> None:
    scene = texture(0, 72, 128 + pan * COUNT)
    frames = np.stack([scene[:, pan * n : pan * n + 128] for n in range(COUNT)])
    assert len(flow_impact.detect(frames)[0]) == 0


def test_a_movement_that_goes_on_is_no_event() -> None:
    assert len(flow_impact.detect(film(lambda n: 2 + n))[0]) == 0


def test_repeated_frames_of_slow_footage_are_no_stops() -> None:
    times, _ = flow_impact.detect(film(stopping)[::2].repeat(2, axis=0))
    assert times.tolist() == pytest.approx([STOPS / 24], abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_shortest_of_films(count: int) -> None:
    assert len(flow_impact.detect(film(stopping)[:count])[0]) == 0
