"""A sound on a timeline to a picture on it, through the real engine and the real model, which was never trained."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from avfoley_engine.media import probe

from avfoley_plugin.timeline.placing import placed


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mp4"), ("ffv1", ".mkv")])
def test_a_films_own_sound_gets_a_picture(
    avfoley: Callable[..., subprocess.CompletedProcess[str]],
    make_media: Callable[..., Path],
    tmp_path: Path,
    codec: str,
    suffix: str,
) -> None:
    rate = Fraction(30_000, 1001)
    knocks = np.zeros((1, 48_000), np.float32)
    knocks[0, 9600:9700] = 0.8
    film = make_media("film.mov", [np.zeros((36, 64, 3), np.uint8)] * 29, rate=rate, sound=knocks)
    ran = avfoley(
        "visualize", film, "--clip", "film.mov", "--caption", "a knock", "--model", "untrained", "--codec", codec
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    timeline = otio.adapters.read_from_file(str(film.with_suffix(".otio")))
    (take,) = placed(timeline)
    path = film.parent / take.url
    assert path.suffix == suffix
    found = probe(path)
    assert (found.frames, found.rate, found.width, found.height) == (29, rate, 512, 288)
    assert take.frames == 29
    assert take.identity.result.upsampling == "interpolation"
    assert [track.kind for track in timeline.tracks] == ["Video", "Audio", "Video"]
