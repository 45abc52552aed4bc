"""Figures that families build their acts from: limbs, slabs, the ground, sparks."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from avfoley_engine.world.elements import Colour, Shape, Track
from avfoley_engine.world.families.palette import colour, texture
from avfoley_engine.world.motion import since

box = partial(Shape, "box")
ellipse = partial(Shape, "ellipse")


def glow(x: Track, y: Track, half_width: Track, half_height: Track, tint: Colour, opacity: Track) -> Shape:
    """A blob of added light."""
    return Shape("glow", x, y, half_width, half_height, tint, opacity=opacity, additive=True)


def limb(x0: Track, y0: Track, x1: Track, y1: Track, thickness: float, tint: Colour, **more: Any) -> Shape:
    """A round-ended bar of `thickness` between two moving points."""
    dx, dy = np.asarray(x1) - x0, np.asarray(y1) - y0
    length = np.hypot(dx, dy)
    x, y = (np.asarray(x0) + x1) / 2 + 0 * length, (np.asarray(y0) + y1) / 2 + 0 * length
    half_width, half_height = length / 2 + thickness / 2, thickness / 2
    return box(x, y, half_width, half_height, tint, angle=np.arctan2(dy, dx), roundness=1.0, **more)


def slab(
    rng: np.random.Generator, x: Track, y: Track, half_width: Track, half_height: Track, tint: Colour, **more: Any
) -> Shape:
    """A box with randomly rounded corners and perhaps a texture."""
    roundness = float(rng.choice([0.0, 0.2, 0.6]))
    return box(x, y, half_width, half_height, tint, roundness=roundness, texture=texture(rng), **more)


def ground(rng: np.random.Generator, y: Track = 0.5, chance: float = 0.6) -> Shape:
    """A wide floor centred at `y`, half a height thick to either side; textured with probability `chance`."""
    return box(0.0, y, 5.0, 0.5, colour(rng), texture=texture(rng, (0.5, 3.0), chance))


def sparks(
    rng: np.random.Generator,
    t: np.ndarray,
    times: np.ndarray,
    x: Track,
    y: Track,
    tint: Colour,
    count: int,
    speed: float,
    life: float,
    gravity: float = 2.0,
    size: float = 0.015,
    upward: bool = True,
    additive: bool = False,
) -> list[Shape]:
    """Particles that leave (x, y) at every event and fade within `life` seconds."""
    age = since(t, times)
    alive = np.clip(1 - age / life, 0, 1) * (age >= 0)
    clipped = np.clip(age, 0, life)
    result = []
    for _ in range(count):
        direction = rng.uniform(-np.pi, 0) if upward else rng.uniform(0, 2 * np.pi)
        pace = speed * rng.uniform(0.4, 1.0)
        spark_x = x + pace * np.cos(direction) * clipped
        spark_y = y + pace * np.sin(direction) * clipped + gravity * clipped**2 / 2
        radius = size * rng.uniform(0.6, 1.5)
        result.append(ellipse(spark_x, spark_y, radius, radius, tint, opacity=np.sqrt(alive), additive=additive))
    return result
