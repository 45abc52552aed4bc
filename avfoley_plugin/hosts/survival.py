"""What of a timeline survives being written in some format, found out by writing it and reading it back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import opentimelineio as otio

from avfoley_plugin.hosts.items import items_of
from avfoley_plugin.timeline.identity import CaptionIdentity, ClipIdentity, identity, marker_identity
from avfoley_plugin.timeline.takes import our_takes
from avfoley_plugin.timeline.timing import exact_frames, frames, record_clock, round_half_up


@dataclass(frozen=True)
class Aspect:
    """What can be lost: ``tell`` lists it, to be compared; ``find`` what may stand for it after."""

    name: str
    what: str
    tell: Callable[[otio.schema.Timeline], Iterable[Any]]
    find: Callable[[otio.schema.Timeline], Iterable[Any]] | None = None


@dataclass(frozen=True)
class Survival:
    """How much of an aspect survived: ``kept`` of ``total``."""

    aspect: Aspect
    kept: int
    total: int

    @property
    def lost(self) -> int:
        return self.total - self.kept

    def __str__(self) -> str:
        return f"{self.lost} of {self.total} {self.aspect.what}"


def survival(before: otio.schema.Timeline, after: otio.schema.Timeline | None) -> list[Survival]:
    """What of `before` is on `after` as well; None stands for nothing at all."""
    found = []
    for aspect in ASPECTS:
        had = Counter(aspect.tell(before))
        has = Counter() if after is None else Counter((aspect.find or aspect.tell)(after))
        found.append(Survival(aspect, sum((had & has).values()), sum(had.values())))
    return found


def _items(timeline: otio.schema.Timeline) -> Iterator[tuple[otio.schema.Track, otio.core.Item, int, int]]:
    """All items but gaps, each with its first record frame and count, from the nearest cuts."""
    rate = record_clock(timeline).rate
    for track in timeline.tracks:
        for item, at, duration in items_of(track) if isinstance(track, otio.schema.Track) else ():
            if not isinstance(item, otio.schema.Gap):
                start = round_half_up(at * rate)
                yield track, item, start, round_half_up((at + duration) * rate) - start


def _tracks(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return (track.kind for track in timeline.tracks if any(not isinstance(item, otio.schema.Gap) for item in track))


def _track_names(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return ((track.kind, track.name) for track in timeline.tracks if track.name)


def _clips(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return ((track.kind, start, length) for track, _, start, length in _items(timeline))


def _sources(timeline: otio.schema.Timeline) -> Iterator[Any]:
    """The file that each clip plays, and from where in its own time, in whole record frames."""
    rate = record_clock(timeline).rate
    for track, item, start, _ in _items(timeline):
        reference = getattr(item, "media_reference", None)
        if isinstance(reference, otio.schema.ExternalReference) and reference.target_url:
            url = reference.target_url
            begins = frames(item.trimmed_range().start_time, rate)
            yield track.kind, start, PurePosixPath(unquote(url).replace("\\", "/")).name, begins


def _speeds(timeline: otio.schema.Timeline) -> Iterator[Any]:
    for track, item, start, _ in _items(timeline):
        scalars = [effect.time_scalar for effect in item.effects if isinstance(effect, otio.schema.LinearTimeWarp)]
        if scalars:
            yield track.kind, start, round(math.prod(scalars), 2)


def _start(timeline: otio.schema.Timeline) -> Iterator[Any]:
    clock = record_clock(timeline)
    yield clock.rate, clock.start


def _all_markers(timeline: otio.schema.Timeline) -> Iterator[tuple[otio.schema.Marker, int]]:
    """The markers of the timeline and of its clips, and their record frames."""
    clock = record_clock(timeline)
    for marker in timeline.tracks.markers:
        yield marker, frames(marker.marked_range.start_time, clock.rate) - clock.origin
    for _, item, start, _ in _items(timeline):
        begins = exact_frames(item.trimmed_range().start_time, clock.rate)
        for marker in item.markers:
            yield marker, round_half_up(start + exact_frames(marker.marked_range.start_time, clock.rate) - begins)


def _markers(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return ((frame, marker.name) for marker, frame in _all_markers(timeline) if _theirs(marker))


def _texts(timeline: otio.schema.Timeline) -> Iterator[Any]:
    """A caption is still one for the editor if its text is on a marker in its place."""
    return ((frame, text) for marker, frame in _all_markers(timeline) for text in {marker.name, marker.comment})


def _notes(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return ((f, m.name, m.comment) for m, f in _all_markers(timeline) if _theirs(m) and m.comment)


def _colors(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return ((frame, marker.color) for marker, frame in _all_markers(timeline) if _theirs(marker))


def _theirs(marker: otio.schema.Marker) -> bool:
    return marker_identity(marker) is None


def _captions(timeline: otio.schema.Timeline) -> Iterator[Any]:
    return ((f, m.comment) for m, f in _all_markers(timeline) if identity(m, CaptionIdentity) is not None)


def _takes(timeline: otio.schema.Timeline) -> Iterator[Any]:
    for _, item, start, _ in _items(timeline):
        if isinstance(item, otio.schema.Clip):
            yield from ((start, take.id) for _, take in our_takes(item.media_references()))


def _identities(timeline: otio.schema.Timeline) -> Iterator[Any]:
    for _, item, start, _ in _items(timeline):
        if (ours := identity(item, ClipIdentity)) is not None:
            yield start, ours.id


ASPECTS = (
    Aspect("start", "start times and frame rates", _start),
    Aspect("tracks", "tracks", _tracks),
    Aspect("track names", "names of tracks", _track_names),
    Aspect("clips", "clips in their places", _clips),
    Aspect("sources", "clips' files and in points", _sources),
    Aspect("speed", "speeds and freeze frames", _speeds),
    Aspect("markers", "markers", _markers),
    Aspect("notes", "notes of markers", _notes),
    Aspect("colours", "colours of markers", _colors),
    Aspect("captions", "captions", _captions, _texts),
    Aspect("takes", "takes", _takes),
    Aspect("identity", "identities of our clips", _identities),
)
