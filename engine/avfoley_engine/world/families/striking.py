"""Families in which a tool or hand meets a surface: strike, knock, clap, chop."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock, Shape
from avfoley_engine.world.families.figures import box, ellipse, limb, slab, sparks
from avfoley_engine.world.families.palette import colour, label_of, material, skin, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import burst_times, decay, gains, irregular_times, lifts, ring, stroke


def strike(rng: np.random.Generator, clock: Clock) -> Performance:
    """A hammer, drumstick or mallet swings down on an anvil, drum, cymbal, bag or table."""
    t = clock.t
    label = label_of(rng, "strike")
    times = irregular_times(rng, clock.duration)
    loudness = gains(rng, len(times))
    height = rng.uniform(0.2, 0.6)
    fall, rise, dwell = rng.uniform(0.06, 0.2), rng.uniform(0.12, 0.5), rng.choice([0.0, 0.02, 0.08])
    lift = stroke(t, times, lifts(rng, loudness, height), fall, rise, dwell, rebound=rng.random() < 0.7)
    tint, tool = material(rng, label), colour(rng)
    give = rng.uniform(0, 0.03) if label not in ("impact_soft", "cymbal") else rng.uniform(0.02, 0.06)
    target_y = ring(t, times, give * loudness, rng.uniform(3, 9), rng.uniform(0.05, 0.2))
    wide, tall = rng.uniform(0.15, 0.5), rng.uniform(0.06, 0.4)
    shapes: list[Shape] = []
    if label == "cymbal":
        wobble = ring(t, times, 0.35 * loudness, rng.uniform(1.5, 4), rng.uniform(0.2, 0.7))
        shapes.append(limb(0.0, 0.03, 0.0, 0.9, 0.03, colour(rng)))
        shapes.append(ellipse(0.0, 0.03 + target_y, wide, 0.035, tint, angle=wobble))
    elif label in ("drum_hit", "impact_soft") and rng.random() < 0.7:
        squash = decay(t, times, 0.15 * loudness, 0.08)
        shapes.append(slab(rng, 0.0, tall + target_y, wide, tall, colour(rng)))
        shapes.append(ellipse(0.0, 0.04 + target_y, wide, 0.06 * (1 - squash), tint))
    elif label == "bell":
        swing = ring(t, times, 0.2 * loudness, rng.uniform(1, 3), 0.5)
        shapes.append(ellipse(0.1 * swing, 0.2 + target_y, 0.2, 0.2, tint, angle=swing, texture=texture(rng)))
    else:
        shapes.append(slab(rng, 0.0, tall + target_y, wide, tall, tint))
        if rng.random() < 0.5:
            shapes.append(slab(rng, 0.0, 2 * tall + 0.15 + target_y, wide * 0.5, 0.2, material(rng, label)))

    # The tool turns about a hand that itself moves: part of the lift is arm, part is wrist.
    length, wrist = rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.8)
    side = rng.choice([-1.0, 1.0])
    turn = np.arcsin(np.clip(wrist * lift / length, 0, 0.95))
    aims = rng.uniform(-0.5, 0.5) * wide + rng.uniform(-0.3, 0.3, len(times) + 1) * wide * rng.choice([0, 1])
    tip_x, tip_y = np.interp(t, np.append(times, clock.duration), aims), target_y - lift
    hand_x = tip_x + side * length * np.cos(turn)
    hand_y = tip_y - 0.04 + length * np.sin(turn) * 0.8
    thick = rng.uniform(0.025, 0.06)
    if rng.random() < 0.6:
        elbow_y = hand_y + rng.uniform(-0.3, 0.5)
        shapes.append(limb(hand_x, hand_y, hand_x + side * 0.5, elbow_y, thick * 2.6, skin(rng)))
    shapes.append(limb(hand_x, hand_y, tip_x, tip_y - thick / 2, thick, tool))
    if rng.random() < 0.65:
        head = rng.uniform(0.035, 0.1)
        figure = ellipse if rng.random() < 0.4 else box
        wide = head * rng.uniform(0.5, 1.1)
        shapes.append(figure(tip_x, tip_y - head, wide, head, material(rng, label), angle=-side * turn))
    shapes.append(ellipse(hand_x, hand_y, thick * 1.6, thick * 1.6, skin(rng)))
    if label in ("impact_metal", "hammer") and rng.random() < 0.35:
        shapes += sparks(rng, t, times, tip_x, 0.0, (1.0, 0.8, 0.4), 5, 1.0, 0.3, additive=True)
    return Performance(times, loudness, label, "strike", shapes, (0.0, -0.1), 0.6)


def knock(rng: np.random.Generator, clock: Clock) -> Performance:
    """A fist knocks on a door or wall, mostly in bursts, seen from the side or over the hand."""
    t = clock.t
    label = label_of(rng, "knock")
    if rng.random() < 0.6:
        times = burst_times(rng, clock.duration, (2, 5), (0.2, 0.45), (0.6, 2.0))
    else:
        times = irregular_times(rng, clock.duration, (0.8, 2.5))
    loudness = gains(rng, len(times))
    heights = lifts(rng, loudness, rng.uniform(0.12, 0.35))
    fall, rise = rng.uniform(0.05, 0.12), rng.uniform(0.08, 0.25)
    reach = stroke(t, times, heights, fall, rise, dwell=0.01, rebound=rng.random() < 0.7)
    tremble = ring(t, times, rng.uniform(0, 0.012) * loudness, 12, 0.05)
    door = material(rng, "door_close")
    size = rng.uniform(0.05, 0.11)
    if rng.random() < 0.4:
        # Seen over the hand: nearer to the camera means larger and lower.
        shapes = [slab(rng, tremble, 0.0, 0.45, 0.9, door), ellipse(0.33, 0.1, 0.03, 0.03, colour(rng))]
        x, y, grow = 0.8 * reach, 1.2 * reach, 1 + 2.0 * reach
        shapes.append(limb(x + 0.02, y + 0.05, x + 0.2, 0.9 + 0 * t, size * 1.2, colour(rng)))
        shapes.append(box(x, y, size * grow, size * grow, skin(rng), roundness=0.7))
        return Performance(times, loudness, label, "knock", shapes, (0.0, 0.05), 0.5)
    shapes = [slab(rng, -0.5 + tremble, 0.0, 0.5, 1.2, door)]
    x, y = reach + size, 0.25 * reach * rng.uniform(-1, 1)
    shapes.append(limb(x, y, x + 0.6, y + rng.uniform(-0.3, 0.6), size * 1.3, colour(rng)))
    shapes.append(box(x, y, size, size * 0.9, skin(rng), roundness=0.7, texture=texture(rng, chance=0.3)))
    return Performance(times, loudness, label, "knock", shapes, (0.05, 0.0), 0.4)


def clap(rng: np.random.Generator, clock: Clock) -> Performance:
    """Two hands (or two objects) meet."""
    t = clock.t
    label = label_of(rng, "clap")
    times = irregular_times(rng, clock.duration, (0.9, 3.0))
    loudness = gains(rng, len(times))
    heights = lifts(rng, loudness, rng.uniform(0.1, 0.35))
    fall, rise = rng.uniform(0.06, 0.14), rng.uniform(0.08, 0.25)
    gap = stroke(t, times, heights, fall, rise, dwell=0.02, rebound=rng.random() < 0.5)
    share = rng.choice([0.5, 0.5, 0.9])  # how much of the way the first hand goes
    long, thick = rng.uniform(0.1, 0.2), rng.uniform(0.03, 0.06)
    hand = skin(rng) if label in ("clap", "finger_snap") else material(rng, label)
    sleeve = colour(rng)
    shapes: list[Shape] = []
    for side, part in ((-1.0, share), (1.0, 1 - share)):
        x = side * (2 * part * gap + thick)
        tilt = side * (rng.uniform(0.0, 0.4) + 0.8 * gap)
        elbow_x, elbow_y = x + side * rng.uniform(0.15, 0.45), rng.uniform(0.4, 0.8) + 0 * t
        shapes.append(limb(x + side * 0.04, long * 0.8, elbow_x, elbow_y, thick * 2, sleeve))
        shapes.append(box(x, 0.0, thick, long, hand, angle=tilt, roundness=0.8, texture=texture(rng, chance=0.3)))
    return Performance(times, loudness, label, "clap", shapes, (0.0, 0.05), 0.45)


def chop(rng: np.random.Generator, clock: Clock) -> Performance:
    """A knife comes down through something on a board and advances along it."""
    t = clock.t
    label = label_of(rng, "chop")
    times = irregular_times(rng, clock.duration, (1.0, 3.0), jitter=(0.06, 0.15, 0.3))
    loudness = gains(rng, len(times))
    heights = lifts(rng, loudness, rng.uniform(0.08, 0.35))
    fall, rise, dwell = rng.uniform(0.07, 0.2), rng.uniform(0.12, 0.35), rng.uniform(0, 0.08)
    lift = stroke(t, times, heights, fall, rise, dwell, rebound=False, power=rng.uniform(1.3, 2.2))
    x = np.interp(t, times, -0.15 + rng.uniform(0.0, 0.05) * np.arange(len(times)) % 0.4)
    food, board = colour(rng, 0.2), material(rng, "chop")
    tall = rng.uniform(0.04, 0.12)
    shapes = [slab(rng, 0.0, 0.06, 0.6, 0.05 + 0.2 * rng.random(), board)]
    shapes.append(ellipse(x + 0.22, 0.01 - tall, 0.22, tall, food, texture=texture(rng, (5, 15), 0.7)))
    for index in range(3):
        slice_x, lean = x - 0.05 - 0.06 * index - 0.02 * rng.random(), rng.uniform(-0.5, 0.5)
        shapes.append(box(slice_x, 0.0 - tall * 0.5, 0.02, tall * 0.6, food, angle=lean, roundness=0.5))
    rock = rng.uniform(0, 1.2)
    blade, height = rng.uniform(0.12, 0.3), rng.uniform(0.04, 0.08)
    side = rng.choice([-1.0, 1.0])
    tilt = side * rock * lift
    blade_y = -height - lift * (1 - 0.3 * rock)  # its edge is on the board where lift is 0
    if rng.random() < 0.4:  # seen along the blade: a thin upright line under a hand
        shapes.append(box(x, -0.13 - lift, 0.012, 0.13, material(rng, "impact_metal")))
        shapes.append(ellipse(x + 0.01, -0.28 - lift, 0.08, 0.06, skin(rng)))
        shapes.append(limb(x, -0.28 - lift, 0.4 + 0 * t, 0.5, 0.09, colour(rng)))
    else:
        shapes.append(box(x, blade_y, blade, height, material(rng, "impact_metal"), angle=tilt, roundness=0.3))
        grip_x, grip_y = x + side * (blade + 0.07), blade_y - 0.02 + side * tilt * blade
        shapes.append(limb(grip_x, grip_y, grip_x + side * 0.5, blade_y - 0.25, 0.1, colour(rng)))
        shapes.append(ellipse(grip_x, grip_y, 0.08, 0.06, skin(rng)))
    if rng.random() < 0.6:
        shapes.append(ellipse(x + 0.25, -2 * tall, 0.08, 0.06, skin(rng)))
    return Performance(times, loudness, label, "chop", shapes, (0.0, -0.1), 0.5)
