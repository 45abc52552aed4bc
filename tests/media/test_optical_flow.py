"""Optical flow of pictures whose movement is known."""

from __future__ import annotations

import numpy as np
import pytest
from avfoley_engine.media.optical_flow import (
    direction_histograms,
    motion_features,
    optical_flow,
    shrunk,
    without_camera,
)
from scipy.ndimage import gaussian_filter

HEIGHT, WIDTH = 72, 128


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth random pattern (height, width, 3) uint8."""
    pattern = gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 2)
    pattern = 128 + 45 * pattern / pattern.std()
    return pattern.clip(0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def pan(speed: int, count: int = 6) -> np.ndarray:
    """The camera pans left: the picture moves right by `speed` pixels per frame."""
    wide = texture(0, width=WIDTH + speed * count)
    return np.stack([wide[:, speed * (count - n) :][:, :WIDTH] for n in range(count)])


def test_a_shifted_picture_moves_by_its_shift() -> None:
    flow = optical_flow(pan(3))
    assert (flow.shape, flow.dtype) == ((5, HEIGHT, WIDTH, 2), np.float32)
    np.testing.assert_allclose(np.median(flow, axis=(1, 2)), [[3, 0]] * 5, atol=0.1)


def test_the_flow_is_the_same_every_time() -> None:
    np.testing.assert_array_equal(optical_flow(pan(2)), optical_flow(pan(2)))


@pytest.mark.parametrize("count", [0, 1])
def test_one_frame_does_not_move(count: int) -> None:
    flow = optical_flow(pan(2)[:count])
    assert flow.shape == (0, HEIGHT, WIDTH, 2)
    assert direction_histograms(without_camera(flow)).shape == (0, 6, 6, 8)


def test_without_the_camera_only_what_moves_by_itself_is_left() -> None:
    frames = pan(3)
    for n, frame in enumerate(frames):
        # Relative to the scene, which moves right by 3, it moves down by 3 and left by 5.
        frame[20 + 3 * n : 44 + 3 * n, 60 - 2 * n : 84 - 2 * n] = texture(1)[:24, :24]
    flow = without_camera(optical_flow(frames))
    assert np.abs(flow[:, :, :40]).mean() < 0.1
    for n, one in enumerate(flow):
        inside = one[26 + 3 * n : 38 + 3 * n, 66 - 2 * n : 78 - 2 * n]
        np.testing.assert_allclose(np.median(inside, axis=(0, 1)), [-5, 3], atol=0.8)


@pytest.mark.parametrize(("velocity", "direction"), [((3, 0), 0), ((0, 3), 2), ((-3, 0), 4), ((0, -3), 6)])
def test_a_direction_has_its_own_bin(velocity: tuple[float, float], direction: int) -> None:
    histograms = direction_histograms(np.full((2, HEIGHT, WIDTH, 2), velocity, np.float32))
    assert (histograms.shape, histograms.dtype) == ((2, 6, 6, 8), np.float32)
    expected = np.zeros(8)
    expected[direction] = 3
    np.testing.assert_allclose(histograms, np.broadcast_to(expected, histograms.shape), atol=1e-3)


def test_a_speed_between_two_directions_is_shared() -> None:
    velocity = 4 * np.array([np.cos(np.pi / 8), -np.sin(np.pi / 8)])
    histograms = direction_histograms(np.full((1, HEIGHT, WIDTH, 2), velocity, np.float32))
    np.testing.assert_allclose(histograms[0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 2], atol=1e-2)


def test_a_cell_has_the_mean_speed_of_its_pixels() -> None:
    flow = np.zeros((1, 60, 60, 2), np.float32)
    flow[0, 10:15, 20:30, 0] = 2
    histograms = direction_histograms(flow)
    assert histograms[0, 1, 2, 0] == pytest.approx(1)
    assert histograms.sum() == pytest.approx(1)


def falling(count: int = 12, stop: int = 6) -> np.ndarray:
    """Something falls by 3 pixels per frame, and lies still from frame `stop` on."""
    frames = np.repeat(texture(0)[None], count, axis=0)
    for n, frame in enumerate(frames):
        top = 10 + 3 * min(n, stop)
        frame[top : top + 24, 52:76] = texture(1)[:24, :24]
    return frames


def test_what_stops_in_a_frame_moves_in_its_row_and_no_longer_in_the_next() -> None:
    features = motion_features(falling())
    assert (features.shape, features.dtype) == ((12, 6, 6, 9), np.float32)
    downwards, change = features[..., 2].sum((1, 2)), features[..., 8].sum((1, 2))
    assert (downwards[0], change[0]) == (0, 0)
    assert downwards[1:7].min() > 4 * downwards[7:].max()
    assert change[1:7].min() > 4 * change[7:].max()


def test_a_pan_alone_is_no_motion() -> None:
    """But for the edges, where new things come into view."""
    panned, moving = motion_features(pan(3))[:, 1:-1, 1:-1], motion_features(falling()[:6])
    assert panned[..., :8].max() < 0.1 * moving[..., :8].max()
    assert panned[..., 8].max() < 0.1 * moving[..., 8].max()


def test_the_steps_of_footage_of_half_the_rate_are_shared_out() -> None:
    slow = falling(6, 3)
    features = motion_features(slow.repeat(2, axis=0))
    expected = np.repeat(motion_features(slow) / 2, 2, axis=0)
    # Frame 2n + 1 repeats frame 2n: the step to frame 2n + 2 is in the rows of both.
    np.testing.assert_allclose(features[1:-1], expected[2:], atol=1e-5)
    assert not features[-1].any()


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames_have_features_too(count: int) -> None:
    assert motion_features(falling()[:count]).shape == (count, 6, 6, 9)


def test_shrunk_frames_are_means_over_areas() -> None:
    frames = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    small = shrunk(frames, (2, 3))
    assert (small.shape, small.dtype) == ((2, 2, 3, 3), np.uint8)
    assert small[1, 0, 2].tolist() == np.rint(frames[1, :2, 4:].mean((0, 1))).tolist()
    assert shrunk(frames, (4, 6)) is frames
