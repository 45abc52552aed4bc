"""Families of things that stand in a room and move in place: doors, clocks, switches."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock, Colour, Shape, Track
from avfoley_engine.world.families.figures import box, ellipse, glow, limb, slab
from avfoley_engine.world.families.palette import colour, label_of, material, skin
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import decay, gains, irregular_times, latest, ring, since, sparse_times, steps, stroke


def door(rng: np.random.Generator, clock: Clock) -> Performance:
    """A door swings shut, a sliding door or a lid closes."""
    t = clock.t
    label = label_of(rng, "door")
    times = sparse_times(rng, clock.duration, (1, 4), 0.7)
    loudness = gains(rng, len(times))
    widths = np.append(rng.uniform(0.6, 1.0, len(times)), rng.choice([0.0, 0.8]))
    fall, rise, dwell = rng.uniform(0.15, 0.6), rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.5)
    opening = stroke(t, times, widths, fall, rise, dwell, rebound=False)
    tremble = ring(t, times, rng.uniform(0, 0.015) * loudness, 9, 0.07)
    leaf, frame = material(rng, "door_close"), colour(rng)
    wide, tall = rng.uniform(0.18, 0.4), rng.uniform(0.3, 0.6)
    shapes = [slab(rng, tremble, 0.0, wide + 0.05, tall + 0.05, frame)]
    shapes.append(box(0.0, 0.0, wide, tall, colour(rng, 0.0, 0.3)))
    if rng.random() < 0.6:  # hinged: the leaf narrows towards its hinge as it opens
        angle = opening * rng.uniform(0.8, 1.4)
        half = wide * np.cos(angle)
        x = -wide + half + tremble
        shapes.append(slab(rng, x, 0.0, half, tall * (1 + 0.35 * np.sin(angle)), leaf))
        shapes.append(ellipse(x + 0.8 * half, 0.05, 0.02, 0.025, colour(rng)))
    elif rng.random() < 0.5:  # sliding
        x = 2 * wide * opening + tremble
        shapes.append(slab(rng, x, 0.0, wide, tall, leaf))
        shapes.append(box(x - wide * 0.8, 0.0, 0.02, 0.07, colour(rng)))
    else:  # a lid from above
        y = -2 * tall * opening
        shapes.append(slab(rng, tremble, y, wide, tall, leaf))
        shapes.append(box(0.0, y + tall * 0.8, 0.06, 0.02, colour(rng)))
    return Performance(times, loudness, label, "door", shapes, (0.0, 0.0), 0.8)


def clock_hand(rng: np.random.Generator, clock: Clock) -> Performance:
    """A clock's hand jumps from tick to tick, or a pendulum or metronome ticks at its turns."""
    t = clock.t
    label = label_of(rng, "clock")
    period = rng.uniform(0.4, 1.3)
    times = rng.uniform(0.05, period) + period * np.arange(int(clock.duration / period) + 1)
    if rng.random() < 0.4:
        times = irregular_times(rng, clock.duration, (0.8, 2.2), min_gap=0.3)
    times = times[times < max(clock.duration - 0.06, times[0] + 0.01)] + rng.uniform(0, 0.01)
    loudness = gains(rng, len(times))
    face, hand = colour(rng), colour(rng)
    radius = rng.uniform(0.25, 0.45)
    dial = rng.random() < 0.6
    shapes = _dial(rng, t, times, radius, face, hand) if dial else _pendulum(rng, t, times, period, face, hand)
    return Performance(times, loudness, label, "clock" if dial else "pendulum", shapes, (0.0, 0.0), 0.7, tail=0.4)


def _dial(
    rng: np.random.Generator, t: np.ndarray, times: np.ndarray, radius: float, face: Colour, hand: Colour
) -> list[Shape]:
    shapes = [ellipse(0.0, 0.0, radius * 1.1, radius * 1.1, colour(rng)), ellipse(0.0, 0.0, radius, radius, face)]
    for hour in range(0, 12, int(rng.choice([1, 3]))):
        mark = hour * np.pi / 6
        x, y = 0.85 * radius * np.cos(mark), 0.85 * radius * np.sin(mark)
        shapes.append(box(x, y, 0.03, 0.008, hand, angle=mark))
    step = rng.choice([np.pi / 30, np.pi / 15, np.pi / 6])
    # The hand overshoots and trembles.
    jumps = steps(t, times - 0.02, step * np.arange(len(times) + 1), 0.05)
    angle = rng.uniform(0, 6.28) + jumps + ring(t, times, np.full(len(times), step * 0.25), 8, 0.05)
    for length in (0.5 * radius, 0.7 * radius)[: int(rng.integers(0, 3))]:
        still = rng.uniform(0, 6.28)
        shapes.append(limb(0.0, 0.0, length * np.cos(still), length * np.sin(still), 0.03, hand))
    reach = radius * rng.uniform(0.7, 0.95)
    x, y, thick = np.cos(angle), np.sin(angle), rng.uniform(0.012, 0.04)
    shapes.append(limb(-0.2 * reach * x, -0.2 * reach * y, reach * x, reach * y, thick, colour(rng)))
    return shapes


