"""`avfoley visualize` as a process, with an engine that runs a fake model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import placed
from avfoley_plugin.timeline.takes import PlacedTake
from support.engine import Engine


@pytest.fixture
def with_sound(timeline: Path) -> Path:
    """The timeline of ten shots, with two seconds of a sound on A1 from frame 30 on, named "bell"."""
    path = timeline.with_name("bell.wav")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 480_000), np.int16), "s16", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
    cut = otio.adapters.read_from_file(str(timeline))
    media = otio.schema.ExternalReference("bell.wav", TimeRange(RationalTime(0, 25), RationalTime(250, 25)))
    bell = otio.schema.Clip("bell", media, TimeRange(RationalTime(75, 25), RationalTime(50, 25)))
    gap = otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), RationalTime(30, 25)))
    cut.tracks.append(otio.schema.Track("A1", kind=otio.schema.TrackKind.Audio, children=[gap, bell]))
    otio.adapters.write_to_file(cut, str(timeline))
    return timeline


def takes(path: Path) -> list[PlacedTake]:
    return placed(otio.adapters.read_from_file(str(path)))


def test_a_sound_gets_a_picture_and_a_caption_and_is_made_again(
    engine: Engine, avfoley: Callable[..., Any], with_sound: Path
) -> None:
    ran = avfoley("visualize", with_sound, "--clip", "bell", "--caption", "a bell", "--codec", "prores", "--json")
    assert ran.code == 0, ran.err
    (take,) = takes(with_sound)
    assert (take.shot_name, take.record_start, take.frames) == ("bell", 30, 50)
    assert take.url.startswith("cut.avfoley/bell_picture_")
    assert take.url.endswith(".mov")
    assert (with_sound.parent / take.url).read_bytes() == bytes(50)
    (job,) = engine.http.get("/v1/jobs").json()
    assert job["request"]["sound"] == {
        "media": str(with_sound.with_name("bell.wav")),
        "source_start": "3",
        "speed": "1",
    }
    assert (job["request"]["frames"], job["request"]["record_rate"]) == (50, "25")
    cut = otio.adapters.read_from_file(str(with_sound))
    assert captions(cut) == {take.shot_id: "a bell"}

    # The same again is the same take; another seed is another take of the same clip.
    for seed in ("0", "1"):
        ran = avfoley("visualize", with_sound, "--clip", "bell", "--codec", "prores", "--seed", seed)
        assert ran.code == 0, ran.err
    assert [(t.key, t.identity.request.seed, t.active) for t in takes(with_sound)] == [
        ("take 1", 0, False),
        ("take 2", 1, True),
    ]

    cut = otio.adapters.read_from_file(str(with_sound))
    cut.tracks.markers[0].comment = "a gong"
    otio.adapters.write_to_file(cut, str(with_sound))
    ran = avfoley("regenerate", with_sound)
    assert ran.code == 0, ran.err
    last = takes(with_sound)[-1]
    assert (last.active, last.identity.request.caption, last.identity.request.codec) == (True, "a gong", "prores")
    assert last.url.endswith(".mov")

    # Foley goes on looking at the picture that was shot.
    ran = avfoley("foley", with_sound, "--json")
    assert [shot["shot"] for shot in ran.lines[0]["shots"]] == [f"shot{number}" for number in range(10)]
    assert len(takes(with_sound)) == 3 + 10
    cut = otio.adapters.read_from_file(str(with_sound))
    kinds = [track.kind for track in cut.tracks]
    assert kinds == ["Video", "Audio", "Video", "Audio"]


def test_what_cannot_be_is_said_plainly(engine: Engine, avfoley: Callable[..., Any], with_sound: Path) -> None:
    ran = avfoley("visualize", with_sound, "--clip", "gong")
    assert (ran.code, "no clip that plays is named gong" in ran.err) == (3, True)
    ran = avfoley("visualize", with_sound, "--clip", "shot1")
    assert ran.code == 1
    assert "has no sound" in ran.out
    ran = avfoley("visualize", with_sound, "--clip", "bell", "--model", "fake")
    assert (ran.code, "fake does not offer visualize" in ran.err) == (4, True)
    ran = avfoley("visualize", with_sound)
    assert (ran.code, "nothing is selected in cut.otio" in ran.err) == (3, True)
    assert avfoley("visualize", with_sound, "--clip", "bell", "--codec", "gif").code == 2
