"""Procedural textures: uint8 pictures (size, size, 3) that tile, in a given colour."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from avfoley_engine.world.elements import Colour

SIZE = 128


def noise(rng: np.random.Generator, slope: float, stretch: float = 1.0, size: int = SIZE) -> np.ndarray:
    """Noise (size, size) that tiles, mean 0, deviation 1; amplitude falls as frequency^-slope."""
    fx = np.fft.fftfreq(size)[None] * stretch
    fy = np.fft.rfftfreq(size)[None].T / stretch
    radius = np.hypot(fy, fx)
    radius[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((size, size)), axes=(1, 0)) / np.maximum(radius, 1 / size) ** slope
    spectrum[0, 0] = 0
    plane = np.fft.irfft2(spectrum, s=(size, size), axes=(1, 0))
    return np.asarray(plane / (plane.std() + 1e-9))


def texture(rng: np.random.Generator, kind: str, tint: Colour, size: int = SIZE) -> np.ndarray:
    """One texture of a kind: plain, brushed, stripes, grain, planks, marble, noise, speckle,
    checker, patches, weave, slabs, tiles, grass, pebbles or leaves.
    """
    y, x = np.mgrid[0:size, 0:size] / size
    base = np.array(tint)[None, None]
    other = np.clip(base * rng.uniform(0.3, 1.5), 0, 1) if rng.random() < 0.6 else rng.uniform(0, 1, 3)[None, None]
    value, mix = np.ones((size, size)), np.zeros((size, size))
    if kind == "brushed":
        value = 1 + 0.06 * noise(rng, 0.5, 8.0, size)
    elif kind == "stripes":
        along = x if rng.random() < 0.5 else y
        mix = (np.sin(2 * np.pi * rng.integers(1, 7) * along) > rng.uniform(-0.6, 0.6)) * 1.0
    elif kind == "grain":
        rings = x * rng.integers(3, 9) + 0.25 * noise(rng, 1.6, 5.0, size)
        value = 1 + rng.uniform(0.08, 0.25) * np.sin(2 * np.pi * rings) + 0.04 * noise(rng, 0.5, 6.0, size)
    elif kind in ("planks", "slabs", "tiles"):
        value = _joints(rng, x, y, kind, size)
    elif kind == "marble":
        value = 1 + rng.uniform(0.1, 0.35) * np.sin(6 * np.pi * x + 2.5 * noise(rng, 1.7, 1.0, size))
    elif kind == "noise":
        value = 1 + rng.uniform(0.08, 0.3) * noise(rng, rng.uniform(0.7, 1.6), 1.0, size)
    elif kind == "speckle":
        value = 1 + rng.uniform(0.1, 0.35) * noise(rng, 0.3, 1.0, size)
    elif kind == "checker":
        count = int(rng.integers(1, 5))
        mix = ((np.floor(2 * count * x) + np.floor(2 * count * y)) % 2) * 1.0
    elif kind == "patches":
        mix = (gaussian_filter(noise(rng, 1.2, 1.0, size), 3, mode="wrap") > 0.5) * 1.0
    elif kind == "weave":
        count = int(rng.integers(10, 24))
        value = (
            1 + 0.15 * np.sin(2 * np.pi * count * x) * np.sin(2 * np.pi * count * y) + 0.08 * noise(rng, 0.8, 1, size)
        )
    elif kind in ("grass", "leaves", "pebbles"):
        value, mix = _scattered(rng, kind, size)
    colours = base * (1 - mix[..., None]) + other * mix[..., None]
    return np.asarray(np.clip(255 * colours * value[..., None], 0, 255).astype(np.uint8))


def _joints(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, kind: str, size: int) -> np.ndarray:
    """Boards, slabs or tiles: each of a shade of its own, with dark or bright joints between them."""
    rows = int(rng.integers(2, 7))
    columns = {"planks": 1, "slabs": int(rng.integers(1, 4)), "tiles": rows}[kind]
    row = np.floor(y * rows).astype(int)
    shift = 0.5 * (row % 2) if kind == "slabs" or rng.random() < 0.3 else 0.0
    across = (x * columns + shift) % columns
    column = np.floor(across).astype(int)
    shades = rng.normal(1, 0.12 if kind != "tiles" else 0.04, (rows, columns))
    width = rng.uniform(0.01, 0.03)
    joint = (np.abs((y * rows) % 1 - 0.5) > 0.5 - width * rows) | (np.abs(across % 1 - 0.5) > 0.5 - width * columns)
    value = shades[row, column] * (1 + 0.06 * noise(rng, 0.8, 6.0 if kind == "planks" else 1.0, size))
    return np.where(joint, value * rng.choice([0.5, 0.7, 1.3]), value)


def _scattered(rng: np.random.Generator, kind: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Blades, pebbles or leaves: cells round random points, each of a shade of its own."""
    if kind == "grass":
        return 1 + 0.35 * noise(rng, 0.4, 0.4, size), 0.3 * np.clip(noise(rng, 1.4, 1.0, size), 0, 1)
    count = int(rng.integers(60, 200))
    points = rng.uniform(0, size, (count, 2))
    shades, mixes = rng.normal(1, 0.25, count), rng.uniform(0, 1, count)
    grid = np.stack(list(np.mgrid[0:size, 0:size]), -1).reshape(-1, 1, 2)
    gap = np.abs(grid - points)
    gap = np.minimum(gap, size - gap)
    distance = (gap**2).sum(-1)
    nearest = distance.argmin(1)
    edge = np.sqrt(distance.min(1)) / (0.6 * size / np.sqrt(count))
    shape = (size, size)
    value = (shades[nearest] * np.clip(1.25 - 0.5 * edge**2, 0.4, 1.2)).reshape(shape)
    return value, (mixes[nearest] * (0.8 if kind == "leaves" else 0.2)).reshape(shape)


def sky(rng: np.random.Generator, indoors: bool) -> np.ndarray:
    """Six faces of a cube, uint8 (6 * 64, 64, 3): sky over hazy ground, or a dim blurred room."""
    size = 64
    if indoors:
        first, second = rng.uniform(0.05, 0.9, (2, 3))
        first, second = 0.8 * first.mean() + 0.2 * first, 0.8 * second.mean() + 0.2 * second
    else:
        first = np.array([0.5, 0.7, 1.0]) * rng.uniform(0.4, 1.0) + rng.uniform(0, 0.2)
        second = np.array([0.6, 0.6, 0.55]) * rng.uniform(0.2, 0.9)
    faces = []
    for face in range(6):  # right, left, up, down, front, back
        plane = noise(rng, 1.6, 1.0, size)
        y = np.linspace(0, 1, size)[:, None] + 0 * plane
        edge = rng.uniform(0.45, 0.55) + 0.06 * noise(rng, 1.5, 1.0, size)[0][None]
        share = {2: np.zeros_like(plane), 3: np.ones_like(plane)}.get(face, np.clip((y - edge) * 8 + 0.5, 0, 1))
        picture = first * (1 - share[..., None]) + second * share[..., None]
        blobs = np.clip(gaussian_filter(plane, 1.5), -1.5, 1.5)
        picture = picture * (1 + rng.uniform(0.05, 0.35) * blobs[..., None])
        faces.append(picture)
    return np.asarray(np.clip(255 * np.concatenate(faces), 0, 255).astype(np.uint8))
