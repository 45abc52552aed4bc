"""The world with physics: what a seed fixes, and that events are where the picture and the forces
say.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from avfoley_engine.errors import ModelError
from avfoley_engine.world import SyntheticBank
from avfoley_engine.world.physics import (
    FAMILIES,
    PhysicsScene,
    library,
    render_clip,
    render_frames,
    render_range,
    sample_physics,
)
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.camera import CameraPath, plan
from avfoley_engine.world.physics.contacts import Impact, impacts_of, merged
from avfoley_engine.world.physics.lens import Lens
from avfoley_engine.world.physics.simulation import Recording, simulate
from avfoley_engine.world.physics.stage import set_stage
from avfoley_engine.world.physics.workshop import Workshop

try:
    library.mujoco().GLContext(16, 16).free()
except Exception as error:  # whatever keeps it from drawing
    pytest.skip(f"MuJoCo cannot draw here ({error}); it is the extra avfoley[train]", allow_module_level=True)

CLEAN = Lens(0.001, 1, 0.0, 1.0, 0.4, 1.0, 1.0, (1.0, 1.0, 1.0), 0.0, 0.0, 0.0, 0)


def _signature(scene: PhysicsScene) -> tuple[object, ...]:
    return (scene.label, scene.caption, scene.video_caption, scene.events, scene.source_rate, scene.seed, scene.lens)


def _dropped(heights: list[float], material: str = "rubber") -> tuple[Workshop, Recording]:
    """Balls let go at once, a metre apart, from their heights over a floor (metres, to the ball's
    underside).
    """
    shop = Workshop(np.random.default_rng(0), 2.0)
    shop.floor("concrete")
    for number, height in enumerate(heights):
        ball = shop.free((number, 0, height + 0.1), stem="ball")
        shop.geom(ball, "sphere", (0.1,), material, part="item", mass=1.0, colour=(1, 1, 1))
        shop.carry(ball, 0.0, place=(number, 0, height + 0.1))
    shop.hears("item", "ground")
    shop.spec.worldbody.add_camera(name="camera")
    return shop, simulate(shop)


def _first(recording: Recording, number: int) -> Impact:
    ball = number + 1
    return min((i for i in recording.impacts if ball in i.bodies), key=lambda i: i.time)


def test_a_seed_gives_the_same_scene_and_picture_again() -> None:
    for family in ("drop", "strike"):
        first, again = sample_physics(3, "tests", family=family), sample_physics(3, "tests", family=family)
        assert _signature(first) == _signature(again)
        np.testing.assert_array_equal(first.recording.states, again.recording.states)
        np.testing.assert_array_equal(render_frames(first, 36, 64), render_frames(again, 36, 64))


def test_splits_and_seeds_share_no_scene() -> None:
    scenes = [sample_physics(seed, split, family="clap") for split in ("train", "heldout") for seed in (0, 1)]
    assert len({scene.seed for scene in scenes}) == 4
    assert len({scene.events for scene in scenes}) == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_events_that_are_heard_in_the_clip_and_mostly_seen(family: str) -> None:
    labels = SyntheticBank().labels
    seen = total = 0
    for seed in range(3):
        scene = sample_physics(seed, "tests", family=family)
        times = [event.time for event in scene.events]
        assert times
        assert times == sorted(times)
        assert all(0 < time < scene.duration for time in times)
        assert all(0 < event.gain <= 1 for event in scene.events)
        assert np.diff(times).min(initial=1.0) > 0.05
        assert scene.label in labels
        assert len(scene.caption) > 3
        assert len(scene.video_caption) > 3
        total += len(times)
        seen += sum(event.on_screen for event in scene.events)
    assert seen > 0.6 * total


def test_a_ball_is_heard_when_its_fall_ends() -> None:
    _, recording = _dropped([0.2, 0.5, 1.2])
    for number, height in enumerate((0.2, 0.5, 1.2)):
        assert _first(recording, number).time == pytest.approx(np.sqrt(2 * height / 9.81), abs=0.003)


def test_a_fall_from_higher_up_is_a_stronger_blow() -> None:
    heights = [0.1, 0.3, 0.8, 1.5]
    _, recording = _dropped(heights)
    impulses = np.array([_first(recording, number).impulse for number in range(4)])
    assert (np.diff(impulses) > 0).all()
    # Momentum goes with the root of the height.
    np.testing.assert_allclose(impulses / impulses[0], np.sqrt(np.array(heights) / heights[0]), rtol=0.1)


def test_what_comes_to_rest_is_silent() -> None:
    _, recording = _dropped([0.4], "cloth")
    events = merged(recording.impacts, 0.06)
    assert len([event for event in events if event.impulse > 0.08 * events[0].impulse]) == 1


def test_a_blow_on_what_presses_already_is_measured_above_the_pressure() -> None:
    force = np.full(1000, 5.0)
    force[400:410] += 100.0
    ((onset, impulse),) = impacts_of(force, 0.001, 0.1)
    assert onset == 400
    assert impulse == pytest.approx(1.0, rel=0.05)


def test_the_picture_turns_round_in_the_frame_of_the_event() -> None:
    """A white ball before a dark floor is lowest in the frames beside its contact with the floor."""
    shop, recording = _dropped([0.8])
    count = len(shop.clock)
    place = np.tile([0.0, -6.0, 0.5], (count, 1))
    axes = np.tile(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), (count, 1, 1))
    scene = replace(
        sample_physics(0, "tests", family="clap"),
        recording=recording,
        camera=CameraPath(place, axes, np.full(count, 0.3)),
        lens=CLEAN,
        cuts=(),
        duration=1.0,
        source_rate=60.0,
        mirrored=False,
    )
    frames = render_frames(scene, 72, 128, 60).astype(float)
    changed = np.abs(frames - np.median(frames, axis=0)).sum(-1)
    changed[:, 50:] = 0  # the floor, where the shadow is
    rows = np.arange(72)[None, :, None]
    height = (changed * rows).sum((1, 2)) / (changed.sum((1, 2)) + 1e-9)
    contact = _first(recording, 0).time
    lowest = int(np.argmax(height[: round((contact + 0.15) * 60)]))
    assert abs(lowest / 60 - contact) <= 1.5 / 60


def test_bystanders_and_furniture_make_no_events() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        shop = Workshop(rng, 1.0, 0.002)
        shop.floor("wood")
        ball = shop.free((0, 0, 0.1), stem="ball")
        shop.geom(ball, "sphere", (0.1,), "wood", part="item")
        for part in ("ground", "item", "geom"):
            shop.hears("item", part)
        act = Act("bounce", "bounce", np.zeros(3), 0.5)
        set_stage(rng, shop, act, plan(rng, act, np.zeros(0)))
        assert shop.spec.geoms
        assert simulate(shop).impacts == []


def test_a_slow_source_repeats_its_frames() -> None:
    scene = replace(sample_physics(1, "tests", family="saw"), source_rate=12.0, lens=CLEAN, cuts=())
    frames = render_frames(scene, 36, 64)
    assert frames.shape == (124, 36, 64, 3)
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(frames[0::2], frames[1::2])


def test_a_clip_is_picture_sound_and_times() -> None:
    scene = sample_physics(0, "tests")
    frames, sound, times = render_clip(scene, SyntheticBank(), 36, 64)
    assert frames.shape == (124, 36, 64, 3)
    assert sound.shape == (248000,)
    assert list(times) == [event.time for event in scene.events]


def test_a_range_of_seeds_is_what_a_shard_needs() -> None:
    for seed, (scene, frames) in zip(range(2), render_range(range(2), "tests", 36, 64), strict=True):
        assert _signature(scene) == _signature(sample_physics(seed, "tests"))
        assert frames.shape == (124, 36, 64, 3)
        assert frames.std() > 5


def test_without_mujoco_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    library.mujoco.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"avfoley\[train\]"):
            sample_physics(0)
    finally:
        monkeypatch.undo()
        library.mujoco.cache_clear()
