"""Puts an act on a stage: backdrop, distractors, occluders, camera and finish, all random as real footage is; or on a plain one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from avfoley_engine.world.elements import Backdrop, Camera, Clock, Colour, Finish, Shape
from avfoley_engine.world.families.figures import box, ellipse, limb
from avfoley_engine.world.families.palette import colour, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import decay, irregular_times, ring, smoothstep, sparse_times, steps, stroke, wander

_LIGHTNESS = {"dark": (0.0, 0.12), "screen": (0.02, 0.9), "any": (0.03, 0.97)}  # of a backdrop, by setting


def cut_times(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Instants of cuts: none in nine clips of ten, else one or two."""
    return sparse_times(rng, duration, (1, 2), 1.0) if rng.random() < 0.1 else np.zeros(0)


def backdrops(rng: np.random.Generator, clock: Clock, act: Performance, cuts: np.ndarray) -> tuple[Backdrop, ...]:
    """A backdrop for each camera position; some drift, and an act that travels scrolls it."""
    t = clock.t
    planes = []
    for take in range(len(cuts) + 1):
        kinds = ["noise", "noise", "gradient", "room", "room", "stripes", "checker"]
        kind = "gradient" if act.setting == "dark" else str(rng.choice(kinds))
        tones = _contrasting_tones(rng, act)
        shift_x, shift_y = np.asarray(act.scroll) + 0 * t, 0 * t
        if rng.random() < 0.15:
            shift_x = shift_x + rng.uniform(-0.3, 0.3) * t
            shift_y = shift_y + rng.uniform(-0.1, 0.1) * t
        if rng.random() < 0.15:
            shift_x = shift_x + wander(rng, t, 0.03, 1.0)
        begin = cuts[take - 1] if take else -1.0
        seed = int(rng.integers(1 << 40))
        contrast, scale, horizon = (float(rng.uniform(*span)) for span in ((0.1, 1.0), (2, 7), (-0.1, 0.4)))
        shift_x, parallax = shift_x + rng.uniform(-0.5, 0.5), float(rng.uniform(0.3, 1.0))
        opacity = (t >= begin) * 1.0 if take else 1.0
        planes.append(Backdrop(seed, kind, tones, contrast, scale, horizon, shift_x, shift_y, parallax, opacity))
    return tuple(planes)


def _contrasting_tones(rng: np.random.Generator, act: Performance) -> tuple[Colour, Colour, Colour]:
    """Three colours for a backdrop, the best of three draws at standing out: footage is lit to show what happens."""
    tints = np.array([shape.colour for shape in act.shapes]).reshape(-1, 3)

    def contrast(tones: tuple[Colour, Colour, Colour]) -> float:
        mean = (np.array(tones[0]) + np.array(tones[1])) / 2
        return float(np.abs(tints - mean).sum(1).mean()) if len(tints) else 1.0

    span = _LIGHTNESS[act.setting]
    draws = [(colour(rng, *span), colour(rng, *span), colour(rng, *span)) for _ in range(3)]
    return max(draws, key=contrast)


