"""The display matrix of a picture: how a player turns and mirrors the stored frame."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.frame import VideoFrame


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay a frame: transposed first, then mirrored."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """The orientation that the frame's display matrix asks for; angles between the right ones go to the nearest."""
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return UPRIGHT
        # A stored point (x, y) is shown at (a x + c y, b x + d y), y down.
        a, b, _, c, d = struct.unpack("=5i", bytes(matrix)[:20])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, mirrored_x=a < 0, mirrored_y=d < 0)
        return cls(True, mirrored_x=c < 0, mirrored_y=b < 0)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Turns a stored image (H, W, C) into the one shown."""
        if self.transposed:
            image = image.swapaxes(0, 1)
        return image[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1]


UPRIGHT = Orientation()
