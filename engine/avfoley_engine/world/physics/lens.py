"""What lens, shutter, sensor and codec do to a rendered picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from avfoley_engine.world.elements import Colour


@dataclass(frozen=True)
class Lens:
    """`shutter` seconds of exposure, drawn as `smear` moments (1: none is seen); `aperture` the
    blur of infinity in picture heights (0: all is sharp) at a focus of `focus` times the act's
    distance; `exposure` the mean the camera meters for, `gamma` and `contrast` of the picture,
    `tint` a gain a channel; `blur` in picture heights; `noise` of the 0..1 signal; `vignette` the
    loss of light in the corners; `quality` the constant rate factor of H.264, 0 where it is not
    compressed.
    """

    shutter: float
    smear: int
    aperture: float
    focus: float
    exposure: float
    gamma: float
    contrast: float
    tint: Colour
    blur: float
    noise: float
    vignette: float
    quality: int


def sample_lens(rng: np.random.Generator, source_rate: float) -> Lens:
    """A camera's character, from a sharp one in good light to a phone of old."""
    smeared = rng.random() < 0.35
    cast = rng.uniform(0.85, 1.15, 3) if rng.random() < 0.5 else np.ones(3)
    return Lens(
        shutter=float(min(rng.uniform(0.3, 0.95) / source_rate, 1 / 30)),
        smear=int(rng.choice([2, 2, 3])) if smeared else 1,
        aperture=float(rng.uniform(0.01, 0.06)) if rng.random() < 0.35 else 0.0,
        focus=float(rng.uniform(0.85, 1.2)),
        exposure=float(np.clip(rng.normal(0.42, 0.1), 0.18, 0.65)),
        gamma=float(np.exp(rng.normal(0, 0.15))),
        contrast=float(rng.uniform(0.75, 1.15)),
        tint=(float(cast[0]), float(cast[1]), float(cast[2])),
        blur=float(rng.choice([0.0, 0.0, rng.uniform(0.002, 0.012)])),
        noise=float(rng.choice([0.0, rng.uniform(0.003, 0.015), rng.uniform(0.01, 0.045)], p=[0.35, 0.45, 0.2])),
        vignette=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
        quality=int(rng.integers(22, 37)) if rng.random() < 0.5 else 0,
    )


def develop(
    pictures: np.ndarray, depths: np.ndarray | None, lens: Lens, rng: np.random.Generator, rate: float
) -> np.ndarray:
    """Rendered pictures float32 (T, H, W, 3) of 0..1 and, where the lens has an aperture, their
    depths (T, H, W) as shares of the act's distance -> uint8 (T, H, W, 3).
    """
    height, width = pictures.shape[1:3]
    if depths is not None:
        pictures = _defocused(pictures, depths, lens)
    if lens.blur * height > 0.2:
        pictures = gaussian_filter(pictures, (0, lens.blur * height, lens.blur * height, 0))
    metered = float(np.clip(lens.exposure / max(float(np.median(pictures.mean((1, 2, 3)))), 1e-3), 0.5, 3.5))
    pictures = pictures * (metered * np.array(lens.tint, np.float32))
    if lens.vignette:
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
        pictures = pictures * (1 - lens.vignette * (x**2 + y**2) / 2).astype(np.float32)[None, ..., None]
    pictures = np.clip(pictures, 0, 1) ** lens.gamma
    pictures = 0.5 + lens.contrast * (pictures - 0.5)
    if lens.noise:
        pictures = pictures + lens.noise * rng.standard_normal(pictures.shape, np.float32)
    frames = np.clip(255 * pictures + 0.5, 0, 255).astype(np.uint8)
    return _compressed(frames, lens.quality, rate) if lens.quality else frames


def _defocused(pictures: np.ndarray, depths: np.ndarray, lens: Lens) -> np.ndarray:
    """Blends each pixel between the sharp picture and two blurred ones by its circle of confusion."""
    height = pictures.shape[1]
    confusion = lens.aperture * height * np.abs(lens.focus / np.maximum(depths, 0.05) - 1)
    # A pixel takes part in its neighbours' blur: soften the edges between near and far.
    confusion = uniform_filter(np.minimum(confusion, lens.aperture * height * 2), (0, 3, 3))[..., None]
    top = lens.aperture * height
    soft, softer = (gaussian_filter(pictures, (0, s, s, 0)) for s in (0.5 * top, top))
    share = np.clip(confusion / (0.5 * top), 0, 2).astype(np.float32)
    first = pictures + (soft - pictures) * np.minimum(share, 1)
    return np.asarray(first + (softer - soft) * np.clip(share - 1, 0, 1))


def _compressed(frames: np.ndarray, quality: int, rate: float) -> np.ndarray:
    """Through H.264 in memory and back. Narrow pictures are padded: below 128 pixels of width the
    round trip is not the same twice.
    """
    height, width = frames.shape[1:3]
    file = io.BytesIO()
    padded = np.pad(frames, ((0, 0), (0, height % 2), (0, max(128 - width, width % 2)), (0, 0)), "edge")
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        stream.height, stream.width = padded.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast", "threads": "1"}
        for picture in padded:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as container:
        decoded = [frame.to_ndarray(format="rgb24")[:height, :width] for frame in container.decode(video=0)]
    return np.stack(decoded)
