"""The sets to evaluate on: the held-out procedural world, and a folder of real videos."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from avfoley_engine import world
from avfoley_engine.errors import MediaError
from avfoley_engine.evaluation import condfoleygen
from avfoley_engine.media import onsets, probe, read_frames, read_sound
from avfoley_engine.protocol import SAMPLE_RATE, MediaProbe
from avfoley_engine.world import physics

SPLIT = "eval"

#: A world of clips: drawn, drawn plainly, or simulated and filmed.
WorldStyle = Literal["footage", "plain", "physics"]
#: Those to be heard.
STYLES: tuple[WorldStyle, ...] = ("footage", "physics")


@dataclass(frozen=True)
class Reference:
    """When a clip's events happen, in seconds.

    A prediction may meet or miss the `optional` events: they are audible, but off screen.
    `condfoleygen` are the events for CondFoleyGen's onset accuracy.
    """

    events: np.ndarray
    optional: np.ndarray
    condfoleygen: np.ndarray

    def until(self, end: float) -> Reference:
        return Reference(*(times[times < end] for times in (self.events, self.optional, self.condfoleygen)))


class WorldClip:
    """Clip `number` of a split of a world, the evaluation split unless told: always the same, and never
    trained on."""

    def __init__(self, number: int, style: WorldStyle = "footage", split: str = SPLIT) -> None:
        self._scene: world.Scene | physics.PhysicsScene
        if style == "physics":
            self._scene = physics.sample_physics(number, split)
        else:
            self._scene = world.sample_scene(number, split=split, style=style)
        self.source = "physics" if style == "physics" else "world"
        self.name, self.family = f"{self.source}-{number:04d}", self._scene.family
        self.caption, self.video_caption = self._scene.caption, self._scene.video_caption
        self._drawn: dict[tuple[Fraction, tuple[int, int]], np.ndarray] = {}

    @property
    def duration(self) -> float:
        return self._scene.duration

    @property
    def reference(self) -> Reference:
        on_screen = np.array([event.time for event in self._scene.events if event.on_screen])
        off_screen = np.array([event.time for event in self._scene.events if not event.on_screen])
        return Reference(events=on_screen, optional=off_screen, condfoleygen=on_screen)

    @property
    def sound(self) -> np.ndarray:
        """(samples,) float32 at 48 kHz."""
        return self.sounded(world.SyntheticBank())

    @property
    def label(self) -> str:
        """The label of the recordings that the scene is sounded by."""
        return self._scene.label

    def sounded(self, bank: world.SoundBank) -> np.ndarray:
        """The scene's sound (samples,) float32 at 48 kHz, by another bank's recordings."""
        return world.render_sound(self._scene, bank)

    def frames(self, rate: Fraction, size: tuple[int, int]) -> np.ndarray:
        """(T, h, w, 3) uint8 at `rate` frames per second and `size` (h, w)."""
        if (rate, size) not in self._drawn:
            if isinstance(self._scene, world.Scene):
                self._drawn[rate, size] = world.render_frames(self._scene, *size, frame_rate=float(rate)).numpy()
            else:
                self._drawn[rate, size] = physics.render_frames(self._scene, *size, frame_rate=float(rate))
        return self._drawn[rate, size]


class VideoClip:
    """A real video; the reference events are the onsets of its own sound."""

    family = "video"
    caption = video_caption = ""

    def __init__(self, path: Path, media: MediaProbe, source: str) -> None:
        self.name, self.source = path.name, source
        self._path = path
        self._media = media

    @property
    def duration(self) -> float:
        return float(self._media.frames / self._media.rate)

    @cached_property
    def sound(self) -> np.ndarray:
        """(samples,) float32 at 48 kHz, the first channel."""
        return read_sound(self._path, SAMPLE_RATE)[0, : round(self.duration * SAMPLE_RATE)]

    @cached_property
    def reference(self) -> Reference:
        return Reference(
            events=onsets.detect(self.sound, SAMPLE_RATE),
            optional=np.zeros(0),
            condfoleygen=condfoleygen.detect(self.sound, SAMPLE_RATE)[0],
        )

    def frames(self, rate: Fraction, size: tuple[int, int]) -> np.ndarray:
        """(T, h, w, 3) uint8 at `rate` frames per second and `size` (h, w)."""
        count = max(1, int(Fraction(self._media.frames) / self._media.rate * rate))
        return read_frames(self._path, [n / rate for n in range(count)], size)


Clip = WorldClip | VideoClip


@dataclass(frozen=True)
class ClipSet:
    """Clips to evaluate on, their number, and the reason for each file that is left out."""

    name: Literal["world", "physics", "videos"]
    clips: Iterable[Clip]
    count: int
    left_out: Mapping[str, str]


def world_clips(count: int, style: WorldStyle = "footage") -> ClipSet:
    """The first `count` clips of the evaluation split."""
    name: Literal["world", "physics"] = "physics" if style == "physics" else "world"
    return ClipSet(name, (WorldClip(number, style) for number in range(count)), count, {})


def video_clips(folders: Iterable[Path]) -> ClipSet:
    """The videos of folders that have picture and sound, and the reason for each file left out.

    A clip's source is what the column `source` of an index.csv in its folder says of its `file`,
    else the folder's name.

    Raises:
        MediaError: there is no such folder, or nothing in it to use.
    """
    clips: list[Clip] = []
    left_out = {}
    for folder in folders:
        if not folder.is_dir():
            raise MediaError(f"{folder}: there is no such folder; give one that holds video files")
        sources, before = _sources(folder), len(clips)
        for path in sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")):
            try:
                media = probe(path)
            except MediaError:
                left_out[path.name] = "no media file"
                continue
            if media.has_picture and media.has_sound:
                clips.append(VideoClip(path, media, sources.get(path.name) or folder.resolve().name))
            else:
                left_out[path.name] = "no sound" if media.has_picture else "no picture"
        if len(clips) == before:
            raise MediaError(f"{folder}: holds no video with sound; give a folder of videos that have their own sound")
    return ClipSet("videos", clips, len(clips), left_out)


def _sources(folder: Path) -> dict[str, str]:
    """The column `source` of a folder's index.csv, by file; empty where there is none."""
    try:
        with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
            return {row["file"]: row["source"] for row in csv.DictReader(file)}
    except (FileNotFoundError, KeyError):
        return {}
