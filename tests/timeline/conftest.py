"""Small timelines and takes to test with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import Clip, ExternalReference, Gap, Timeline, Track

from avfoley_plugin.timeline.shots import Problem, Selection, Shot, read_shots
from avfoley_plugin.timeline.takes import Take
from support.messages import foley_result


class Build:
    """Makes the parts of timelines: `clip("a", 10, 48)` is frames 10 to 58 of a.mov, which has 1000."""

    rate: float = 24.0

    def time(self, value: float, rate: float | None = None) -> RationalTime:
        return RationalTime(value, rate or self.rate)

    def range(self, start: float, duration: float, rate: float | None = None) -> TimeRange:
        return TimeRange(self.time(start, rate), self.time(duration, rate))

    def clip(
        self,
        name: str,
        start: float,
        duration: float,
        rate: float | None = None,
        available: tuple[float, float] | None = (0, 1000),
        url: str | None = None,
        scalar: float | None = None,
        freeze: bool = False,
    ) -> Clip:
        media = ExternalReference(url or f"{name}.mov", self.range(*available, rate) if available else None)
        clip = Clip(name, media_reference=media, source_range=self.range(start, duration, rate))
        if scalar is not None:
            clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=scalar))
        if freeze:
            clip.effects.append(otio.schema.FreezeFrame())
        return clip

    def gap(self, duration: float, rate: float | None = None) -> Gap:
        return Gap(source_range=self.range(0, duration, rate))

    def transition(self, before: float, after: float) -> otio.schema.Transition:
        return otio.schema.Transition("x", "SMPTE_Dissolve", self.time(before), self.time(after))

    def timeline(self, *tracks: list[Any] | Track, start: float = 0) -> Timeline:
        timeline = Timeline("edit", global_start_time=self.time(start))
        for index, track in enumerate(tracks):
            timeline.tracks.append(track if isinstance(track, Track) else Track(f"V{index + 1}", children=track))
        return timeline


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def read() -> Callable[..., tuple[list[Shot], list[Problem]]]:
    """read_shots with all media online."""

    def read(timeline: Timeline, *names: str, record_range: str | None = None, **options: Any) -> Any:
        options = {"folder": Path("/edit"), "is_online": lambda path: True, **options}
        return read_shots(timeline, Selection(names, record_range), **options)

    return read


@pytest.fixture
def shoot(read: Callable[..., Any]) -> Callable[..., list[Shot]]:
    """The shots of a timeline that has no problems."""

    def shoot(timeline: Timeline, *names: str, **options: Any) -> list[Shot]:
        shots, problems = read(timeline, *names, **options)
        assert problems == []
        return shots

    return shoot


@pytest.fixture
def take() -> Callable[..., Take]:
    """A finished take of a shot, as the engine would report it."""

    def take(
        shot: Shot, seed: int = 0, caption: str = "", head: int = 0, tail: int = 0, path: Path | None = None
    ) -> Take:
        request = shot.request(seed=seed, caption=caption, head_handle=head, tail_handle=tail)
        loudness = -23.04 if shot.frames > 20 else None
        result = foley_result(request, loudness_lufs=loudness, negative_caption="music")
        return Take(request, result, path or Path(f"/edit/foley/{shot.name}-{seed}.wav"))

    return take
