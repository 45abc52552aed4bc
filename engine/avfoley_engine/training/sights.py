"""What is seen in the pictures of a shard, written beside its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from avfoley_engine.media.optical_flow import motion_features
from avfoley_engine.vision.image_network import image_network, looks


class Sights:
    """`motion_features` in `motion.npy` and the `looks` of an image network in `looks.npy`, a row a
    clip, in half precision. Nothing is written of no clips.
    """

    def __init__(self) -> None:
        self.motion: list[np.ndarray] = []
        self.looks: list[np.ndarray] = []

    def add(self, picture: np.ndarray) -> None:
        """The next clip's frames (T, H, W, 3) uint8, large enough for optical flow."""
        self.motion.append(motion_features(picture).astype(np.float16))
        self.looks.append(looks(image_network(), torch.from_numpy(picture[None]))[0].half().numpy())

    def save(self, folder: Path) -> None:
        """Writes both files into a shard's folder."""
        if self.motion:
            np.save(folder / "motion.npy", np.stack(self.motion))
            np.save(folder / "looks.npy", np.stack(self.looks))
