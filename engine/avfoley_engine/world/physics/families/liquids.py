"""Families of water: drops that fall from a tap, things that fall in."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import irregular_times
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.families.falling import thrown_in
from avfoley_engine.world.physics.families.things import thing
from avfoley_engine.world.physics.materials import tint
from avfoley_engine.world.physics.workshop import Callback, Control, Heard, Workshop, up

_G = 9.81


def drip(shop: Workshop) -> Act:
    """Drops fall from a tap, or stones, balls and fruit into water: rings spread, water leaps up."""
    rng = shop.rng
    big = rng.random() < 0.5
    size = float(rng.uniform(0.03, 0.09) if big else rng.uniform(0.004, 0.009))
    high = float(size * rng.uniform(6, 12) if big else rng.uniform(0.08, 0.25))
    shade = tint(rng, "water")
    shop.floor("water", reflective=float(rng.uniform(0.1, 0.5)), part="water")
    if not big:
        _vessel(shop, high)
    pace = (0.5, 1.6) if big else (0.8, 2.6)
    times = irregular_times(rng, shop.duration, pace, min_gap=0.3, jitter=(0.03, 0.15, 0.3))
    material = pick(rng, {"stone": 3, "wood": 1, "food": 1.5, "rubber": 1, "metal": 1}) if big else "water"
    spread = size * 4 if big else 0.0
    for time in times[:9]:
        body = shop.free(stem="drop")
        if big:
            thing(shop, body, material, size, part="drop")
        else:
            measure = (size * 0.85, size * 0.85, size * 1.15)
            shop.geom(body, "ellipsoid", measure, "water", colour=(0.8, 0.9, 1.0), part="drop")
        for geom in body.geoms:
            geom.contype = geom.conaffinity = 0
        place = np.array([*rng.normal(0, spread * 0.5, 2), high])
        if big:
            thrown_in(shop, body, time, place, 0.5, rng.normal(0, 0.3, 2), spin=5)
        else:  # it swells at the tap before it lets go
            until = max(time - np.sqrt(2 * high / _G), 0.02)
            t = shop.t
            ready = np.clip((t - until + 0.35) / 0.35, 0, 1)
            path = np.stack([0 * t, 0 * t, high + size * (1.6 - 1.6 * ready)], 1)
            path[t < until - 0.35, 0] = 400.0
            shop.carry(body, until, path=path)
        splash = []
        for _ in range(int(rng.integers(6, 11)) if big else int(rng.integers(2, 5))):
            droplet = shop.free(stem="droplet")
            radius = size * (rng.uniform(0.12, 0.3) if big else rng.uniform(0.25, 0.5))
            name = shop.geom(droplet, "sphere", (radius,), "water", colour=tuple(0.5 + 0.5 * np.array(shade)))
            geom = shop.spec.geom(name)
            geom.contype = geom.conaffinity = 0
            shop.carry(droplet, None)
            splash.append(droplet.name)
        rings = []
        for _ in range(2):
            ring = shop.puppet(np.tile([400.0, 400.0, 0.0], (len(shop.t), 1)), None, stem="ring")
            light = tuple(np.clip(1.35 * np.array(shade), 0, 1))
            rings.append((ring.name, shop.prop(ring, "cylinder", (size, 0.0005), "water", colour=light, alpha=0.5)))
        noise = np.random.default_rng(rng.integers(1 << 60))
        shop.callbacks.append(_entering(shop, body.name, splash, rings, size, big, noise))
    little = {"water_drip": 4, "water_bubbles": 0.5, "water_splash": 0.4}
    label = pick(rng, {"water_splash": 3, "water_other": 0.5} if big else little)
    extent, walls = max(0.6 * high, spread * 1.3), bool(rng.random() < 0.4)
    caption = "splash" if big else "drip"
    return Act(label, caption, (0, 0, 0.4 * high), extent, elevations=(0.1, 0.8), walls=walls)


def _vessel(shop: Workshop, high: float) -> None:
    """A tap over the water, and perhaps a basin's rim round it."""
    rng = shop.rng
    steel = shop.paint("metal", kind="plain")
    top = high + 0.012
    shop.prop(shop.world, "cylinder", (0.011, 0.015), "metal", (0, 0, top + 0.015), paint=steel)
    if rng.random() < 0.8:
        yaw = rng.uniform(0, 6.28)
        away = 0.2 * np.array([np.cos(yaw), np.sin(yaw), 0])
        ends = [up(top + 0.03), away + up(top + 0.05)]
        shop.prop(shop.world, "capsule", (0.012,), "metal", ends=ends, paint=steel)
    if rng.random() < 0.6:
        rim = shop.paint(str(rng.choice(["ceramic", "metal", "plastic"])))
        radius = rng.uniform(0.12, 0.25)
        for part in range(16):
            a, b = 2 * np.pi * part / 16, 2 * np.pi * (part + 1) / 16
            ends = [radius * np.array([np.cos(x), np.sin(x), 0]) + up(0.01) for x in (a, b)]
            shop.prop(shop.world, "capsule", (0.012,), "ceramic", ends=ends, paint=rim)


def _entering(
    shop: Workshop,
    body: str,
    splash: list[str],
    rings: list[tuple[str, str]],
    size: float,
    big: bool,
    rng: np.random.Generator,
) -> Callback:
    """Watches for the moment at which a body meets the water."""
    done = False
    reach = rng.uniform(0.25, 0.6) * (2.2 if big else 1.0)

    def check(control: Control) -> None:
        nonlocal done
        q, v = control.state(body)
        if done or abs(q[0]) > 100 or q[2] > 0.4 * size or v[2] > -0.1:
            return
        done = True
        speed = -float(v[2])
        x, y = float(q[0]), float(q[1])
        control.heard.append(Heard(control.time, speed * size**1.5, (x, y, 0.0)))
        control.hide(body)
        for droplet in splash:
            yaw, up = rng.uniform(0, 6.28), rng.uniform(0.25, 0.6) * speed
            out = rng.uniform(0.1, 0.35) * speed
            control.release(droplet, (x, y, 0.002), (out * np.cos(yaw), out * np.sin(yaw), up))
        begin = round(control.time / shop.step)
        for number, (ring, geom) in enumerate(rings):
            path = shop.poses[ring][0]
            path[begin:] = (x, y, 0.0006 * (number + 1))
            age = np.clip(shop.clock - control.time - 0.12 * number, 0, None)
            sizes = np.stack([size * 0.5 + reach * age**0.8 * 0.5, np.full_like(age, 0.0004), 0 * age], 1)
            shop.change("geom_size", geom, sizes)
            fade = 0.55 * np.exp(-age / 0.3) * (shop.clock >= control.time + 0.12 * number)
            colour = np.array(control.model.geom_rgba[control.model.geom(geom).id][:3])
            shop.fade(geom, colour * (1.0 if number == 0 else 0.7), fade)

    return check
