"""Families of an arm's motion: sawing to and fro, swinging through the air, shaking something that rattles."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock, Shape
from avfoley_engine.world.families.figures import box, ellipse, limb, slab
from avfoley_engine.world.families.palette import colour, label_of, material, skin, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import gains, irregular_times, steps, to_and_fro, wander


def saw(rng: np.random.Generator, clock: Clock) -> Performance:
    """A blade, brush, file or pencil is pushed to and fro; each stroke begins with an event."""
    t = clock.t
    label = label_of(rng, "saw")
    times = irregular_times(rng, clock.duration, (0.9, 2.4), min_gap=0.34)
    loudness = gains(rng, len(times))
    both = rng.random() < 0.5  # sounds both ways, or only on the push
    push = rng.uniform(0.15, 0.4)
    reach = rng.uniform(0.15, 0.4) * (0.6 + 0.4 * loudness)
    way, envelope = to_and_fro(t, times, loudness, reach, push, clock.duration, both)
    tilt = rng.uniform(-0.4, 0.4)
    stock, blade = material(rng, "saw"), material(rng, "impact_metal" if label == "saw" else label)
    cos, sin = np.cos(tilt), np.sin(tilt)
    long, tall = rng.uniform(0.25, 0.5), rng.uniform(0.02, 0.07)
    x, y = way * cos, way * sin
    shapes = [slab(rng, rng.uniform(-0.2, 0.2), 0.3, rng.uniform(0.1, 0.6), 0.28, stock)]
    if label == "pencil":
        shapes.append(limb(x, y, x + 0.2, y - 0.35, 0.03, colour(rng)))
        shapes.append(ellipse(x + 0.2, y - 0.2, 0.12, 0.1, skin(rng)))
    else:
        shapes.append(box(x, y, long, tall, blade, angle=tilt, roundness=0.2, texture=texture(rng, (4, 12), 0.6)))
        hand_x, hand_y = x + (long + 0.06) * cos, y + (long + 0.06) * sin
        shapes.append(limb(hand_x, hand_y, hand_x + 0.5, hand_y - rng.uniform(0, 0.4), 0.1, colour(rng)))
        shapes.append(ellipse(hand_x, hand_y, 0.08, 0.07, skin(rng)))
    return Performance(times, loudness, label, "saw", shapes, (0.0, 0.0), 0.6, sustain=envelope, tail=float(push) + 0.1)


def whoosh(rng: np.random.Generator, clock: Clock) -> Performance:
    """Something is swung across the picture; the event is its peak of speed."""
    t = clock.t
    label = label_of(rng, "whoosh")
    times = irregular_times(rng, clock.duration, (0.6, 1.8), min_gap=0.45)
    loudness = gains(rng, len(times))
    width = 0.22 * rng.uniform(0.06, 0.16)
    # From side to side: a logistic step at every event, in turn up and down.
    swing = np.full_like(t, 0.5)
    for index, time in enumerate(times):
        swing += (-1.0) ** (index + 1) / (1 + np.exp(-np.clip((t - time) / width, -60, 60)))
    arc, length = rng.uniform(0.8, 2.6), rng.uniform(0.3, 0.7)
    angle = rng.uniform(0, 6.28) + arc * (swing - swing.mean()) + wander(rng, t, 0.05, 1.0)
    hand_x, hand_y = wander(rng, t, 0.03, 0.8), wander(rng, t, 0.03, 0.8) + rng.uniform(0, 0.3)
    x, y = hand_x + length * np.cos(angle), hand_y + length * np.sin(angle)
    shapes: list[Shape] = []
    if rng.random() < 0.7:
        thick = rng.uniform(0.02, 0.07)
        tint = material(rng, "impact_metal") if rng.random() < 0.5 else colour(rng)
        shapes.append(limb(hand_x, hand_y, x, y, thick, tint))
        shapes.append(limb(hand_x, hand_y, hand_x - 0.3 * np.cos(angle), hand_y + 0.5, 0.1, colour(rng)))
        shapes.append(ellipse(hand_x, hand_y, 0.07, 0.07, skin(rng)))
    else:
        wide, tall = rng.uniform(0.05, 0.15), rng.uniform(0.03, 0.1)
        shapes.append(ellipse(x, y, wide, tall, colour(rng), angle=angle, texture=texture(rng)))
    return Performance(times, loudness, label, "whoosh", shapes, (0.0, 0.1), 0.7, tail=0.6)


def shake(rng: np.random.Generator, clock: Clock) -> Performance:
    """A hand jerks something that rattles: an event at every jerk."""
    t = clock.t
    label = label_of(rng, "shake")
    times = irregular_times(rng, clock.duration, (1.0, 3.0), min_gap=0.22)
    loudness = gains(rng, len(times))
    # Every event throws it to the other side, quickly and then to a stop.
    goals = np.concatenate([[0.0], (-1.0) ** np.arange(len(times)) * (0.4 + 0.6 * loudness)])
    way = steps(t, times - 0.025, goals * rng.uniform(0.06, 0.2), rng.uniform(0.06, 0.13)) + wander(rng, t, 0.01, 1.0)
    heading = rng.uniform(0, 2 * np.pi)
    x, y = way * np.cos(heading), way * np.sin(heading) + wander(rng, t, 0.015, 1.0)
    size = rng.uniform(0.05, 0.12)
    tint = material(rng, label)
    shapes = [limb(x, y, x * 0.2 + rng.uniform(-0.4, 0.4), 0.7, 0.1, colour(rng))]
    figure = ellipse if rng.random() < 0.5 else box
    wide = size * rng.uniform(0.6, 1.2)
    shapes.append(figure(x, y - size, wide, size, tint, angle=4 * way, roundness=0.3, texture=texture(rng)))
    shapes.append(ellipse(x, y, size * 0.8, size * 0.6, skin(rng)))
    return Performance(times, loudness, label, "shake", shapes, (0.0, 0.0), 0.35, tail=0.5)
