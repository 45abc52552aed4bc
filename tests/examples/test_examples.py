"""Every example runs as its docstring says, and leaves the files that it promises."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from opentimelineio.opentime import RationalTime, TimeRange

EXAMPLES = Path(__file__).parents[2] / "examples"

Example = Callable[..., str]


@pytest.fixture
def clip(make_media: Callable[..., Path]) -> Path:
    """Two seconds of 25 frames each; a white square flashes in the middle of either second."""
    frames = np.zeros((50, 72, 128, 3), np.uint8)
    frames[[12, 37], 24:48, 50:78] = 255
    return make_media("flash.mp4", list(frames), rate=Fraction(25))


@pytest.fixture
def timeline(clip: Path) -> Path:
    """Two shots of a second, "one" and "two"."""
    reference = otio.schema.ExternalReference(clip.name, TimeRange(RationalTime(0, 25), RationalTime(50, 25)))
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    for number, name in enumerate(("one", "two")):
        track.append(otio.schema.Clip(name, reference, TimeRange(RationalTime(25 * number, 25), RationalTime(25, 25))))
    cut = otio.schema.Timeline("cut")
    cut.tracks.append(track)
    path = clip.with_name("cut.otio")
    otio.adapters.write_to_file(cut, str(path))
    return path


def length(path: Path) -> tuple[int, int]:
    """A sound's samples and sample rate; it must not be silent."""
    samples, rate = soundfile.read(path)
    assert np.abs(samples).max() > 1e-4
    return len(samples), rate


def foley_clips(timeline: Path) -> list[tuple[RationalTime, list[Path], Path]]:
    """AVFoley's clips on audio tracks: start, files of all takes, and the file of the active one."""
    cut = otio.adapters.read_from_file(str(timeline))
    return [
        (
            clip.range_in_parent().start_time,
            [timeline.parent / take.target_url for take in clip.media_references().values()],
            timeline.parent / clip.media_reference.target_url,
        )
        for track in cut.audio_tracks()
        if "avfoley" in track.metadata
        for clip in track.find_clips()
    ]


def test_one_clip(example: Example, clip: Path) -> None:
    printed = example("one_clip.py", clip, "--caption", "a knock", "--takes", 2, "--steps", 1)
    ((start, takes, _),) = foley_clips(clip.with_suffix(".otio"))
    assert start.value == 0
    assert len(takes) == 2
    for path in takes:
        assert f": {path}\n" in printed
        assert length(path) == (96_000, 48_000)


def test_timeline(example: Example, timeline: Path) -> None:
    printed = example("timeline.py", timeline, "--clip", "two", "--recaption", "a door slams", "--steps", 1)
    assert printed.count("shots: 1\n") == 2
    ((start, takes, active),) = foley_clips(timeline)
    assert start == RationalTime(25, 25)
    assert len(takes) == 2
    assert printed.splitlines()[-1] == f"two: a door slams: {active}"


def test_sound_from_words(example: Example, tmp_path: Path) -> None:
    sound = tmp_path / "rain.wav"
    printed = example("sound_from_words.py", "rain", "--seconds", 1.5, "--loop", "--steps", 1, "-o", sound)
    assert printed.splitlines()[-1].endswith(str(sound))
    assert length(sound) == (72_000, 48_000)


def test_own_model(example: Example, clip: Path, tmp_path: Path) -> None:
    sound = tmp_path / "beeps.wav"
    printed = example("own_model.py", clip, "-o", sound)
    assert length(sound) == (96_000, 48_000)
    # The square appears in frame 12 and in frame 37, of 25 a second.
    onsets = [int(onset) for onset in printed.split("[")[1].split("]")[0].split(",")]
    assert all(min(abs(onset - frame * 1920) for onset in onsets) < 3_000 for frame in (12, 37))


def test_every_example_has_a_test_and_says_how_to_run_it() -> None:
    for script in EXAMPLES.glob("*.py"):
        assert f"python examples/{script.name}" in script.read_text(encoding="utf-8")
        assert f"test_{script.stem}" in globals()
