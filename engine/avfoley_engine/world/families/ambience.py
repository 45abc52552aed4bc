"""Families without events: weather, fire and water, whose sound just goes on."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Backdrop, Clock, Colour
from avfoley_engine.world.families.figures import box, ellipse, glow, limb, slab
from avfoley_engine.world.families.palette import colour, label_of, shade
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import wander

_NONE = np.zeros(0)


def rain(rng: np.random.Generator, clock: Clock) -> Performance:
    """Two sheets of streaks fall before the scene."""
    t = clock.t
    light = rng.uniform(0.3, 0.7)
    water: Colour = (0.9 * light, 0.95 * light, 1.0 * light)
    speeds = [(rng.uniform(low, 2 * low), rng.uniform(-0.5, 0.5)) for low in (2.0, 3.0)]
    veils = []
    for fall, slope in speeds:
        seed, contrast, scale = int(rng.integers(1 << 40)), rng.uniform(0.6, 1.0), rng.uniform(10, 24)
        tones, opacity, shift_x, shift_y = ((0.0, 0.0, 0.0), water, water), rng.uniform(0.2, 0.6), -slope * t, -fall * t
        veils.append(
            Backdrop(seed, "streaks", tones, contrast, scale, 0.0, shift_x, shift_y, 0.2, opacity, additive=True)
        )
    shapes = []
    if rng.random() < 0.6:
        shapes.append(box(0.0, 0.6, 5.0, 0.4, colour(rng, 0.0, 0.4), texture=("spots", 3.0, 0.3)))
    return Performance(_NONE, _NONE, "rain", "rain", shapes, veils=tuple(veils), sustain=_steady(rng, t, 0.15))


def wind(rng: np.random.Generator, clock: Clock) -> Performance:
    """Grass or branches sway in gusts."""
    t = clock.t
    gust = np.clip(0.5 + wander(rng, t, 0.3, 0.5), 0.05, 1.2)
    shapes = [box(0.0, 0.75, 5.0, 0.4, colour(rng, 0.1, 0.5))]
    tint = colour(rng, 0.1, 0.7)
    for _ in range(int(rng.integers(4, 9))):
        x, tall, phase = rng.uniform(-0.9, 0.9), rng.uniform(0.2, 0.7), rng.uniform(0, 6.28)
        lean = gust * (0.25 + 0.15 * np.sin(2 * np.pi * rng.uniform(0.8, 1.6) * t + phase)) * tall
        shapes.append(limb(x, 0.42, x + lean, 0.42 - tall + 0.3 * lean, rng.uniform(0.015, 0.05), tint))
    return Performance(_NONE, _NONE, "wind", "wind", shapes, sustain=gust)


def fire(rng: np.random.Generator, clock: Clock) -> Performance:
    """Flames lick upwards and flicker."""
    t = clock.t
    shapes = [slab(rng, 0.0, 0.36, 0.35, 0.05, colour(rng, 0.05, 0.3))]
    for _ in range(int(rng.integers(5, 9))):
        x, phase, pace = rng.uniform(-0.2, 0.2), rng.uniform(0, 1), rng.uniform(0.7, 1.8)
        life = (t * pace + phase) % 1.0
        size = rng.uniform(0.1, 0.2)
        tint = (1.0, rng.uniform(0.3, 0.7), rng.uniform(0.0, 0.2))
        flame_x, flame_y = x * (1 - 0.6 * life) + wander(rng, t, 0.02, 3), 0.3 - 0.5 * life
        wide, tall = size * (1 - 0.6 * life), 1.5 * size * (1 - 0.4 * life)
        shapes.append(glow(flame_x, flame_y, wide, tall, tint, opacity=np.sin(np.pi * life)))
    flicker = 1 + 0.08 * np.clip(wander(rng, t, 1.0, 8), -2, 2)
    steady = _steady(rng, t, 0.25)
    return Performance(_NONE, _NONE, "fire", "fire", shapes, light=flicker, setting="dark", sustain=steady)


def water(rng: np.random.Generator, clock: Clock) -> Performance:
    """A stream, waves or a poured jet."""
    t = clock.t
    label = label_of(rng, "water")
    light = rng.uniform(0.3, 0.9)
    tint: Colour = (light * rng.uniform(0.4, 1), light * 0.9, light)
    if label == "water_pour":
        shapes = [limb(0.0, -0.6, wander(rng, t, 0.01, 3), 0.3, 0.06, tint, texture=("stripes", 2.0, 0.2))]
        shapes.append(slab(rng, 0.0, 0.35, 0.2, 0.2, colour(rng)))
        shapes.append(ellipse(0.0, 0.25 - 0.15 * t / clock.duration, 0.19, 0.04, tint))
        return Performance(_NONE, _NONE, label, label, shapes, sustain=_steady(rng, t, 0.1))
    shapes = []
    for row in range(int(rng.integers(4, 8))):
        swell = 0.03 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * t + row)
        drift = rng.uniform(0.1, 0.6) * t if label == "water_stream" else 0.3 * swell
        ripples, lit = ("spots", rng.uniform(0.7, 3.0), 0.35), shade(tint, rng.uniform(0.7, 1.2))
        shapes.append(box(drift, 0.05 + 0.1 * row + swell, 6.0, 0.12, lit, texture=ripples))
    steady = _steady(rng, t, 0.3 if label == "sea_waves" else 0.1)
    return Performance(_NONE, _NONE, label, label, shapes, sustain=steady)


def _steady(rng: np.random.Generator, t: np.ndarray, depth: float) -> np.ndarray:
    """A level near 1 that swells a little."""
    return np.asarray(np.clip(1 + wander(rng, t, depth, 0.6), 0.2, 1.6))
