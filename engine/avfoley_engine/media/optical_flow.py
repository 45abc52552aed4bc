"""Dense optical flow, without the camera's movement, and as histograms of directions."""

from __future__ import annotations

import numpy as np

from avfoley_engine.extras import require


def optical_flow(frames: np.ndarray) -> np.ndarray:
    """Flow (T - 1, H, W, 2) float32 of frames (T, H, W, 3) uint8: x and y in pixels per frame.

    OpenCV's DIS (Kroeger et al. 2016, arXiv 1603.03590) on the grey picture. `flow[n]` leads from
    frame n to frame n + 1. H and W are at least 16. Frames of 72 x 128 are a good size.
    """
    cv2 = require("cv2", "evaluate")
    # DIS searches in as many stripes as there are threads: more of them give another flow.
    cv2.setNumThreads(1)
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # At half the size instead of a quarter: at that, small frames lose 5 % of every movement.
    method.setFinestScale(1)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    flow = np.zeros((max(0, len(frames) - 1), *frames.shape[1:3], 2), np.float32)
    for one, before, after in zip(flow, grey, grey[1:], strict=False):
        method.calc(before, after, one)
    return flow


def without_camera(flow: np.ndarray) -> np.ndarray:
    """Flow (T, H, W, 2) less each frame's median over its pixels: the camera's movement."""
    camera = [np.median(one.reshape(-1, 2), axis=0) for one in flow]
    return flow - np.array(camera, flow.dtype).reshape(len(flow), 1, 1, 2)


def direction_histograms(flow: np.ndarray, grid: tuple[int, int] = (6, 6), directions: int = 8) -> np.ndarray:
    """Flow (T, H, W, 2) -> histograms (T, rows, columns, directions) float32 in pixels per frame.

    A cell's histogram has the mean speed in each direction, of which the first is to the right and
    the third, of eight, down. A speed between two directions is shared between them.
    """
    cv2 = require("cv2", "evaluate")
    height, width = flow.shape[1:3]
    rows, columns = (np.arange(size) * cells // size for size, cells in zip((height, width), grid, strict=True))
    cells = rows[:, None] * grid[1] + columns
    pixels = np.bincount(cells.ravel())[:, None]
    histograms = np.zeros((len(flow), *grid, directions), np.float32)
    for histogram, one in zip(histograms, flow, strict=True):
        speed, angle = cv2.cartToPolar(one[..., 0], one[..., 1])
        angle *= directions / (2 * np.pi)
        first = angle.astype(np.int64)
        angle -= first
        places = cells * directions
        bins = np.stack([places + first % directions, places + (first + 1) % directions])
        shares = np.stack([speed * (1 - angle), speed * angle])
        sums = np.bincount(bins.ravel(), shares.ravel(), histogram.size)
        histogram[:] = (sums.reshape(-1, directions) / pixels).reshape(histogram.shape)
    return histograms
