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
from avfoley_engine.media import probe

from avfoley_plugin.timeline.shots import Selection, Shot, read_shots
from avfoley_plugin.timeline.sounds import read_sounds

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


def test_damaged_properties_are_nobodys(
    blender: Steps, needs_sounds: None, make_media: Callable[..., Path], tmp_path: Path
) -> None:
    bell = str(make_media("bell.wav", None, sound=np.zeros((1, 48_000), np.float32)))
    span = {"start_time": {"value": 0, "rate": 25}, "duration": {"value": 10, "rate": 25}}
    ours = {"avfoley": {"kind": "foley", "id": "a", "layer": "0"}}
    take = {"target_url": "a.wav", "available_range": span, "metadata": {"avfoley": {"kind": "take", "id": "t"}}}
    whole = {
        "name": "a",
        "metadata": ours,
        "media_references": {"take 1": take},
        "active_media_reference_key": "take 1",
    }
    damaged: list[Any] = [
        7, "", "no json", "null", "[]", "[7]", "{}", '{"metadata": []}', json.dumps({"metadata": ours}),
        json.dumps(whole | {"active_media_reference_key": "take 2"}),
        json.dumps(whole | {"media_references": {"take 1": take | {"available_range": None}}}),
        json.dumps(whole | {"media_references": {"take 1": take | {"target_url": 7}}}),
        json.dumps(whole | {"name": None}),
        json.dumps(whole).replace('"rate": 25', '"rate": 0'),
        json.dumps(whole).replace('"rate": 25', '"rate": 1e999'),
        json.dumps([{"name": "x", "frame": 10, "marker": {"metadata": {"avfoley": {"kind": "caption"}}}}]),
    ]  # fmt: skip
    *_, found = blender(
        ("sound", {"path": bell, "name": "bell", "channel": 2, "start": 10}),
        ("marker", {"name": "x", "frame": 10}),
        ("save", {"path": str(tmp_path / "film.blend")}),
        ("properties", {"strip": "bell", "values": [json.dumps(whole), *damaged]}),
    )
    assert found == [1, *[0] * len(damaged)]


def test_every_sound_is_where_blender_plays_it(
    blender: Steps, needs_sounds: None, make_media: Callable[..., Path], tmp_path: Path
) -> None:
    """That a strip's sound is so many frames in at its start was looked up in Blender's mixdown of a sound with clicks."""
    bell = str(make_media("bell.wav", None, sound=np.zeros((1, 480_000), np.float32)))
    trims = {
        "cut": {"frame_offset_start": 36},
        "hard": {"animation_offset_start": 30},
        "slipped": {"sound_offset": 0.5},
    }
    document = read(
        blender,
        tmp_path,
        ("rate", {"fps": 24, "base": 1.0, "start": 1, "end": 99}),
        *(
            ("sound", {"path": bell, "name": name, "channel": channel, "start": 10, **trim})
            for channel, (name, trim) in enumerate(trims.items(), 1)
        ),
        ("sound", {"path": bell, "name": "off", "channel": 4, "start": 10, "mute": True}),
    )
    assert document["unusable"] == []
    timeline = otio.adapters.read_from_string(json.dumps(document["timeline"]), "otio_json")
    sounds, problems = read_sounds(timeline, folder=Path("/"), probe=probe)
    assert problems == []
    assert {sound.name: (sound.record_start, sound.sound.source_start) for sound in sounds} == {
        "cut": (46, Fraction(36, 24)),
        "hard": (10, Fraction(30, 24)),
        "slipped": (10, Fraction(1, 2)),
    }
    assert {sound.frames for sound in sounds} == {240 - 36, 240 - 30, 240}
