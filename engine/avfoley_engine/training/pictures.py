"""Large pictures of the world: rendered once, a file a clip, and mapped into memory in training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from avfoley_engine.errors import ModelError
from avfoley_engine.media.pixels import to_pixels
from avfoley_engine.world import render_frames, sample_scene

#: Frames of a clip. Windows are shorter, and start anywhere in it.
CLIP_FRAMES = 32


@dataclass(frozen=True)
class PictureBatch:
    """Crops (B, T, H, W, 3) float in [-1, 1], and what their clips show."""

    frames: torch.Tensor
    captions: list[str]


def render_pictures(
    folder: Path, seeds: Iterable[int], size: tuple[int, int], frame_rate: float = 24, device: str = "cpu"
) -> None:
    """Renders the scenes `seeds`, plain as backbones draw them, at `size` = (height, width).

    Each goes to `<seed>.npy` and `<seed>.txt`; those that are there stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = folder / f"{seed:07d}.npy"
        if path.exists():
            continue
        scene = sample_scene(seed, duration=CLIP_FRAMES / frame_rate, style="plain")
        frames = render_frames(scene, *size, frame_rate, device).cpu().numpy()
        path.with_suffix(".txt").write_text(scene.video_caption, encoding="utf-8")
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, frames)
        path.with_suffix(".part").replace(path)


class WorldPictures:
    """All clips in a folder of `render_pictures`, of `size` = (height, width).

    Raises `ModelError` where there are none, or some are of another size.
    """

    def __init__(self, folder: Path, device: torch.device, size: tuple[int, int]) -> None:
        paths = sorted(folder.glob("*.npy"))
        if not paths:
            raise ModelError(f"{folder} holds no pictures. Render some: `avfoley train autoencoder --clips 100`.")
        self.clips = [np.load(path, mmap_mode="r") for path in paths]
        if other := {clip.shape[1:3] for clip in self.clips} - {size}:
            raise ModelError(
                f"{folder} holds pictures of {' and '.join(f'{h} x {w}' for h, w in sorted(other))} pixels, not of "
                f"{size[0]} x {size[1]}. Remove it: they are rendered again."
            )
        self.captions = [path.with_suffix(".txt").read_text(encoding="utf-8") for path in paths]
        self.device = device

    def batch(self, size: int, frames: int, crop: tuple[int, int], rng: np.random.Generator) -> PictureBatch:
        """size crops of so many frames and of `crop` = (rows, columns), from anywhere."""
        chosen = rng.integers(len(self.clips), size=size)
        crops = []
        for index in chosen:
            clip = self.clips[index]
            spare = [have - want for have, want in zip(clip.shape[:3], (frames, *crop), strict=True)]
            if min(spare) < 0:
                raise ModelError(
                    f"a clip of {clip.shape[:3]} frames, rows and columns has no crop of {(frames, *crop)}"
                )
            start, top, left = (int(rng.integers(room + 1)) for room in spare)
            crops.append(clip[start : start + frames, top : top + crop[0], left : left + crop[1]])
        pixels = to_pixels(torch.from_numpy(np.stack(crops)).to(self.device))
        return PictureBatch(pixels, [self.captions[index] for index in chosen])
