"""The family of typing: fingers on a keyboard, or letters that appear on a screen."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock
from avfoley_engine.world.families.figures import box, ellipse, limb, slab
from avfoley_engine.world.families.palette import colour, label_of, shade, skin
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import burst_times, gains, irregular_times, latest, since, stroke, wander


def typing(rng: np.random.Generator, clock: Clock) -> Performance:
    """Someone types; every key is an event."""
    label = label_of(rng, "typing")
    if rng.random() < 0.5:
        times = irregular_times(rng, clock.duration, (1.2, 4.0), min_gap=0.13, pause=0.15)
    else:
        times = burst_times(rng, clock.duration, (2, 7), (0.16, 0.4), (0.4, 1.5))
    loudness = gains(rng, len(times))
    act = _screen if rng.random() < 0.5 else _keyboard
    return act(rng, clock.t, times, loudness, label)


def _keyboard(
    rng: np.random.Generator, t: np.ndarray, times: np.ndarray, loudness: np.ndarray, label: str
) -> Performance:
    """A hand travels from key to key; a key that is pressed darkens and comes back."""
    columns, rows = int(rng.integers(5, 9)), int(rng.integers(2, 4))
    pitch = rng.uniform(0.08, 0.13)
    keys, deck = colour(rng), colour(rng)
    shapes = [slab(rng, 0.0, 0.05, pitch * columns * 0.62, pitch * rows * 0.75, deck)]
    for row in range(rows):
        # One textured bar a row: its stripes are the gaps between the keys.
        red, green, blue = (float(np.clip(c * rng.uniform(0.9, 1.1), 0, 1)) for c in keys)
        x, y = (row % 2) * pitch * 0.25, (row - rows / 2) * pitch + 0.05
        look = ("stripes", 1 / pitch, 0.45)
        shapes.append(box(x, y, pitch * columns / 2, pitch * 0.4, (red, green, blue), roundness=0.2, texture=look))
    column, line = rng.integers(0, columns, len(times)), rng.integers(0, rows, len(times))
    key_x, key_y = (column - columns / 2 + 0.5) * pitch, (line - rows / 2) * pitch + 0.05
    hand_x, hand_y = np.interp(t, times, key_x), np.interp(t, times, key_y)
    last = np.clip(latest(t, times), 0, None)
    down = np.clip(1.6 * np.exp(-np.clip(since(t, times), 0, 9) / 0.07) - 0.2, 0, 1)
    half = pitch * 0.42
    shapes.append(box(key_x[last], key_y[last] + 0.01, half, half, shade(keys, 0.4), roundness=0.2, opacity=down))
    heights = np.full(len(times) + 1, rng.uniform(0.04, 0.12))
    press = stroke(t, times, heights, fall=0.07, rise=0.1, dwell=0.03, rebound=False)
    tint, thick = skin(rng), pitch * rng.uniform(0.5, 0.8)
    if rng.random() < 0.85:
        drift = wander(rng, t, 0.02, 1.0)
        for finger in range(int(rng.integers(1, 4))):
            offset = (finger - 1) * pitch * 1.1 if finger else 0.0
            lift = press if finger == 0 else rng.uniform(0.05, 0.1) + drift
            x, y = hand_x + offset, hand_y - lift
            shapes.append(limb(x, y + 0.02, hand_x + offset * 0.5 + 0.05, y * 0.5 + 0.42, thick, tint))
        shapes.append(ellipse(hand_x + 0.05, hand_y * 0.5 + 0.5, pitch * 2.2, 0.14, tint))
    return Performance(times, loudness, label, "typing", shapes, (0.0, 0.05), 0.55, tail=0.4)


def _screen(
    rng: np.random.Generator, t: np.ndarray, times: np.ndarray, loudness: np.ndarray, label: str
) -> Performance:
    """Letters appear one by one under some lines of text; a full line is followed by the next."""
    dark = rng.random() < 0.6
    paper = colour(rng, 0.02, 0.2) if dark else colour(rng, 0.75, 1.0)
    ink = colour(rng, 0.6, 1.0) if dark else colour(rng, 0.0, 0.35)
    glyph_w, glyph_h = rng.uniform(0.018, 0.06), rng.uniform(0.02, 0.05)
    advance, line_height = glyph_w * 2.6, glyph_h * rng.uniform(2.8, 4)
    per_line = int(rng.integers(5, 12))
    left = -per_line * advance / 2
    shapes = [slab(rng, 0.0, 0.0, rng.uniform(0.5, 1.2), rng.uniform(0.35, 0.8), paper)]
    for row in range(1, 4):
        half = rng.uniform(0.2, 0.9) * per_line * advance / 2
        look = ("stripes", 1 / advance, 0.5)
        shapes.append(box(left + half, -row * line_height, half, glyph_h, ink, texture=look, opacity=0.8))
    sizes = rng.uniform(0.6, 1.4, len(times))
    nudge = glyph_w * int(rng.integers(1, 3)) * 0.3
    for index, time in enumerate(times):
        line, place = divmod(index, per_line)
        x, half, shown = left + place * advance + nudge, glyph_w * sizes[index], (t >= time) * 1.0
        shapes.append(box(x, line * line_height, half, glyph_h, ink, opacity=shown))
    count = latest(t, times) + 1
    cursor_x, cursor_y = left + (count % per_line) * advance, (count // per_line) * line_height
    blink = np.ones_like(t)
    if rng.random() < 0.5:
        blink = np.where(since(t, times) < 0.5, 1.0, (np.sin(2 * np.pi * 1.1 * t) > 0) * 1.0)
    shapes.append(box(cursor_x, cursor_y, glyph_w * 0.5, glyph_h * 1.3, colour(rng, 0.5, 1.0), opacity=blink))
    return Performance(times, loudness, label, "screen", shapes, (0.0, 0.05), 0.6, setting="screen", tail=0.4)
