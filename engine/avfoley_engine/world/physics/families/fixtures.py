"""Families of what is fixed: doors, drawers and lids on hinges, switches, keys."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import burst_times, irregular_times, sparse_times, stroke
from avfoley_engine.world.physics.act import Act, about
from avfoley_engine.world.physics.families.things import arm
from avfoley_engine.world.physics.materials import sound_label
from avfoley_engine.world.physics.workshop import Vector, Workshop, smoothed


def door(shop: Workshop) -> Act:
    """A door, gate, drawer or lid is shut, again and again."""
    kind = str(shop.rng.choice(["door", "drawer", "lid"], p=[0.45, 0.25, 0.3]))
    return {"door": _door, "drawer": _drawer, "lid": _lid}[kind](shop)


def _closings(shop: Workshop, width: float, depth: float, most: int = 4) -> np.ndarray:
    """How far it is open (N,): slammed, pushed to, or let go, now and then not quite shut."""
    rng, t = shop.rng, shop.t
    times = sparse_times(rng, shop.duration, (1, most), rng.uniform(0.7, 1.1))
    opens = width * rng.uniform(0.35, 1.0, len(times) + 1)
    fall, rise, dwell = rng.uniform(0.2, 0.6), rng.uniform(0.4, 0.9), rng.uniform(0.05, 0.4)
    track = stroke(t, times, opens, fall, rise, dwell, False, power=rng.uniform(1.3, 2.2))
    track = track - depth * np.exp(-((np.clip(track / depth, 0, None)) ** 2) / 4)
    if len(times) > 1 and rng.random() < 0.25:  # is stopped ajar
        near = np.exp(-(((t - rng.choice(times)) / 0.3) ** 2))
        track = track + near * 0.25 * width
    return np.asarray(track)


def _door(shop: Workshop) -> Act:
    rng = shop.rng
    shop.floor(pick(rng, {"wood": 2, "tiles": 2, "carpet": 1, "concrete": 1}))
    scale = float(rng.choice([1.0, 1.0, 0.35]))  # a room's door, or a cupboard's
    wide, tall = rng.uniform(0.7, 1.0) * scale, rng.uniform(1.9, 2.1) * scale
    base = 0.0 if scale == 1 else rng.uniform(0.2, 1.0)
    material = pick(rng, {"wood": 4, "metal": 1.2, "glass": 0.5, "plastic": 0.6})
    leaf = shop.body((0, 0, base + tall / 2 + 0.01), stem="leaf")
    joint = shop.join(leaf, "hinge", (0, 0, 1), damping=0.02)
    opening = float(rng.uniform(0.6, 1.7))
    shop.servo(joint, _closings(shop, opening, 0.03), 700 * scale**3)
    shop.geom(
        leaf, "box", (wide / 2, 0.02 * scale, tall / 2), material, (wide / 2, 0, 0), part="leaf", mass=14 * scale**2
    )
    for _ in range(int(rng.integers(0, 4))):
        place = (wide * rng.uniform(0.3, 0.7), -0.02 * scale, tall * rng.uniform(-0.35, 0.35))
        shop.prop(leaf, "box", (wide * 0.3, 0.012 * scale, tall * rng.uniform(0.05, 0.12)), material, place)
    for y in (-scale, scale):
        ends = ((wide * 0.9, 0.045 * y, 0), (wide * 0.78, 0.05 * y, 0))
        shop.prop(leaf, "capsule", (0.012,), "metal", ends=ends)
    frame = shop.paint(str(rng.choice(["wood", "plastic"])))
    half = base + tall / 2
    post = (0.03 * scale, 0.05 * scale, tall / 2 + 0.05)
    shop.prop(shop.world, "box", post, "wood", (-0.05 * scale, 0, half), paint=frame)
    # The stop that the leaf meets lies behind it.
    size, place = (0.03 * scale, 0.03 * scale, tall / 2), (wide + 0.01, -0.05 * scale, half)
    shop.fixed("box", size, "wood", place, paint=frame, part="stop")
    shop.prop(shop.world, "box", post, "wood", (wide + 0.045 * scale, 0, half), paint=frame)
    size, place = (wide / 2 + 0.08 * scale, 0.05 * scale, 0.04 * scale), (wide / 2, 0, base + tall + 0.06 * scale)
    shop.prop(shop.world, "box", size, "wood", place, paint=frame)
    around = shop.paint(str(rng.choice(["concrete", "plastic", "wood"])))
    if scale == 1:
        for x, w in ((-1.58, 1.5), (wide + 1.58, 1.5)):
            shop.prop(shop.world, "box", (w, 0.03, 1.4), "concrete", (x, 0, 1.4), paint=around)
    else:
        size = (wide / 2 + 0.06, 0.2, tall / 2 + 0.04)
        shop.prop(shop.world, "box", size, "wood", (wide / 2, -0.27, half), paint=around)
    if rng.random() < 0.5:
        knob = (wide * 0.85, 0.06 * scale, 0)
        shoulder = np.array([wide * 0.85 + rng.uniform(-0.2, 0.3), 0.75 + opening * 0.3 * scale, half + 0.3])
        arm(shop, leaf, knob, shoulder, whole=0.6)
    shop.hears("leaf", "stop")
    metal = {"door_close": 3, "car_door": 1.5}
    label = pick(rng, metal if material == "metal" else {"door_close": 5, "car_door": 0.6, "impact_wood": 0.5})
    front = rng.random() < 0.75 or scale < 1
    turn = np.pi / 2 + rng.uniform(-0.9, 0.9) if front else -np.pi / 2 + rng.uniform(-0.7, 0.7)
    focus, extent = (wide / 2, 0.1, half), tall * rng.uniform(0.4, 0.75)
    return Act(label, "door", focus, extent, about(turn, 0.1), (-0.05, 0.4), walls=False, floor=0.15)


def _drawer(shop: Workshop) -> Act:
    rng = shop.rng
    shop.floor(pick(rng, {"wood": 2, "tiles": 2, "carpet": 1}))
    material = pick(rng, {"wood": 3, "metal": 1, "plastic": 1})
    wide, tall, deep = rng.uniform(0.15, 0.35), rng.uniform(0.06, 0.14), rng.uniform(0.2, 0.35)
    rows = int(rng.integers(1, 5))
    mine = int(rng.integers(rows))
    base = rng.uniform(0.05, 0.5)
    case = shop.paint(material)
    front = shop.paint(material) if rng.random() < 0.6 else case
    whole = rows * (2 * tall + 0.02)
    # An open case: back, sides, top and bottom, so that a drawer may slide in it.
    middle = base + whole / 2
    for place, size in (
        ((-2 * deep, 0, middle), (0.01, wide + 0.02, whole / 2 + 0.02)),
        ((-deep, wide + 0.02, middle), (deep, 0.012, whole / 2 + 0.02)),
        ((-deep, -wide - 0.02, middle), (deep, 0.012, whole / 2 + 0.02)),
        ((-deep, 0, base - 0.01), (deep, wide + 0.03, 0.012)),
        ((-deep, 0, base + whole + 0.01), (deep, wide + 0.03, 0.012)),
    ):
        shop.prop(shop.world, "box", size, material, place, paint=case)
    high = base + (mine + 0.5) * whole / rows
    shop.fixed("box", (0.01, 0.03, 0.02), material, (-0.03, wide, high), part="stop")
    for row in range(rows):
        moves = row == mine
        body = shop.body((0, 0, base + (row + 0.5) * whole / rows), stem="drawer")
        if moves:
            shop.servo(shop.join(body, "slide", (1, 0, 0)), _closings(shop, deep * 1.5, 0.012), 900)
        size, part = (0.012, wide + 0.015, tall), "leaf" if moves else ""
        shop.geom(body, "box", size, material, paint=front, part=part, mass=2.0, solid=moves)
        shop.prop(body, "box", (0.012, 0.05, 0.012), "metal", (0.03, 0, 0))
        if moves:
            long = deep * 0.9
            for y in (-wide, wide):
                shop.prop(body, "box", (long, 0.008, tall * 0.8), material, (-long, y * 0.95, 0), paint=front)
            shop.prop(body, "box", (long, wide * 0.95, 0.006), material, (-long, 0, -tall * 0.8), paint=front)
            if rng.random() < 0.7:
                shoulder = (0.75 + 0.5 * deep, rng.uniform(-0.3, 0.3), high + rng.uniform(0.15, 0.5))
                arm(shop, body, (0.05, 0, 0), shoulder, whole=0.3)
    shop.hears("leaf", "stop")
    label = {"wood": "impact_wood", "metal": "impact_metal", "plastic": "impact_plastic"}[material]
    if rng.random() < 0.3:
        label = "door_close"
    elif rng.random() < 0.1:
        label = "cash_register"
    side = rng.uniform(0.25, 1.3) * rng.choice([-1, 1])
    return Act(label, "lid", (0.1, 0, high), rng.uniform(0.3, 0.6), about(side, 0.1), (0.15, 0.8), floor=0.15)


def _lid(shop: Workshop) -> Act:
    """Of a box, bin, laptop or pot: it falls shut, or is pressed down."""
    rng = shop.rng
    shop.table(pick(rng, {"wood": 3, "plastic": 1, "stone": 0.7}), rng.uniform(0.8, 1.4), rng.uniform(0.6, 0.9))
    material = pick(rng, {"wood": 2, "metal": 1, "plastic": 1.5, "tin": 1})
    wide, deep = rng.uniform(0.08, 0.25), rng.uniform(0.08, 0.18)
    tall = rng.choice([0.008, 0.05, 0.1]) * rng.uniform(0.8, 1.5)
    paint = shop.paint(material)
    shop.fixed("box", (wide, deep, tall), material, (0, 0, tall), paint=paint, part="stop")
    lid = shop.body((0, deep, 2 * tall + 0.006), stem="lid", weightless=True)
    joint = shop.join(lid, "hinge", (-1, 0, 0), damping=0.002)
    shop.servo(joint, _closings(shop, float(rng.uniform(0.5, 1.7)), 0.03), 12)
    over = paint if rng.random() < 0.5 else None
    shop.geom(lid, "box", (wide, deep, 0.005), material, (0, -deep, 0), paint=over, part="leaf", mass=0.4)
    if rng.random() < 0.65:
        arm(shop, lid, (0, -2 * deep, 0.0), (rng.uniform(-0.3, 0.3), -0.6, 0.4), whole=0.25)
    shop.hears("leaf", "stop")
    label = sound_label(material, material)
    turn = rng.uniform(-2.6, -0.5) if rng.random() < 0.6 else rng.uniform(-0.5, 0.6)
    focus, extent = (0, 0, 2 * tall + 0.4 * deep), max(wide, deep) * rng.uniform(1.1, 1.9)
    return Act(label, "lid", focus, extent, about(turn, 0.1), (0.1, 0.8), floor=0.15, tail=0.7)


def _finger(shop: Workshop, home: Vector, tracks: np.ndarray, paint: str) -> Any:
    """A fingertip driven along tracks (N, 3) about its home; its part is "finger"."""
    tip = shop.driven(home, tracks, 900.0, stem="fingertip")
    ends = ((0, 0, 0), (0, -0.012, 0.02))
    shop.geom(tip, "capsule", (0.0075,), "skin", ends=ends, paint=paint, part="finger", mass=0.05)
    return tip


def switch(shop: Workshop) -> Act:
    """A finger presses a button, a bell push, a rocker switch; now and then a light answers."""
    rng, t = shop.rng, shop.t
    upright = rng.random() < 0.5
    if upright:
        shop.floor(pick(rng, {"wood": 1, "tiles": 1, "carpet": 1}), z=-1.2)
        shop.prop(shop.world, "box", (1.5, 1.5, 0.02), "concrete", (0, 0, -0.035))
    else:
        shop.table(pick(rng, {"wood": 2, "plastic": 1, "metal": 0.6}), 1.0, 0.7)
    plate = rng.uniform(0.025, 0.06)
    shop.fixed("box", (plate, plate * rng.uniform(0.7, 1.6), 0.008), "plastic", (0, 0, 0.004), part="plate")
    times = irregular_times(rng, shop.duration, (0.6, 2.2), min_gap=0.28)
    round_one = rng.random() < 0.5
    size = plate * rng.uniform(0.3, 0.6)
    button = shop.body((0, 0, 0.02), stem="button", weightless=True)
    shop.join(button, "slide", (0, 0, 1), span=(-0.02, 0.0), stiffness=150, damping=0.6)
    colour = tuple(rng.uniform(0.1, 1.0, 3))
    shape = "cylinder" if round_one else "box"
    measure = (size, 0.005) if round_one else (size, size * rng.uniform(0.6, 1.2), 0.005)
    look = shop.geom(button, shape, measure, "plastic", part="button", colour=colour, mass=0.02)
    lifts = rng.uniform(0.012, 0.06) * rng.uniform(0.4, 1, len(times) + 1)
    fall, rise, dwell = rng.uniform(0.08, 0.2), rng.uniform(0.15, 0.4), float(rng.choice([0.03, 0.08, 0.2]))
    track = stroke(t, times, lifts, fall, rise, dwell, False)
    # At rest the finger is above the button; the stroke ends where the button meets the plate.
    track = track - 0.012 * np.exp(-((np.clip(track / 0.006, 0, None)) ** 2) / 4)
    skin = shop.paint("skin", kind="plain")
    # The fingertip's end lies its radius lower than the body.
    tip = _finger(shop, (rng.normal(0, 0.2) * size, 0, 0.0335), np.stack([0 * t, 0 * t, track], 1), skin)
    shop.prop(tip, "capsule", (0.009,), "skin", ends=((0, -0.012, 0.02), (0, -0.05, 0.045)), paint=skin)
    shop.prop(tip, "ellipsoid", (0.03, 0.045, 0.035), "skin", (0.02, -0.08, 0.05), paint=skin)
    for finger in range(3):
        x = 0.02 + 0.017 * finger
        shop.prop(tip, "capsule", (0.009,), "skin", ends=((x, -0.055, 0.06), (x, -0.045, 0.03)), paint=skin)
    shoulder = (rng.uniform(-0.2, 0.3), -0.55, rng.uniform(0.15, 0.4))
    arm(shop, tip, (0.015, -0.12, 0.06), shoulder, whole=0.0, bend=(1, 0, -0.5))
    if rng.random() < 0.3:  # it lights up
        on = (np.searchsorted(times, shop.clock, side="right") % 2)[:, None]
        bright = np.concatenate([np.clip(np.array(colour) * (0.4 + 1.2 * on), 0, 1), np.ones((len(on), 1))], 1)
        shop.change("geom_rgba", look, bright)
    shop.hears("button", "plate")
    shop.hears("finger", "button")
    turn = rng.uniform(-np.pi, np.pi)
    label = pick(rng, {"click": 5, "keyboard_key": 1, "camera_click": 0.5})
    focus, extent = (0, -0.01, 0.03), rng.uniform(0.05, 0.14)
    return Act(label, "switch", focus, extent, about(turn, 0.1), (0.15, 1.1), merge=0.12, floor=0.12, tail=0.4)


def typing(shop: Workshop) -> Act:
    """Fingers on a keyboard, a typewriter or a piano."""
    rng, t = shop.rng, shop.t
    shop.table(pick(rng, {"wood": 3, "plastic": 1, "stone": 0.5}), rng.uniform(0.8, 1.4), rng.uniform(0.5, 0.8))
    rows, columns, pitch = int(rng.integers(3, 5)), int(rng.integers(7, 12)), rng.uniform(0.017, 0.021)
    label = pick(rng, {"keyboard_key": 4, "typewriter": 1, "click": 0.5})
    rise = rng.uniform(0.004, 0.014) if label == "typewriter" else 0.0
    case = shop.paint("plastic", kind="plain")
    cap = shop.paint("plastic", kind="plain")
    wide, deep = columns * pitch / 2 + 0.008, rows * pitch / 2 + 0.008
    base_top = 0.012
    shop.fixed("box", (wide, deep, base_top / 2), "plastic", (0, 0, base_top / 2), paint=case, part="base")
    if rng.random() < 0.6:
        times = irregular_times(rng, shop.duration, (1.5, 5.0), min_gap=0.13)
    else:
        times = burst_times(rng, shop.duration, (3, 9), (0.14, 0.26), (0.4, 1.2))
    hands = int(rng.choice([1, 2, 2]))
    fingers = [(hand, finger) for hand in range(hands) for finger in range(3)]
    played = rng.integers(0, len(fingers), len(times))
    skin = shop.paint("skin", kind="plain")
    keys: set[tuple[int, int]] = set()
    for hand in range(hands):
        middle = (hand - (hands - 1) / 2) * columns * pitch * 0.5
        palm = shop.puppet(np.array([[middle, -deep - 0.055, 0.055]]), None, stem="palm")
        shop.prop(palm, "ellipsoid", (0.04, 0.045, 0.02), "skin", paint=skin)
        for finger in range(3):
            own = times[played == fingers.index((hand, finger))]
            column = int(np.clip(round((middle / pitch) + (finger - 1) * 1.5 + columns / 2), 0, columns - 1))
            pressed = [(int(row), column) for row in rng.integers(0, rows, len(own) + 1)]
            keys.update(pressed)
            spots = np.array([_key_place(rows, columns, pitch, *key) for key in pressed])
            path = smoothed(spots[np.searchsorted(own + 0.1, t)], 100)
            lift = np.full(len(t), 0.02)
            if len(own):
                lifts = rng.uniform(0.012, 0.03) * rng.uniform(0.5, 1, len(own) + 1)
                lift = stroke(t, own, lifts, 0.07, 0.12, 0.02, False)
            lift = lift - 0.009 * np.exp(-((lift / 0.005) ** 2) / 4)
            start = (*path[0], base_top + 0.0165 + rise)
            tip = _finger(shop, start, np.column_stack([path - path[0], lift]), skin)
            knuckle = ((finger - 1) * 0.022, 0.04, 0.012)
            shop.limb((palm, knuckle), (tip, (0, -0.012, 0.02)), (0.045, 0.04), (0.009, 0.008), (skin, skin), (0, 0, 1))
        shoulder, bend = (middle * 2.2 + rng.uniform(-0.05, 0.05), -0.6, 0.35), (np.sign(middle + 1e-6), 0, -0.6)
        arm(shop, palm, (0, -0.04, 0), shoulder, whole=0.25 if hand == 0 else 0.0, bend=bend)
    size = (pitch * 0.43, pitch * 0.43, 0.003)
    for spot in itertools.product(range(rows), range(columns)):
        place = (*_key_place(rows, columns, pitch, *spot), base_top + 0.006 + rise)
        if spot in keys:
            key = shop.body(place, stem="key", weightless=True)
            shop.join(key, "slide", (0, 0, 1), span=(-0.02, 0.0), stiffness=60, damping=0.25)
            shop.geom(key, "box", size, "plastic", paint=cap, part="key", mass=0.008)
        else:
            shop.prop(shop.world, "box", size, "plastic", place, paint=cap)
    shop.hears("key", "base")
    shop.hears("finger", "key")
    # From opposite or beside: seen from behind, the hands hide what they strike.
    turn = rng.uniform(-0.5, np.pi + 0.5)
    extent, azimuths = wide * rng.uniform(0.8, 1.5), about(turn, 0.2)
    return Act(
        label,
        "typing",
        (0, -0.01, 0.02),
        extent,
        azimuths,
        (0.2, 1.2),
        outdoors=False,
        merge=0.09,
        floor=0.12,
        tail=0.4,
    )


def _key_place(rows: int, columns: int, pitch: float, row: int, column: int) -> tuple[float, float]:
    return (column - (columns - 1) / 2) * pitch, ((rows - 1) / 2 - row) * pitch
