"""Families under gravity: bounce, drop, drip, roll-and-stop."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import CLOCK_RATE, Clock, Shape
from avfoley_engine.world.families.figures import box, ellipse, ground, limb, slab, sparks
from avfoley_engine.world.families.palette import colour, label_of, material, skin, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import decay, dropped_times, gains, hops, irregular_times, latest, ring, since


def bounce(rng: np.random.Generator, clock: Clock) -> Performance:
    """A ball or block under gravity meets the floor: thrown again and again, or dropped and left to come to rest."""
    t = clock.t
    label = label_of(rng, "bounce")
    if rng.random() < 0.45:
        times, gravity = dropped_times(rng, clock.duration), rng.uniform(4, 10)
    else:
        times, gravity = irregular_times(rng, clock.duration, (0.9, 2.5), jitter=(0.05, 0.15, 0.3)), rng.uniform(3, 9)
    height = hops(t, times, gravity, rng.uniform(0.35, 0.8))
    loudness = np.clip(np.diff(np.concatenate([[-0.4], times])) / 0.6, 0.3, 1.0) ** 0.7
    size = rng.uniform(0.05, 0.16)
    squash = decay(t, times, rng.uniform(0, 0.3) * loudness, 0.05)
    drift, knots = rng.uniform(-0.3, 0.3), len(times) + 2
    way = drift * np.linspace(-1, 1, knots) + 0.05 * rng.standard_normal(knots)
    x = np.interp(t, np.concatenate([[0], times, [clock.duration]]), way)
    turn_rates = np.concatenate([[0.0], rng.uniform(-4, 4, len(times))])
    turn = np.cumsum(turn_rates[latest(t, times) + 1]) / CLOCK_RATE
    y = -height - size * (1 - squash)
    surface = texture(rng, (1.5, 5), 0.7)
    shapes = [ground(rng, 0.5 + size * 0.3)]
    if rng.random() < 0.6:  # a shadow, fainter and wider from higher up
        fade = 0.6 * np.exp(-3 * height)
        shapes.append(ellipse(x, size * 0.2, size * (1 + height), size * 0.25, (0.0, 0.0, 0.0), opacity=fade))
    wide, tall = size * (1 + squash), size * (1 - squash)
    if rng.random() < 0.7:
        shapes.append(ellipse(x, y, wide, tall, colour(rng, 0.2), angle=turn, texture=surface))
    else:
        shapes.append(box(x, y, wide, tall, colour(rng, 0.2), roundness=0.5, texture=surface))
    if rng.random() < 0.2:
        hand = np.minimum(y - size * 1.2, -0.35)
        shapes.append(limb(x, hand, x + 0.4, hand - 0.3, 0.09, skin(rng)))
    return Performance(times, loudness, label, "bounce", shapes, (0.0, -0.2), 0.6)


def drop(rng: np.random.Generator, clock: Clock) -> Performance:
    """Things fall into the picture, hit the floor, and stay, roll away or break."""
    t = clock.t
    label = label_of(rng, "drop")
    times = irregular_times(rng, clock.duration, (0.4, 1.4), min_gap=0.4)
    loudness = gains(rng, len(times))
    gravity = rng.uniform(3, 8)
    shapes: list[Shape] = [ground(rng)]
    tint, surface = material(rng, label), texture(rng)
    alike = rng.random() < 0.7
    for time in times:
        age = t - time
        size = rng.uniform(0.03, 0.1)
        place = rng.uniform(-0.45, 0.45)
        above = np.where(age < 0, gravity * age**2 / 2, 0.0)
        rebound = np.clip(age, 0, 0.18)
        hop = 4 * rebound * (0.18 - rebound) / 0.18**2 * rng.uniform(0, 0.08)
        away = rng.uniform(-0.4, 0.4) * (1 - np.exp(-np.clip(age, 0, 5) / 0.4))
        stays = rng.uniform(0.7, 2.5)
        opacity = (above < 1.3) * np.clip(1 - (age - stays) / 0.2, 0, 1)
        if label == "glass_break":
            opacity = opacity * (age < 0)
        turn = rng.uniform(-6, 6) * np.minimum(age, 0.25)
        figure = box if rng.random() < 0.6 else ellipse
        tall = size * rng.uniform(0.5, 1.2)
        look = {"angle": turn, "opacity": opacity, "roundness": 0.3, "texture": surface}
        shade = tint if alike else material(rng, label)
        shapes.append(figure(place + away, -size - above - hop, size, tall, shade, **look))
        if label == "glass_break":
            shapes += sparks(rng, t, np.array([time]), place, -size, tint, 4, 0.9, 0.7, size=0.02)
    return Performance(times, loudness, label, "drop", shapes, (0.0, -0.2), 0.5)


def drip(rng: np.random.Generator, clock: Clock) -> Performance:
    """Drops form, fall and meet water or a floor: rings, perhaps a splash."""
    t = clock.t
    label = label_of(rng, "drip")
    times = irregular_times(rng, clock.duration, (0.7, 2.5), jitter=(0.03, 0.15, 0.3))
    loudness = gains(rng, len(times))
    gravity, top = rng.uniform(4, 10), rng.uniform(0.35, 0.8)
    fall_time = np.sqrt(2 * top / gravity)
    remaining = np.append(times, 1e3)[np.searchsorted(times, t, side="right")] - t
    falling = remaining < fall_time
    way = np.where(falling, gravity * np.clip(fall_time - remaining, 0, None) ** 2 / 2, 0.0)
    formed = np.clip(1 - (remaining - fall_time) / 0.4, 0, 1)
    size = rng.uniform(0.015, 0.06)
    drop_size = size * np.where(falling, 1.0, 0.2 + 0.8 * formed)
    water, tint = colour(rng, 0.1, 0.8), colour(rng, 0.4)
    age = since(t, times)
    shapes = [box(0.0, 0.5, 5.0, 0.5, water, texture=texture(rng, (0.5, 3.0), 0.4))]
    if rng.random() < 0.7:
        tap_x, tap_width = rng.uniform(-0.1, 0.1), rng.uniform(0.03, 0.15)
        shapes.append(slab(rng, tap_x, -top - 0.09, tap_width, 0.07, material(rng, "impact_metal")))
    for delay in (0.0, 0.12):
        spread = np.clip(age - delay, 0, 5)
        fade = np.exp(-spread / rng.uniform(0.15, 0.4)) * (age > delay) * 0.9
        wide = 0.02 + rng.uniform(0.4, 0.8) * spread
        tall = wide * rng.uniform(0.15, 0.4)
        shapes.append(Shape("ring", 0.0, 0.05, wide, tall, tint, opacity=fade, roundness=0.25))
    stretch = 1 + np.clip(way * 2, 0, 0.8)
    seen = np.clip(formed * 3, 0, 1)
    shapes.append(ellipse(0.0, -top + way, drop_size / stretch, drop_size * stretch, tint, opacity=seen))
    if label != "water_drip" or rng.random() < 0.5:
        count, speed = int(rng.integers(2, 6)), rng.uniform(0.6, 1.3)
        shapes += sparks(rng, t, times, 0.0, 0.0, tint, count, speed, 0.4, gravity=4.0, size=size * 0.5)
    return Performance(times, loudness, label, "drip", shapes, (0.0, -0.1), 0.4)


def roll(rng: np.random.Generator, clock: Clock) -> Performance:
    """A ball or can rolls until it runs into something, to and fro between two walls or back to the same one."""
    t = clock.t
    label = label_of(rng, "roll")
    times = irregular_times(rng, clock.duration, (0.45, 1.3), min_gap=0.5, jitter=(0.2, 0.35), pause=0.0)
    loudness = gains(rng, len(times))
    size, reach = rng.uniform(0.06, 0.14), rng.uniform(0.25, 0.5)
    both = rng.random() < 0.5
    knots = np.concatenate([[times[0] - 0.9], times, [times[-1] + 1.2]])
    index = np.clip(np.searchsorted(knots, t, side="right"), 1, len(knots) - 1)
    phase = np.clip((t - knots[index - 1]) / (knots[index] - knots[index - 1]), 0, 1)
    if both:
        # Friction slows it between the hits; after the last one it comes to rest in the middle.
        target = reach * (-1.0) ** np.arange(len(knots))
        target[-1] = target[-2] * 0.1
        ease = 1 - (1 - phase) ** np.where(index == len(knots) - 1, 2.0, 1.2)
        x = target[index - 1] + (target[index] - target[index - 1]) * ease
    else:
        x = reach - 4 * phase * (1 - phase) * (rng.uniform(0.3, 1.0, len(knots)) * reach)[index]
    tint = material(rng, label)
    shapes = [ground(rng)]
    move = ring(t, times, rng.uniform(0, 0.03) * loudness, 5, 0.1)
    for side in (-1.0, 1.0) if both else (1.0,):
        wall_x, wall_y = side * (reach + size + 0.06) + move, -rng.uniform(0.05, 0.25)
        shapes.append(slab(rng, wall_x, wall_y, 0.06, 0.3, colour(rng)))
    shapes.append(ellipse(x, -size, size, size, tint, angle=(x - x[0]) / size, texture=texture(rng, (1.5, 5), 0.85)))
    rumble = 0.12 * np.clip(np.abs(np.gradient(x, t)), 0, 1) if rng.random() < 0.4 else None
    return Performance(times, loudness, label, "roll", shapes, (0.0, -0.1), 0.5, sustain=rumble)
