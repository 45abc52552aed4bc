"""Small edits to try formats and programs with, and foley for them."""

from __future__ import annotations

from pathlib import Path

from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import (
    Clip,
    ExternalReference,
    FreezeFrame,
    Gap,
    LinearTimeWarp,
    Marker,
    MarkerColor,
    Timeline,
    Track,
    TrackKind,
)

from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.events import Event, write_events
from avfoley_plugin.timeline.placing import Placement, place_takes
from avfoley_plugin.timeline.shots import Shot, read_shots
from avfoley_plugin.timeline.takes import Take
from support.media import write_silence
from support.messages import foley_result

#: Frames a second of all samples.
RATE = 25
_HOUR = 3600 * RATE


def sample(folder: Path) -> Timeline:
    """A timeline of 25 frames a second from 01:00:00:00: two video tracks, one of sound, a speed, a freeze frame, their
    markers, and foley with two takes a shot, its captions and events. Its takes' files are in `folder`.
    """
    main = Track("Picture", kind=TrackKind.Video)
    main.extend(
        [_clip("door", 10, 50), Gap(source_range=_range(0, 10)), _clip("fast", 100, 40), _clip("still", 200, 30)]
    )
    main[2].effects.append(LinearTimeWarp(time_scalar=2.0))
    main[3].effects.append(FreezeFrame())
    over = Track("Titles", kind=TrackKind.Video)
    over.extend([Gap(source_range=_range(0, 5)), _clip("insert", 0, 20)])
    sound = Track("Dialogue", kind=TrackKind.Audio)
    sound.append(_clip("door", 10, 50))
    timeline = Timeline("sample", tracks=[main, over, sound], global_start_time=RationalTime(_HOUR, RATE))
    timeline.tracks.markers.extend(
        [
            Marker("fix", _range(7, 1), MarkerColor.GREEN, comment="too dark"),
            Marker("note", _range(70, 5), MarkerColor.RED),
        ]
    )
    add_foley(timeline, folder, folder / "edit.avfoley")
    return timeline


def add_foley(timeline: Timeline, folder: Path, takes: Path) -> None:
    """Puts two takes, a caption and an event on the shots named "door" and "fast". Relative media URLs resolve against `folder`;
    `takes` is where the takes' silent files go.
    """
    shots, _ = read_shots(timeline, folder=folder, is_online=lambda path: True)
    chosen = [shot for shot in shots if shot.name in ("door", "fast")]
    place_takes(timeline, [Placement(shot, [_take(shot, seed, takes) for seed in (0, 1)]) for shot in chosen])
    for shot in chosen:
        write_caption(timeline, shot, f"a {shot.name} shuts")
        # On the frame of the caption, which may have room for one marker only.
        write_events(timeline, shot, f"a {shot.name} shuts", [Event(0, 0.9)])


def _range(start: int, frames: int) -> TimeRange:
    return TimeRange(RationalTime(start, RATE), RationalTime(frames, RATE))


def _clip(name: str, start: int, frames: int) -> Clip:
    media = ExternalReference(f"{name}.mov", _range(_HOUR, 1000))
    return Clip(name, media_reference=media, source_range=_range(_HOUR + start, frames))


def _take(shot: Shot, seed: int, folder: Path) -> Take:
    path = folder / f"{shot.name}_{shot.id}_foley_{seed}.wav"
    request = shot.request(seed=seed)
    result = foley_result(request, path=path)
    write_silence(path, result.samples)
    return Take(request, result, path)
