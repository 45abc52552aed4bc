"""Families on the ground: rolling and colliding, dominoes, games with balls."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import sparse_times
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.families.falling import grounds
from avfoley_engine.world.physics.families.things import arm, fist
from avfoley_engine.world.physics.materials import sound_label
from avfoley_engine.world.physics.workshop import Control, Workshop, heading

_FLAT = {"concrete": 2, "wood": 3, "tiles": 2, "stone": 1}


def roll(shop: Workshop) -> Act:
    """Balls, cans and carts roll against walls, blocks and each other."""
    rng = shop.rng
    material = pick(rng, {"wood": 2, "plastic": 1.5, "metal": 2, "tin": 1, "rubber": 1, "glass": 1, "stone": 0.5})
    radius = float(np.exp(rng.uniform(np.log(0.02), np.log(0.11))))
    grounds(shop, radius * 10, _FLAT, 0.35)
    lane = radius * rng.uniform(5, 11)  # half of the way between the walls
    block = str(rng.choice(["wood", "metal", "stone", "plastic", "concrete"]))
    high, thick = radius * rng.uniform(1.0, 3.0), radius * rng.uniform(0.3, 1.5)
    skew = rng.normal(0, 0.12)
    for side in (-1, 1):
        size, place = (thick, radius * rng.uniform(3, 8), high / 2), (side * (lane + thick), 0, high / 2)
        shop.fixed("box", size, block, place, quat=heading(skew * side), part="wall")
    shape = "sphere" if rng.random() < 0.75 else "cylinder"
    kind = str(rng.choice(["one", "many", "target"], p=[0.4, 0.35, 0.25]))
    times = sparse_times(rng, shop.duration - 0.6, (1, 2) if kind == "one" else (2, 5), 0.5) - 0.2
    speed = 2 * lane * rng.uniform(0.7, 2.0)
    for number, time in enumerate(times):
        ball = shop.free(stem="ball")
        turn = np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0]) if shape == "cylinder" else np.array([1.0, 0, 0, 0])
        if shape == "sphere":
            paint = shop.paint(material, kind=str(rng.choice(["stripes", "checker", "patches", "plain", "marble"])))
            shop.geom(ball, "sphere", (radius,), material, part="item", paint=paint)
        else:
            shop.geom(ball, "cylinder", (radius, radius * rng.uniform(0.8, 1.8)), material, part="item")
        side = rng.choice([-1.0, 1.0])
        v = speed * rng.uniform(0.7, 1.2)
        y = radius * rng.uniform(-1.5, 1.5) * (shape == "sphere")
        start = np.array([-side * (lane - 2 * radius), y, radius + 0.002])
        if kind != "one" and number == 0:  # one lies there from the start
            start, v = np.array([rng.uniform(-0.3, 0.3) * lane, y, radius + 0.001]), 0.0
            time = 0.0
        drift = rng.normal(0, 0.06) * v * (shape == "sphere")
        spin = (0, side * v / radius, 0) if shape == "sphere" else (0, 0, -side * v / radius)
        shop.carry(ball, time, place=start, velocity=(side * v, drift, 0), spin=spin, quat=turn)
    if kind == "target":
        for _ in range(int(rng.integers(1, 5))):
            stood = shop.free((*(rng.uniform(-0.5, 0.5, 2) * [lane, 2 * radius]), radius * 1.2 + 0.001), stem="pin")
            shop.geom(stood, "cylinder", (radius * 0.5, radius * 1.2), "wood", part="item")
    shop.hears("item", "wall")
    shop.hears("item", "item")
    label = sound_label(material, material if kind == "many" and rng.random() < 0.5 else block)
    return Act(label, "roll", (0, 0, radius), lane * 0.75, floor=0.08, elevations=(0.12, 1.1))


def dominoes(shop: Workshop) -> Act:
    """A row of tiles, books or boxes topples; the first one is pushed, the last may hit something."""
    rng = shop.rng
    material = pick(rng, {"wood": 3, "plastic": 2, "stone": 0.7, "paper": 1})
    tall = float(np.exp(rng.uniform(np.log(0.05), np.log(0.25))))
    count = int(rng.integers(5, 15))
    gap = tall * rng.uniform(0.45, 0.75)
    grounds(shop, count * gap * 0.5, _FLAT, 0.5)
    bend = rng.uniform(-1.2, 1.2) / count if rng.random() < 0.5 else 0.0
    place, yaw = np.array([-0.5 * gap * count, 0.0]), -bend * count / 2
    along = np.array([np.cos(yaw), np.sin(yaw), 0])
    tiles = []
    for number in range(count):
        tile = shop.free((*place, tall / 2 + 0.0005), quat=heading(yaw), stem="tile")
        paint = shop.paint(material) if number == 0 or rng.random() < 0.5 else None
        shop.geom(tile, "box", (tall * 0.08, tall * 0.25, tall / 2), material, part="tile", paint=paint)
        tiles.append(tile.name)
        place = place + gap * np.array([np.cos(yaw), np.sin(yaw)])
        yaw += bend
    start = rng.uniform(0.1, 1.2)

    def push(control: Control) -> None:
        if start <= control.time < start + 0.15:
            _, v = control.state(tiles[0])
            v[3:] = [0, 1.5, 0]
            v[:3] = np.maximum(v[:3] @ along, 0.75 * tall) * along

    shop.callbacks.append(push)
    shop.hears("tile", "tile")
    if rng.random() < 0.5:
        shop.hears("tile", "ground")
    label = sound_label(material, material)
    extent = max(gap * count * 0.45, tall)
    return Act(label, "dominoes", (0, 0, tall * 0.4), extent, floor=0.15, elevations=(0.15, 0.9), tail=0.5)


def ball_game(shop: Workshop) -> Act:
    """A ball that is dribbled, thrown against a wall, juggled on a bat, or bowled at pins."""
    kind = str(shop.rng.choice(["dribble", "wall", "bat", "bowl"], p=[0.3, 0.3, 0.2, 0.2]))
    return {"dribble": _dribble, "wall": _wall, "bat": _bat, "bowl": _bowl}[kind](shop)


def _dribble(shop: Workshop) -> Act:
    """A hand pushes a ball down whenever it comes up."""
    rng = shop.rng
    radius = float(rng.uniform(0.09, 0.13))
    shop.floor(pick(rng, {"wood": 3, "concrete": 3, "tiles": 1}))
    top = float(rng.uniform(0.5, 0.95))
    ball = shop.free((0, 0, top - radius), stem="ball")
    material = str(rng.choice(["rubber", "leather"]))
    paint = shop.paint(material, kind=str(rng.choice(["patches", "stripes", "plain", "checker"])))
    shop.geom(ball, "sphere", (radius,), material, part="item", paint=paint)
    hand = shop.puppet(np.tile([0.0, 0.0, top + 0.05], (len(shop.t), 1)), stem="hand")
    skin = shop.paint("skin", kind="plain")
    shop.prop(hand, "ellipsoid", (0.09, 0.06, 0.02), "skin", paint=skin)
    for finger in range(4):
        y = (finger - 1.5) * 0.025
        shop.prop(hand, "capsule", (0.011,), "skin", ends=((0.07, y, 0), (0.14, y * 1.4, -0.01)), paint=skin)
    yaw = rng.uniform(-np.pi, np.pi)
    shoulder = np.array([-0.35 * np.cos(yaw), -0.35 * np.sin(yaw), top + rng.uniform(0.35, 0.6)])
    arm(shop, hand, (-0.08, 0, 0), shoulder, whole=0.7)
    state = {"push": -1.0, "hand": top + 0.06, "tempo": rng.uniform(2.6, 4.6)}
    path = shop.poses[hand.name][0]
    noise = np.random.default_rng(rng.integers(1 << 60))
    wait = rng.uniform(0.2, 1.0)

    def play(control: Control) -> None:
        q, v = control.state(ball.name)
        step = int(np.clip(round(control.time / shop.step), 0, len(path) - 1))
        contact = q[2] + radius + 0.012
        if control.time < wait:
            q[:3], v[:] = (0, 0, top - radius), 0
            state["hand"] = contact
        elif state["push"] < 0 and v[2] <= 0.6 and q[2] > 0.55 * top:
            state["push"] = control.time
            state["speed"] = state["tempo"] * noise.uniform(0.8, 1.2)
        if state["push"] >= 0:  # accelerates the ball for an eighth of a second
            age = control.time - state["push"]
            if age < 0.12:
                v[2] += (-state["speed"] - v[2]) * min(1.0, shop.step / max(0.12 - age, shop.step))
                v[:2] = -2.5 * q[:2] * noise.uniform(0.5, 1.2)
                state["hand"] = contact
            elif v[2] > 0:
                state["push"] = -1.0
        rest = top + 0.06
        if contact >= state["hand"] or (state["push"] >= 0 and control.time - state["push"] < 0.12):
            state["hand"] = contact
        else:
            state["hand"] += (rest - state["hand"]) * shop.step / 0.12
        path[step] = (q[0], q[1], state["hand"])

    shop.callbacks.append(play)
    shop.hears("item", "ground")
    return Act("bounce", "ball_game", (0, 0, 0.45 * top), 0.62 * top, floor=0.2)


def _wall(shop: Workshop) -> Act:
    """Balls fly against a wall and come back over the floor."""
    rng = shop.rng
    radius = float(rng.uniform(0.02, 0.11))
    ground = pick(rng, {"wood": 2, "concrete": 3, "tiles": 1, "grass": 0.7})
    shop.floor(ground)
    material = str(rng.choice(["rubber", "leather", "plastic"]))
    far = float(radius * rng.uniform(10, 22) + 0.3)
    wall = str(rng.choice(["concrete", "wood", "stone", "metal"]))
    size = (0.05, far * rng.uniform(1, 4), far * rng.uniform(0.5, 1))
    shop.fixed("box", size, wall, (far + 0.05, 0, far * 0.5), part="wall")
    time = rng.uniform(0.05, 0.6)
    while time < shop.duration - 0.3:
        ball = shop.free(stem="ball")
        shop.geom(ball, "sphere", (radius,), material, part="item")
        aim = far * rng.uniform(0.15, 0.7)
        flight = rng.uniform(0.25, 0.5)
        start = np.array([-far * 0.7, rng.normal(0, 0.2) * far, far * rng.uniform(0.2, 0.6)])
        v = np.array([(far - start[0]) / flight, rng.normal(0, 0.25) * far, (aim - start[2]) / flight + 4.9 * flight])
        shop.carry(ball, time, place=start, velocity=v, spin=rng.normal(0, 5, 3))
        time += rng.uniform(0.7, 2.2)
    shop.hears("item", "ground")
    shop.hears("item", "wall")
    label, focus = sound_label(material, ground), (far * 0.4, 0, far * 0.35)
    azimuths = (np.pi * 0.6, np.pi * 1.4) if rng.random() < 0.4 else (-np.pi * 0.8, -np.pi * 0.2)
    return Act(label, "ball_game", focus, far * 0.75, azimuths, walls=bool(rng.random() < 0.5), floor=0.12)


def _bat(shop: Workshop) -> Act:
    """A ball is kept in the air on a bat."""
    rng = shop.rng
    radius = float(rng.uniform(0.018, 0.035))
    shop.floor(pick(rng, _FLAT), z=-float(rng.uniform(0.6, 1.1)))
    ball = shop.free((0, 0, radius + 0.25), stem="ball")
    shop.geom(ball, "sphere", (radius,), "plastic", part="item", colour=tuple(rng.uniform(0.5, 1, 3)))
    bat = shop.driven((0, 0, 0), np.zeros((len(shop.t), 3)), 3000, stem="bat")
    drives = list(shop.drives)[-3:]
    shop.geom(bat, "cylinder", (0.085, 0.006), "wood", part="bat", mass=0.5, mover=False)
    shop.prop(bat, "capsule", (0.013,), "wood", ends=((-0.07, 0, 0), (-0.19, 0, 0)), mass=0.1)
    fist(shop, bat, (-0.15, 0, 0), shop.paint("skin", kind="plain"))
    yaw = rng.uniform(-0.5, 0.5)
    shoulder = (-0.55 * np.cos(yaw), -0.55 * np.sin(yaw), rng.uniform(0.1, 0.35))
    arm(shop, bat, (-0.2, 0, 0), shoulder, whole=0.4)
    rise = rng.uniform(0.12, 0.5)
    noise = np.random.default_rng(rng.integers(1 << 60))
    state = {"rise": rise}

    def keep(control: Control) -> None:
        q, v = control.state(ball.name)
        data = control.data
        for axis in (0, 1):  # under the ball, and tipped back by a nudge of the ball itself
            data.ctrl[control.model.actuator(drives[axis]).id] = np.clip(q[axis], -0.2, 0.2)
        height = q[2] - radius
        falling = v[2] < 0 and height < 0.09
        target = 0.03 * np.clip(1 - height / 0.09, 0, 1) if falling else -0.02
        data.ctrl[control.model.actuator(drives[2]).id] = target
        if control.pressed(ball.name) > 0 and v[2] > 0.1:
            if v[2] < 3.5:
                v[2] = np.sqrt(2 * 9.81 * state["rise"])
            v[:2] = -1.2 * q[:2] + noise.normal(0, 0.04, 2)
            state["rise"] = rise * noise.uniform(0.5, 1.4)

    shop.callbacks.append(keep)
    shop.hears("item", "bat")
    label = "impact_wood" if rng.random() < 0.5 else "impact_plastic"
    return Act(label, "ball_game", (0, 0, 0.15), 0.3, elevations=(0.0, 0.7), floor=0.1)


def _bowl(shop: Workshop) -> Act:
    """Balls are bowled at pins, cans or blocks."""
    rng = shop.rng
    radius = float(rng.uniform(0.05, 0.11))
    shop.floor(pick(rng, _FLAT))
    target = pick(rng, {"wood": 3, "tin": 1.5, "plastic": 1.5})
    rows = int(rng.integers(2, 4))
    tall = radius * rng.uniform(1.5, 3)
    for row in range(rows):
        for column in range(row + 1):
            place = (row * tall * 1.0, (column - row / 2) * tall * 1.1, tall + 0.0005)
            pin = shop.free(place, stem="pin")
            paint = shop.paint(target)
            shop.geom(pin, "cylinder", (tall * 0.3, tall), target, part="item", paint=paint)
            shop.prop(pin, "sphere", (tall * 0.25,), target, (0, 0, tall * 1.1), paint=paint)
    material = str(rng.choice(["wood", "rubber", "plastic"]))
    for time in sparse_times(rng, shop.duration - 0.8, (1, 3), 0.8) - 0.15:
        ball = shop.free(stem="ball")
        shop.geom(ball, "sphere", (radius,), material, part="item", mass=1.0)
        start = np.array([-1.3 - tall * 2, rng.normal(0, 0.1), radius + 0.002])
        v = rng.uniform(2.0, 5.0)
        aim = -start[1] / (1.3 + tall * 2) * v
        shop.carry(ball, max(time, 0.02), place=start, velocity=(v, aim, 0), spin=(0, v / radius, 0))
    shop.hears("item", "item")
    return Act(sound_label(target, material), "ball_game", (0, 0, tall * 0.6), max(tall * 3.0, 0.4), floor=0.15)
