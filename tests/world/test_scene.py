"""Scenes: what a seed fixes, how events are spread, what splits share."""

from __future__ import annotations

import itertools
from collections import Counter

import mir_eval
import numpy as np
import pytest
from avfoley_engine.world import Scene, SyntheticBank, render_frames, sample_scene
from avfoley_engine.world.families import AMBIENT, FAMILIES


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(seed, split="tests") for seed in range(400)]


def _signature(scene: Scene) -> tuple[object, ...]:
    return (scene.family, scene.label, scene.caption, scene.source_rate, scene.events, len(scene.shapes), scene.seed)


def test_a_seed_gives_the_same_scene_again(scenes: list[Scene]) -> None:
    for seed in range(0, 60, 3):
        again = sample_scene(seed, split="tests")
        assert _signature(again) == _signature(scenes[seed])
        np.testing.assert_array_equal(again.camera.x, scenes[seed].camera.x)


def test_splits_share_no_scene() -> None:
    seeds = range(100)
    train = {(s.events, s.seed) for s in (sample_scene(seed) for seed in seeds) if s.events}
    held_out = {(s.events, s.seed) for s in (sample_scene(seed, split="heldout") for seed in seeds) if s.events}
    assert not {events for events, _ in train} & {events for events, _ in held_out}
    assert not {seed for _, seed in train} & {seed for _, seed in held_out}


def test_every_family_occurs_in_its_share(scenes: list[Scene]) -> None:
    counts = Counter(scene.family for scene in scenes)
    total = sum(share for _, share in FAMILIES.values())
    for name, (_, share) in FAMILIES.items():
        assert abs(counts[name] / len(scenes) - share / total) < 0.04, name


def test_events_lie_in_the_clip_in_order_and_apart(scenes: list[Scene]) -> None:
    for scene in scenes:
        times = [event.time for event in scene.events]
        assert times == sorted(times)
        assert all(0 <= time < scene.duration for time in times)
        assert all(0 < event.gain <= 1 for event in scene.events)
        seen = [event.time for event in scene.events if event.on_screen]
        assert np.diff(seen).min(initial=1.0) > 0.05, scene.family


def test_ambiences_have_no_events_and_all_others_have(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert bool(scene.events) == (scene.family not in AMBIENT), scene.family


@pytest.mark.parametrize("duration", [0.5, 1.0, 12.0])
def test_clips_of_other_lengths_keep_their_events_inside(duration: float) -> None:
    for seed in range(80):
        scene = sample_scene(seed, split="tests", duration=duration)
        assert all(0 <= event.time < duration for event in scene.events), scene.family


def test_few_events_are_off_screen(scenes: list[Scene]) -> None:
    events = [event for scene in scenes for event in scene.events]
    assert 0 < sum(not event.on_screen for event in events) <= 0.05 * len(events)


def test_a_tenth_of_the_clips_has_cuts_and_each_cut_changes_the_framing(scenes: list[Scene]) -> None:
    cut = [scene for scene in scenes if scene.cuts]
    assert 0.04 * len(scenes) < len(cut) < 0.17 * len(scenes)
    for scene in cut:
        assert len(scene.backdrops) == len(scene.cuts) + 1


def test_shuffled_events_match_badly(scenes: list[Scene]) -> None:
    """Onsets of another clip must not fit: rhythm alone gives nothing away."""
    times = [np.array([event.time for event in scene.events]) for scene in scenes if scene.events]
    scores = [mir_eval.onset.f_measure(a, b, window=0.08)[0] for a, b in itertools.pairwise(times)]
    assert np.mean(scores) < 0.25


def test_captions_are_words_and_labels_have_sounds(scenes: list[Scene]) -> None:
    labels = SyntheticBank().labels
    for scene in scenes:
        assert len(scene.caption) > 3
        assert len(scene.video_caption) > 3
        assert scene.label in labels
        assert scene.ambience is None or scene.ambience in labels


def test_a_plain_scene_is_the_same_act_on_a_plain_stage() -> None:
    for seed in range(150):
        footage, plain = sample_scene(seed, split="tests"), sample_scene(seed, split="tests", style="plain")
        assert (plain.family, plain.caption, plain.video_caption) == (
            footage.family,
            footage.caption,
            footage.video_caption,
        )
        assert all(event.on_screen for event in plain.events)
        if footage.family != "fireworks":  # which are now and then heard after they are seen
            assert plain.events == tuple(event for event in footage.events if event.on_screen)
        assert len(plain.shapes) <= len(footage.shapes)
        assert plain.cuts == ()
        (backdrop,) = plain.backdrops
        assert backdrop.kind == "plain"
        assert np.ptp(plain.camera.zoom) == np.ptp(plain.camera.roll) == 0


def test_a_plain_picture_stands_still_where_nothing_happens() -> None:
    still = 0
    for seed in range(60):
        scene = sample_scene(seed, split="tests", style="plain")
        if scene.family in ("rain", "water", "fire"):
            continue
        frames = render_frames(scene).float()
        change = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
        still += int((change < 0.05).any())
    assert still > 20
