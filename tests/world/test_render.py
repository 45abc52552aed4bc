"""Pictures: sizes, rates, repeatability, and motion where the events are."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import torch
from avfoley_engine.world import Scene, render_frames, sample_scene
from avfoley_engine.world.elements import Camera, Clock, Finish
from avfoley_engine.world.families import FAMILIES
from avfoley_engine.world.staging import distractors


def _first(family: str, label: str | None = None) -> Scene:
    scenes = (sample_scene(seed, split="tests") for seed in range(1000))
    return next(s for s in scenes if s.family == family and label in (None, s.label))


def _bare(scene: Scene, **changes: object) -> Scene:
    """The scene's act alone: a still camera on it, even light, no noise, blur or blocks."""
    still = Camera(0.0, -0.1, 0.9, 0.0, False)
    plain = Finish(1.0, 0.0, (1.0, 1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0)
    return dataclasses.replace(scene, camera=still, finish=plain, source_rate=24.0, **changes)


@pytest.mark.parametrize(
    ("height", "width", "rate", "count"), [(36, 64, 24, 124), (36, 64, 12, 62), (72, 128, 30, 155)]
)
def test_frames_have_the_size_and_number_asked_for(height: int, width: int, rate: float, count: int) -> None:
    frames = render_frames(sample_scene(1), height, width, rate)
    assert frames.shape == (count, height, width, 3)
    assert frames.dtype == torch.uint8


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_draws_a_moving_picture_the_same_each_time(family: str) -> None:
    scene = _first(family)
    frames = render_frames(scene)
    assert torch.equal(frames, render_frames(scene))
    assert frames.float().std(0).mean() > 0.3
    assert frames.float().std() > 3


def test_a_larger_picture_shows_the_same_scene() -> None:
    for family in ("strike", "bounce", "door"):
        scene = dataclasses.replace(_first(family), finish=Finish(1.0, 0.0, (1.0, 1.0, 1.0), 0.0, 0.0, 0.01, 0.0, 0.0))
        small = render_frames(scene, 36, 64, 6).float()
        large = render_frames(scene, 144, 256, 6).float()
        shrunk = torch.nn.functional.avg_pool2d(large.permute(0, 3, 1, 2), 4).permute(0, 2, 3, 1)
        assert (small - shrunk).abs().mean() < 10


def test_slow_footage_holds_its_frames() -> None:
    scene = dataclasses.replace(_bare(_first("bounce")), source_rate=12.0)
    frames = render_frames(scene)
    assert torch.equal(frames[0::2], frames[1::2])


def test_a_struck_thing_is_met_at_the_event() -> None:
    """The tool's tip moves down until the event and up after it."""
    scene = _first("clap")
    hands = [shape for shape in scene.shapes if shape.kind == "box" and shape.roundness == 0.8]
    left, right = hands[0].x, hands[1].x
    assert isinstance(left, np.ndarray)
    gap = np.abs(right - left)
    t = Clock(scene.duration).t
    for event in scene.events:
        near = np.abs(t - event.time) < 0.06
        assert np.argmin(np.where(near, gap, 9.0)) == pytest.approx(event.time * 240, abs=8)


def test_motion_of_distractors_alone_makes_no_events() -> None:
    """Silent motion changes the picture, never what is to be heard."""
    scene = _first("wind")
    clock = Clock(scene.duration)
    moving = 0
    for seed in range(12):
        behind, before = distractors(np.random.default_rng(seed), clock)
        picture = render_frames(_bare(scene, shapes=(*behind, *before), veils=())).float()
        moving += bool((picture[1:] - picture[:-1]).abs().mean() > 0.05)
    assert moving >= 3
    assert scene.events == ()


def test_a_cut_changes_the_whole_picture_at_once() -> None:
    scene = next(
        s for s in (sample_scene(seed, split="tests") for seed in range(500)) if s.cuts and s.source_rate == 24
    )
    frames = render_frames(scene).float()
    change = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    at = int(np.ceil(scene.cuts[0] * 24)) - 1
    assert change[at] > 4 * change.median()


def test_flashes_brighten_the_picture() -> None:
    scene = _bare(_first("explosion", "explosion"))
    frames = render_frames(scene).float().mean((1, 2, 3))
    for event in scene.events:
        if event.on_screen:
            after = min(int(np.ceil(event.time * 24)), len(frames) - 1)
            assert frames[after : after + 2].max() > frames[max(0, after - 2)]


def test_drawing_is_fast_enough_to_fill_a_cache() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        scenes = [sample_scene(seed) for seed in range(12)]
        render_frames(scenes[0])
        start = time.process_time()
        for scene in scenes:
            render_frames(scene)
        spent = (time.process_time() - start) / len(scenes)
    finally:
        torch.set_num_threads(threads)
    assert spent < 0.25, f"{1000 * spent:.0f} ms a clip"
