"""The add-on's operators over a sequence that is worked on: again, moved, edited, cancelled, removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Steps = Callable[..., list[Any]]

pytestmark = pytest.mark.usefixtures("needs_sounds")


@pytest.fixture
def cut(make_media: Callable[..., Path], tmp_path: Path, start_engine: Callable[..., None]) -> list[Any]:
    """Steps to a saved scene of two strips, 20 to 50 and 57 to 97, both selected."""
    # It sees an event after 8 frames of every strip, 90 % sure, and one after 20, 55 % sure.
    start_engine(events=True)
    film = str(make_media("a film.mov", [np.full((36, 64, 3), 2 * frame, np.uint8) for frame in range(120)]))
    return [
        ("rate", {"fps": 25, "base": 1.0, "start": 1, "end": 150}),
        ("movie", {"path": film, "name": "one", "channel": 1, "content_start": 10, "first": 20, "last": 50}),
        ("movie", {"path": film, "name": "two", "channel": 2, "content_start": 0, "first": 57, "last": 97}),
        ("select", {"names": ["one", "two"]}),
        ("save", {"path": str(tmp_path / "film.blend")}),
    ]


def foley(**settings: Any) -> tuple[str, dict[str, Any]]:
    return "call", {"operator": "foley", "model": "fake", **settings}


def takes(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: strip for name, strip in state["strips"].items() if strip["ours"]}


def places(state: dict[str, Any]) -> list[tuple[int, int, int]]:
    return sorted((strip["start"], strip["end"], strip["channel"]) for strip in takes(state).values())


def test_again_adds_takes_and_nothing_else(blender: Steps, cut: list[Any], tmp_path: Path) -> None:
    path = str(tmp_path / "film.blend")
    quieter = ("change", {"strip": "one foley", "volume": 0.5})
    *_, made, _, first, _ = blender(*cut, foley(), quieter, ("state", {}), ("save", {"path": path}))
    assert made == ["2 takes"]
    assert places(first) == [(20, 50, 3), (57, 97, 3)]
    # In another Blender, from the file.
    _, made, again, more, third, _, told, shown = blender(
        ("open", {"path": path}),
        foley(),
        ("state", {}),
        foley(seed=7, takes=2, handles=4),
        ("state", {}),
        ("select", {"names": ["one foley"]}),
        ("call", {"operator": "next_take"}),
        ("state", {}),
    )
    assert again == first
    assert (made, more) == (["2 takes"], ["4 takes"])
    assert places(third) == places(first)
    assert list(takes(third)) == ["one foley", "two foley"]
    one = third["strips"]["one foley"]
    assert (one["takes"], one["active"], one["volume"]) == (["take 1", "take 2", "take 3"], "take 2", 0.5)
    assert len({state["strips"]["one foley"]["file"] for state in (first, third, shown)}) == 3
    assert shown["strips"]["one foley"]["active"] == "take 3"
    assert places(shown) == places(first)
    assert shown["markers"] == first["markers"] == [[20, "one"], [57, "two"]]
    assert told == more, "what the panel tells of the last run stays"


def test_takes_follow_their_shots(blender: Steps, cut: list[Any], make_media: Callable[..., Path]) -> None:
    """Also those of shots that are not selected, and around what the editor put on our channel."""
    music = str(make_media("music.wav", None, sound=np.zeros((1, 48_000), np.float32)))
    *_, state = blender(
        *cut,
        foley(caption="a clap"),
        ("sound", {"path": music, "name": "music", "channel": 3, "start": 125}),
        ("change", {"strip": "one", "frame_start": 110}),
        ("drop", {"strip": "two foley"}),
        ("select", {"names": ["two"]}),
        foley(seed=3),
        ("state", {}),
    )
    assert places(state) == [(57, 97, 3), (120, 150, 4)]
    assert [state["strips"][name]["channel_name"] for name in ("one foley", "two foley")] == ["AVFoley 2", "AVFoley"]
    assert (state["strips"]["music"]["start"], state["strips"]["music"]["channel"]) == (125, 3)


def test_a_renamed_marker_makes_its_shot_again(blender: Steps, cut: list[Any]) -> None:
    long = "a stick hits a bag of leaves, over and over again, slowly at first and then fast"
    *_, nothing, _, made, state, nothing_more = blender(
        *cut,
        ("marker", {"name": "mine", "frame": 57}),
        foley(caption=long),
        ("call", {"operator": "regenerate"}),
        ("rename_marker", {"old": long[:63], "new": "a knock"}),
        ("call", {"operator": "regenerate"}),
        ("state", {}),
        ("call", {"operator": "regenerate"}),
    )
    assert (nothing, made, nothing_more) == (["0 takes"], ["1 take"], ["0 takes"])
    # A marker of the editor's is left alone, and ours goes to the next frame.
    assert state["markers"] == [[20, "a knock"], [57, "mine"], [58, long[:63]]]
    assert state["strips"]["one foley"]["captions"] == [long, "a knock"]
    assert state["strips"]["one foley"]["active"] == "take 2"
    assert state["strips"]["two foley"]["captions"] == [long]


def test_an_edit_of_a_caption_waits_for_its_turn(blender: Steps, cut: list[Any]) -> None:
    """Foley for another shot neither loses nor carries it out, and the marker may have been moved."""
    *_, state, made, after = blender(
        *cut,
        foley(caption="a clap"),
        ("rename_marker", {"old": "a clap", "new": "a knock"}),
        ("select", {"names": ["two"]}),
        foley(caption="a whistle"),
        ("move_marker", {"name": "a whistle", "frame": 60}),
        ("state", {}),
        ("call", {"operator": "regenerate"}),
        ("state", {}),
    )
    assert state["markers"] == [[20, "a knock"], [60, "a whistle"]]
    assert state["strips"]["one foley"]["captions"] == ["a clap"]
    assert made == ["1 take"]
    assert after["markers"] == state["markers"]
    assert after["strips"]["one foley"]["captions"] == ["a clap", "a knock"]


def test_what_the_editor_does_meanwhile_counts(blender: Steps, cut: list[Any]) -> None:
    *_, ran, state = blender(
        *cut,
        ("run", {"options": ["--model=fake", "--clip=one", "--clip=two"], "move": ["two", 60]}),
        ("state", {}),
    )
    assert (ran["takes"], ran["failures"]) == (2, [])
    assert ran["progress"] == sorted(ran["progress"])
    assert len(set(ran["progress"])) > 2
    assert state["strips"]["two"]["start"] == 117
    assert places(state) == [(20, 50, 3), (117, 157, 3)]
    assert state["markers"] == [[20, "one"], [117, "two"]]


def test_a_cancelled_run_leaves_no_trace(blender: Steps, cut: list[Any], tmp_path: Path) -> None:
    *_, before, ran, after = blender(
        *cut,
        ("state", {}),
        ("run", {"options": ["--model=fake", "--caption=slow"], "cancel": True}),
        ("state", {}),
    )
    assert (ran["takes"], ran["failures"]) == (0, [])
    assert after == before
    assert [path for path in (tmp_path / "film.avfoley").rglob("*") if path.is_file()] == []


def test_removing_ours_leaves_the_sequence_as_it_was(blender: Steps, cut: list[Any]) -> None:
    *_, before, _, _, _, after, registered = blender(
        *cut,
        ("marker", {"name": "mine", "frame": 57}),
        ("state", {}),
        foley(),
        ("rename_marker", {"old": "one", "new": "a knock"}),
        ("call", {"operator": "remove"}),
        ("state", {}),
        ("disable", {}),
    )
    assert after == before
    assert not registered


def test_strips_without_film_are_named(blender: Steps, cut: list[Any]) -> None:
    *_, nothing, _, told, state, panel = blender(
        *cut,
        ("effect", {"kind": "SPEED", "name": "fast", "channel": 4, "over": "one"}),
        ("meta", {"name": "scene 3", "channel": 5, "start": 1}),
        ("select", {"names": []}),
        ("call", {"operator": "foley"}),
        ("select", {"names": ["one", "two", "scene 3"]}),
        foley(),
        ("state", {}),
        ("panel", {}),
    )
    assert nothing == ["nothing is selected: select movie strips, outside of meta strips"]
    assert told == [
        "1 take",
        "one: the effect 'fast' changes its speed; render it, or remove the effect",
        "scene 3: it is a meta strip, not a movie; render it, and make foley for that",
    ]
    assert [name for name, strip in state["strips"].items() if strip["ours"]] == ["two foley"]
    assert {"Caption", "Takes", "avfoley.foley", "avfoley.regenerate", "1 take"} <= set(panel)


def test_the_project_must_be_saved(blender: Steps, cut: list[Any]) -> None:
    *_, ready, panel = blender(*cut[:-1], ("can_call", {"operator": "foley"}), ("panel", {}))
    assert not ready
    assert "Save the .blend: sounds go beside it" in panel


def test_a_command_that_is_not_there_is_named(blender: Steps, cut: list[Any], tmp_path: Path) -> None:
    *_, told = blender(*cut, ("prefer", {"command": "/nowhere/avfoley"}), foley())
    assert len(told) == 1
    assert told[0].startswith("/nowhere/avfoley cannot be run")
    assert list((tmp_path / "film.avfoley").iterdir()) == []


SPOT = ("call", {"operator": "spot"})


def test_events_become_markers_that_another_run_replaces(blender: Steps, cut: list[Any], tmp_path: Path) -> None:
    path = str(tmp_path / "film.blend")
    *_, before, made, first, _ = blender(
        *cut, ("marker", {"name": "mine", "frame": 77}), ("state", {}), SPOT, ("state", {}), ("save", {"path": path})
    )
    assert made == ["4 events"]
    assert first["markers"] == [
        [28, "event (90%)"], [40, "event (55%)"], [65, "event (90%)"], [77, "mine"], [78, "event (55%)"],
    ]  # fmt: skip
    assert first["strips"] == before["strips"]
    # In another Blender, from the file: moved with its strip, in the selected strip alone, then all removed.
    _, made, again, _, _, _, moved, _, removed = blender(
        ("open", {"path": path}),
        SPOT,
        ("state", {}),
        # By as much as its events are apart.
        ("change", {"strip": "one", "frame_start": 22}),
        ("select", {"names": ["one"]}),
        SPOT,
        ("state", {}),
        ("call", {"operator": "remove"}),
        ("state", {}),
    )
    assert (made, again["markers"]) == (["4 events"], first["markers"])
    assert moved["markers"] == [[40, "event (90%)"], [52, "event (55%)"], *first["markers"][2:]]
    assert removed["markers"] == before["markers"]


def test_an_event_is_no_caption_and_keeps_the_name_that_the_editor_gave_it(blender: Steps, cut: list[Any]) -> None:
    """A caption on the frame of an event makes way for it."""
    *_, first, _, nothing, second, _, third = blender(
        *cut,
        ("select", {"names": ["one"]}),
        foley(caption="a clap"),
        ("move_marker", {"name": "a clap", "frame": 28}),
        SPOT,
        ("state", {}),
        ("rename_marker", {"old": "a clap (55%)", "new": "a knock"}),
        ("call", {"operator": "regenerate"}),
        ("state", {}),
        SPOT,
        ("state", {}),
    )
    assert first["markers"] == [[28, "a clap (90%)"], [29, "a clap"], [40, "a clap (55%)"]]
    assert nothing == ["0 takes"]
    assert second["markers"] == [[28, "a clap (90%)"], [29, "a clap"], [40, "a knock"]]
    assert third["markers"] == first["markers"], "spotted again, it is another event"
