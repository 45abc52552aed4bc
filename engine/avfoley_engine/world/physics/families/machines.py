"""Families of machines and tools that go on: saws, engines with pistons, wheels and fans."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import gains, irregular_times, revs, sparse_times, to_and_fro
from avfoley_engine.world.physics.act import Act, about
from avfoley_engine.world.physics.families.falling import grounds
from avfoley_engine.world.physics.families.things import arm, fist
from avfoley_engine.world.physics.workshop import Control, Heard, Workshop, turned

_RUBBED = {"saw": 3, "scrape": 3, "pencil": 1, "cloth": 1, "paper": 0.6, "squeak": 0.4}


def said(shop: Workshop, times: np.ndarray, loudness: np.ndarray, place: np.ndarray) -> None:
    """Sounding instants that no contact makes, of a loudness, seen at a place."""
    heard = [Heard(float(t), float(g) ** (1 / 0.6), tuple(place)) for t, g in zip(times, loudness, strict=True)]

    def once(control: Control) -> None:
        if not control.heard:
            control.heard += heard

    shop.callbacks.append(once)


def saw(shop: Workshop) -> Act:
    """A saw, file, brush, cloth or pencil is pushed to and fro; each stroke begins with an event."""
    rng, t = shop.rng, shop.t
    label = pick(rng, _RUBBED)
    times = irregular_times(rng, shop.duration, (0.9, 2.4), min_gap=0.34)
    loudness = gains(rng, len(times))
    push = rng.uniform(0.16, 0.35)
    both = rng.random() < 0.5
    small = label == "pencil"
    reach = (rng.uniform(0.012, 0.03) if small else rng.uniform(0.05, 0.14)) * (0.5 + 0.5 * loudness)
    way, _ = to_and_fro(t, times, loudness, reach, push, shop.duration, both)
    _, envelope = to_and_fro(shop.clock, times, loudness, reach, push, shop.duration, both)
    grounds(shop, 0.3, tables=0.7)
    wood = shop.paint("wood")
    skin = shop.paint("skin", kind="plain")
    high = 0.0
    if label in ("saw", "scrape"):
        size = np.array([rng.uniform(0.03, 0.08), rng.uniform(0.08, 0.3), rng.uniform(0.02, 0.06)])
        shop.geom(shop.world, "box", size, "wood", (0, 0, size[2]), paint=wood)
        high = 2 * size[2]
    sink = np.linspace(0, min(high * 0.6, 0.03), len(t)) if label == "saw" else 0 * t
    tilt = rng.uniform(-0.15, 0.3) if label == "saw" else 0.0
    path = np.stack([way, 0 * t + rng.uniform(-0.02, 0.02), high - sink + way * -np.sin(tilt)], 1)
    tool = shop.puppet(path, np.tile(turned((0, 1, 0), tilt), (len(t), 1)), stem="tool")
    if label == "saw":
        long = rng.uniform(0.14, 0.24)
        shop.prop(tool, "box", (long, 0.0015, rng.uniform(0.02, 0.045)), "metal", (0.02, 0, 0.035))
        shop.prop(tool, "box", (0.04, 0.012, 0.05), "wood", (-long - 0.02, 0, 0.045))
        grip = np.array([-long - 0.02, 0, 0.05])
    elif label == "pencil":
        shop.prop(shop.world, "box", (0.1, 0.14, 0.001), "paper", (0, 0, 0.001), colour=(0.95, 0.95, 0.9))
        shop.prop(tool, "capsule", (0.004,), "wood", ends=((0, 0, 0.004), (-0.05, -0.03, 0.13)))
        grip = np.array([-0.025, -0.015, 0.05])
    else:
        size = np.array([rng.uniform(0.04, 0.09), rng.uniform(0.025, 0.05), rng.uniform(0.008, 0.02)])
        hard = str(rng.choice(["wood", "metal", "plastic"]))
        material = {"cloth": "cloth", "paper": "paper", "squeak": "cloth"}.get(label, hard)
        shop.prop(tool, "box", size, material, (0, 0, size[2]))
        grip = np.array([0, 0, 2 * size[2] + 0.015])
    fist(shop, tool, grip, skin)
    shoulder = (-0.5, rng.uniform(-0.3, 0.3), high + rng.uniform(0.2, 0.45))
    arm(shop, tool, grip + np.array([-0.04, 0, 0.02]), shoulder, whole=0.35)
    said(shop, times[times < shop.duration - 0.05], loudness, np.array([0, 0, high + 0.01]))
    turn = rng.choice([-1, 1]) * rng.uniform(0.5, 2.2)
    focus, extent = (-0.03, 0, high + 0.03), 0.12 if small else rng.uniform(0.2, 0.4)
    return Act(label, "saw", focus, extent, about(turn, 0.1), (0.1, 0.9), sustain=envelope, tail=float(push) + 0.1)


def engine(shop: Workshop) -> Act:
    """A fan or a flywheel with its piston: it starts and revs, and its sound follows its speed."""
    rng, t = shop.rng, shop.t
    label = pick(rng, {"machine": 3, "engine": 2, "drill": 1, "helicopter": 0.4, "chainsaw": 0.4})
    times = sparse_times(rng, shop.duration, (1, 4), 0.8)
    loudness = gains(rng, len(times)).clip(0.6, 1)
    attack, tau = rng.uniform(0.05, 0.15), rng.uniform(0.25, 0.9)
    idle = rng.choice([0.0, 0.12])
    speed = revs(t, times, loudness, attack, tau, idle)
    top = rng.uniform(2.5, 7.0)  # turns a second, slow enough for the picture
    angle = 2 * np.pi * top * np.cumsum(speed) * shop.step
    size = float(np.exp(rng.uniform(np.log(0.08), np.log(0.5))))
    shop.floor(pick(rng, {"concrete": 2, "wood": 1, "metal": 1, "grass": 0.5}), z=-1.6 * size)
    tremble = np.stack([0.012 * size * speed * np.sin(2 * np.pi * 11 * t + phase) for phase in (0, 1, 2)], 1)
    house = shop.puppet(tremble, None, stem="house")
    body = shop.paint(str(rng.choice(["metal", "plastic"])))
    wheel = shop.paint("metal")
    spin = np.stack([np.cos(angle / 2), 0 * angle, np.sin(angle / 2), 0 * angle], 1)
    kind = str(rng.choice(["fan", "piston"])) if label != "helicopter" else "fan"
    if kind == "fan":
        measure = (0.5 * size, 0.3 * size, 0.4 * size)
        shop.prop(house, "box", measure, "metal", (0, 0.45 * size, -0.2 * size), paint=body)
        shop.prop(house, "cylinder", (0.12 * size, 0.8 * size), "metal", (0, 0.4 * size, -0.9 * size), paint=body)
        rotor = shop.puppet(tremble, spin, stem="rotor")
        blades = int(rng.integers(2, 5))
        for blade in range(blades):
            a = 2 * np.pi * blade / blades
            place = 0.5 * size * np.array([np.cos(a), 0, np.sin(a)])
            measure, paint = (0.45 * size, 0.02 * size, rng.uniform(0.08, 0.16) * size), wheel if blade else None
            shop.prop(rotor, "box", measure, "metal", place, quat=turned((0, 1, 0), -a), paint=paint)
        shop.prop(rotor, "sphere", (0.12 * size,), "metal", paint=wheel)
        focus = np.array([0, 0, 0.0])
    else:
        rotor = shop.puppet(tremble - np.array([0.6 * size, 0, 0]), spin, stem="rotor")
        quat = turned((1, 0, 0), np.pi / 2)
        shop.prop(rotor, "cylinder", (0.5 * size, 0.05 * size), "metal", quat=quat, paint=wheel)
        for spoke in range(3):
            a = 2 * np.pi * spoke / 3
            ends = [r * size * np.array([np.cos(a), -0.11, np.sin(a)]) for r in (0.05, 0.45)]
            shop.prop(rotor, "capsule", (0.05 * size,), "metal", ends=ends)
        crank, rod = 0.3 * size, 1.1 * size
        pin = np.stack([-0.6 * size + crank * np.cos(angle), 0 * t - 0.12 * size, -crank * np.sin(angle)], 1)
        reach = pin[:, 0] + np.sqrt(rod**2 - pin[:, 2] ** 2)
        end = np.stack([reach, 0 * t - 0.12 * size, 0 * t], 1)
        piston = shop.puppet(end + tremble, None, stem="piston")
        shop.prop(piston, "box", (0.13 * size, 0.1 * size, 0.1 * size), "metal")
        tilt = np.arctan2(pin[:, 2], reach - pin[:, 0])
        turn = np.stack([np.cos(tilt / 2), 0 * tilt, np.sin(tilt / 2), 0 * tilt], 1)
        bar = shop.puppet((pin + end) / 2 + tremble, turn, stem="rod")
        shop.prop(bar, "capsule", (0.04 * size,), "metal", ends=((-rod / 2, 0, 0), (rod / 2, 0, 0)))
        shop.prop(house, "box", (0.5 * size, 0.05 * size, 0.2 * size), "metal", (0.7 * size, 0.1 * size, 0), paint=body)
        measure = (1.3 * size, 0.3 * size, 0.4 * size)
        shop.prop(shop.world, "box", measure, "metal", (0.1 * size, 0.2 * size, -1.2 * size), paint=body)
        focus = np.array([0, 0, -0.1 * size])
    pitch = revs(shop.clock, times, loudness, attack, tau, idle)
    said(shop, times, loudness, focus - np.array([0, 0.15 * size, 0]))
    extent = size * rng.uniform(0.9, 1.4)
    return Act(label, "machine", focus, extent, (-2.3, -0.8), (-0.1, 0.5), sustain=pitch, pitch=0.7 + 0.6 * pitch)
