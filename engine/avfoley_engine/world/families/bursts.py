"""Families of sudden light: explosions, gunshots, bursting balloons, fireworks."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock, Colour, Shape
from avfoley_engine.world.families.figures import box, ellipse, glow, limb, sparks
from avfoley_engine.world.families.palette import colour, label_of, skin
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import decay, gains, irregular_times, latest, since, smoothstep, sparse_times


def explosion(rng: np.random.Generator, clock: Clock) -> Performance:
    """A blast: sudden light, a fireball, smoke, a jolt of the camera; or a muzzle flash, or a balloon that bursts."""
    t = clock.t
    label = label_of(rng, "explosion")
    small = label in ("gunshot", "balloon", "pop", "fire_ignite")
    span = clock.duration
    times = irregular_times(rng, span, (0.5, 2.0), 0.4) if small else sparse_times(rng, span, (1, 4), 0.8)
    loudness = gains(rng, len(times)).clip(0.5, 1)
    age = np.clip(since(t, times), 0, 50)
    index = np.clip(latest(t, times), 0, None)
    on = t >= times[0]
    size = rng.uniform(0.05, 0.15) if small else rng.uniform(0.15, 0.45)
    fade = rng.uniform(0.08, 0.2) if small else rng.uniform(0.2, 0.6)
    places_x, places_y = rng.uniform(-0.35, 0.35, len(times)), rng.uniform(-0.2, 0.2, len(times))
    if rng.random() < 0.5 or label == "gunshot":
        places_x, places_y = places_x * 0.05, places_y * 0.05
    x, y = places_x[index], places_y[index]
    hot: Colour = (1.0, rng.uniform(0.6, 1.0), rng.uniform(0.2, 0.9))
    shapes: list[Shape] = []
    if label == "gunshot":
        back = decay(t, times, 0.08 * loudness, 0.1)
        shapes.append(limb(-0.5 - back, 0.03, -0.05 - back, 0.0 - back, 0.06, colour(rng, 0.0, 0.4)))
        shapes.append(limb(-0.42 - back, 0.05, -0.5 - back, 0.3, 0.09, skin(rng)))
    if label in ("balloon", "pop"):
        upcoming = np.searchsorted(times, t, side="right")
        seen = (np.append(times, 1e3)[upcoming] - t < 0.9) * 1.0
        next_x = places_x[np.minimum(upcoming, len(times) - 1)]
        shapes.append(ellipse(next_x, 0.0, 1.5 * size, 1.8 * size, colour(rng, 0.3), opacity=seen))
        shapes += sparks(rng, t, times, x, y, colour(rng, 0.3), 6, 1.4, 0.25, upward=False, size=0.02)
        return Performance(times, loudness, label, "pop", shapes, (0.0, 0.0), 0.5, tail=0.6)
    smoke = on * 0.8 * np.exp(-age / (3 * fade)) * smoothstep(age / 0.1)
    wide, tall = size * (0.6 + 1.2 * np.sqrt(age)), size * (0.5 + np.sqrt(age))
    grey = colour(rng, 0.1, 0.6)
    shapes.append(ellipse(x, y - 0.15 * age, wide, tall, grey, opacity=smoke, texture=("spots", 4.0, 0.3)))
    ball = size * (0.25 + 0.75 * (1 - np.exp(-age / 0.08)))
    flame = on * np.exp(-age / fade) * loudness[index]
    shapes.append(glow(x, y, ball, ball * rng.uniform(0.6, 1), hot, opacity=flame))
    shapes.append(ellipse(x, y, 0.4 * ball, 0.4 * ball, (1.0, 1.0, 0.9), opacity=on * np.exp(-age / (0.5 * fade))))
    if not small:
        shapes += sparks(rng, t, times, x, y, hot, 5, 1.5, 0.6, upward=False, additive=True)
    flash = decay(t, times, loudness * rng.uniform(0.0, 0.1 if small else 0.35), 0.07)
    jolt = 0.0 if small else rng.uniform(0, 0.04)
    setting = "dark" if rng.random() < 0.4 else "any"
    return Performance(
        times, loudness, label, "explosion", shapes, (0.0, 0.0), 0.6, flash=flash, jolt=jolt, setting=setting
    )


def fireworks(rng: np.random.Generator, clock: Clock) -> Performance:
    """Sparks rise and burst over a dark sky."""
    t = clock.t
    label = label_of(rng, "fireworks")
    times = irregular_times(rng, clock.duration, (0.5, 1.6), min_gap=0.35)
    loudness = gains(rng, len(times))
    shapes = [box(0.0, 1.0, 5.0, rng.uniform(0.4, 0.6), colour(rng, 0.0, 0.15))]
    flash = decay(t, times, loudness * rng.uniform(0, 0.12), 0.15)
    for time, gain in zip(times, loudness, strict=True):
        shapes += _burst(rng, t, time, gain)
    return Performance(times, loudness, label, "fireworks", shapes, (0.0, -0.1), 0.7, flash=flash, setting="dark")


def _burst(rng: np.random.Generator, t: np.ndarray, time: float, gain: float) -> list[Shape]:
    """One rocket: perhaps its rising spark, then a flash and a ring or a star that widens, sinks and fades."""
    x, y, size = rng.uniform(-0.5, 0.5), rng.uniform(-0.3, 0.15), rng.uniform(0.1, 0.35) * (0.6 + 0.4 * gain)
    age = np.clip(t - time, 0, 50)
    on = t >= time
    tint = colour(rng, 0.7, 1.0)
    shapes: list[Shape] = []
    if rng.random() < 0.6:
        left = np.clip(time - t, 0, 1)
        rising = (~on & (left < 0.7)) * 0.8
        path_x, path_y = x + 0.05 * np.sin(9 * left), y + 1.0 * left
        shapes.append(ellipse(path_x, path_y, 0.01, 0.025, tint, opacity=rising, additive=True))
    radius = size * (1 - np.exp(-age / 0.2))
    fade = on * np.exp(-age / rng.uniform(0.3, 0.7)) * (age < 1.6)
    shapes.append(glow(x, y, 0.6 * size, 0.6 * size, tint, opacity=on * np.exp(-age / 0.12)))
    if rng.random() < 0.5:
        sunk = y + 0.1 * age**2
        shapes.append(Shape("ring", x, sunk, radius, radius, tint, opacity=fade, roundness=0.25, additive=True))
        return shapes
    for ray in range(6):
        angle = ray * np.pi / 3 + rng.uniform(0, 0.5)
        ray_x, ray_y = x + radius * np.cos(angle), y + radius * np.sin(angle) + 0.15 * age**2
        shapes.append(ellipse(ray_x, ray_y, 0.02, 0.02, tint, opacity=fade, additive=True))
    return shapes
