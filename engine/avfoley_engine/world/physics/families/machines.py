"""Families of machines and tools that go on: saws, engines with pistons, wheels and fans."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import gains, irregular_times, latest, since, smoothstep, sparse_times
from avfoley_engine.world.physics.act import Act, about
from avfoley_engine.world.physics.families.falling import grounds
from avfoley_engine.world.physics.families.things import arm, fist
from avfoley_engine.world.physics.workshop import Control, Heard, Workshop, turned

_RUBBED = {"saw": 3, "scrape": 3, "pencil": 1, "cloth": 1, "paper": 0.6, "squeak": 0.4}


def said(shop: Workshop, times: np.ndarray, loudness: np.ndarray, place: np.ndarray) -> None:
    """Sounding instants that no contact makes, with their loudness instead of an impulse, seen at a
    place.
    """
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
    gap = np.diff(np.append(times, shop.duration + 0.5))
    small = label in ("pencil",)
    reach = rng.uniform(0.012, 0.03) if small else rng.uniform(0.05, 0.14)

    def motion(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = np.clip(latest(t, times), 0, None)
        length = np.minimum(push, (0.8 if both else 0.45) * gap)[index]
        begun = t >= times[0]
        age = np.clip(since(t, times), 0, 50)
        progress = 1 - (1 - np.clip(age / length, 0, 1)) ** 2
        amount = reach * (0.5 + 0.5 * loudness)
        if both:
            side = (-1.0) ** index
            origin = np.where(index > 0, amount[np.maximum(index - 1, 0)], amount[0]) * -side
            way = np.where(begun, origin + (amount[index] * side - origin) * progress, -amount[0])
        else:
            back = smoothstep((age - length) / np.maximum(gap[index] - length - 0.03, 0.1))
            way = np.where(begun, amount[0] * (2 * progress - 1 - 2 * back), -amount[0])
        return way, np.where(begun, np.clip(1 - age / length, 0, 1) ** 0.5, 0.0) * loudness[index]

    way, _ = motion(t)
    _, envelope = motion(shop.clock)
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
        material = {"cloth": "cloth", "paper": "paper", "squeak": "cloth"}.get(
            label, str(rng.choice(["wood", "metal", "plastic"]))
        )
        shop.prop(tool, "box", size, material, (0, 0, size[2]))
        grip = np.array([0, 0, 2 * size[2] + 0.015])
    fist(shop, tool, grip, skin)
    arm(
        shop,
        tool,
        grip + np.array([-0.04, 0, 0.02]),
        np.array([-0.5, rng.uniform(-0.3, 0.3), high + rng.uniform(0.2, 0.45)]),
        whole=0.35,
    )
    said(shop, times[times < shop.duration - 0.05], loudness, np.array([0, 0, high + 0.01]))
    turn = rng.choice([-1, 1]) * rng.uniform(0.5, 2.2)
    return Act(
        label,
        "saw",
        (-0.03, 0, high + 0.03),
        0.12 if small else float(rng.uniform(0.2, 0.4)),
        about(turn, 0.1),
        (0.1, 0.9),
        sustain=envelope,
        tail=float(push) + 0.1,
    )


def engine(shop: Workshop) -> Act:
    """A fan, a flywheel with its piston, or a drill: it starts and revs, and its sound follows its
    speed.
    """
    rng, t = shop.rng, shop.t
    label = pick(rng, {"machine": 3, "engine": 2, "drill": 1, "helicopter": 0.4, "chainsaw": 0.4})
    times = sparse_times(rng, shop.duration, (1, 4), 0.8)
    loudness = gains(rng, len(times)).clip(0.6, 1)
    attack, tau = rng.uniform(0.05, 0.15), rng.uniform(0.25, 0.9)
    idle = rng.choice([0.0, 0.12])
    strength = np.concatenate([[0.0], loudness])

    def speed_at(t: np.ndarray) -> np.ndarray:
        age = since(t, times)
        return idle + strength[latest(t, times) + 1] * smoothstep(age / attack) * np.exp(
            -np.clip(age - 0.35, 0, 50) / tau
        )

    speed = speed_at(t)
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
        shop.prop(
            house, "box", (0.5 * size, 0.3 * size, 0.4 * size), "metal", (0, 0.45 * size, -0.2 * size), paint=body
        )
        shop.prop(house, "cylinder", (0.12 * size, 0.8 * size), "metal", (0, 0.4 * size, -0.9 * size), paint=body)
        rotor = shop.puppet(tremble, spin, stem="rotor")
        blades = int(rng.integers(2, 5))
        for blade in range(blades):
            a = 2 * np.pi * blade / blades
            place = 0.5 * size * np.array([np.cos(a), 0, np.sin(a)])
            quat = turned((0, 1, 0), -a)
            shop.prop(
                rotor,
                "box",
                (0.45 * size, 0.02 * size, rng.uniform(0.08, 0.16) * size),
                "metal",
                place,
                quat=quat,
                paint=wheel if blade else None,
            )
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
        piston = shop.puppet(np.stack([reach, 0 * t - 0.12 * size, 0 * t], 1) + tremble, None, stem="piston")
        shop.prop(piston, "box", (0.13 * size, 0.1 * size, 0.1 * size), "metal")
        tilt = np.arctan2(pin[:, 2], reach - pin[:, 0])
        turn = np.stack([np.cos(tilt / 2), 0 * tilt, np.sin(tilt / 2), 0 * tilt], 1)
        middle = (pin + np.stack([reach, 0 * t - 0.12 * size, 0 * t], 1)) / 2
        bar = shop.puppet(middle + tremble, turn, stem="rod")
        shop.prop(bar, "capsule", (0.04 * size,), "metal", ends=((-rod / 2, 0, 0), (rod / 2, 0, 0)))
        shop.prop(house, "box", (0.5 * size, 0.05 * size, 0.2 * size), "metal", (0.7 * size, 0.1 * size, 0), paint=body)
        shop.prop(
            shop.world,
            "box",
            (1.3 * size, 0.3 * size, 0.4 * size),
            "metal",
            (0.1 * size, 0.2 * size, -1.2 * size),
            paint=body,
        )
        focus = np.array([0, 0, -0.1 * size])
    pitch = speed_at(shop.clock)
    said(shop, times, loudness, focus - np.array([0, 0.15 * size, 0]))
    return Act(
        label,
        "machine",
        focus,
        size * rng.uniform(0.9, 1.4),
        (-2.3, -0.8),
        (-0.1, 0.5),
        sustain=pitch,
        pitch=0.7 + 0.6 * pitch,
    )
