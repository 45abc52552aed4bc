"""The family of footsteps: two legs in shoes, on many grounds, going by, followed, or on the spot."""

from __future__ import annotations

from typing import Any

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import footfalls, irregular_times, smoothstep
from avfoley_engine.world.physics.act import Act, about
from avfoley_engine.world.physics.materials import WEIGHTS
from avfoley_engine.world.physics.stage import figure
from avfoley_engine.world.physics.workshop import Workshop, heading, smoothed

_LABELS = {"gravel": "impact_gravel", "leaves": "leaves", "water": "footsteps_water"}


def footsteps(shop: Workshop) -> Act:
    """Someone walks, runs or marches on the spot; each landing of a shoe is heard."""
    rng, t = shop.rng, shop.t
    ground = pick(rng, WEIGHTS["walked"])
    shop.floor(ground)
    kind = str(rng.choice(["walk", "run", "spot"], p=[0.65, 0.12, 0.23]))
    tempo = {"walk": (1.2, 2.3), "run": (2.3, 3.2), "spot": (1.0, 2.6)}[kind]
    times = irregular_times(rng, shop.duration + 1, tempo, 0.24, jitter=(0.03, 0.08, 0.15), pause=0.04)
    stride = {"walk": rng.uniform(0.4, 0.75), "run": rng.uniform(0.8, 1.2), "spot": 0.0}[kind]
    leg = rng.uniform(0.75, 0.9)
    apart = rng.uniform(0.05, 0.11)
    lift = rng.uniform(0.07, 0.16) if kind != "spot" else rng.uniform(0.1, 0.3)
    # The way of the trunk: a stride a step.
    knots = np.concatenate([[times[0] - 0.7], times, [times[-1] + 0.7]])
    way = np.interp(t, knots, stride * np.arange(-1, len(times) + 1))
    way = smoothed(way, 241)
    middle = way[len(way) // 2]
    cloth, shoe, skin = shop.paint("cloth"), shop.paint("leather"), shop.paint("skin", kind="plain")
    coat = shop.paint("cloth")
    since = np.clip(t - knots[np.searchsorted(knots, t, side="right") - 1], 0, 1)
    bob = 0.025 * np.cos(2 * np.pi * np.clip(since / 0.5, 0, 1))
    hips = np.stack([way - middle, 0 * t, leg * 0.97 + 0.08 + bob * (kind != "spot")], 1)
    trunk = shop.puppet(hips, np.tile(heading(0), (len(t), 1)), stem="trunk")
    figure(shop, trunk, (skin, coat, shop.paint("plastic", kind="plain")), leg * 1.95)
    heel = rng.random() < 0.3  # high heels, or bare feet and flat shoes
    for foot, side in ((0, -1), (1, 1)):
        own = times[foot::2]
        places = stride * np.arange(len(times))[foot::2] - middle + 0.15 * stride
        x, z, tip = _foot(t, own, places, stride, lift, 0.42 if kind != "run" else 0.3, times)
        body = shop.body((x[0], side * apart, 0.06), stem="foot", weightless=True)
        for axis, track, stiffness in (((1, 0, 0), x - x[0], 15000), ((0, 0, 1), z - 0.004, 5000)):
            shop.servo(shop.join(body, "slide", axis), track, stiffness)
        shop.servo(shop.join(body, "hinge", (0, 1, 0), place=(-0.05, 0, -0.04)), tip, 120)
        sole: dict[str, Any] = {"part": "shoe", "paint": shoe}
        shop.geom(body, "box", (0.035, 0.032, 0.018), "leather", (-0.055, 0, -0.042), mass=0.5, **sole)
        shop.geom(body, "box", (0.06, 0.038, 0.012), "leather", (0.075, 0, -0.048), mass=0.3, **sole)
        shop.prop(body, "ellipsoid", (0.12, 0.042, 0.035), "leather", (0.03, 0, -0.025), paint=shoe)
        ends = ((-0.05, 0, 0.0), (-0.05, 0, 0.06))
        shop.prop(body, "capsule", (0.042,), "cloth", ends=ends, paint=skin if heel else cloth)
        shin = skin if rng.random() < 0.15 else cloth
        hip, ankle = (trunk, (0, side * apart, 0)), (body, (-0.05, 0, 0.03))
        shop.limb(hip, ankle, (leg * 0.52, leg * 0.5), (0.075, 0.05), (cloth, shin), (1, 0, 0))
        # Arms swing against the legs.
        swing = smoothed(0.35 * np.clip((x - hips[:, 0]) / max(stride, 0.4), -1, 1), 200)
        height = hips[:, 2] + 0.14 + 0.2 * np.abs(swing)
        hand = shop.puppet(np.stack([hips[:, 0] - 0.5 * swing, 0 * t - side * 0.26, height], 1), None, stem="hand")
        shop.prop(hand, "sphere", (0.045,), "skin", paint=skin)
        shoulder, wrist = (trunk, (0, -side * 0.2, 0.5)), (hand, (0, 0, 0))
        shop.limb(shoulder, wrist, (0.28, 0.26), (0.05, 0.04), (coat, coat), (-1, 0, -0.3))
    shop.hears("shoe", "ground")
    label = _LABELS.get(ground, "footsteps")
    close = rng.random() < 0.5
    follows = kind != "spot" and (rng.random() < 0.7 or stride > 0.7)
    centre = np.array([0.0, 0.0, 0.2 if close else 0.85])
    focus = centre + np.outer(way - middle, [1.0, 0, 0]) if follows else centre
    extent = rng.uniform(0.3, 0.5) if close else rng.uniform(0.7, 1.2)
    if kind != "spot" and not follows:
        extent = max(extent, 0.45 * np.ptp(way))
    side = rng.choice([-1, 1]) * np.pi / 2
    turn = side + rng.normal(0, 0.5) if rng.random() < 0.7 else rng.choice([0.0, np.pi]) + rng.normal(0, 0.3)
    return Act(
        label, "footsteps", focus, extent, about(turn, 0.1), (0.0, 0.45), merge=0.14, floor=0.15, walls=not follows
    )


def _foot(
    t: np.ndarray, own: np.ndarray, places: np.ndarray, stride: float, lift: float, swing: float, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One foot's x, height and tip (toe down): planted until it swings to its next place."""
    if not len(own):
        own, places = np.array([times[0]]), np.array([0.0])
    x, phase = footfalls(t, own, np.concatenate([[places[0] - 2 * stride], places]), swing)
    # Skewed: it comes down faster than it went up, and is still falling when it lands.
    z = lift * np.sin(np.pi * phase**1.25) * (phase < 1)
    tip = 0.55 * np.sin(2 * np.pi * np.clip(phase, 0, 0.5)) * (phase < 0.5)
    tip = tip - 0.25 * smoothstep((phase - 0.5) / 0.4) * (phase < 1)
    return x, z, tip * min(1.0, stride / 0.4 + 0.2)
