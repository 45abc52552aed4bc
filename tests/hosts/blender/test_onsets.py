"""From movie strips to a mixdown: what Blender plays of the takes sounds where its picture changes."""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Steps = Callable[..., list[Any]]

pytestmark = pytest.mark.usefixtures("needs_sounds")

NTSC = Fraction(30_000, 1001)
#: The film's frames, and those of them that are white.
LENGTH, WHITE = 120, range(22, 75)
FIRST, LAST = 11, 150
#: Name, channel, content start, first and last frame, settings, and the frame on which its picture changes.
CUT: list[tuple[str, int, int, int, int, dict[str, Any], int]] = [
    ("one", 1, 10, 20, 50, {}, 10 + 22),
    # The first twenty frames are cut off for good: the film's frame 75 is on 17 + 75 - 20.
    ("two", 1, 17, 57, 97, {"hard_trim": 20}, 17 + 75 - 20),
    # Backwards, the film's last frame is on 80; its frame 74 on 80 + 119 - 74.
    ("back", 2, 80, 100, 140, {"use_reverse_frames": True}, 80 + 119 - 74),
]


@pytest.fixture
def film(make_media: Callable[..., Path]) -> Callable[[Fraction], str]:
    """The path of a film at a rate."""
    pictures = [np.full((36, 64, 3), 255 if frame in WHITE else 0, np.uint8) for frame in range(LENGTH)]
    return lambda rate: str(make_media("flash.mov", pictures, rate=rate))


def heard(path: Path) -> np.ndarray:
    """The samples on which a sound of 48 kHz clicks."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == 48_000
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())
    loud = np.flatnonzero(np.abs(samples).max(1) > 2000)
    return loud[np.diff(loud, prepend=-1000) > 100]


@pytest.mark.parametrize(
    ("fps", "base", "rate", "film_rate", "handles"),
    [
        (24, 1.0, Fraction(24), Fraction(24), 0),
        (25, 1.0, Fraction(25), Fraction(25), 5),
        (30, 1.001, NTSC, NTSC, 5),
        # Blender plays a film of another rate frame for frame.
        (24, 1.0, Fraction(24), Fraction(25), 3),
    ],
    ids=["24", "25", "29.97", "25 in 24"],
)
def test_takes_sound_where_the_picture_changes(
    blender: Steps,
    start_engine: Callable[..., None],
    film: Callable[[Fraction], str],
    tmp_path: Path,
    fps: int,
    base: float,
    rate: Fraction,
    film_rate: Fraction,
    handles: int,
) -> None:
    start_engine(rate)
    path = film(film_rate)
    movies = [
        (
            "movie",
            {"path": path, "name": name, "channel": channel, "content_start": at, "first": first, "last": last, **more},
        )
        for name, channel, at, first, last, more, _ in CUT
    ]
    changes = [frame for *_, frame in CUT]
    around = [frame + side for frame in changes for side in (-1, 0)]
    *_, outcome, _, brightness, _, state = blender(
        ("rate", {"fps": fps, "base": base, "start": FIRST, "end": LAST}),
        *movies,
        ("save", {"path": str(tmp_path / "film.blend")}),
        ("select", {"names": [name for name, *_ in CUT]}),
        ("call", {"operator": "foley", "handles": handles, "model": "fake", "caption": "a clap"}),
        ("mixdown", {"path": str(tmp_path / "mix.wav")}),
        ("brightness", {"frames": around, "folder": str(tmp_path)}),
        ("save", {"path": str(tmp_path / "film.blend")}),
        ("state", {}),
    )
    assert outcome == ["3 takes"]
    # Blender's own picture changes there.
    assert [abs(after - before) > 0.8 for before, after in zip(brightness[::2], brightness[1::2], strict=True)] == [
        True
    ] * 3
    onsets = heard(tmp_path / "mix.wav")
    expected = np.array([float((frame - FIRST) / rate * 48_000) for frame in changes])
    assert len(onsets) == len(expected), onsets
    assert np.abs(onsets - expected).max() <= 2, onsets - expected

    takes = [strip for strip in state["strips"].values() if strip["ours"]]
    assert sorted((take["start"], take["end"]) for take in takes) == [(20, 50), (57, 97), (100, 140)]
    assert {take["start"] - take["content_start"] for take in takes} == {handles}
    assert {(take["channel"], take["channel_name"]) for take in takes} == {(3, "AVFoley")}
    assert all(Path(take["file"]).is_file() for take in takes)
    assert all(Path(take["file"]).is_relative_to(tmp_path / "film.avfoley") for take in takes)
    assert state["markers"] == [[20, "a clap"], [57, "a clap"], [100, "a clap"]]
    # Nothing but sounds and their cue sheet is left beside the project.
    assert {found.suffix for found in (tmp_path / "film.avfoley").rglob("*") if found.is_file()} == {".wav", ".csv"}
