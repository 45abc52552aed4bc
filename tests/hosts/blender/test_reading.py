"""What the add-on hands to the command is a timeline that reads as the sequence is."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest

from avfoley_plugin.timeline.shots import Selection, Shot, read_shots

Steps = Callable[..., list[Any]]

NTSC = Fraction(30_000, 1001)


@pytest.fixture
def film(make_media: Callable[..., Path]) -> Callable[..., str]:
    """The path of a film of 120 frames at a rate."""
    pictures = [np.zeros((36, 64, 3), np.uint8)] * 120
    return lambda rate, name="film.mov": str(make_media(name, pictures, rate=rate))


def shots(document: dict[str, Any]) -> list[Shot]:
    timeline = otio.adapters.read_from_string(json.dumps(document["timeline"]), "otio_json")
    found, problems = read_shots(timeline, Selection(), folder=Path("/"))
    assert problems == []
    return found


def read(blender: Steps, folder: Path, *steps: Any) -> dict[str, Any]:
    saved = ("save", {"path": str(folder / "film.blend")})
    document: dict[str, Any] = blender(*steps, saved, ("document", {}))[-1]
    return document


def test_every_frame_is_where_blender_shows_it(blender: Steps, film: Callable[..., str], tmp_path: Path) -> None:
    path, backwards = film(NTSC), {"use_reverse_frames": True}
    document = read(
        blender,
        tmp_path,
        ("rate", {"fps": 30, "base": 1.001, "start": 11, "end": 99}),
        ("movie", {"path": path, "name": "cut", "channel": 1, "content_start": 10, "first": 20, "last": 50}),
        ("movie", {"path": path, "name": "trimmed", "channel": 1, "content_start": 60, "first": 63, "last": 80, "hard_trim": 7}),
        ("movie", {"path": path, "name": "backwards", "channel": 2, "content_start": 80, "first": 100, "last": 140, **backwards}),
        # Its content ends with frame 329, its strip holds the last picture until 339.
        ("movie", {"path": path, "name": "still", "channel": 1, "content_start": 210, "first": 300, "last": 340}),
        ("movie", {"path": path, "name": "hidden", "channel": 3, "content_start": 400, "first": 400, "last": 520}),
        ("movie", {"path": path, "name": "off", "channel": 1, "content_start": 600, "first": 600, "last": 720, "mute": True}),
        ("mute_channel", {"channel": 3}),
    )  # fmt: skip
    assert document["unusable"] == []
    found = shots(document)
    assert [
        (shot.name, shot.record_start, shot.frames, shot.picture.source_start, shot.picture.speed) for shot in found
    ] == [
        ("cut", 20, 30, 10, 1),
        ("trimmed", 63, 17, 10, 1),
        # The first frame that is seen; then those before it.
        ("backwards", 100, 40, 99, -1),
        ("still", 300, 30, 90, 1),
    ]
    assert {(shot.record_rate, shot.picture.source_rate, shot.media) for shot in found} == {(NTSC, NTSC, Path(path))}
    # Frame 0 is 00:00:00:00, as Blender shows it, wherever the scene starts.
    assert found[0].record_start_timecode == 20
    assert (found[0].head_available, found[0].tail_available) == (10, 80)
    assert (found[1].head_available, found[1].tail_available) == (10, 93)


def test_a_film_before_frame_0_moves_nothing(blender: Steps, film: Callable[..., str], tmp_path: Path) -> None:
    path = film(Fraction(25))
    document = read(
        blender,
        tmp_path,
        ("rate", {"fps": 25, "base": 1.0, "start": 1, "end": 99}),
        ("movie", {"path": path, "name": "early", "channel": 1, "content_start": -40, "first": -30, "last": 10}),
        ("movie", {"path": path, "name": "late", "channel": 1, "content_start": 50, "first": 50, "last": 170}),
    )
    early, late = shots(document)
    assert (early.record_start, late.record_start) == (0, 80)
    assert (early.record_start_timecode, late.record_start_timecode) == (24 * 3600 * 25 - 30, 50)


def test_a_film_of_another_rate_plays_frame_for_frame(blender: Steps, film: Callable[..., str], tmp_path: Path) -> None:
    document = read(
        blender,
        tmp_path,
        ("rate", {"fps": 24, "base": 1.0, "start": 1, "end": 99}),
        ("movie", {"path": film(NTSC), "name": "cut", "channel": 1, "content_start": 10, "first": 20, "last": 50}),
    )
    (shot,) = shots(document)
    assert (shot.picture.source_start, shot.picture.source_rate) == (10, NTSC)
    assert shot.picture.speed == Fraction(24) / NTSC


def test_a_film_that_keeps_its_speed_and_one_that_is_retimed(
    blender: Steps, blender_version: dict[str, Any], film: Callable[..., str], tmp_path: Path
) -> None:
    if blender_version["major"] > 4:
        pytest.skip("bpy 5.0 crashes in operators that need a window")
    document = read(
        blender,
        tmp_path,
        ("rate", {"fps": 30, "base": 1.0, "start": 1, "end": 99}),
        ("movie_of_own_speed", {"path": film(Fraction(25)), "channel": 1, "content_start": 5, "first": 17, "last": 117}),
        ("movie", {"path": film(Fraction(30), "other.mov"), "name": "slow", "channel": 2, "content_start": 0, "first": 0, "last": 120}),
        ("retime", {"strip": "slow", "at": 40}),
    )  # fmt: skip
    assert document["unusable"] == ["slow: it is retimed; render it, or clear its retiming keys"]
    (shot,) = shots(document)
    # 12 of 30 frames a second into the film, which is the tenth of 25.
    assert (shot.record_start, shot.frames, shot.picture.source_start, shot.picture.speed) == (17, 100, 10, 1)