def _pendulum(
    rng: np.random.Generator, t: np.ndarray, times: np.ndarray, period: float, face: Colour, hand: Colour
) -> list[Shape]:
    first = 2 * times[0] - times[1] if len(times) > 1 else times[0] - 1
    knots = np.concatenate([[first], times, [times[-1] + period]])
    index = np.clip(np.searchsorted(knots, t, side="right"), 1, len(knots) - 1)
    phase = np.clip((t - knots[index - 1]) / (knots[index] - knots[index - 1]), 0, 1)
    swing = rng.uniform(0.25, 0.7) * np.cos(np.pi * phase) * (-1.0) ** index
    length, down = rng.uniform(0.35, 0.6), rng.choice([-1.0, 1.0])
    x, y = length * np.sin(swing), down * length * np.cos(swing)
    shapes = [slab(rng, 0.0, 0.0, 0.3, 0.5, face), limb(0.0, -down * 0.3, x, y - down * 0.3, 0.025, hand)]
    shapes.append(ellipse(x * 0.85, y * 0.85 - down * 0.3, 0.07, 0.07, colour(rng)))
    return shapes


def switch(rng: np.random.Generator, clock: Clock) -> Performance:
    """A button, lever, lamp switch, shutter or pair of scissors snaps."""
    t = clock.t
    label = label_of(rng, "switch")
    times = irregular_times(rng, clock.duration, (0.6, 2.0), min_gap=0.25)
    loudness = gains(rng, len(times))
    tint, base = colour(rng), colour(rng)
    size = rng.uniform(0.08, 0.2)
    light: Track = 1.0
    flash: Track = 0.0
    shapes: list[Shape] = []
    kind = "scissors" if label == "scissors" else rng.choice(["lever", "button", "lamp"])
    if kind == "scissors":
        heights = np.full(len(times) + 1, rng.uniform(0.25, 0.5))
        gap = stroke(t, times, heights, fall=0.12, rise=0.3, dwell=0.05, rebound=False)
        for side in (-1.0, 1.0):
            x, y = np.cos(side * gap), np.sin(side * gap)
            shapes.append(limb(-0.25 * x, 0.25 * y, 0.35 * x, -0.35 * y, 0.04, material(rng, "impact_metal")))
            shapes.append(Shape("ring", -0.3 * x, 0.3 * y, 0.08, 0.06, tint, roundness=0.4))
    elif kind == "lever":
        angle = steps(t, times - 0.02, 0.6 * (-1.0) ** np.arange(len(times) + 1), 0.05)
        x, y = 1.6 * size * np.sin(angle), 0.1 - 1.6 * size * np.cos(angle)
        shapes.append(slab(rng, 0.0, 0.1, size * 1.3, size * 1.5, base))
        shapes.append(limb(0.0, 0.1, x, y, size * 0.4, tint))
    else:
        heights = np.full(len(times) + 1, rng.uniform(0.08, 0.25))
        press = stroke(t, times, heights, fall=0.09, rise=0.15, dwell=0.06, rebound=False)
        down = np.exp(-np.clip(since(t, times), 0, 9) / 0.12)
        shapes.append(slab(rng, 0.0, 0.1, size * 1.5, size * 1.2, base))
        shapes.append(ellipse(0.0, 0.1 - 0.03 * (1 - down), size * 0.7, size * 0.5, tint))
        if rng.random() < 0.8:
            shapes.append(limb(0.02, 0.05 - press, 0.35, -0.3 - press, 0.08, skin(rng)))
        if kind == "lamp":
            off = (latest(t, times) + 1) % 2
            light = 1.0 - rng.uniform(0.15, 0.5) * off
            shapes.append(glow(rng.uniform(-0.4, 0.4), -0.4, 0.3, 0.3, (1.0, 0.9, 0.7), opacity=0.8 * (1 - off)))
    if label == "camera_click":
        flash = decay(t, times, np.full(len(times), rng.uniform(0.2, 0.8)), 0.05)
    return Performance(times, loudness, label, "switch", shapes, (0.0, 0.05), 0.4, light=light, flash=flash, tail=0.4)
