"""Draws a recording as its camera saw it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from avfoley_engine.world.banks import SoundBank
from avfoley_engine.world.elements import CLOCK_RATE
from avfoley_engine.world.physics.lens import develop
from avfoley_engine.world.physics.library import mujoco
from avfoley_engine.world.physics.scene import PhysicsScene, sample_physics
from avfoley_engine.world.sound import render_sound

_LINES = 144  # at least drawn, whatever the picture's height: each pixel is the mean of many


def render_frames(scene: PhysicsScene, height: int = 72, width: int = 128, frame_rate: float = 24) -> np.ndarray:
    """The scene's picture as uint8 RGB (T, H, W, 3), T = round(duration * frame_rate).

    A frame at time t is the one on display then: that of floor(t * source_rate) / source_rate. The
    same scene may be drawn at any even size; sizes of another aspect see as much upwards. Raises
    ModelError where nothing can be drawn.
    """
    count = round(scene.duration * frame_rate)
    instants = np.floor(np.arange(count) / frame_rate * scene.source_rate + 1e-6) / scene.source_rate
    unique, repeat = np.unique(instants, return_inverse=True)
    lens = scene.lens
    shares = (np.arange(lens.smear) + 0.5) / lens.smear - 0.5
    pictures = np.empty((len(unique), height, width, 3), np.float32)
    depths = np.empty((len(unique), height, width), np.float32) if lens.aperture else None
    finer = max(2, -(-_LINES // height))
    with _Canvas(scene, height * finer, width * finer) as canvas:
        for index, instant in enumerate(unique):
            total = np.zeros((height, width, 3), np.uint32)
            for share in shares:
                # A cut falls between two exposures, never into one.
                moment = instant + share * lens.shutter
                if not any(min(moment, instant) <= cut <= max(moment, instant) for cut in scene.cuts):
                    canvas.draw(max(moment, 0.0))
                total += _pooled(canvas.colour, finer)
            pictures[index] = total[::-1] / (255 * finer**2 * lens.smear)
            if depths is not None:
                depths[index] = canvas.distance()[::-finer, ::finer] / scene.distance
    shown_rate = min(scene.source_rate, frame_rate)
    frames = develop(pictures, depths, lens, np.random.default_rng([scene.seed, 2]), shown_rate)
    if scene.mirrored:
        frames = frames[:, :, ::-1]
    return np.ascontiguousarray(frames[repeat])


def _pooled(colour: np.ndarray, finer: int) -> np.ndarray:
    """Sums of squares of `finer` pixels (H, W, 3)."""
    shape = (colour.shape[0] // finer, finer, colour.shape[1] // finer, finer, 3)
    return np.asarray(colour.reshape(shape).sum((1, 3), dtype=np.uint32))


class _Canvas:
    """A GL context with a model, its last pixels in `colour` uint8 (H, W, 3), bottom row first."""

    def __init__(self, scene: PhysicsScene, height: int, width: int) -> None:
        self.scene, self.size = scene, (height, width)
        self.colour = np.zeros((height, width, 3), np.uint8)
        self.depth = np.zeros((height, width), np.float32)

    def __enter__(self) -> _Canvas:
        mj = self.mj = mujoco()
        height, width = self.size
        self.model = self.scene.recording.model
        self.model.vis.global_.offheight, self.model.vis.global_.offwidth = height, width
        self.data = mj.MjData(self.model)
        self.gl = mj.GLContext(width, height)
        self.gl.make_current()
        self.context = mj.MjrContext(self.model, mj.mjtFontScale.mjFONTSCALE_50)
        mj.mjr_setBuffer(mj.mjtFramebuffer.mjFB_OFFSCREEN, self.context)
        self.view = mj.MjvScene(self.model, maxgeom=self.model.ngeom + 20)
        self.view.flags[mj.mjtRndFlag.mjRND_SHADOW] = 1
        self.option = mj.MjvOption()
        self.camera = mj.MjvCamera()
        self.camera.type, self.camera.fixedcamid = mj.mjtCamera.mjCAMERA_FIXED, 0
        self.window = mj.MjrRect(0, 0, width, height)
        return self

    def __exit__(self, *problem: object) -> None:
        self.context.free()
        self.gl.free()

    def draw(self, time: float) -> None:
        """Draws the scene at a second of the clip."""
        mj, scene, data, model = self.mj, self.scene, self.data, self.model
        scene.recording.pose(data, time)
        step = round(time * CLOCK_RATE)
        for name, index, values in scene.recording.changes:
            getattr(model, name)[index] = values[min(step, len(values) - 1)]
        place, axes, angle = scene.camera.at(time)
        data.cam_xpos[0], data.cam_xmat[0] = place, axes.ravel()
        model.cam_fovy[0] = np.degrees(angle)
        mj.mjv_updateScene(model, data, self.option, None, self.camera, mj.mjtCatBit.mjCAT_ALL, self.view)
        mj.mjr_render(self.window, self.view, self.context)
        depth = self.depth if scene.lens.aperture else None
        mj.mjr_readPixels(self.colour, depth, self.window, self.context)

    def distance(self) -> np.ndarray:
        """Metres from the camera's plane to what each pixel shows (H, W)."""
        reach: Any = self.model.stat.extent
        near, far = self.model.vis.map.znear * reach, self.model.vis.map.zfar * reach
        return np.asarray(near / np.maximum(1 - self.depth * (1 - near / far), 1e-6))


def render_clip(
    scene: PhysicsScene, bank: SoundBank, height: int = 72, width: int = 128, frame_rate: float = 24
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames uint8 (T, H, W, 3), sound float32 (samples,) at 48 kHz, event times (K,) in s."""
    times = np.array([event.time for event in scene.events])
    return render_frames(scene, height, width, frame_rate), render_sound(scene, bank), times


def render_range(
    seeds: range, split: str = "train", height: int = 72, width: int = 128, frame_rate: float = 24
) -> Iterator[tuple[PhysicsScene, np.ndarray]]:
    """The scenes of a range of seeds one by one, each with its frames uint8 (T, H, W, 3)."""
    for seed in seeds:
        scene = sample_physics(seed, split)
        yield scene, render_frames(scene, height, width, frame_rate)
