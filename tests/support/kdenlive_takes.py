"""Takes that click on a known frame, and pictures, put on projects as the workflows do."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.hosts import KdenliveFile
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.identity import ClipIdentity, TakeIdentity, TrackIdentity, mark
from avfoley_plugin.timeline.placing import Placement, place_takes
from avfoley_plugin.timeline.shots import Shot, read_shots
from avfoley_plugin.timeline.takes import Take
from avfoley_plugin.timeline.timing import samples
from support.messages import foley_result, visualize_request, visualize_result

#: On which frame of a shot its takes click: on the first after the picture changed.
CLICKS = (12, 15)
CAPTION = "a click <é> & 'more'"

FORMATS = pytest.mark.parametrize("sequences", [False, True], ids=["22.12", "23.04"])


def clicking_take(shot: Shot, frame: int, folder: Path, seed: int = 0, handle: int = 0) -> Take:
    """A finished take, in the place of the engine's: a click on a frame of the shot, and silence."""
    request = shot.request(head_handle=handle, tail_handle=handle, caption=CAPTION, seed=seed)
    head, tail = (samples(frames, shot.record_rate) for frames in (request.head_handle, request.tail_handle))
    length = samples(shot.frames, shot.record_rate)
    sound = np.zeros(head + length + tail, "<i2")
    sound[head + samples(frame, shot.record_rate)] = 24_000
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{shot.id}_{seed}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(sound.tobytes())
    return Take(request, foley_result(request, path=path, loudness_lufs=None), path)


def put_takes(path: Path, takes: int = 1, *, output: Path | None = None, handle: int = 0, first_seed: int = 0) -> Path:
    """Reads a project, puts takes on all its shots as the foley workflow does, and writes it."""
    host = KdenliveFile(path, output)
    timeline = host.read()
    shots, problems = read_shots(timeline, folder=host.folder)
    assert not problems
    folder = host.output.with_name(f"{host.output.stem}.avfoley")
    seeds = range(first_seed, first_seed + takes)
    placements = [
        Placement(shot, [clicking_take(shot, click, folder, seed, handle) for seed in seeds])
        for shot, click in zip(shots, CLICKS, strict=True)
    ]
    place_takes(timeline, placements, current=shots)
    for placement in placements:
        write_caption(timeline, placement.shot, placement.takes[0].request.caption)
    return host.write(timeline)


def put_picture(path: Path, film: Path, *, start: int, frames: int, rate: float = 25.0) -> Path:
    """Puts a generated film on a video track of ours, as `otio` has it: the track's kind says what it is."""
    host = KdenliveFile(path)
    timeline = host.read()
    span = TimeRange(RationalTime(0, rate), RationalTime(frames, rate))
    made = otio.schema.ExternalReference(film.as_uri(), span)
    request = visualize_request(frames=frames, caption="a grey wall")
    result = visualize_result(request, path=film, width=64, height=36)
    mark(made, TakeIdentity(id="picture-take", request=request, result=result))
    clip = otio.schema.Clip("made", source_range=span)
    clip.set_media_references({"take 1": made}, "take 1")
    about = {"layer": "0", "track": "A1", "record_start": start, "frames": frames, "record_rate": "25"}
    mark(clip, ClipIdentity(id="picture-clip", **about))
    gap = otio.schema.Gap(source_range=TimeRange(RationalTime(0, rate), RationalTime(start, rate)))
    track = otio.schema.Track("AVFoley picture", children=[gap, clip], kind=otio.schema.TrackKind.Video)
    mark(track, TrackIdentity(id="avfoley-picture"))
    timeline.tracks.append(track)
    return host.write(timeline)
