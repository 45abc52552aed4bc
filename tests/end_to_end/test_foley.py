"""From a timeline with real picture to Broadcast Waves on it, through shell, engine, worker, task and model."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.timeline.placing import placed

Shell = Callable[..., subprocess.CompletedProcess[str]]

RATE = Fraction(24_000, 1001)
SPELLED = 23.976


@pytest.fixture
def timeline(tmp_path: Path) -> Path:
    """Two shots of 23.976 fps, 31 and 12 frames, with a gap of 5 between; the timeline starts at 01:00:00:00."""
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 96, 54, "yuv420p"
        for number in range(60):
            picture = np.full((54, 96, 3), 255 * (number % 12 == 0), np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)

    def span(start: int, frames: int) -> TimeRange:
        return TimeRange(RationalTime(start, SPELLED), RationalTime(frames, SPELLED))

    reference = otio.schema.ExternalReference("clip.mp4", span(0, 60))
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    track.append(otio.schema.Clip("one", reference, span(3, 31)))
    track.append(otio.schema.Gap(source_range=span(0, 5)))
    track.append(otio.schema.Clip("two", reference, span(40, 12)))
    cut = otio.schema.Timeline("cut", global_start_time=RationalTime(86_400, SPELLED))
    cut.tracks.append(track)
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(cut, str(path))
    return path


def chunks(wav: Path) -> dict[bytes, bytes]:
    """The chunks of a RIFF file."""
    content = wav.read_bytes()
    found, position = {}, 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        found[name] = content[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    return found


def samples(frames: int) -> int:
    return round(frames / RATE * 48_000)


def test_takes_are_exact_in_length_and_position(avfoley: Shell, timeline: Path) -> None:
    ran = avfoley("foley", timeline, "--model", "untrained", "--handles", "6", "--caption", "a clap", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    one, two = placed(otio.adapters.read_from_file(str(timeline)))
    assert [(take.record_start, take.frames) for take in (one, two)] == [(0, 31), (36, 12)]

    # The first shot has 3 frames of picture before it, not the 6 asked for.
    for take, head, tail in ((one, 3, 6), (two, 6, 6)):
        parts = chunks(timeline.parent / take.url)
        layout, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", parts[b"fmt "])
        assert (channels, rate, bits) == (1, 48_000, 24), layout
        assert take.identity.result.head_samples == samples(head)
        assert take.identity.result.shot_samples == samples(take.frames)
        assert len(parts[b"data"]) // 3 == take.identity.result.samples
        assert take.identity.result.samples - samples(head + take.frames + tail) in (-1, 0, 1)
        # bext: the file's first sample in samples since midnight.
        low, high = struct.unpack_from("<II", parts[b"bext"], 338)
        assert low + (high << 32) == samples(86_400 + take.record_start) - samples(head)
        sound = np.frombuffer(parts[b"data"], np.uint8).reshape(-1, 3)
        assert sound.any(), "the file is silent"


def test_the_same_request_gives_the_same_bytes_from_a_new_engine(
    avfoley: Shell, timeline: Path, engine_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sound(*options: str) -> str:
        ran = avfoley("foley", timeline, "--model", "untrained", "--clip", "two", "--json", *options)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return str(json.loads(ran.stdout.splitlines()[-1])["takes"][0]["result"]["sha256"])

    first = sound("--seed", "5")
    assert sound("--seed", "6") != first
    assert avfoley("engine", "stop").returncode == 0
    # Nothing of the first engine is left: neither its cache nor its jobs.
    monkeypatch.setenv("AVFOLEY_HOME", str(engine_home.with_name("second-home")))
    assert sound("--seed", "5") == first


def test_a_film_that_ends_early_fails_alone(avfoley: Shell, timeline: Path) -> None:
    broken = timeline.with_name("broken.mp4")
    broken.write_bytes((timeline.with_name("clip.mp4")).read_bytes()[:200])
    cut = otio.adapters.read_from_file(str(timeline))
    clip = next(iter(cut.find_clips()))
    clip.media_reference = otio.schema.ExternalReference("broken.mp4", clip.media_reference.available_range)
    otio.adapters.write_to_file(cut, str(timeline))
    ran = avfoley("foley", timeline, "--model", "untrained")
    assert ran.returncode == 1
    assert "broken.mp4" in ran.stdout
    assert [take.shot_name for take in placed(otio.adapters.read_from_file(str(timeline)))] == ["two"]


def test_a_real_clip(avfoley: Shell, shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    media = shared_data("clips") / "stick_hits_bag.mp4"
    with av.open(str(media)) as container:
        video = container.streams.video[0]
        rate, frames = video.average_rate, video.frames
    output = tmp_path / "cut" / "bag.otio"
    ran = avfoley("foley", media, "-o", output, "--model", "untrained", "--caption", "a stick hits a bag")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = otio.adapters.read_from_file(str(output))
    (take,) = placed(written)
    assert (take.record_start, take.frames) == (0, frames)
    # The take plays for just as long as the picture.
    picture, *_, foley = (next(iter(track)).source_range for track in written.tracks)
    assert (picture.duration, picture.start_time.value) == (foley.duration, 0)
    parts = chunks(output.parent / take.url)
    assert len(parts[b"data"]) // 3 == round(frames / rate * 48_000)
    assert struct.unpack_from("<II", parts[b"bext"], 338) == (0, 0)
    assert np.frombuffer(parts[b"data"], np.uint8).any(), "the file is silent"
