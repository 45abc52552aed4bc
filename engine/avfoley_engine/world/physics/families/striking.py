"""Families in which a tool or hand meets a thing: strike, knock, clap, chop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import burst_times, irregular_times, stroke
from avfoley_engine.world.physics.act import Act, about
from avfoley_engine.world.physics.families.falling import grounds
from avfoley_engine.world.physics.families.things import arm, fist
from avfoley_engine.world.physics.materials import WEIGHTS, sound_label
from avfoley_engine.world.physics.stage import figure
from avfoley_engine.world.physics.workshop import Workshop, heading, smoothed, turned, up

_STRIKERS = {"stick": 4, "hammer": 2, "mallet": 1.2, "spoon": 0.7, "bat": 0.8, "fist": 1.0, "palm": 0.8}
# Ranges of the tools' lengths, and half thicknesses, metres.
_LENGTHS = {
    "stick": (0.22, 0.42),
    "hammer": (0.18, 0.34),
    "mallet": (0.2, 0.35),
    "spoon": (0.15, 0.25),
    "bat": (0.4, 0.7),
}
_THICK = {"hammer": 0.014, "mallet": 0.009, "spoon": 0.006, "bat": 0.028, "fist": 0.04, "palm": 0.016}


@dataclass(eq=False)
class Target:
    """Something to strike: points on its top, material, and label where that does not say."""

    points: list[np.ndarray]
    material: str
    size: float
    label: str = ""


def strokes(
    shop: Workshop,
    times: np.ndarray,
    height: float,
    depth: float,
    *,
    fall: tuple[float, float] = (0.07, 0.2),
    rise: tuple[float, float] = (0.12, 0.45),
    dwells: tuple[float, ...] = (0.0, 0.02, 0.06, 0.2),
    rebounds: float = 0.6,
    feints: bool = True,
) -> np.ndarray:
    """Height of a tool over what it strikes (N,), `-depth` at a stroke; some strokes stop short."""
    rng, t = shop.rng, shop.t
    vigour = np.exp(-np.abs(rng.uniform(0.1, 1.0) * rng.standard_normal(len(times) + 1))).clip(0.15, 1.0)
    lifts = height * (0.15 + 0.85 * vigour)
    tempo = (rng.uniform(*fall), rng.uniform(*rise), float(rng.choice(dwells)))
    track = stroke(t, times, lifts, *tempo, rebound=bool(rng.random() < rebounds))
    track = track - depth * np.exp(-((np.clip(track / depth, 0, None)) ** 2) / 4)
    if feints and len(times) > 2 and rng.random() < 0.3:
        for time in times[rng.random(len(times)) < 0.3]:
            near = np.exp(-(((t - time) / 0.12) ** 2))
            track = track + (depth + rng.uniform(0.03, 0.1) + 0.1 * height) * near
    return np.asarray(track)


def held_tool(shop: Workshop, kind: str, way: np.ndarray, lift: np.ndarray, material: str) -> tuple[float, float]:
    """A driven hand whose tool's tip, its part is "tool", goes along `way` (N, 3), at `lift` (N,).

    The tool turns in the wrist. Returns the heading it strikes to (radians), and its length.
    """
    rng = shop.rng
    yaw = float(rng.uniform(-np.pi, np.pi))
    forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    bare, heavy = kind in ("fist", "palm"), kind in ("hammer", "bat")
    lengths = {kind: rng.uniform(*span) for kind, span in _LENGTHS.items()}
    length = (lengths | {"fist": 0.02, "palm": 0.07})[kind]
    thick = {"stick": rng.uniform(0.006, 0.013), **_THICK}[kind]
    slope = rng.uniform(-0.1, 0.35) if not bare else 0.0  # of the tool when it strikes, tip down
    wrist = float(rng.uniform(0.3, 0.9)) if length > 0.1 else 0.0
    heads = {"hammer": rng.uniform(0.03, 0.05), "mallet": rng.uniform(0.015, 0.03), "spoon": 0.012, "fist": 0.04}
    head = heads.get(kind, thick)
    home = way[0] - forward * length * np.cos(slope) + up(length * np.sin(slope) + head)
    turn = np.arcsin(np.clip(wrist * np.clip(lift, 0, None) / length, 0, 0.9))
    side = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    moves = way - way[0]
    moves = np.stack([moves @ forward, moves @ side, moves[:, 2]], 1)
    # The hand goes up by what the wrist does not give, and back as the tool turns.
    moves[:, 2] += lift - length * np.sin(turn)
    hand = shop.driven(home, moves, 5000 if heavy else 3500, quat=heading(yaw), stem="hand")
    grip = shop.body((0, 0, 0), quat=turned((0, 1, 0), slope), parent=hand, stem="grip", weightless=True)
    if wrist:
        shop.servo(shop.join(grip, "hinge", (0, -1, 0), damping=0.002), turn, 60 if heavy else 25)
    skin = shop.paint("skin", kind="plain")
    handle = shop.paint("wood" if rng.random() < 0.6 else "plastic")
    shop.prop(hand, "sphere", (0.02,), "skin", paint=skin, mass=0.35)
    if bare:
        shape = (0.045, 0.04, 0.04) if kind == "fist" else (0.09, 0.05, 0.016)
        shop.geom(grip, "ellipsoid", shape, "skin", paint=skin, part="tool", mass=0.4)
        if kind == "palm":
            for finger in range(4):
                y = (finger - 1.5) * 0.02
                shop.prop(grip, "capsule", (0.009,), "skin", ends=((0.06, y, 0), (0.13, 1.3 * y, 0.003)), paint=skin)
        else:
            fist(shop, grip, (0.01, 0, 0), skin)
    else:
        tip = (length, 0, 0)
        look: dict[str, Any] = {"part": "tool", "paint": handle}
        mass = 0.05 if kind != "bat" else 0.4
        shop.geom(grip, "capsule", (thick,), "wood", ends=((-0.04, 0, 0), tip), mass=mass, **look)
        fist(shop, grip, (0, 0, 0), skin)
        look["paint"] = shop.paint(material)
        if kind == "hammer":
            shop.geom(grip, "cylinder", (rng.uniform(0.012, 0.022), head), material, tip, mass=0.35, **look)
        elif kind == "mallet":
            shop.geom(grip, "sphere", (head,), material, tip, mass=0.06, **look)
        elif kind == "spoon":
            shop.geom(grip, "ellipsoid", (0.035, 0.022, 0.008), material, tip, mass=0.03, **look)
    shoulder = home - forward * rng.uniform(0.25, 0.5) + side * rng.uniform(-0.25, 0.25) + up(rng.uniform(0.1, 0.42))
    arm(shop, grip, (-0.05, 0, 0), shoulder, whole=0.4, bend=(*(side[:2] * rng.choice([-1, 1])), -1.0))
    return yaw, length


def _target(shop: Workshop) -> Target:
    """Builds something to strike on or above the ground."""
    rng = shop.rng
    kind = pick(rng, WEIGHTS["targets"])
    look: dict[str, Any] = {"part": "target", "mover": False}
    if kind == "ground":
        material = grounds(shop, 0.25)
        points = [np.array([*rng.normal(0, 0.06, 2), 0.0]) for _ in range(4)]
        return Target(points, material, 0.15)
    grounds(shop, 0.4)
    if kind == "things":
        material = pick(rng, WEIGHTS["struck"])
        points = []
        for number in range(int(rng.integers(1, 4))):
            size = rng.uniform(0.05, 0.14, 3)
            place = np.array([0.26 * number, rng.normal(0, 0.03), size[2]])
            shape = str(rng.choice(["box", "cylinder", "ellipsoid"]))
            springy = rng.random() < 0.5
            body = shop.body(place, quat=heading(rng.uniform(0, 3)), stem="target")
            if springy:
                stiffness = float(np.exp(rng.uniform(5, 8))) * 3
                shop.join(body, "slide", (0, 0, 1), span=(-0.02, 0.02), stiffness=stiffness, damping=8)
            measure = size if shape != "cylinder" else size[[0, 2]]
            shop.geom(body, shape, measure, material, **look, mass=1.5)
            points.append(place + up(size[2]))
        return Target(points, material, 0.13 * len(points))
    if kind == "drum":
        points = []
        for number in range(int(rng.integers(1, 4))):
            radius, tall = rng.uniform(0.1, 0.22), rng.uniform(0.06, 0.25)
            place = np.array([0.38 * number, rng.normal(0, 0.04), tall + rng.uniform(0, 0.4)])
            tilt = turned((rng.normal(), rng.normal(), 0), rng.uniform(0, 0.25))
            body = shop.body(place, quat=tilt, stem="target")
            shop.prop(body, "cylinder", (radius, tall), "wood")
            shop.prop(body, "cylinder", (radius * 1.04, 0.012), "metal", (0, 0, tall))
            skin = shop.body((0, 0, tall + 0.002), parent=body, stem="target")
            shop.join(skin, "slide", (0, 0, 1), span=(-0.03, 0.03), stiffness=3000, damping=6)
            paint = shop.paint("paper", kind="plain")
            shop.geom(skin, "cylinder", (radius, 0.008), "leather", paint=paint, mass=0.2, **look)
            points.append(place + up(tall + 0.01))
        return Target(points, "leather", 0.2 * len(points), "drum_hit")
    if kind == "cymbal":
        high, radius = rng.uniform(0.5, 0.9), rng.uniform(0.14, 0.25)
        shop.prop(shop.world, "capsule", (0.01,), "metal", ends=((0, 0, 0), (0, 0, high)))
        body = shop.body((0, 0, high), stem="target")
        for axis in ((1, 0, 0), (0, 1, 0)):
            shop.join(body, "hinge", axis, stiffness=rng.uniform(0.3, 1.2), damping=rng.uniform(0.005, 0.02))
        brass = shop.paint("metal", kind="plain", colour=(0.85, 0.65, 0.25))
        shop.geom(body, "cylinder", (radius, 0.004), "metal", paint=brass, mass=0.6, **look)
        shop.prop(body, "ellipsoid", (0.05, 0.05, 0.025), "metal")
        edge = rng.uniform(0, 6.28)
        point = np.array([0.75 * radius * np.cos(edge), 0.75 * radius * np.sin(edge), high])
        return Target([point], "metal", radius * 1.3, "cymbal")
    if kind == "anvil":
        high = rng.uniform(0.15, 0.6)
        shop.geom(shop.world, "cylinder", (rng.uniform(0.1, 0.2), high / 2), "wood", (0, 0, high / 2), part="rest")
        size = np.array([rng.uniform(0.1, 0.2), rng.uniform(0.04, 0.08), rng.uniform(0.03, 0.08)])
        body = shop.body((0, 0, high + size[2]), quat=heading(rng.uniform(0, 3)))
        dark = shop.paint("metal", kind="plain", colour=(0.25, 0.25, 0.28) if rng.random() < 0.6 else None)
        shop.geom(body, "box", size, "metal", paint=dark, **look)
        points = [np.array([rng.normal(0, 0.02), rng.normal(0, 0.01), high + 2 * size[2]]) for _ in range(2)]
        return Target(points, "metal", 0.2, "hammer" if rng.random() < 0.4 else "impact_metal")
    if kind == "nail":
        wide = rng.uniform(0.2, 0.5)
        body = shop.body((0, 0, 0.03))
        shop.geom(body, "box", (wide, rng.uniform(0.05, 0.12), 0.03), "wood", part="rest", mover=False)
        nail = shop.body((0, 0, 0.1), stem="target")
        shop.join(nail, "slide", (0, 0, 1), span=(-0.05, 0.0), friction=60, damping=30)
        shop.prop(nail, "cylinder", (0.004, 0.05), "metal", mass=0.02)
        shop.geom(nail, "cylinder", (0.01, 0.004), "metal", (0, 0, 0.05), **look, mass=0.05)
        return Target([np.array([0, 0, 0.14])], "metal", 0.16, "hammer")
    if kind == "row":  # a xylophone, bottles in a row, steps of a railing
        material = pick(rng, {"wood": 1.5, "metal": 1.5, "glass": 1, "tin": 0.8, "plastic": 0.7})
        count, gap = int(rng.integers(3, 8)), rng.uniform(0.05, 0.1)
        upright = rng.random() < 0.4
        points = []
        for number in range(count):
            x, long = (number - count / 2) * gap, rng.uniform(0.06, 0.12)
            body = shop.body((x, 0, long if upright else 0.05), stem="target")
            shop.join(body, "slide", (0, 0, 1), span=(-0.01, 0.01), stiffness=4000, damping=10)
            if upright:
                shop.geom(body, "cylinder", (gap * 0.35, long), material, **look, mass=0.4)
            else:
                shop.geom(body, "box", (gap * 0.42, long, 0.008), material, **look, mass=0.3)
            points.append(np.array([x, 0, 2 * long if upright else 0.06]))
        return Target(points, material, max(0.15, gap * count / 2))
    if kind == "cushion":
        size = np.array([rng.uniform(0.12, 0.3), rng.uniform(0.1, 0.25), rng.uniform(0.05, 0.15)])
        body = shop.body((0, 0, size[2]), stem="target")
        shop.join(body, "slide", (0, 0, 1), span=(-0.06, 0.06), stiffness=900, damping=25)
        material = str(rng.choice(["cloth", "leather"]))
        shop.geom(body, "ellipsoid" if rng.random() < 0.6 else "box", size, material, mass=0.6, **look)
        points = [np.array([*rng.normal(0, 0.04, 2), 1.9 * size[2]]) for _ in range(3)]
        return Target(points, material, float(size[0]), "impact_soft")
    if kind == "hanging":
        material = pick(rng, {"metal": 2, "wood": 1, "glass": 0.5, "cloth": 0.6})
        high, long = rng.uniform(0.4, 0.8), rng.uniform(0.06, 0.12)
        body = shop.body((0, 0, high + long), stem="target")
        for axis in ((0, 1, 0), (1, 0, 0)):
            shop.join(body, "hinge", axis, place=(0, 0, 0.3), damping=0.01)
        shop.geom(body, "cylinder", (long * 1.3, long * 0.4), material, **look, mass=1.5)
        shop.prop(body, "capsule", (0.004,), "cloth", ends=((0, 0, 0), (0, 0, 0.3)))
        label = "bell" if material == "metal" and rng.random() < 0.5 else ""
        return Target([np.array([long * 0.8, 0, high + long * 1.4])], material, 0.2, label)
    high = rng.uniform(0.3, 0.8)  # a railing
    material = str(rng.choice(["metal", "wood"]))
    shop.geom(shop.world, "capsule", (0.022,), material, ends=((-1.5, 0, high), (1.5, 0, high)), **look)
    for x in np.arange(-1.5, 1.6, 0.3 if rng.random() < 0.5 else 1.0):
        shop.prop(shop.world, "capsule", (0.015,), material, ends=((x, 0, 0), (x, 0, high)))
    return Target([np.array([rng.normal(0, 0.1), 0, high + 0.02]) for _ in range(3)], material, 0.22)


def strike(shop: Workshop) -> Act:
    """A tool or hand strikes things: drums, anvils, furniture, bottles, railings."""
    rng, t = shop.rng, shop.t
    target = _target(shop)
    kinds = _STRIKERS
    if target.label == "hammer":
        kinds = {"hammer": 1.0}
    elif target.label == "drum_hit":
        kinds = {"stick": 4, "mallet": 1.5, "palm": 1.5}
    elif target.label in ("cymbal", "bell"):
        kinds = {"stick": 3, "mallet": 1.5, "hammer": 0.3}
    kind = pick(rng, kinds)
    metal = kind in ("hammer", "spoon") and rng.random() < 0.85
    head = "metal" if metal else str(rng.choice(["wood", "rubber", "plastic"]))
    heavy = kind in ("bat", "hammer")
    times = irregular_times(rng, shop.duration, (0.7, 1.8) if heavy else (1.0, 2.8))
    height = float(rng.uniform(0.12, 0.4) if heavy else rng.uniform(0.08, 0.3))
    lift = strokes(shop, times, height, 0.005)
    order = rng.integers(0, len(target.points), len(times) + 1)
    if rng.random() < 0.3:
        order[:] = 0
    aims = order[np.searchsorted(times + 0.12, t)]
    # It goes from one aim to the next while it is up.
    way = smoothed(np.stack(target.points)[aims], max(1, round(0.12 / shop.step)))
    yaw, length = held_tool(shop, kind, way, lift, head)
    shop.hears("tool", "target")
    shop.hears("tool", "ground")
    shop.hears("tool", "rest")
    # A bare hand sounds what it strikes, as wood does, but for what is soft.
    striker = head if kind in ("hammer", "spoon", "mallet") else "wood"
    label = target.label or sound_label(target.material, striker)
    if label == "bounce":
        label = "impact_soft"
    middle = np.mean(target.points, 0) + up(0.3 * height)
    extent = max(target.size, 0.6 * height, 0.45 * length) * rng.uniform(0.9, 1.5)
    # From the side, from before the hand, or over the shoulder.
    turn = yaw + rng.choice(
        [rng.uniform(0.6, 2.2), rng.uniform(-2.2, -0.6), np.pi + rng.choice([-0.45, 0.45]), rng.uniform(-0.6, 0.6)],
        p=[0.36, 0.36, 0.16, 0.12],
    )
    return Act(label, "strike", middle, extent, about(turn, 0.25), (0.1, 0.9), floor=0.1)


def knock(shop: Workshop) -> Act:
    """A fist or knuckles knock on a door, wall or window."""
    rng = shop.rng
    shop.floor(pick(rng, {"wood": 2, "tiles": 1, "carpet": 1, "concrete": 1}))
    high = float(rng.uniform(1.1, 1.5))
    material = pick(rng, {"wood": 4, "metal": 1, "glass": 0.5, "plastic": 0.7})
    door = shop.body((0.02, 0, 1.0), stem="target")
    shop.join(door, "slide", (1, 0, 0), span=(-0.01, 0.01), stiffness=2e4, damping=150)
    wide = rng.uniform(0.35, 0.6)
    shop.geom(door, "box", (0.02, wide, 1.0), material, part="target", mover=False, mass=12)
    for y, z in ((-0.5, 0.45), (0.5, 0.45), (-0.5, -0.4), (0.5, -0.4)):
        if rng.random() < 0.6:
            shop.prop(door, "box", (0.006, wide * 0.36, 0.33), material, (-0.02, y * wide, z))
    shop.prop(door, "sphere", (0.03,), "metal", (-0.06, -wide * 0.8, 0))
    for side in (-1, 1):
        shop.prop(shop.world, "box", (0.05, 0.6, 1.2), "concrete", (0.04, side * (wide + 0.62), 1.2))
    times = burst_times(rng, shop.duration, (2, 4), (0.17, 0.4), (0.5, 1.5))
    lift = strokes(shop, times, rng.uniform(0.08, 0.22), 0.006, fall=(0.07, 0.1), rise=(0.1, 0.15), dwells=(0.0,))
    place = np.array([-0.065, rng.uniform(-0.2, 0.2), high])
    hand = shop.body(place, stem="hand", weightless=True)
    shop.servo(shop.join(hand, "slide", (-1, 0, 0)), lift, 4500)
    shop.servo(shop.join(hand, "hinge", (0, 1, 0)), -2.0 * lift, 30)
    skin = shop.paint("skin", kind="plain")
    shop.geom(hand, "ellipsoid", (0.045, 0.04, 0.045), "skin", (0.02, 0, 0), paint=skin, part="tool", mass=0.5)
    for finger in range(4):
        y = (finger - 1.5) * 0.02
        shop.prop(hand, "capsule", (0.011,), "skin", ends=((0.05, y, 0.02), (0.045, y, -0.025)), paint=skin)
    shoulder = place + rng.uniform([-0.45, -0.3, -0.2], [-0.3, 0.3, 0.15])
    arm(shop, hand, (-0.03, 0, -0.01), shoulder, whole=0.6)
    shop.hears("tool", "target")
    side = rng.choice([-1.0, 1.0])
    label = "knock" if material in ("wood", "plastic") and rng.random() < 0.8 else sound_label(material, "wood")
    back = np.pi + side * rng.uniform(0.4, 1.35)
    focus, extent = (-0.1, place[1], high), rng.uniform(0.2, 0.55)
    return Act(label, "knock", focus, extent, about(back, 0.15), (-0.1, 0.5), walls=False, outdoors=False, floor=0.15)


def clap(shop: Workshop) -> Act:
    """Two hands meet, seen close or with the person they belong to."""
    rng = shop.rng
    shop.floor(pick(rng, {"wood": 2, "grass": 1, "carpet": 1, "concrete": 1}))
    high = float(rng.uniform(1.0, 1.45))
    times = irregular_times(rng, shop.duration, (0.9, 3.0), min_gap=0.22)
    reach = rng.uniform(0.06, 0.25)
    lift = strokes(shop, times, reach, 0.006, fall=(0.08, 0.18), rise=(0.12, 0.3), dwells=(0.0, 0.04, 0.12))
    skin = shop.paint("skin", kind="plain")
    lead = rng.choice([0.5, 0.5, 0.9])  # of one hand: both move, or one mostly
    tilt = rng.uniform(-0.6, 0.6)
    coat = shop.paint("cloth")
    for side, share in ((-1, lead), (1, 1 - lead)):
        place = np.array([0.0, side * 0.022, high])
        hand = shop.body(place, quat=turned((1, 0, 0), tilt), stem="hand", weightless=True)
        shop.servo(shop.join(hand, "slide", (0, side, 0)), 2 * lift * share, 2500)
        shop.geom(hand, "box", (0.05, 0.014, 0.042), "skin", paint=skin, part=f"palm{side}", mass=0.4)
        for finger in range(4):
            z = (finger - 1.5) * 0.021
            shop.prop(hand, "capsule", (0.01,), "skin", ends=((0.05, 0, z), (0.12, 0, 1.1 * z)), paint=skin)
        shop.prop(hand, "capsule", (0.011,), "skin", ends=((0.0, 0, 0.04), (0.05, 0, 0.075)), paint=skin)
        shoulder = np.array([-0.33, side * 0.19, high + rng.uniform(0.1, 0.25)])
        sleeve = coat if rng.random() < 0.6 else skin
        shop.limb((None, shoulder), (hand, (-0.06, 0, 0)), (0.3, 0.27), (0.05, 0.036), (coat, sleeve), (0, side, -1.0))
    if rng.random() < 0.8:
        trunk = shop.body((-0.36, 0, high - 0.33))
        figure(shop, trunk, (skin, coat, shop.paint("plastic", kind="plain")))
    shop.hears("palm-1", "palm1")
    turn = rng.uniform(-1.2, 1.2)
    extent = float(rng.choice([rng.uniform(0.16, 0.28), rng.uniform(0.3, 0.6)]))
    focus = (-0.05 - 0.3 * (extent > 0.3), 0, high)
    return Act("clap", "clap", focus, extent, about(turn, 0.3), (-0.15, 0.6), floor=0.1)


def chop(shop: Workshop) -> Act:
    """A knife or cleaver goes through vegetables on a board; slices fall away."""
    rng, t = shop.rng, shop.t
    shop.table(pick(rng, {"wood": 2, "stone": 1, "metal": 0.7}), rng.uniform(0.8, 1.6), rng.uniform(0.6, 1.0))
    board = str(rng.choice(["wood", "wood", "plastic"]))
    shop.fixed("box", (rng.uniform(0.16, 0.26), rng.uniform(0.12, 0.18), 0.01), board, (0, 0, 0.01), part="board")
    times = irregular_times(rng, shop.duration, (1.2, 3.2), min_gap=0.24)
    height = float(rng.uniform(0.05, 0.16))
    fall, rise, dwells = (0.09, 0.18), (0.12, 0.3), (0.02, 0.06, 0.1)
    lift = strokes(shop, times, height, 0.005, fall=fall, rise=rise, dwells=dwells, rebounds=0, feints=False)
    # The vegetable is pushed towards the knife; the slices cut off tip over.
    thick = rng.uniform(0.005, 0.014)
    radius = rng.uniform(0.015, 0.04)
    count = len(times) + int(rng.integers(2, 8))
    paint = shop.paint("food", kind=str(rng.choice(["plain", "speckle"])))
    inner = shop.paint("food", kind="plain")
    lie = turned((0, 1, 0), np.pi / 2)
    for number in range(count):
        piece = shop.free(quat=lie, stem="slice")
        r = radius * (1 - 0.6 * max(0, number - count + 4) / 4)
        shop.geom(piece, "cylinder", (r, thick * 0.48), "food", paint=paint, part="slice")
        shop.prop(piece, "cylinder", (r * 0.92, thick * 0.5), "food", paint=inner)
        until = float(times[number]) if number < len(times) else None
        done = np.searchsorted(times, t - 0.08)
        x = (number - smoothed(done.astype(float), 121) + 0.6) * thick
        path = np.stack([x, 0 * t, np.full(len(t), 0.02 + radius)], 1)
        shop.carry(piece, until, path=path, quat=lie)
    length = float(rng.uniform(0.14, 0.24))
    knife = shop.body((0, 0, 0.022), stem="knife", weightless=True)
    shop.servo(shop.join(knife, "slide", (0, 0, 1)), lift, 3500)
    rock = rng.uniform(0, 3.0)
    shop.servo(shop.join(knife, "hinge", (1, 0, 0), place=(0, length * 0.4, 0)), -rock * np.clip(lift, 0, None), 40)
    blade = rng.uniform(0.02, 0.05)
    shop.geom(knife, "box", (0.0012, length / 2, blade / 2), "metal", (0, 0, blade / 2), part="knife", mass=0.15)
    shop.prop(knife, "box", (0.012, 0.055, 0.013), "wood", (0, -length / 2 - 0.05, blade * 0.7))
    skin = shop.paint("skin", kind="plain")
    grip, wrist = (0.0, -length / 2 - 0.05, blade * 0.7), (0, -length / 2 - 0.09, blade * 0.7)
    shop.prop(knife, "ellipsoid", (0.04, 0.045, 0.035), "skin", grip, paint=skin, mass=0.4)
    shoulder = (rng.uniform(-0.1, 0.25), -0.6, rng.uniform(0.25, 0.45))
    arm(shop, knife, wrist, shoulder, whole=0.35, bend=(1, 0, -0.6))
    if rng.random() < 0.7:  # the other hand holds what is cut
        place = ((count * 0.6 + 1) * thick + 0.05, 0, 0.02 + 1.6 * radius)
        push = shop.puppet(np.tile(place, (len(t), 1)))
        shop.prop(push, "ellipsoid", (0.05, 0.04, 0.03), "skin", paint=skin)
        arm(shop, push, (0.03, -0.03, 0), (0.35, -0.6, 0.4), whole=0.0, bend=(1, 0, -0.5))
    shop.hears("knife", "board")
    turn = rng.choice([rng.uniform(0.4, 2.7), rng.uniform(-2.4, -0.75)], p=[0.6, 0.4])
    focus, extent = (0, 0, 0.03 + 0.3 * height), rng.uniform(0.13, 0.26)
    return Act("chop", "chop", focus, extent, about(turn, 0.2), (0.15, 1.0), outdoors=False, floor=0.12)
