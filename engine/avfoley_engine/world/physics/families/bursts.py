"""Families of sudden light: explosions, shots, flashes, balloons that burst."""

from __future__ import annotations

import numpy as np

from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.motion import decay, gains, irregular_times, latest, smoothstep, sparse_times
from avfoley_engine.world.physics.act import Act, about
from avfoley_engine.world.physics.families.machines import said
from avfoley_engine.world.physics.families.things import arm, fist
from avfoley_engine.world.physics.workshop import Workshop, any_turn, up


def explosion(shop: Workshop) -> Act:
    """A fireball with smoke and debris, a gun that is fired, or a balloon that bursts."""
    kind = str(shop.rng.choice(["blast", "shot", "balloon"], p=[0.5, 0.3, 0.2]))
    return {"blast": _blast, "shot": _shot, "balloon": _balloon}[kind](shop)


def _puff(
    shop: Workshop, place: np.ndarray, colour: np.ndarray, radius: np.ndarray, alpha: np.ndarray, rise: np.ndarray
) -> None:
    """A ball of fire or smoke: radius and opacity on the clock, rise on the steps."""
    ball = shop.puppet(place + np.outer(rise, [0, 0, 1]), None, stem="puff")
    paint = shop.paint("paper", kind="plain")
    surface = shop.spec.material(paint)
    surface.emission = 1.0 if np.ptp(colour) > 0.05 else 0.1  # fire shines, smoke does not
    surface.specular = 0.0
    geom = shop.prop(ball, "sphere", (0.01,), "paper", paint=paint, alpha=0.5)
    shop.change("geom_size", geom, np.maximum(np.stack([radius, radius, radius], 1), 1e-3))
    shop.fade(geom, colour, alpha)


def _lights(
    shop: Workshop, times: np.ndarray, loudness: np.ndarray, place: np.ndarray, bright: float, tau: float
) -> None:
    """A lamp that flares at the events."""
    mj = shop.mj
    lamp = shop.world.add_light(name="flare", pos=place + up(0.1), dir=(0, 0, -1))
    lamp.type, lamp.castshadow = mj.mjtLightType.mjLIGHT_POINT, False
    lamp.attenuation = [1, 0, 0]
    lamp.specular, lamp.ambient = np.zeros(3), np.zeros(3)
    level = bright * decay(shop.clock, times, loudness, tau)
    warm = np.array([1.0, 0.8, 0.5])
    shop.change("light_diffuse", "flare", np.outer(level, warm))
    shop.change("light_ambient", "flare", np.outer(0.5 * level, warm))


def _blast(shop: Workshop) -> Act:
    rng, t, clock = shop.rng, shop.t, shop.clock
    size = float(np.exp(rng.uniform(np.log(0.3), np.log(4.0))))
    shop.floor(pick(rng, {"grass": 1.5, "sand": 1.5, "concrete": 1.5, "gravel": 1}))
    times = sparse_times(rng, shop.duration, (1, 3), 0.9)
    loudness = gains(rng, len(times)).clip(0.5, 1)
    fade = rng.uniform(0.2, 0.5)
    for time, gain in zip(times, loudness, strict=True):
        place = np.array([*rng.normal(0, 0.35 * size, 2), 0.15 * size])
        age, age_t = np.clip(clock - time, 0, None), np.clip(t - time, 0, None)
        on = clock >= time
        for _ in range(int(rng.integers(2, 5))):
            offset = place + rng.normal(0, 0.12, 3) * size * gain
            ball = size * gain * rng.uniform(0.2, 0.45) * (0.3 + 0.7 * (1 - np.exp(-age / 0.07)))
            hot = np.array([1.0, rng.uniform(0.55, 0.95), rng.uniform(0.1, 0.6)])
            _puff(shop, offset, hot, ball, on * 0.9 * np.exp(-age / fade), 0.3 * size * age_t)
            grey = rng.uniform(0.1, 0.5) * np.ones(3)
            cloud = size * gain * rng.uniform(0.3, 0.5) * (0.4 + 0.9 * np.sqrt(age))
            alpha = on * 0.75 * smoothstep((age - 0.1) / 0.5) * np.exp(-age / (3.5 * fade))
            _puff(shop, offset, grey, cloud, alpha, 0.5 * size * age_t)
        for _ in range(int(rng.integers(3, 9))):
            bit = shop.free(stem="debris")
            shop.geom(bit, "box", size * rng.uniform(0.02, 0.06, 3), "wood", colour=tuple(rng.uniform(0, 0.4, 3)))
            velocity = rng.normal(0, 1, 3) * 1.5 * np.sqrt(9.81 * size) * [1, 1, 0.4]
            velocity[2] += rng.uniform(1.0, 2.2) * np.sqrt(9.81 * size)
            shop.carry(bit, float(time), place=place, velocity=velocity, spin=rng.normal(0, 10, 3), quat=any_turn(rng))
    _lights(shop, times, loudness, np.array([0, 0, 0.5 * size]), rng.uniform(0.5, 1.5), 0.12)
    said(shop, times, loudness, np.array([0, 0, 0.3 * size]))
    label = pick(rng, {"explosion": 4, "thunder": 0.4, "fire_ignite": 0.7, "fireworks": 0.5})
    focus, jolt, dim = (0, 0, 0.5 * size), float(rng.uniform(0, 0.08)), bool(rng.random() < 0.3)
    return Act(label, "explosion", focus, 1.1 * size, elevations=(0.02, 0.5), jolt=jolt, dim=dim, outdoors=True)


