"""A small edit in the fake Resolve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import opentimelineio as otio

from avfoley_plugin.hosts.resolve import ResolveHost
from avfoley_plugin.timeline.shots import Shot, read_shots
from support.resolve_stand_in import FakeItem, FakeMedia, FakeProject, FakeResolve, FakeTimeline

#: One hour at 25 frames a second, where the edit starts.
START = 90_000


class Edit:
    """A timeline of two shots of a clip whose timecode starts at ten hours; its sound is on A1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = FakeProject("Film/../1", "25")
        self.timeline = FakeTimeline("Reel 1", "25", START)
        self.project._timelines.append(self.timeline)
        self.resolve = FakeResolve(self.project)
        picture = FakeMedia(str(folder / "door.mov"), 25.0, 1000, "10:00:00:00")
        self.door = FakeItem(picture, START, 50, left=100)
        self.step = FakeItem(picture, START + 60, 25, left=300, name="step")
        self.timeline._tracks["video"][0].items += [self.door, self.step]
        self.music = FakeItem(FakeMedia(str(folder / "music.wav"), 25.0, 5000), START, 400)
        self.timeline._tracks["audio"][0].items.append(self.music)

    def host(self) -> ResolveHost:
        return ResolveHost(self.folder / "edit.otio", self.resolve)

    def shots(self, timeline: otio.schema.Timeline, host: ResolveHost, **options: Any) -> list[Shot]:
        return read_shots(timeline, folder=host.folder, is_online=lambda path: True, **options)[0]

    def state(self) -> tuple[Any, ...]:
        """Everything of the timeline that can be seen, but for what is ours."""
        return (
            [
                [(track.name, [(i._name, i._start, i._frames, i._left) for i in track.items]) for track in tracks]
                for tracks in self.timeline._tracks.values()
            ],
            self.timeline._markers,
            self.timeline._marks,
        )