def camera(rng: np.random.Generator, clock: Clock, act: Performance, cuts: np.ndarray) -> Camera:
    """Frames the act somewhere in the picture, near or far; holds, shakes, pans or zooms; a cut changes the framing."""
    t = clock.t
    x, y, zoom, roll = (np.zeros_like(t) for _ in range(4))
    for begin, end in itertools.pairwise(np.concatenate([[-1.0], cuts, [clock.duration + 1]])):
        # An act of half a height fills 8 % of the picture at zoom 0.16, and more than all of it at 2.2.
        near = float(np.clip(np.exp(rng.normal(np.log(0.5 / act.extent), 0.45)), 0.2, 2.2))
        room_x, room_y = 0.6 * max(0.1, 0.89 - 0.5 * act.extent * near), 0.6 * max(0.08, 0.5 - 0.4 * act.extent * near)
        place_x, place_y = rng.uniform(-room_x, room_x), rng.uniform(-room_y, room_y)
        where = (t >= begin) & (t < end)
        push = 1.0 + 0 * t
        if rng.random() < 0.2:
            push = np.exp(rng.uniform(-0.25, 0.25) * (t - max(begin, 0)) / clock.duration)
        zoom[where] = (near * push)[where]
        x[where] = act.focus[0] - place_x / near
        y[where] = act.focus[1] - place_y / near
        roll[where] = rng.normal(0, 0.06) if rng.random() < 0.8 else rng.normal(0, 0.3)
    style = rng.choice(["tripod", "handheld", "pan", "rough"], p=[0.4, 0.3, 0.2, 0.1])
    if style in ("handheld", "rough"):
        sway, turn = ((0.012, 2.0), (0.006, 1.5)) if style == "handheld" else ((0.035, 3.0), (0.02, 2.0))
        x, y = x + wander(rng, t, *sway) / zoom, y + wander(rng, t, *sway) / zoom
        roll = roll + wander(rng, t, *turn)
    elif style == "pan":
        x = x + rng.uniform(-0.35, 0.35) / zoom * (smoothstep((t - rng.uniform(0, 3)) / rng.uniform(0.5, 4)) - 0.5)
        y = y + wander(rng, t, 0.02, 0.4) / zoom
    if act.jolt and len(act.times):
        x = x + ring(t, act.times, act.jolt * act.gains, 9, 0.12)
        y = y + ring(t, act.times, act.jolt * act.gains, 11, 0.12)
    return Camera(x, y, zoom, roll, bool(rng.random() < 0.5))


def distractors(rng: np.random.Generator, clock: Clock) -> tuple[list[Shape], list[Shape]]:
    """Silent motion behind and before the act, in about half of the clips; pinned to the picture."""
    behind: list[Shape] = []
    before: list[Shape] = []
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            (behind if rng.random() < 0.75 else before).append(_distractor(rng, clock))
    if rng.random() < 0.2:  # an occluder: still, or passing by
        t = clock.t
        x = rng.uniform(-0.8, 0.8) + 0 * t
        if rng.random() < 0.5:
            x = rng.choice([-1, 1]) * (t - rng.uniform(0.5, clock.duration)) * rng.uniform(0.3, 1.5)
        tall, y, wide = rng.uniform(0.2, 1.0), rng.uniform(-0.3, 0.4), rng.uniform(0.02, 0.12)
        before.append(box(x, y, wide, tall, colour(rng, 0.0, 0.6), texture=texture(rng), screen=True))
    return behind, before


def _distractor(rng: np.random.Generator, clock: Clock) -> Shape:
    t = clock.t
    x0, y0 = rng.uniform(-0.8, 0.8), rng.uniform(-0.4, 0.4)
    size, tint = rng.uniform(0.03, 0.15), colour(rng)
    kind = rng.choice(["drift", "pass", "swing", "jump", "slide", "blink", "flap"])
    x, y, angle, opacity = x0 + 0 * t, y0 + 0 * t, rng.uniform(0, 3) + 0 * t, 1.0 + 0 * t
    if kind == "drift":
        x, y = x0 + wander(rng, t, 0.1, 0.8), y0 + wander(rng, t, 0.08, 0.8)
    elif kind == "pass":
        x = rng.choice([-1, 1]) * (t - rng.uniform(0, clock.duration)) * rng.uniform(0.3, 2.0)
    elif kind == "swing":
        swing = rng.uniform(0.2, 0.8) * np.sin(2 * np.pi * rng.uniform(0.3, 1.5) * t + rng.uniform(0, 6))
        length = rng.uniform(0.15, 0.45)
        x, y, angle = x0 + length * np.sin(swing), y0 + length * np.cos(swing) - 0.3, -swing
    elif kind == "jump":  # starts and stops abruptly, without touching anything
        moments = irregular_times(rng, clock.duration, (0.4, 1.5))
        x = x0 + steps(t, moments, rng.uniform(-0.25, 0.25, len(moments) + 1), rng.uniform(0.04, 0.3))
        y = y0 + steps(t, moments, rng.uniform(-0.15, 0.15, len(moments) + 1), rng.uniform(0.04, 0.3))
    elif kind == "slide":
        moments = irregular_times(rng, clock.duration, (0.4, 1.2))
        lifts = rng.uniform(0.05, 0.3, len(moments) + 1)
        y = y0 - stroke(t, moments, lifts, 0.35, 0.4, 0.1, False, power=1.0) * smoothstep(t)
    elif kind == "blink":
        moments = irregular_times(rng, clock.duration, (0.3, 1.5))
        opacity = decay(t, moments, np.ones(len(moments)), rng.uniform(0.2, 1.0)) if len(moments) else opacity
        size *= 0.6
    else:
        angle = rng.uniform(0.3, 1.0) * np.sin(2 * np.pi * rng.uniform(1, 4) * t)
    if rng.random() < 0.25:
        end_x, end_y = x + 3 * size * np.cos(angle), y + 3 * size * np.sin(angle)
        return limb(x, y, end_x, end_y, size * 0.6, tint, opacity=opacity, screen=True)
    figure = ellipse if rng.random() < 0.5 else box
    tall, roundness = size * rng.uniform(0.4, 1.6), float(rng.uniform(0, 1))
    look: dict[str, Any] = {"angle": angle, "opacity": opacity, "roundness": roundness, "texture": texture(rng)}
    return figure(x, y, size, tall, tint, screen=True, **look)


