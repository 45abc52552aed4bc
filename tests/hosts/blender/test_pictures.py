"""From selected sound strips to pictures over them: movie strips of ours, on a channel of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Steps = Callable[..., list[Any]]

pytestmark = pytest.mark.usefixtures("needs_sounds")

#: The bell is heard from frame 42 to 79; the film under it is black.
AROUND = [41, 42, 60, 79, 80]


def picture(**settings: Any) -> tuple[str, dict[str, Any]]:
    return "call", {"operator": "visualize", "caption": "a bell", **settings}


def ours(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: strip for name, strip in state["strips"].items() if strip["ours"]}


def laid(state: dict[str, Any]) -> dict[str, tuple[int, int, str]]:
    return {name: (strip["start"], strip["end"], strip["channel_name"]) for name, strip in ours(state).items()}


def test_a_selected_sound_gets_a_picture(
    blender: Steps, start_engine: Callable[..., Any], make_media: Callable[..., Path], tmp_path: Path
) -> None:
    engine = start_engine(pictures=True)
    film = str(make_media("film.mov", [np.zeros((36, 64, 3), np.uint8)] * 120))
    bell = str(make_media("bell.wav", None, sound=np.zeros((1, 96_000), np.float32)))
    shown = ("brightness", {"frames": AROUND, "folder": str(tmp_path)})
    told: dict[str, Any] = {}
    steps: list[tuple[str | None, Any]] = [
        (None, ("rate", {"fps": 25, "base": 1.0, "start": 1, "end": 120})),
        (None, ("movie", {"path": film, "name": "film", "channel": 1, "content_start": 1, "first": 1, "last": 121})),
        (None, ("sound", {"path": bell, "name": "bell", "channel": 2, "start": 30, "frame_offset_start": 12})),
        (None, ("select", {"names": ["film", "bell"]})),
        (None, ("save", {"path": str(tmp_path / "film.blend")})),
        ("before", ("state", {})),
        ("made", picture(seed=200)),
        ("first", ("state", {})),
        ("first seen", shown),
        (None, picture(seed=200)),
        ("again", ("state", {})),
        (None, picture(seed=90)),
        ("second", ("state", {})),
        ("second seen", shown),
        # What we made is no film of the editor's, and does not hide the one under it.
        ("foley", ("call", {"operator": "foley", "caption": "steps"})),
        ("both", ("state", {})),
        (None, ("rename_marker", {"old": "a bell", "new": "a gong"})),
        ("regenerated", ("call", {"operator": "regenerate"})),
        ("third", ("state", {})),
        (None, ("call", {"operator": "remove"})),
        ("after", ("state", {})),
    ]  # fmt: skip
    for (key, _), answer in zip(steps, blender(*(step for _, step in steps)), strict=True):
        if key is not None:
            told[key] = answer

    assert told["made"] == ["1 take"]
    assert laid(told["first"]) == {"bell picture": (42, 80, "AVFoley picture")}
    assert told["first"]["markers"] == [[42, "a bell"]]
    job = engine.http.get("/v1/jobs").json()[0]["request"]
    assert job["sound"] == {"media": bell, "source_start": "12/25", "speed": "1"}
    assert told["first seen"] == pytest.approx([0, *[200 / 255] * 3, 0], abs=0.03)

    assert told["again"] == told["first"]
    assert laid(told["second"]) == laid(told["first"])
    assert ours(told["second"])["bell picture"]["takes"] == ["take 1", "take 2"]
    assert told["second seen"] == pytest.approx([0, *[90 / 255] * 3, 0], abs=0.03)

    assert told["foley"] == ["1 take"]
    assert laid(told["both"]) == {**laid(told["first"]), "film foley": (1, 121, "AVFoley")}
    assert told["regenerated"] == ["1 take"]
    assert ours(told["third"])["bell picture"]["captions"] == ["a bell", "a bell", "a gong"]
    assert laid(told["third"]) == laid(told["both"])
    assert told["after"] == told["before"]


def test_each_channel_of_ours_says_what_it_is_for(
    blender: Steps, start_engine: Callable[..., Any], make_media: Callable[..., Path], tmp_path: Path
) -> None:
    """By the takes on it, whatever it is named; without any, by its name."""
    start_engine(pictures=True)
    film = str(make_media("film.mov", [np.zeros((36, 64, 3), np.uint8)] * 120))
    bell = str(make_media("bell.wav", None, sound=np.zeros((1, 96_000), np.float32)))
    *_, document = blender(
        ("rate", {"fps": 25, "base": 1.0, "start": 1, "end": 120}),
        ("movie", {"path": film, "name": "film", "channel": 1, "content_start": 1, "first": 1, "last": 121}),
        ("sound", {"path": bell, "name": "bell", "channel": 2, "start": 30}),
        ("sound", {"path": bell, "name": "rain", "channel": 7, "start": 30}),
        ("name_channel", {"channel": 7, "name": "AVFoley ambience"}),
        ("select", {"names": ["film", "bell"]}),
        ("save", {"path": str(tmp_path / "film.blend")}),
        picture(),
        ("call", {"operator": "foley"}),
        ("name_channel", {"channel": 8, "name": "pictures"}),
        ("document", {}),
    )
    tracks = {
        (track["name"], track["kind"]): track["metadata"].get("avfoley")
        for track in document["timeline"]["tracks"]["children"]
    }
    assert {key: mark and {**mark, "id": ""} for key, mark in tracks.items()} == {
        ("Channel 1", "Video"): None,
        ("Channel 2", "Audio"): None,
        ("AVFoley ambience", "Audio"): {"kind": "foley_track", "version": 1, "id": "", "ambience": True},
        ("pictures", "Video"): {"kind": "foley_track", "version": 1, "id": "", "picture": True},
        ("AVFoley", "Audio"): {"kind": "foley_track", "version": 1, "id": ""},
    }


def test_a_strip_without_sound_of_its_own_is_refused(
    blender: Steps, make_media: Callable[..., Path], tmp_path: Path
) -> None:
    film = str(make_media("film.mov", [np.zeros((36, 64, 3), np.uint8)] * 20))
    *_, told = blender(
        ("movie", {"path": film, "name": "film", "channel": 1, "content_start": 1, "first": 1, "last": 21}),
        ("save", {"path": str(tmp_path / "film.blend")}),
        ("select", {"names": ["film"]}),
        ("call", {"operator": "visualize"}),
    )
    assert told == ["nothing is selected: select sound strips, outside of meta strips"]
