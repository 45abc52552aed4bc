"""Things that lie about, fall and are thrown: composed of simple geoms, of one material each."""

from __future__ import annotations

from typing import Any

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.physics.materials import SHAPES
from avfoley_engine.world.physics.stage import figure
from avfoley_engine.world.physics.workshop import Vector, Workshop, turned, up


def thing(shop: Workshop, body: Any, material: str, size: float, part: str = "item", shape: str = "") -> str:
    """Puts a thing of about `size` metres from its middle to its end on a body; returns its shape."""
    rng = shop.rng
    shape = shape or pick(rng, SHAPES[material])
    paint = shop.paint(material)
    look: dict[str, Any] = {"part": part, "paint": paint}
    trim: dict[str, Any] = {"part": part, "paint": shop.paint(material) if rng.random() < 0.4 else paint}
    if shape == "ball":
        shop.geom(body, "sphere", (size * 0.8,), material, **look)
    elif shape == "pebble":
        shop.geom(body, "ellipsoid", size * rng.uniform(0.5, 1.0, 3), material, **look)
    elif shape == "bag":
        shop.geom(body, "ellipsoid", (size, size * 0.8, size * 0.6), material, **look)
    elif shape == "box":
        shop.geom(body, "box", size * rng.uniform(0.35, 0.9, 3), material, **look)
    elif shape == "plank":
        shop.geom(body, "box", (size * 1.3, size * rng.uniform(0.2, 0.6), size * 0.1), material, **look)
    elif shape == "pipe":
        shop.geom(body, "cylinder", (size * rng.uniform(0.1, 0.25), size * 1.1), material, **look)
    elif shape == "can":
        shop.geom(body, "cylinder", (size * 0.6, size * 0.85), material, **look)
        shop.prop(body, "cylinder", (size * 0.5, size * 0.87), material)
    elif shape == "bottle":
        shop.geom(body, "cylinder", (size * 0.4, size * 0.7), material, (0, 0, -size * 0.3), **look)
        shop.geom(body, "cylinder", (size * 0.15, size * 0.35), material, (0, 0, size * 0.7), **trim)
    elif shape == "pan":
        shop.geom(body, "cylinder", (size * 0.8, size * 0.12), material, **look)
        if rng.random() < 0.6:
            shop.geom(body, "box", (size * 0.6, size * 0.12, size * 0.08), material, (size * 1.2, 0, 0), **trim)
    elif shape == "spoon":
        shop.geom(body, "capsule", (size * 0.1, size * 0.8), material, quat=turned((0, 1, 0), np.pi / 2), **look)
        shop.geom(body, "ellipsoid", (size * 0.4, size * 0.28, size * 0.1), material, (size * 0.9, 0, 0), **look)
    elif shape == "hammer":
        shop.geom(body, "capsule", (size * 0.12, size), "wood", quat=turned((0, 1, 0), np.pi / 2), part=part)
        shop.geom(body, "box", (size * 0.2, size * 0.5, size * 0.2), material, (size, 0, 0), **look)
    elif shape == "ring":
        for angle in np.arange(6) * np.pi / 3:
            ends = [size * 0.7 * np.array([np.cos(a), np.sin(a), 0]) for a in (angle, angle + np.pi / 3)]
            shop.geom(body, "capsule", (size * 0.1,), material, ends=ends, **look)
    return shape


def fist(
    shop: Workshop, body: Any, place: Vector, paint: str, scale: float = 1.0, *, turn: Vector | None = None
) -> None:
    """A closed hand that touches nothing, at a place of a body, fingers round the body's x axis."""
    middle = np.asarray(place, float)
    shop.prop(body, "ellipsoid", np.array([0.045, 0.04, 0.035]) * scale, "skin", middle, quat=turn, paint=paint)
    for finger in range(4):
        at = middle + scale * np.array([0.03 - 0.02 * finger, 0.0, 0.0])
        ends = (at + scale * np.array([0, -0.035, 0.015]), at + scale * np.array([0, 0.035, 0.012]))
        shop.prop(body, "capsule", (0.011 * scale,), "skin", ends=ends, paint=paint)


def arm(
    shop: Workshop, hand: Any, wrist: Vector, shoulder: Vector, *, whole: float = 0.35, bend: Vector = (0, 0, -1)
) -> None:
    """Draws an arm from a shoulder in the room to a hand's wrist, perhaps bare; with probability
    `whole` somebody's trunk and head behind it.
    """
    rng, shoulder = shop.rng, np.asarray(shoulder, float)
    coat = shop.paint("cloth")
    lower = shop.paint("skin", kind="plain") if rng.random() < 0.5 else coat
    scale = rng.uniform(0.85, 1.2)
    reach = max(0.56 * scale, 0.62 * float(np.linalg.norm(shoulder - hand.pos)) * 1.8)
    lengths = (0.5 * reach, 0.5 * reach)
    shop.limb((None, shoulder), (hand, wrist), lengths, (0.05 * scale, 0.036 * scale), (coat, lower), bend)
    if rng.random() < whole:
        facing = np.asarray(hand.pos, float) - shoulder
        yaw = np.arctan2(facing[1], facing[0]) + rng.normal(0, 0.2)
        side = np.array([-np.sin(yaw), np.cos(yaw), 0]) * 0.2 * rng.choice([-1, 1])
        trunk = shop.body(shoulder + side - up(0.48), quat=turned((0, 0, 1), yaw))
        figure(shop, trunk, (shop.paint("skin", kind="plain"), coat, shop.paint("plastic", kind="plain")))
