"""The family of footsteps: a walker from the side, whole or as a close-up of the feet, or legs marching on the spot."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Clock, Shape
from avfoley_engine.world.families.figures import box, ellipse, ground, limb, sparks
from avfoley_engine.world.families.palette import colour, label_of, shade, skin, texture
from avfoley_engine.world.families.performance import Performance
from avfoley_engine.world.motion import footfalls, gains, irregular_times, lifts, since, smoothstep, stroke

_STAGE = 0.45  # a walker whom the camera does not follow turns round this far from the middle


def footsteps(rng: np.random.Generator, clock: Clock) -> Performance:
    """Someone walks; every landing of a foot is an event."""
    t = clock.t
    label = label_of(rng, "footsteps")
    times = irregular_times(rng, clock.duration, (1.0, 3.0), jitter=(0.04, 0.1, 0.2))
    loudness = gains(rng, len(times))
    if rng.random() < 0.25:
        return _march(rng, t, times, loudness, label)
    stride, leg = rng.uniform(0.15, 0.3), rng.uniform(0.35, 0.55)
    lift_height = rng.uniform(0.04, 0.12)
    places = np.arange(len(times)) * stride + stride * 0.5
    body = _advance(t, times, stride)
    cloth, shoe = colour(rng), colour(rng)
    hip_y = -leg * 0.97 + 0.02 * np.cos(2 * np.pi * np.clip(since(t, times), 0, 0.4) / 0.4)
    thick = rng.uniform(0.05, 0.1)
    followed = rng.random() < 0.5
    entry = 0.0 if followed else rng.uniform(0.3, 1.0)
    hip_x = 0 * body if followed else _to_and_fro(body + entry)
    swing = min(0.42, 1.4 * float(np.median(np.diff(times)))) if len(times) > 1 else 0.35
    shapes: list[Shape] = []
    for foot in (1, 0):
        own, landings = times[foot::2], places[foot::2]
        start = landings[0] - 2 * stride if len(landings) else 0.0
        foot_x, phase = footfalls(t, own, np.concatenate([[start], landings]), swing)
        # A skewed arc: the foot comes down faster than it went up.
        lift = lift_height * np.sin(np.pi * phase**0.8) * (phase < 1)
        foot_x = foot_x - body if followed else _to_and_fro(foot_x + entry)
        knee_x, knee_y = _knee(hip_x, hip_y, foot_x, -lift, leg * 1.04)
        tint = cloth if foot else shade(cloth, 0.75)
        tip = -0.5 * np.clip(lift * 5, 0, 1)
        shapes.append(limb(hip_x, hip_y, knee_x, knee_y, thick, tint))
        shapes.append(limb(knee_x, knee_y, foot_x, -lift - 0.02, thick * 0.8, tint))
        shapes.append(box(foot_x + 0.03, -lift - 0.02, 0.065, 0.028, shoe, angle=tip, roundness=0.8))
    shapes.append(limb(hip_x, hip_y, hip_x + 0.02, hip_y - 0.3, thick * 1.9, colour(rng)))
    shapes.append(ellipse(hip_x + 0.03, hip_y - 0.45, 0.07, 0.085, skin(rng)))
    if followed:
        floor = box(-body, 0.52, 5.0 + body.max(), 0.5, colour(rng), texture=texture(rng, (0.5, 3.0), 0.9))
    else:
        floor = ground(rng, 0.52, 0.8)
    shapes.insert(0, floor)
    if label == "footsteps_water":
        shapes += sparks(rng, t, times, hip_x + 0.5 * stride, 0.0, (0.8, 0.9, 1.0), 5, 0.5, 0.35)
    close = rng.random() < 0.65
    focus, extent = ((0.0, -0.08), 0.3) if close else ((0.0, -0.3), 0.7)
    if close and not followed:
        extent = 0.5  # the whole way must stay in view
    scroll = body * 0.5 if followed else 0.0
    return Performance(times, loudness, label, "footsteps", shapes, focus, extent, scroll=scroll)


def _advance(t: np.ndarray, times: np.ndarray, stride: float) -> np.ndarray:
    """The body's way: a stride for every landing, at the pace of the steps around it."""
    knots = np.concatenate([[times[0] - 0.6], times, [times[-1] + 0.6]])
    return np.asarray(np.interp(t, knots, stride * np.arange(-1, len(times) + 1)))


def _to_and_fro(way: np.ndarray) -> np.ndarray:
    """Folds a way onto -_STAGE.._STAGE, as of someone who turns round at its ends."""
    return np.abs((way % (4 * _STAGE)) - 2 * _STAGE) - _STAGE


def _knee(
    hip_x: np.ndarray, hip_y: np.ndarray, foot_x: np.ndarray, foot_y: np.ndarray, leg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where two equal bones from hip to foot bend, forwards."""
    dx, dy = foot_x - hip_x, foot_y - hip_y
    span = np.hypot(dx, dy) + 1e-6
    bend = np.sqrt(np.clip((leg / 2) ** 2 - (span / 2) ** 2, 0, None))
    return hip_x + dx / 2 + bend * dy / span, hip_y + dy / 2 - bend * dx / span


def _march(rng: np.random.Generator, t: np.ndarray, times: np.ndarray, loudness: np.ndarray, label: str) -> Performance:
    """Legs seen from the front: each is lifted and put down in turn."""
    cloth, shoe, apart = colour(rng), colour(rng), rng.uniform(0.07, 0.14)
    thick = rng.uniform(0.06, 0.11)
    shapes = [ground(rng, 0.52)]
    bob = 0.02 * np.exp(-np.clip(since(t, times), 0, 5) / 0.12)
    for foot, side in ((0, -1.0), (1, 1.0)):
        own = times[foot::2]
        x = side * apart
        lift = 0 * t
        if len(own):
            heights = lifts(rng, loudness[foot::2], rng.uniform(0.08, 0.2))
            lift = stroke(t, own, heights, fall=0.12, rise=0.25, dwell=0.12, rebound=False)
            # A foot is up for half a second before it lands and stands otherwise.
            remaining = np.append(own, 1e3)[np.searchsorted(own, t, side="right")] - t
            lift = lift * (1 - smoothstep(remaining / 0.5))
        shapes.append(limb(x, bob - 0.5, x, -lift - 0.05, thick, cloth))
        shapes.append(ellipse(x, -lift - 0.03, thick * 0.7, 0.045 + 0.1 * lift, shoe))
    shapes.append(box(0.0, bob - 0.65, apart + thick, 0.25, colour(rng), roundness=0.4))
    return Performance(times, loudness, label, "footsteps", shapes, (0.0, -0.15), 0.5)
