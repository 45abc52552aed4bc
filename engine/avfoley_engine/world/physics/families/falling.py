"""Families under gravity: drop, bounce, and glass that breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import irregular_times, smoothstep
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.families.things import arm, fist, thing
from avfoley_engine.world.physics.materials import WEIGHTS, sound_label
from avfoley_engine.world.physics.workshop import Callback, Control, Workshop, any_turn, up

_G = 9.81
_BALLS = {"rubber": 3, "leather": 2, "plastic": 1.5, "wood": 0.7, "stone": 0.4, "metal": 0.5}


def grounds(shop: Workshop, size: float, grounds: Mapping[str, float] | None = None, tables: float = 0.4) -> str:
    """A floor, or where `size` permits a table; returns what its top is made of."""
    rng = shop.rng
    if rng.random() < tables:
        material = pick(rng, {"wood": 3, "plastic": 1, "metal": 0.7, "stone": 0.7, "glass": 0.3})
        shop.table(material, float(size * rng.uniform(3, 7)), float(size * rng.uniform(2.5, 5)))
        return material
    material = pick(rng, grounds or WEIGHTS["grounds"])
    shop.floor(material)
    return material


def held_until(shop: Workshop, until: float, place: np.ndarray, approach: np.ndarray, lower: float = 0.0) -> np.ndarray:
    """A path (N, 3): to a place along `approach` and held there, sinking by `lower` at last."""
    t = shop.t
    arrival = max(until - shop.rng.uniform(0.15, 0.6), 0.02)
    begin = arrival - shop.rng.uniform(0.3, 0.8)
    way = 1 - smoothstep((t - begin) / (arrival - begin))
    path = place + np.outer(way, approach)
    path[:, 2] -= lower * smoothstep((t - arrival) / max(until - arrival, 0.05)) * (t > arrival)
    return np.asarray(path)


def letting_hand(shop: Workshop, until: float, path: np.ndarray, above: np.ndarray, shoulder: np.ndarray) -> None:
    """A hand that holds something on a path until a second and then draws back, with its arm."""
    t = shop.t
    after = smoothstep((t - until - 0.02) / 0.35)
    # It opens upwards first, and leaves as it came.
    away = (shoulder - path[-1]) * 0.5
    index = min(len(t) - 1, round(until / shop.step))
    stays = np.where((t < until)[:, None], path, path[index])
    opens = np.outer(0.02 * smoothstep((t - until) / 0.05), [0, 0, 1])
    hand = shop.puppet(stays + above + np.outer(after, away) + opens)
    fist(shop, hand, (0, 0, 0), shop.paint("skin", kind="plain"))
    arm(shop, hand, (0, 0, 0.02), shoulder, whole=0.15)


def thrown_in(
    shop: Workshop,
    body: Any,
    time: float,
    place: np.ndarray,
    rise: float,
    drift: np.ndarray,
    *,
    spin: float,
    quat: np.ndarray | None = None,
    earliest: float = 0.01,
) -> None:
    """A free body comes turning from `rise` metres above a place, at `drift` m/s (2,).

    It is down at `time`, and let go at `earliest` at the earliest; `spin` is a deviation, rad/s.
    """
    flight = np.sqrt(2 * (place[2] + rise) / _G)
    start = np.array([*(place[:2] - drift * flight), place[2] + rise])
    spins = shop.rng.normal(0, spin, 3)
    quat = any_turn(shop.rng) if quat is None else quat
    shop.carry(body, max(time - flight, earliest), place=start, velocity=(*drift, 0), spin=spins, quat=quat)


def drop(shop: Workshop) -> Act:
    """Things of one kind fall, from a hand or from above the picture, and tumble till they lie."""
    rng = shop.rng
    material = pick(rng, WEIGHTS["dropped"])
    size = float(np.exp(rng.uniform(np.log(0.03), np.log(0.16))))
    ground = grounds(shop, max(size * 4, 0.3))
    times = irregular_times(rng, shop.duration, (0.4, 1.5), min_gap=0.35)
    by_hand = rng.random() < 0.45 and size < 0.12
    high = float(np.clip(size * np.exp(rng.uniform(np.log(2.5), np.log(12))), 0.12, 1.3))
    spread = size * rng.uniform(0.5, 3)
    shape = ""
    for number, time in enumerate(times[:9]):
        item = shop.free(stem="item")
        shape = thing(shop, item, material, size * rng.uniform(0.8, 1.15), shape=shape if rng.random() < 0.8 else "")
        height = high * rng.uniform(0.7, 1.1) + size
        place = np.array([*rng.normal(0, spread * 0.5, 2), height])
        quat = any_turn(rng)
        if by_hand and (number == 0 or time - times[number - 1] > 0.9):
            until = max(time - np.sqrt(2 * height / _G), 0.1)
            shoulder = np.array([*(rng.choice([-1, 1], 2) * rng.uniform(0.25, 0.5, 2)), height + rng.uniform(0.1, 0.5)])
            path = held_until(shop, until, place, shoulder * 0.7 - place * [0.7, 0.7, 0])
            shop.carry(item, until, path=path, quat=quat, spin=rng.normal(0, 2, 3))
            letting_hand(shop, until, path, np.array([0, 0, size * 0.9]), shoulder)
        else:
            # It comes from above the picture, with some speed already.
            thrown_in(shop, item, time, place, rng.uniform(0.4, 1.0), rng.normal(0, 0.35, 2), spin=5, quat=quat)
    shop.hears("item", "ground")
    shop.hears("item", "item")
    shop.hears("item", "under")
    label = sound_label(material, ground)
    if shape in ("ring", "spoon") and label == "impact_metal" and rng.random() < 0.3:
        label = str(rng.choice(["coins", "keys"]))
    extent = max(0.55 * high, spread, 2.5 * size)
    return Act(label, "drop", (0, 0, 0.45 * high), extent)


def bounce(shop: Workshop) -> Act:
    """Balls bounce: dropped or thrown in, one at a time or several."""
    rng = shop.rng
    material = pick(rng, _BALLS)
    radius = float(np.exp(rng.uniform(np.log(0.018), np.log(0.13))))
    firm = {"concrete": 3, "wood": 3, "tiles": 2, "grass": 0.5, "metal": 0.5, "stone": 1}
    ground = grounds(shop, max(radius * 5, 0.35), firm, 0.3)
    high = float(np.clip(radius * np.exp(rng.uniform(np.log(4), np.log(14))), 0.2, 1.4))
    begin, spread = rng.uniform(0.05, 0.8), radius * rng.uniform(1, 5)
    throws = []
    while begin < shop.duration - 0.3:
        throws.append(begin)
        begin += rng.uniform(0.9, 2.6)
    rolls = rng.uniform(0, 0.5)
    for time in throws:
        ball = shop.free(stem="ball")
        shop.geom(ball, "sphere", (radius,), material, part="item")
        height = high * rng.uniform(0.7, 1.15) + radius
        drift = rng.normal(0, rolls, 2) * [1, 0.5]
        place = np.array([*(rng.normal(0, spread * 0.4, 2) - drift * 0.8), height])
        if rng.random() < 0.3 and radius < 0.06:
            shoulder = place + rng.uniform([0.25, 0.25, 0.1], [0.5, 0.5, 0.4]) * [*rng.choice([-1, 1], 2), 1]
            path = held_until(shop, time, place, (shoulder - place) * 0.7)
            shop.carry(ball, time, path=path)
            letting_hand(shop, time, path, np.array([0, 0, radius * 0.9]), shoulder)
        else:
            down = rng.uniform(0, 3.5)
            shop.carry(ball, time, place=place + up(0.5), velocity=(*drift, -down), spin=rng.normal(0, 6, 3))
    shop.hears("item", "ground")
    shop.hears("item", "item")
    label = sound_label(material, ground)
    extent = max(0.6 * high, spread, 4 * radius)
    return Act(label, "bounce", (0, 0, 0.45 * high), extent, floor=0.1)


def glass(shop: Workshop) -> Act:
    """Glasses, bottles, plates or panes fall and break into pieces, or a ball breaks a pane."""
    rng = shop.rng
    grounds(shop, 0.5, {"concrete": 2, "tiles": 3, "wood": 2, "stone": 1}, 0.3)
    size = float(rng.uniform(0.05, 0.12))
    material = "glass" if rng.random() < 0.7 else "ceramic"
    times = np.sort(rng.uniform(0.4, shop.duration - 0.4, int(rng.integers(1, 4))))
    times = times[np.diff(times, prepend=-1) > 0.5]
    high = float(rng.uniform(0.3, 1.0))
    clear = material == "glass" and rng.random() < 0.6
    for time in times:
        whole = shop.free(stem="item")
        shade = tuple(np.clip(rng.uniform(0.5, 1.0) * np.ones(3) + rng.normal(0, 0.1, 3), 0, 1))
        look: dict[str, Any] = {"colour": shade, "alpha": 0.65} if clear else {"paint": shop.paint(material)}
        kind = str(rng.choice(["tumbler", "bottle", "plate"]))
        if kind == "plate":
            shop.geom(whole, "cylinder", (size * 1.2, size * 0.12), material, part="item", **look)
        else:
            shop.geom(whole, "cylinder", (size * 0.6, size), material, part="item", **look)
        if kind == "bottle":
            shop.geom(whole, "cylinder", (size * 0.2, size * 0.5), material, (0, 0, size * 1.4), part="item", **look)
        pieces = []
        for _ in range(int(rng.integers(7, 13))):
            piece = shop.free(stem="piece")
            dims = size * np.array([rng.uniform(0.15, 0.5), rng.uniform(0.1, 0.4), 0.06])
            shop.geom(piece, "box", dims, material, part="piece", **look)
            shop.carry(piece, None, quat=any_turn(rng))
            pieces.append(piece.name)
        height, drift = high * rng.uniform(0.8, 1.2), rng.normal(0, 0.25, 2)
        place = np.array([*rng.normal(0, 0.15, 2), height])
        thrown_in(shop, whole, time, place, 0.6, drift, spin=3, earliest=0.02)
        shop.callbacks.append(_breaking(whole.name, pieces, size, np.random.default_rng(rng.integers(1 << 60))))
    shop.hears("item", "ground")
    shop.hears("item", "under")
    extent = max(0.5 * high, 0.25)
    return Act("glass_break", "glass", (0, 0, 0.35 * high), extent, merge=0.08, floor=0.2)


def _breaking(whole: str, pieces: list[str], size: float, rng: np.random.Generator) -> Callback:
    """A callback that puts the pieces where the whole is when it is hit."""
    done = False

    def check(control: Control) -> None:
        nonlocal done
        if done or control.pressed(whole) < 1.0:
            return
        done = True
        q, v = (a.copy() for a in control.state(whole))
        control.hide(whole)
        for piece in pieces:
            offset = rng.normal(0, 0.5, 3) * size
            place = q[:3] + offset
            place[2] = max(place[2], 0.02) if q[2] > -0.01 else place[2]
            burst = offset / size * rng.uniform(0.6, 2.0) + v[:3] * [0.6, 0.6, -0.15]
            burst[2] = abs(burst[2]) + rng.uniform(0, 0.8)
            control.release(piece, place, burst, rng.normal(0, 12, 3))

    return check
