"""Families of what swings: pendulums, bells, balls on strings, chains."""

from __future__ import annotations

import itertools

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import irregular_times, steps, wander
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.families.falling import grounds
from avfoley_engine.world.physics.families.things import arm, fist, thing
from avfoley_engine.world.physics.materials import sound_label
from avfoley_engine.world.physics.workshop import Control, Workshop, turned


def pendulum(shop: Workshop) -> Act:
    """Something on a string swings against a block or another one like it; or a bell is rung."""
    kind = str(shop.rng.choice(["strings", "block", "bell"], p=[0.3, 0.4, 0.3]))
    return {"strings": _strings, "block": _block, "bell": _bell}[kind](shop)


def _strings(shop: Workshop) -> Act:
    """Balls hang in a row, one is pulled aside and let go: Newton's cradle."""
    rng = shop.rng
    radius = float(rng.uniform(0.012, 0.06))
    count = int(rng.integers(2, 6))
    long = radius * rng.uniform(6, 11)
    material = pick(rng, {"metal": 3, "wood": 1, "glass": 0.7, "stone": 0.5})
    grounds(shop, radius * 8)
    high = long + radius * rng.uniform(1.3, 2.5)
    span = count * radius + radius
    frame = shop.paint("metal" if rng.random() < 0.6 else "wood")
    for y in (-1, 1):
        depth = y * radius * 2.5
        left, right = (-span, depth, high), (span, depth, high)
        for ends in ((left, right), ((-span, depth, 0), left), ((span, depth, 0), right)):
            shop.prop(shop.world, "capsule", (radius * 0.15,), "metal", ends=ends, paint=frame)
    paint = shop.paint(material, kind="plain")
    pulled = int(rng.integers(1, max(2, count // 2 + 1)))
    aside = rng.uniform(0.5, 1.1)
    joints = []
    for number in range(count):
        x = (number - (count - 1) / 2) * 2.01 * radius
        body = shop.body((x, 0, high - long), stem="bob")
        joints.append(shop.join(body, "hinge", (0, 1, 0), place=(0, 0, long), damping=1e-5))
        name = shop.geom(body, "sphere", (radius,), material, paint=paint, part="bob")
        shop.spec.geom(name).solref = [-9e4, -12]
        for y in (-1, 1):
            shop.prop(body, "capsule", (radius * 0.05,), "cloth", ends=((0, 0, 0), (0, y * radius * 2.5, long)))
    release = rng.uniform(0.1, 0.7)

    def hold(control: Control) -> None:
        if control.time < release:
            for joint in joints[:pulled]:
                control.data.joint(joint).qpos[0] = aside
                control.data.joint(joint).qvel[0] = 0

    shop.callbacks.append(hold)
    shop.hears("bob", "bob")
    label = sound_label(material, material)
    if label == "impact_metal" and rng.random() < 0.3:
        label = "click"
    focus, extent = (0, 0, high * 0.5), max(high * 0.6, span)
    return Act(label, "swing", focus, extent, (-2.3, -0.8), (0.0, 0.6), floor=0.25, tail=0.6)


def _block(shop: Workshop) -> Act:
    """A weight on a rope, let go, meets a block again and again; now and then it is pushed anew."""
    rng = shop.rng
    size = float(np.exp(rng.uniform(np.log(0.03), np.log(0.16))))
    material = pick(rng, {"wood": 2, "metal": 2, "stone": 1, "rubber": 1, "plastic": 1, "cloth": 0.6})
    grounds(shop, size * 6)
    long = size * rng.uniform(4, 9)
    high = long + size * rng.uniform(1.2, 3)
    body = shop.body((0, 0, high - long), stem="bob")
    joint = shop.join(body, "hinge", (0, 1, 0), place=(0, 0, long), damping=1e-4)
    thing(shop, body, material, size, part="bob", shape=str(rng.choice(["ball", "box", "can", "bag"])))
    shop.prop(body, "capsule", (size * 0.06,), "cloth", ends=((0, 0, 0), (0, 0, long)))
    shop.prop(shop.world, "capsule", (size * 0.15,), "wood", ends=((-long, 0, high), (long, 0, high)))
    block = pick(rng, {"wood": 2, "metal": 1.5, "stone": 1, "concrete": 1, "plastic": 0.6})
    for side in (-1, 1) if rng.random() < 0.4 else (1,):
        x, tall = side * size * rng.uniform(1.1, 2.5) + side * size, high - long + size * 0.5
        measure = (size * rng.uniform(0.3, 1.0), size * rng.uniform(0.6, 1.5), tall)
        shop.fixed("box", measure, block, (x, 0, tall * 0.5), part="wall")
    pushes = irregular_times(rng, shop.duration, (0.35, 1.1), min_gap=0.5)
    aside = rng.uniform(0.4, 1.2)
    strength = rng.uniform(1.5, 4.0, len(pushes))
    state = {"next": 0}

    def push(control: Control) -> None:
        joint_data = control.data.joint(joint)
        if control.time < pushes[0]:
            joint_data.qpos[0], joint_data.qvel[0] = aside, 0
            state["next"] = 1
        elif state["next"] < len(pushes) and control.time >= pushes[state["next"]]:
            if abs(joint_data.qvel[0]) < 1.0 and joint_data.qpos[0] < aside:
                joint_data.qvel[0] += strength[state["next"]] * 0.02
                if control.time > pushes[state["next"]] + 0.1:
                    state["next"] += 1
            else:
                state["next"] += 1

    shop.callbacks.append(push)
    shop.hears("bob", "wall")
    label, focus = sound_label(material, block), (-0.2 * long, 0, high * 0.45)
    return Act(label, "swing", focus, long * 0.75, (-2.4, -0.7), (0.0, 0.6), floor=0.08)


def _bell(shop: Workshop) -> Act:
    """A bell swings on its yoke, or hangs and is pulled at; its clapper strikes its rim."""
    rng, t = shop.rng, shop.t
    size = float(rng.uniform(0.06, 0.4))
    shop.floor(pick(rng, {"stone": 1, "wood": 1, "grass": 1}), z=-size * rng.uniform(3, 8))
    brass = (0.75, 0.55, 0.2) if rng.random() < 0.6 else None
    paint = shop.paint("metal", kind="plain", colour=brass)
    bell = shop.body((0, 0, 0), stem="bell")
    joint = shop.join(bell, "hinge", (0, 1, 0))
    tempo, wide = rng.uniform(0.7, 1.4), rng.uniform(0.4, 0.9)
    rate = tempo * (1 + np.clip(wander(rng, t, 0.12, 0.3), -0.3, 0.3))
    begun = np.clip((t - rng.uniform(0, 1)) / 1.0, 0, 1)
    shop.servo(joint, wide * begun * np.sin(2 * np.pi * np.cumsum(rate) * shop.step), 60 * size)
    # The bell: rings of staves, wider towards the rim.
    profile = [(0.3, -0.1), (0.5, -0.45), (0.6, -0.8), (0.85, -1.05)]
    for (r0, z0), (r1, z1) in itertools.pairwise(profile):
        for stave in range(12):
            a = 2 * np.pi * stave / 12
            ends = [size * np.array([r * np.cos(a), r * np.sin(a), z]) for r, z in ((r0, z0), (r1, z1))]
            shop.prop(bell, "capsule", (size * 0.17,), "metal", ends=ends, paint=paint)
    for side in (-1, 1):
        measure, place = (size * 0.05, size * 0.5, size * 0.15), (side * size * 0.75, 0, -size * 0.95)
        name = shop.geom(bell, "box", measure, "metal", place, paint=paint, part="rim", mass=3.0 * size)
        shop.spec.geom(name).rgba = [0, 0, 0, 0]
        shop.spec.geom(name).material = ""
    shop.prop(bell, "box", (size * 0.2, size * 0.9, size * 0.12), "wood", mass=1.0 * size)
    for y in (-1, 1):
        shop.prop(shop.world, "box", (size * 0.1, size * 0.08, size * 4), "wood", (0, y * size * 1.1, -size * 3.8))
    clapper = shop.body((0, 0, -size * 0.1), parent=bell, stem="clapper")
    shop.join(clapper, "hinge", (0, 1, 0), damping=1e-4)
    shop.prop(clapper, "capsule", (size * 0.05,), "metal", ends=((0, 0, 0), (0, 0, -size * 0.9)), mass=0.1)
    shop.geom(clapper, "sphere", (size * 0.14,), "metal", (0, 0, -size * 1.0), part="clapper", mass=0.8 * size)
    shop.prop(clapper, "capsule", (size * 0.04,), "cloth", ends=((0, 0, -size * 0.9), (0, 0, -size * 1.5)))
    shop.hears("clapper", "rim")
    return Act("bell", "bell", (0, 0, -0.6 * size), size * 1.3, (-2.3, -0.8), (-0.3, 0.4), merge=0.1, floor=0.2)


def chain(shop: Workshop) -> Act:
    """A chain or bunch of keys is jerked, swung against a post, or let down on the ground in heaps."""
    rng, t = shop.rng, shop.t
    link = float(np.exp(rng.uniform(np.log(0.012), np.log(0.035))))
    count = int(rng.integers(7, 14))
    grounds(shop, link * 20, {"concrete": 2, "wood": 2, "metal": 0.7, "tiles": 1, "stone": 1})
    kind = str(rng.choice(["jerk", "lower", "keys"]))
    long = count * 2 * link
    hang = long * (rng.uniform(0.45, 0.85) if kind != "keys" else 0.5) + 0.02
    times = irregular_times(rng, shop.duration, (0.8, 2.2), min_gap=0.3)
    if kind == "lower":
        drop = rng.uniform(0.4, 0.8) * hang
        levels = np.where(np.arange(len(times) + 1) % 2, 0.0, 1.0) * drop * rng.uniform(0.7, 1.0, len(times) + 1)
        track = steps(t, times - 0.1, levels, rng.uniform(0.12, 0.3))
        tracks = [0.3 * wander(rng, t, 0.02, 1.0), 0 * t, track]
    else:
        goals = np.concatenate([[0.0], (-1.0) ** np.arange(len(times)) * rng.uniform(0.3, 1.0, len(times))])
        jerk = steps(t, times - 0.05, goals * rng.uniform(0.04, 0.1), rng.uniform(0.07, 0.12))
        tracks = [jerk * (kind == "keys"), 0 * t, 0.3 * jerk + 0.06 if kind == "keys" else jerk + 0.08]
    hand = shop.driven((0, 0, hang), np.stack(tracks, 1), 4000, stem="hand")
    skin = shop.paint("skin", kind="plain")
    shop.prop(hand, "sphere", (0.02,), "skin", paint=skin, mass=0.4)
    fist(shop, hand, (0, 0, 0.01), skin)
    shoulder = (rng.uniform(0.2, 0.45), rng.uniform(-0.3, 0.3), hang + rng.uniform(0.15, 0.4))
    arm(shop, hand, (0, 0, 0.03), shoulder, whole=0.2)
    steel = shop.paint("metal", kind="plain")
    if kind == "keys":
        for number in range(int(rng.integers(3, 7))):
            key = shop.body((0, 0, -0.02), parent=hand, quat=turned((0, 0, 1), number * 1.1), stem="link")
            for axis in np.eye(3)[:2]:
                shop.join(key, "hinge", axis, damping=2e-5)
            size = 2.2 * link
            measure, place, part = (
                (size * 0.35, size * 0.1, size * 0.9),
                (0, 0.004 * number, -size),
                f"link{number % 2}",
            )
            shop.geom(key, "box", measure, "metal", place, part=part, paint=steel, mass=0.02)
        for first, second in (("link0", "link1"), ("link0", "link0"), ("link1", "link1")):
            shop.hears(first, second)
        label, caption, focus, extent = "keys", "shake", (0, 0, hang + 0.02), 0.13
    else:
        parent = hand
        for number in range(count):
            parent = shop.body((0, 0, -2 * link if number else -link), parent=parent, stem="link")
            for axis in np.eye(3)[:2]:
                shop.join(parent, "hinge", axis, place=(0, 0, link), damping=3e-5)
            wide, deep = (0.5, 0.15) if number % 2 else (0.15, 0.5)
            measure, mass = (link * wide, link * deep, link * 1.1), 40 * link**1.5 * 0.1
            shop.geom(parent, "box", measure, "metal", paint=steel, part="link", mass=mass)
        shop.hears("link", "ground")
        label, caption, focus, extent = "chain", "chain", (0, 0, 0.45 * hang), max(0.55 * hang, 0.1)
    return Act(label, caption, focus, extent, merge=0.12, floor=0.15, tail=0.6)
