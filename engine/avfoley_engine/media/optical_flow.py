"""Dense optical flow, without the camera's movement, and as histograms of directions."""

from __future__ import annotations

import cv2
import numpy as np

#: The size (height, width) of the frames that flow is taken from: larger than a small backbone's.
FRAME_SIZE = (72, 128)
#: Cells down and across a frame.
GRID = (6, 6)
_LONGEST_REPEAT = 3


def optical_flow(frames: np.ndarray) -> np.ndarray:
    """Flow (T - 1, H, W, 2) float32 of frames (T, H, W, 3) uint8: x and y in pixels per frame.

    OpenCV's DIS (Kroeger et al. 2016, arXiv 1603.03590) on the grey picture. `flow[n]` leads from
    frame n to frame n + 1. H and W are at least 16. Frames of 72 x 128 are a good size.
    """
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


def camera_movement(flow: np.ndarray) -> np.ndarray:
    """The median over the pixels of each of flow (T, H, W, 2): (T, 2) in pixels per frame."""
    return np.array([np.median(one.reshape(-1, 2), axis=0) for one in flow], flow.dtype).reshape(len(flow), 2)


def without_camera(flow: np.ndarray) -> np.ndarray:
    """Flow (T, H, W, 2) less the camera's movement."""
    return flow - camera_movement(flow)[:, None, None]


def motion_features(frames: np.ndarray) -> np.ndarray:
    """What moves and changes in frames (T, H, W, 3) uint8: (T, 6, 6, 9) float32.

    Of each cell of the picture the `direction_histograms` of its flow, and its mean change in grey
    levels per frame; the camera's movement is taken out of both. Row n is of the step from frame n - 1
    to frame n, row 0 zero: what stops in frame n moves in row n and no longer in row n + 1. A step to a
    frame behind repeated ones is shared out among them.
    """
    distinct = distinct_frames(frames)
    flow = optical_flow(frames[distinct])
    camera = camera_movement(flow)
    moved = direction_histograms(flow - camera[:, None, None], GRID)
    features = np.concatenate([moved, _changes(frames[distinct], camera)[..., None]], axis=-1)
    steps = np.diff(distinct)
    shared = np.repeat(features / steps[:, None, None, None].astype(np.float32), steps, axis=0)
    return np.pad(shared, ((distinct[0] + 1, len(frames) - 1 - distinct[-1]), (0, 0), (0, 0), (0, 0)))


def _changes(frames: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """The mean change of each cell from frame to frame, were the camera still: (T - 1, *GRID) float32."""
    height, width = frames.shape[1:3]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    changes = np.zeros((max(0, len(frames) - 1), *GRID), np.float32)
    for one, before, after, (dx, dy) in zip(changes, grey, grey[1:], camera, strict=False):
        still = cv2.remap(after, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        change = cv2.absdiff(still, before).astype(np.float32)
        one[:] = cv2.resize(change, GRID[::-1], interpolation=cv2.INTER_AREA)
    return changes


def distinct_frames(frames: np.ndarray) -> np.ndarray:
    """The numbers of frames (T, H, W, 3) without repeated ones, in which everything seems to stop.

    Footage of a lower rate repeats each frame a few times; what is still for longer stands still.
    """
    numbers = np.arange(len(frames))
    changed = np.ones(len(frames), bool)
    changed[1:] = (frames[1:] != frames[:-1]).any(axis=(1, 2, 3))
    repeats = numbers - np.maximum.accumulate(np.where(changed, numbers, 0))
    return np.flatnonzero(changed | (repeats > _LONGEST_REPEAT))


def shrunk(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frames (T, H, W, 3) uint8 in a size (h, w) that H and W are multiples of: means over areas."""
    (height, width), (rows, columns) = frames.shape[1:3], size
    if (height, width) == (rows, columns):
        return frames
    areas = frames.reshape(len(frames), rows, height // rows, columns, width // columns, 3)
    return np.rint(areas.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)


def direction_histograms(flow: np.ndarray, grid: tuple[int, int] = GRID, directions: int = 8) -> np.ndarray:
    """Flow (T, H, W, 2) -> histograms (T, rows, columns, directions) float32 in pixels per frame.

    A cell's histogram has the mean speed in each direction, of which the first is to the right and
    the third, of eight, down. A speed between two directions is shared between them.
    """
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
