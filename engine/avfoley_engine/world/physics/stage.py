"""Sets the stage round an act: light, sky, walls, furniture, silent people, occluders."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.elements import Colour
from avfoley_engine.world.motion import smoothstep, wander
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.camera import Shot
from avfoley_engine.world.physics.textures import sky
from avfoley_engine.world.physics.workshop import Workshop, heading, turned, up

_WALLS = ("concrete", "wood", "tiles", "plastic", "plastic", "cloth", "stone", "paper")


def set_stage(rng: np.random.Generator, shop: Workshop, act: Act, shots: list[Shot]) -> None:
    """Adds to the act's model all that is seen and not heard."""
    indoors = bool(rng.random() < 0.6) if act.outdoors is None else not act.outdoors
    shot = shots[0]
    focus = act.focus if act.focus.ndim == 1 else act.focus[len(act.focus) // 2]
    away = -np.array([np.cos(shot.azimuth), np.sin(shot.azimuth), 0.0])
    _sky(rng, shop, indoors)
    _light(rng, shop, act, focus, away)
    if act.walls and rng.random() < (0.85 if indoors else 0.35):
        _wall(rng, shop, act, focus, away, indoors)
    _furniture(rng, shop, act, focus, away)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            _bystander(rng, shop, act, focus, away)
    if rng.random() < 0.12:
        _occluder(rng, shop, act, focus, away, shot)


def _sky(rng: np.random.Generator, shop: Workshop, indoors: bool) -> None:
    mj = shop.mj
    picture = sky(rng, indoors)
    added = shop.spec.add_texture(name="sky", type=mj.mjtTexture.mjTEXTURE_SKYBOX)
    added.height, added.width, added.nchannel = *picture.shape[:2], 3
    added.data = picture.tobytes()


def _light(rng: np.random.Generator, shop: Workshop, act: Act, focus: np.ndarray, away: np.ndarray) -> None:
    mj = shop.mj
    head = shop.spec.visual.headlight
    dim = 0.25 if act.dim else 1.0
    warm = np.array([1.0, 1.0 - rng.uniform(0, 0.12), 1.0 - rng.uniform(0, 0.25)])
    warm = warm if rng.random() < 0.6 else warm[::-1]
    ambient = rng.uniform(0.15, 0.5) * dim
    head.ambient, head.diffuse = ambient * np.ones(3), rng.uniform(0.0, 0.3) * dim * np.ones(3)
    head.specular = np.zeros(3)
    steep = rng.uniform(0.35, 1.5)
    yaw = rng.uniform(-np.pi, np.pi)
    towards = -np.array([np.cos(yaw) * np.cos(steep), np.sin(yaw) * np.cos(steep), np.sin(steep)])
    main = shop.world.add_light(name="main", pos=focus - towards * 4 * act.extent, dir=towards)
    main.castshadow = bool(rng.random() < 0.75)
    main.diffuse = rng.uniform(0.35, 0.8) * dim * warm
    main.specular = rng.uniform(0.1, 0.6) * dim * np.ones(3)
    main.ambient = np.zeros(3)
    if rng.random() < 0.6:
        main.type = mj.mjtLightType.mjLIGHT_DIRECTIONAL
    else:
        main.type = mj.mjtLightType.mjLIGHT_SPOT
        main.cutoff, main.exponent = rng.uniform(35, 75), rng.uniform(1, 8)
    if rng.random() < 0.5:
        side = np.cross(away, [0, 0, 1.0]) * rng.choice([-1, 1])
        place = focus + act.extent * (3 * side - away + up(rng.uniform(1, 4)))
        fill = shop.world.add_light(name="fill", pos=place, dir=focus - place)
        fill.castshadow = False
        fill.type = mj.mjtLightType.mjLIGHT_DIRECTIONAL
        fill.diffuse = rng.uniform(0.1, 0.35) * dim * warm[::-1]
        fill.ambient, fill.specular = np.zeros(3), np.zeros(3)


def _wall(
    rng: np.random.Generator, shop: Workshop, act: Act, focus: np.ndarray, away: np.ndarray, indoors: bool
) -> None:
    """A wall behind the act, now and then one beside it too."""
    low = shop.lowest
    behind = act.extent * np.exp(rng.uniform(np.log(1.6), np.log(9)))
    yaw = np.arctan2(away[1], away[0]) + rng.normal(0, 0.35)
    high = rng.uniform(2.2, 3.5) if indoors else rng.uniform(0.5, 2.5)
    high = max(high, focus[2] - low + act.extent)
    material = str(rng.choice(_WALLS))
    paint = shop.paint(material, repeat=float(rng.integers(1, 9)))
    wide = max(8.0, 12 * act.extent)
    place = focus + away * (behind + 0.05)
    place[2] = low + high / 2
    shop.prop(shop.world, "box", (0.05, wide, high / 2), material, place, quat=heading(yaw), paint=paint)
    if rng.random() < 0.3:
        side = np.array([-np.sin(yaw), np.cos(yaw), 0]) * rng.choice([-1, 1])
        place = focus + side * max(behind, 3 * act.extent) + away * wide / 2
        place[2] = low + high / 2
        shop.prop(shop.world, "box", (wide, 0.05, high / 2), material, place, quat=heading(yaw), paint=paint)
    for _ in range(int(rng.integers(0, 4))):  # pictures, windows, shelves
        size = act.extent * rng.uniform(0.1, 0.8, 2)
        along = rng.uniform(-2.5, 2.5) * act.extent
        place = focus + away * (behind - 0.02) + along * np.array([-np.sin(yaw), np.cos(yaw), 0])
        place[2] = focus[2] + rng.uniform(-0.3, 1.2) * act.extent
        depth = rng.choice([0.01, 0.03, 0.15]) * min(1.0, act.extent)
        shop.prop(shop.world, "box", (depth, *size), "plastic", place, quat=heading(yaw))


def _furniture(rng: np.random.Generator, shop: Workshop, act: Act, focus: np.ndarray, away: np.ndarray) -> None:
    """Things that stand still behind or beside the act."""
    side = np.array([-away[1], away[0], 0.0])
    for _ in range(int(rng.integers(0, 7))):
        size = act.extent * np.exp(rng.uniform(np.log(0.08), np.log(0.6), 3))
        place = focus + act.extent * (away * rng.uniform(1.3, 5) + side * rng.uniform(-3, 3))
        place[2] = shop.lowest + size[2]
        if shop.lowest < -0.1 and rng.random() < 0.5:
            place[2] = focus[2] + rng.uniform(-0.5, 0.2) * act.extent
            size[2] = (place[2] - shop.lowest) / 2
            place[2] = shop.lowest + size[2]
        shape = str(rng.choice(["box", "box", "cylinder", "ellipsoid"]))
        measure = size if shape != "cylinder" else (size[0], size[2])
        material = str(rng.choice(["wood", "plastic", "metal", "cloth", "ceramic", "paper"]))
        shop.prop(shop.world, shape, measure, material, place, quat=heading(rng.uniform(0, 6)))


def figure(shop: Workshop, body: object, paints: tuple[str, str, str], height: float = 1.7) -> None:
    """A person's trunk and head on a body at the hips; paints are of skin, coat and hair."""
    unit = height / 1.7
    skin, coat, hair = paints
    for shape, size, material, place, paint in (
        ("ellipsoid", (0.11 * unit, 0.17 * unit, 0.17 * unit), "cloth", (0, 0, 0.12 * unit), coat),
        ("ellipsoid", (0.12 * unit, 0.21 * unit, 0.2 * unit), "cloth", (0, 0, 0.38 * unit), coat),
        ("capsule", (0.05 * unit, 0.05 * unit), "skin", (0, 0, 0.6 * unit), skin),
        ("ellipsoid", (0.1 * unit, 0.08 * unit, 0.12 * unit), "skin", (0.01, 0, 0.75 * unit), skin),
        ("ellipsoid", (0.1 * unit, 0.085 * unit, 0.09 * unit), "skin", (-0.015, 0, 0.8 * unit), hair),
    ):
        shop.prop(body, shape, size, material, place, paint=paint)


def _bystander(rng: np.random.Generator, shop: Workshop, act: Act, focus: np.ndarray, away: np.ndarray) -> None:
    """Someone walks by or gestures behind the act, or something sways, all in silence."""
    t = shop.t
    side = np.array([-away[1], away[0], 0.0])
    far = act.extent * rng.uniform(1.6, 5)
    kind = str(rng.choice(["walk", "gesture", "sway", "drift", "jump"]))
    start = focus + away * far + side * rng.uniform(-2, 2) * act.extent
    if kind in ("walk", "gesture"):
        height = 1.7 * rng.uniform(0.85, 1.1)
        hip = 0.53 * height
        # Far enough to be whole.
        start = focus + away * max(far, rng.uniform(0.8, 3)) + side * rng.uniform(-1, 1) * max(act.extent, 0.5)
        start[2] = shop.lowest + hip
        speed = rng.choice([-1, 1]) * rng.uniform(0.4, 1.6) if kind == "walk" else 0.0
        yaw = np.arctan2(side[1], side[0]) + (np.pi if speed < 0 else 0)
        way = speed * (t - rng.uniform(0, t[-1])) if kind == "walk" else wander(rng, t, 0.05, 0.7)
        path = start + np.outer(way, side)
        paints = (shop.paint("skin", kind="plain"), shop.paint("cloth"), shop.paint("plastic", kind="plain"))
        trunk = shop.puppet(path, np.tile(heading(yaw), (len(t), 1)), stem="bystander")
        figure(shop, trunk, paints, height)
        if kind == "walk":
            pace = 2 * np.pi * rng.uniform(0.7, 1.1) * t
        else:
            pace = 2 * np.pi * np.cumsum(np.clip(wander(rng, t, 0.6, 0.5), -1, 1.5)) * shop.step
        for hand in (-1, 1):
            swing = 0.5 * np.sin(pace + (hand > 0) * np.pi) * (1.0 if kind == "walk" else rng.uniform(0.3, 2.0))
            _swung(shop, path + up(0.47), yaw, swing, hand * 0.24, 0.55, 0.045, paints[1])
            if kind == "walk":
                _swung(shop, path, yaw, -0.8 * swing, hand * 0.09, hip, 0.07, shop.paint("cloth"))
        return
    size = act.extent * rng.uniform(0.05, 0.25)
    offset = np.zeros((len(t), 3))
    reach = act.extent * rng.uniform(0.2, 0.8)
    if kind == "sway":
        offset += np.outer(reach * np.sin(2 * np.pi * rng.uniform(0.3, 1.3) * t), side)
    elif kind == "drift":
        offset += np.stack([wander(rng, t, 0.4 * reach, 0.8) for _ in range(3)], 1)
    else:  # starts and stops abruptly, and touches nothing
        for _ in range(int(rng.integers(3, 8))):
            begin, ramp = rng.uniform(0, t[-1]), rng.uniform(0.05, 0.4)
            offset += np.outer(smoothstep((t - begin) / ramp), rng.normal(0, 0.5, 3) * reach)
    start[2] = max(focus[2] + rng.uniform(0.0, 1.0) * act.extent, shop.lowest + size)
    path = start + offset
    path[:, 2] = np.maximum(path[:, 2], shop.lowest + size)
    thing = shop.puppet(path, None, stem="bystander")
    shape = str(rng.choice(["sphere", "box", "capsule"]))
    measures = {"sphere": (size,), "box": (size, size * 0.6, size), "capsule": (size * 0.4, size)}
    shop.prop(thing, shape, measures[shape], "plastic", quat=heading(rng.uniform(0, 3)))


def _swung(
    shop: Workshop,
    path: np.ndarray,
    yaw: float,
    angle: np.ndarray,
    beside: float,
    length: float,
    thick: float,
    paint: str,
) -> None:
    """A straight arm or leg that swings fore and aft from a joint beside the path."""
    across = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    c, s, zero = np.cos(angle / 2), np.sin(angle / 2), 0 * np.cos(angle / 2)
    w, _, _, z = heading(yaw)
    quats = np.stack([w * c - z * zero, w * zero - z * s, w * s + z * zero, w * zero + z * c], 1)
    part = shop.puppet(path + beside * across, quats, stem="bystander")
    shop.prop(part, "capsule", (thick, length / 2), "cloth", (0, 0, -length / 2), paint=paint)


def _occluder(
    rng: np.random.Generator, shop: Workshop, act: Act, focus: np.ndarray, away: np.ndarray, shot: Shot
) -> None:
    """Something between camera and act: it stands, or passes."""
    t = shop.t
    side = np.array([-away[1], away[0], 0.0])
    near = max(act.extent * 1.1, shot.distance * rng.uniform(0.3, 0.7))
    place = focus - away * near
    place[2] = focus[2] + near * np.tan(shot.elevation) * 0.8
    half = max((shot.distance - near) * np.tan(shot.angle / 2), 0.05 * act.extent)
    if rng.random() < 0.6:
        path = (place + side * rng.uniform(-1.5, 1.5) * half)[None]
    else:
        way = rng.choice([-1, 1]) * (t - rng.uniform(0.5, t[-1])) * half * rng.uniform(0.8, 3)
        path = place + np.outer(way, side)
    thing = shop.puppet(path, None, stem="occluder")
    wide = half * rng.uniform(0.04, 0.2)
    shade: Colour = tuple(rng.uniform(0, 0.5, 3))  # type: ignore[assignment]
    quat = turned([away[0], away[1], 0], rng.uniform(-0.5, 0.5))
    shop.prop(thing, "capsule", (wide, half * rng.uniform(0.5, 3)), "plastic", colour=shade, quat=quat)
