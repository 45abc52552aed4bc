"""The family of voices: an animal whose head jerks and jaw opens when it calls, or a face that sneezes or laughs."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock, Shape
from avfoley_engine.world.families.figures import ellipse, limb, slab
from avfoley_engine.world.families.palette import colour, label_of, shade, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import burst_times, gains, irregular_times, latest, since, smoothstep, wander

_LEAD = 0.04  # seconds by which the jaw moves before the voice


def animal(rng: np.random.Generator, clock: Clock) -> Performance:
    """Calls from an animal seen from the side, or from a face; alone or in bursts."""
    t = clock.t
    label = label_of(rng, "animal")
    if rng.random() < 0.5:
        times = burst_times(rng, clock.duration, (1, 4), (0.28, 0.6), (0.5, 1.8))
    else:
        times = irregular_times(rng, clock.duration, (0.6, 2.2), min_gap=0.3)
    loudness = gains(rng, len(times))
    hold = rng.uniform(0.08, 0.2)
    age = since(t + _LEAD, times)
    strength = np.concatenate([[0.0], loudness])[latest(t + _LEAD, times) + 1]
    jaw = strength * smoothstep(age / 0.07) * np.exp(-np.clip(age - hold, 0, 50) / 0.06) * (age < 5)
    fur, dark = colour(rng, 0.1), colour(rng, 0.0, 0.2)
    idle = wander(rng, t, 0.015, 1.5)
    jerk = rng.uniform(0.02, 0.08)
    look = texture(rng, (3, 10), 0.6)
    head_x, head_y = 0.22 + idle + jerk * jaw, -0.2 - jerk * jaw + wander(rng, t, 0.012, 1.2)
    size = rng.uniform(0.09, 0.16)
    shapes: list[Shape] = []
    if rng.random() < 0.65:
        recoil = jerk * jaw * rng.uniform(0, 0.7)
        for leg in (-0.2, -0.13, 0.1, 0.17):
            shapes.append(limb(leg - recoil, 0.05, leg, 0.3, 0.05, shade(fur, 0.8)))
        shapes.append(ellipse(-0.02 - recoil, 0.0, 0.28, 0.13, fur, texture=look))
        wag = -0.4 + 0.03 * np.sin(2 * np.pi * rng.uniform(0, 3) * t)
        shapes.append(limb(-0.28 - recoil, -0.05, wag, -0.2, 0.04, fur))
        shapes.append(limb(0.15 - recoil, -0.05, head_x, head_y, 0.12, fur))
        open_angle = rng.uniform(0.4, 0.9) * jaw
        long = size * rng.uniform(0.8, 1.4)
        jaws = ((long, open_angle, 0.03, 0.045), (1.1 * long, -0.3 * open_angle, 0.0, 0.055))
        for length, angle, drop, thick in jaws:
            tip_x, tip_y = head_x + length * np.cos(angle), head_y + drop + length * np.sin(angle)
            shapes.append(limb(head_x, head_y + drop, tip_x, tip_y, thick, fur))
        shapes.append(ellipse(head_x, head_y, size * 0.75, size * 0.65, fur, angle=-0.5 * jaw, texture=look))
        ear_x, ear_y = head_x - size * 0.4, head_y - size * 0.6
        shapes.append(ellipse(ear_x, ear_y, size * 0.2, size * 0.45, dark, angle=0.3 - 0.5 * jaw))
        shapes.append(ellipse(head_x + size * 0.3, head_y - size * 0.15, 0.015, 0.015, dark))
        return Performance(times, loudness, label, "animal", shapes, (0.08, -0.05), 0.6, tail=0.8)
    nod = -0.06 * jaw
    shapes.append(slab(rng, idle, 0.4, size * 2, 0.3, colour(rng)))
    shapes.append(ellipse(idle, -0.05 + nod, size * 1.5, size * 1.8 + 0.25 * size * jaw, fur, texture=look))
    for side in (-1, 1):
        eye_x, eye_y = idle + side * size * 0.6, -0.05 + nod - size * 0.5
        shapes.append(ellipse(eye_x, eye_y, size * 0.18, size * 0.18 * (1 - 0.6 * jaw), dark))
        if label not in ("sneeze", "laugh"):
            ear_x, ear_y = idle + side * size * 1.2, nod - size * 1.7
            shapes.append(ellipse(ear_x, ear_y, size * 0.4, size * 0.6, fur, angle=side * 0.5))
    mouth_y, wide, tall = -0.05 + nod + size * 0.8, size * (0.4 + 0.2 * jaw), size * (0.06 + 0.6 * jaw)
    shapes.append(ellipse(idle, mouth_y, wide, tall, dark))
    return Performance(times, loudness, label, "animal", shapes, (0.0, 0.0), 0.5, tail=0.8)
