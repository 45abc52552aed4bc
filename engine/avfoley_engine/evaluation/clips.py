"""The sets to evaluate on: the held-out procedural world, and a folder of real videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from avfoley_engine import world
from avfoley_engine.errors import MediaError
from avfoley_engine.evaluation import condfoleygen
from avfoley_engine.media import onsets, probe, read_frames, read_sound
from avfoley_engine.protocol import SAMPLE_RATE, MediaProbe

SPLIT = "eval"


@dataclass(frozen=True)
class Truth:
    """What happens in a clip, in seconds.

    `events` must be heard, `optional` ones may be: they are heard in the real sound, but not seen. `condfoleygen` are
    the events for CondFoleyGen's onset accuracy.
    """

    events: np.ndarray
    optional: np.ndarray
    condfoleygen: np.ndarray


class Clip(Protocol):
    """A clip with a known truth, its picture at any rate and size, and its real sound."""

    name: str
    family: str
    #: What it sounds like, and what it looks like.
    caption: str
    video_caption: str

    @property
    def duration(self) -> float: ...

    @property
    def truth(self) -> Truth: ...

    @property
    def sound(self) -> np.ndarray:
        """(samples,) float32 at 48 kHz."""
        ...

    def frames(self, rate: Fraction, size: tuple[int, int]) -> np.ndarray:
        """(T, h, w, 3) uint8."""
        ...


class WorldClip:
    """Clip number `number` of the world's evaluation split: the same for everybody, and never trained on."""

    def __init__(self, number: int, style: world.Style = "footage") -> None:
        self._scene = world.sample_scene(number, split=SPLIT, style=style)
        self.name = f"world-{number:04d}"
        self.family = self._scene.family
        self.caption, self.video_caption = self._scene.caption, self._scene.video_caption

    @property
    def duration(self) -> float:
        return self._scene.duration

    @property
    def truth(self) -> Truth:
        seen = np.array([event.time for event in self._scene.events if event.on_screen])
        unseen = np.array([event.time for event in self._scene.events if not event.on_screen])
        return Truth(events=seen, optional=unseen, condfoleygen=seen)

    @property
    def sound(self) -> np.ndarray:
        return world.render_sound(self._scene, world.SyntheticBank())

    def frames(self, rate: Fraction, size: tuple[int, int]) -> np.ndarray:
        frames: np.ndarray = world.render_frames(self._scene, *size, frame_rate=float(rate)).numpy()
        return frames


class VideoClip:
    """A real video; the truth is where its own sound has onsets."""

    family = "video"
    caption = video_caption = ""

    def __init__(self, path: Path, media: MediaProbe) -> None:
        self.name = path.name
        self._path = path
        self._media = media

    @property
    def duration(self) -> float:
        return float(self._media.frames / self._media.rate)

    @cached_property
    def sound(self) -> np.ndarray:
        sound: np.ndarray = read_sound(self._path, SAMPLE_RATE)[0, : round(self.duration * SAMPLE_RATE)]
        return sound

    @cached_property
    def truth(self) -> Truth:
        return Truth(
            events=onsets.detect(self.sound, SAMPLE_RATE),
            optional=np.zeros(0),
            condfoleygen=condfoleygen.detect(self.sound, SAMPLE_RATE)[0],
        )

    def frames(self, rate: Fraction, size: tuple[int, int]) -> np.ndarray:
        count = max(1, int(Fraction(self._media.frames) / self._media.rate * rate))
        return read_frames(self._path, [n / rate for n in range(count)], size)


def world_clips(count: int, style: world.Style = "footage") -> Iterator[WorldClip]:
    """The first `count` clips of the evaluation split."""
    return (WorldClip(number, style) for number in range(count))


def video_clips(folder: Path) -> tuple[Sequence[VideoClip], dict[str, str]]:
    """The videos of a folder that have picture and sound, by name, and the reason for each file left out.

    Raises `MediaError` where there is no such folder, or nothing in it to use.
    """
    if not folder.is_dir():
        raise MediaError(f"{folder}: there is no such folder; give one that holds video files")
    clips, left_out = [], {}
    for path in sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")):
        try:
            media = probe(path)
        except MediaError:
            left_out[path.name] = "no media file"
            continue
        if media.has_picture and media.has_sound:
            clips.append(VideoClip(path, media))
        else:
            left_out[path.name] = "no sound" if media.has_picture else "no picture"
    if not clips:
        raise MediaError(f"{folder}: holds no video with sound; give a folder of video files that have their own sound")
    return clips, left_out
