"""The family of engines: a vehicle or machine whose sound follows its speed."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import CLOCK_RATE, Clock, Colour, Shape
from avfoley_engine.world.families.figures import box, ellipse, slab
from avfoley_engine.world.families.palette import colour, label_of, material, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import decay, gains, revs, sparse_times


def engine(rng: np.random.Generator, clock: Clock) -> Performance:
    """A vehicle drives past its surroundings, or a machine turns; events are its starts and revs."""
    t = clock.t
    label = label_of(rng, "engine")
    times = sparse_times(rng, clock.duration, (1, 4), 0.8)
    loudness = gains(rng, len(times)).clip(0.6, 1)
    attack, tau = rng.uniform(0.05, 0.15), rng.uniform(0.25, 0.9)
    speed = revs(t, times, loudness, attack, tau, rng.choice([0.0, 0.12]))
    way = np.cumsum(speed) / CLOCK_RATE
    pitch = 0.7 + 0.6 * speed
    body, wheel = material(rng, label), colour(rng, 0.0, 0.5)
    tremble = 0.012 * speed * np.sin(2 * np.pi * 11 * t)
    if rng.random() < 0.6:
        shapes = _vehicle(rng, way, tremble, decay(t, times, 0.05 * loudness, 0.15), body, wheel)
        return Performance(
            times, loudness, label, "vehicle", shapes, (0.0, -0.1), 0.7, scroll=1.2 * way, sustain=speed, pitch=pitch
        )
    radius = rng.uniform(0.12, 0.3)
    shapes = [slab(rng, tremble, 0.2 + tremble, radius * 1.6, 0.3, body)]
    blades = int(rng.integers(2, 4))
    for blade in range(blades):
        tall, angle = radius * rng.uniform(0.08, 0.2), 9.0 * way + blade * np.pi / blades
        shapes.append(box(tremble, -0.1, radius, tall, wheel, angle=angle, roundness=0.5))
    shapes.append(ellipse(tremble, -0.1, radius * 0.2, radius * 0.2, colour(rng)))
    return Performance(times, loudness, label, "machine", shapes, (0.0, 0.0), 0.6, sustain=speed, pitch=pitch)


def _vehicle(
    rng: np.random.Generator, way: np.ndarray, tremble: np.ndarray, kick: np.ndarray, body: Colour, wheel: Colour
) -> list[Shape]:
    """Seen from the side by a camera that drives along: the road goes by, the wheels turn, the body rears at a rev."""
    wide, tall = rng.uniform(0.25, 0.45), rng.uniform(0.07, 0.15)
    radius = rng.uniform(0.07, 0.13)
    tint, road = colour(rng), texture(rng, (0.7, 2.5), 1.0)
    shapes = [box(-2.0 * way, 0.52 + radius, 8.0 + way.max(), 0.5, tint, texture=road)]
    lower, upper = -radius - tall + tremble, -radius - 2.2 * tall
    shapes.append(box(tremble, lower, wide, tall, body, angle=-kick, roundness=0.5, texture=texture(rng)))
    shapes.append(box(tremble, upper, wide * 0.55, tall * 0.8, body, angle=-kick, roundness=0.6))
    for side in (-0.62 * wide, 0.62 * wide):
        shapes.append(ellipse(side, 0.0, radius, radius, wheel))
        for spoke in range(2):
            angle = way / radius * 2.0 + spoke * np.pi / 2
            shapes.append(box(side, 0.0, radius * 0.85, radius * 0.15, colour(rng, 0.4), angle=angle))
    return shapes