def finish(rng: np.random.Generator, clock: Clock, act: Performance, cuts: np.ndarray) -> Finish:
    """Light, tint, lens, sensor and codec of one clip."""
    t = clock.t
    level = rng.uniform(0.55, 1.15) * np.asarray(act.light) + 0 * t
    if rng.random() < 0.15:
        level = level * (1 + wander(rng, t, rng.uniform(0.02, 0.08), rng.choice([0.5, 6.0])))
    if rng.random() < 0.08:  # light that changes at once and means nothing
        moments = irregular_times(rng, clock.duration, (0.2, 0.8))
        level = level * np.exp(steps(t, moments, rng.uniform(-0.25, 0.25, len(moments) + 1), rng.uniform(0.02, 0.5)))
    for cut in cuts:
        level = level * np.where(t >= cut, rng.uniform(0.7, 1.3), 1.0)
    tint = 1 + rng.normal(0, 0.06, 3)
    blocky = rng.random() < 0.3
    return Finish(
        light=np.clip(level, 0.1, 1.8),
        flash=act.flash,
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        blur=float(rng.uniform(0.005, 0.025)) if rng.random() < 0.4 else 0.0,
        noise=float(rng.uniform(0.003, 0.03)) if rng.random() < 0.7 else 0.0,
        exposure=float(rng.uniform(0.002, 0.03)),
        block=float(rng.choice([0.056, 0.112])) if blocky else 0.0,
        blocking=float(rng.uniform(0.2, 0.6)),
    )


def plain_backdrop(rng: np.random.Generator, act: Performance) -> Backdrop:
    """One smooth gradient of two tones that the act stands out from."""
    tones = _contrasting_tones(rng, act)
    return Backdrop(int(rng.integers(1 << 40)), "plain", tones, contrast=0.4, scale=2.0)


def plain_camera(clock: Clock, act: Performance) -> Camera:
    """Holds still, the act in the middle and as large as fits; only a jolt shakes it."""
    still = 0 * clock.t
    zoom = float(np.clip(0.8 / act.extent, 0.2, 2.2))
    jolt = ring(clock.t, act.times, act.jolt * act.gains, 9, 0.12) if act.jolt and len(act.times) else still
    return Camera(act.focus[0] + jolt, act.focus[1] + jolt, zoom + still, still, mirror=False)


def plain_finish(clock: Clock, act: Performance) -> Finish:
    """The act's own light, through a perfect lens."""
    light = np.clip(np.asarray(act.light) + 0 * clock.t, 0.1, 1.8)
    return Finish(light, act.flash, tint=(1.0, 1.0, 1.0), blur=0.0, noise=0.0, exposure=0.01, block=0.0, blocking=0.0)