def _shot(shop: Workshop) -> Act:
    rng, t, clock = shop.rng, shop.t, shop.clock
    shop.floor(pick(rng, {"grass": 1.5, "sand": 1, "concrete": 1.5, "wood": 1}), z=-1.3)
    times = irregular_times(rng, shop.duration, (0.5, 2.0), 0.3)
    loudness = gains(rng, len(times)).clip(0.5, 1)
    long = float(rng.choice([0.16, 0.5]) * rng.uniform(0.8, 1.2))
    kick = decay(t, times, loudness, 0.09) * np.minimum(1, np.clip(t - times[0], 0, None) / 0.004)
    path = np.stack([-0.05 * kick, 0 * t, 0.03 * kick], 1)
    tilt = -0.18 * kick
    gun = shop.puppet(path, np.stack([np.cos(tilt / 2), 0 * t, np.sin(tilt / 2), 0 * t], 1), stem="gun")
    dark = shop.paint("metal", kind="plain", colour=tuple(rng.uniform(0.05, 0.35) * np.ones(3)))
    shop.prop(gun, "box", (long / 2, 0.014, 0.018), "metal", (long / 2, 0, 0.03), paint=dark)
    shop.prop(gun, "box", (0.018, 0.013, 0.05), "metal", (0.0, 0, -0.03), paint=dark)
    if long > 0.3:
        shop.prop(gun, "box", (0.12, 0.018, 0.03), "wood", (-0.1, 0, 0.0))
    skin = shop.paint("skin", kind="plain")
    fist(shop, gun, (0, 0, -0.02), skin)
    arm(shop, gun, (-0.03, 0, -0.03), (-0.5, rng.uniform(-0.2, 0.2), rng.uniform(-0.1, 0.15)), whole=0.8)
    muzzle = np.array([long + 0.04, 0, 0.03])
    age = np.clip(clock - times[np.clip(latest(clock, times), 0, None)], 0, None)
    on = clock >= times[0]
    size = rng.uniform(0.04, 0.1)
    for offset, scale in ((0.0, 1.0), (size, 0.7), (1.8 * size, 0.4)):
        flame, alpha = scale * size * (0.7 + 3 * age.clip(0, 0.1)), on * 1.0 * np.exp(-age / 0.035)
        _puff(shop, muzzle + np.array([offset, 0, 0]), np.array([1.0, 0.9, 0.5]), flame, alpha, 0 * t)
    grey = rng.uniform(0.4, 0.8) * np.ones(3)
    alpha = on * 0.5 * smoothstep(age / 0.05) * np.exp(-age / 0.4)
    _puff(shop, muzzle + np.array([size, 0, 0]), grey, size * (0.8 + 2.5 * np.sqrt(age)), alpha, 0 * t)
    _lights(shop, times, loudness, muzzle, rng.uniform(0.2, 0.8), 0.04)
    said(shop, times, loudness, muzzle)
    side = rng.choice([-1, 1]) * rng.uniform(0.5, 2.3)
    focus, extent, jolt = (0.4 * long, 0, 0.02), rng.uniform(0.3, 0.7), float(rng.uniform(0, 0.03))
    return Act("gunshot", "explosion", focus, extent, about(side, 0.1), (-0.1, 0.4), jolt=jolt)


def _balloon(shop: Workshop) -> Act:
    """Balloons sway on their strings; one after another bursts and its rags fall."""
    rng, t, clock = shop.rng, shop.t, shop.clock
    shop.floor(pick(rng, {"grass": 1, "wood": 2, "carpet": 1}))
    size = float(rng.uniform(0.08, 0.16))
    times = irregular_times(rng, shop.duration, (0.4, 1.6), 0.35)
    loudness = gains(rng, len(times)).clip(0.5, 1)
    spare = int(rng.integers(0, 4))
    for number in range(len(times) + spare):
        place = np.array([*rng.normal(0, 2.2 * size, 2), rng.uniform(4, 8) * size])
        sways = [0.15 * size * np.sin(2 * np.pi * rng.uniform(0.2, 0.7) * t + rng.uniform(0, 6)) for _ in range(3)]
        colour = tuple(rng.uniform(0.1, 1.0, 3))
        until = times[number] if number < len(times) else 1e3
        ball = shop.puppet(place + np.stack(sways, 1), None, stem="balloon")
        for shape, measure, where in (
            ("ellipsoid", (size * 0.85, size * 0.85, size), (0, 0, 0)),
            ("capsule", (0.003, size * 1.5), (0, 0, -2.5 * size)),
        ):
            geom = shop.prop(ball, shape, measure, "rubber", where, colour=colour, alpha=0.99)
            shop.fade(geom, colour, (clock < until) * 1.0)
        if number < len(times):
            for _ in range(6):
                rag = shop.free(stem="rag")
                shop.geom(rag, "box", (size * rng.uniform(0.1, 0.3), size * 0.15, 0.002), "rubber", colour=colour)
                start = place + rng.normal(0, 0.4, 3) * size
                velocity, spin = (start - place) / size * rng.uniform(2, 5), rng.normal(0, 15, 3)
                shop.carry(rag, float(until), place=start, velocity=velocity, spin=spin, quat=any_turn(rng))
    said(shop, times, loudness, np.array([0, 0, 6 * size]))
    label = pick(rng, {"balloon": 3, "pop": 1})
    return Act(label, "pop", (0, 0, 4.5 * size), 5 * size, elevations=(-0.05, 0.4), tail=0.6)
