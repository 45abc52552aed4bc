"""The camera: where it stands in each take, how it moves, and its picture's geometry on the clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from avfoley_engine.world.elements import CLOCK_RATE
from avfoley_engine.world.motion import decay, smoothstep, wander
from avfoley_engine.world.physics.act import Act

ASPECT = 16 / 9


@dataclass(frozen=True, eq=False)
class Shot:
    """One take: direction to the camera, lens (vertical angle, radians), distance (m), framing."""

    begin: float
    azimuth: float
    elevation: float
    angle: float
    distance: float
    shift: tuple[float, float]
    roll: float


@dataclass(frozen=True, eq=False)
class CameraPath:
    """On the clock: position (N, 3), axes (N, 3, 3) right, up and back in columns, angle (N,)."""

    place: np.ndarray
    axes: np.ndarray
    angle: np.ndarray

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray, float]:
        index = int(np.clip(round(time * CLOCK_RATE), 0, len(self.angle) - 1))
        return self.place[index], self.axes[index], float(self.angle[index])

    def project(self, time: float, point: np.ndarray) -> tuple[float, float, float]:
        """A point's x and y (up) in half heights from the picture's middle, and depth in metres."""
        place, axes, angle = self.at(time)
        x, y, z = axes.T @ (point - place)
        scale = max(-z, 1e-6) * np.tan(angle / 2)
        return float(x / scale), float(y / scale), float(-z)


def plan(rng: np.random.Generator, act: Act, cuts: np.ndarray) -> list[Shot]:
    """A take from the start and from each cut on; all stand on one side of the act."""
    low, high = act.azimuths
    main = rng.uniform(low, high)
    shots = []
    for begin in (-1.0, *cuts):
        azimuth = main if begin < 0 else float(np.clip(main + rng.normal(0, 0.5), low, high))
        angle = np.radians(np.exp(rng.uniform(np.log(16), np.log(62))))
        fill = float(np.clip(np.exp(rng.normal(np.log(0.95), 0.35)), 0.35, 1.45))
        room = max(0.05, 0.85 - 0.5 * fill)
        shots.append(
            Shot(
                float(begin),
                azimuth,
                float(rng.uniform(*act.elevations)),
                float(angle),
                act.extent / (fill * np.tan(angle / 2)),
                (float(rng.uniform(-1.1, 1.1) * room), float(rng.uniform(-0.7, 0.5) * room)),
                float(rng.normal(0, 0.04) if rng.random() < 0.85 else rng.normal(0, 0.25)),
            )
        )
    return shots


def film(
    rng: np.random.Generator,
    clock: np.ndarray,
    act: Act,
    shots: list[Shot],
    times: np.ndarray,
    gains: np.ndarray,
    lowest: float,
) -> CameraPath:
    """Moves the camera through its shots: tripod, hand-held, pan, zoom, a walk round the act."""
    t = clock
    duration = t[-1]
    focus = _smooth(np.broadcast_to(act.focus, (len(t), 3)) if act.focus.ndim == 1 else _resampled(act.focus, len(t)))
    azimuth, elevation, angle, distance, roll = (np.zeros_like(t) for _ in range(5))
    shift = np.zeros((len(t), 2))
    for shot, following in itertools.zip_longest(shots, shots[1:]):
        where = (t >= shot.begin) & (t < (following.begin if following else np.inf))
        azimuth[where], elevation[where], angle[where] = shot.azimuth, shot.elevation, shot.angle
        distance[where], roll[where], shift[where] = shot.distance, shot.roll, shot.shift
    style = str(
        rng.choice(["tripod", "handheld", "rough", "pan", "zoom", "move"], p=[0.36, 0.28, 0.08, 0.1, 0.08, 0.1])
    )
    tremor = 0.0
    if style in ("handheld", "move"):
        tremor = rng.uniform(0.3, 1.2)
    elif style == "rough":
        tremor = rng.uniform(1.5, 3.0)
    ease = smoothstep((t - rng.uniform(0, 0.5) * duration) / (rng.uniform(0.2, 1.0) * duration))
    if style == "pan":
        shift = shift + np.outer(ease - 0.5, rng.uniform(-0.8, 0.8, 2) * [1.0, 0.3])
    elif style == "zoom":
        angle = angle * np.exp(rng.uniform(-0.5, 0.5) * (ease - 0.5))
    elif style == "move":
        azimuth = azimuth + rng.uniform(-0.5, 0.5) * (ease - 0.5)
        elevation = elevation + rng.uniform(-0.15, 0.15) * (ease - 0.5)
        distance = distance * np.exp(rng.uniform(-0.4, 0.4) * (ease - 0.5))
    if tremor:
        # Slow sway, and the faster tremor of hands, as shares of half the picture's height.
        for axis in (0, 1):
            shift[:, axis] += tremor * (wander(rng, t, 0.02, 1.6) + wander(rng, t, 0.003, 9.0))
        roll = roll + tremor * wander(rng, t, 0.008, 1.5)
        distance = distance * (1 + tremor * wander(rng, t, 0.006, 1.0))
    if act.jolt and len(times):
        shake = decay(t, times, act.jolt * gains, 0.12)
        shift[:, 0] += shake * np.sin(2 * np.pi * 9 * t)
        shift[:, 1] += shake * np.sin(2 * np.pi * 11 * t + 1)
    level = np.cos(elevation)
    back = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], 1)
    place = focus + back * distance[:, None]
    place[:, 2] = np.maximum(place[:, 2], lowest + 0.03)
    back = place - focus
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    # Turned off its aim so that the act comes to lie off the middle.
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right, axis=1, keepdims=True) + 1e-9
    up = np.cross(back, right)
    half = np.tan(angle / 2)[:, None]
    aim = -back + half * (shift[:, :1] * right + shift[:, 1:] * up)
    back = -aim / np.linalg.norm(aim, axis=1, keepdims=True)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right, axis=1, keepdims=True) + 1e-9
    up = np.cross(back, right)
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    return CameraPath(place, np.stack([cos * right + sin * up, cos * up - sin * right, back], 2), angle)


def _resampled(track: np.ndarray, count: int) -> np.ndarray:
    index = np.linspace(0, len(track) - 1, count)
    return np.stack([np.interp(index, np.arange(len(track)), track[:, axis]) for axis in range(3)], 1)


def _smooth(track: np.ndarray, seconds: float = 0.4) -> np.ndarray:
    """A camera operator follows late and evenly."""
    width = max(1, round(seconds * CLOCK_RATE))
    padded = np.pad(track, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    total = np.cumsum(np.concatenate([np.zeros((1, 3)), padded]), axis=0)
    return np.asarray((total[width:] - total[:-width]) / width)
