"""What the record side plays when: compositions flattened to clips with exact times.

Everything is computed in exact seconds of record time, because items of one track may have
different rates. OTIO's own range arithmetic is not used: it works in floating point, does not trim
children by a nested stack's source range, and knows nothing of retimes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import opentimelineio as otio

from avfoley_plugin.timeline.timing import exact_seconds

_ZERO = Fraction(0)

MediaRange = Callable[[otio.schema.Clip], tuple[Fraction, Fraction] | None]
"""Start and duration, in seconds, of all the media of a clip; None if unknown."""


@dataclass(frozen=True)
class PlayedClip:
    """One clip as the record side plays it.

    It is seen from ``start`` to ``end`` (record seconds). At record second r it shows its media at
    ``offset + speed * r`` seconds, in the time of the clip's source range. ``names`` are its own
    and those of the compositions it is nested in, ``layer`` the track indices that lead to it:
    clips of one layer never overlap. A clip without ``length_known`` is taken as empty.
    """

    clip: otio.schema.Clip
    names: tuple[str, ...]
    layer: str
    track_index: int
    track_name: str
    start: Fraction
    end: Fraction
    offset: Fraction
    speed: Fraction
    length_known: bool = True

    def source_at(self, record: Fraction) -> Fraction:
        """The instant of the clip's source, in seconds, that plays at a record instant."""
        return self.offset + self.speed * record


@dataclass(frozen=True)
class _View:
    """How a composition is seen: its time is offset + speed * record, from start to end."""

    offset: Fraction
    speed: Fraction
    start: Fraction
    end: Fraction

    def of_item(
        self, seen: tuple[Fraction, Fraction], placed_at: Fraction, trimmed: tuple[Fraction, Fraction], scalar: Fraction
    ) -> _View:
        """The view into an item at `placed_at` that plays `trimmed` at `scalar`, seen in `seen`."""
        source_start, duration = trimmed
        # A reversed item plays the source that it would consume forwards from its far end.
        entry = source_start if scalar >= 0 else source_start - scalar * duration
        start, end = self._record_range(seen)
        return _View(entry + scalar * (self.offset - placed_at), scalar * self.speed, start, end)

    def shows(self, instant: Fraction) -> bool:
        """Whether an instant of the composition's time is seen at all."""
        if self.speed == 0:
            return instant == self.offset
        return self.start <= (instant - self.offset) / self.speed <= self.end

    def _record_range(self, seen: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
        if self.speed == 0:
            return self.start, self.end if seen[0] <= self.offset < seen[1] else self.start
        ends = sorted((instant - self.offset) / self.speed for instant in seen)
        start = max(self.start, ends[0])
        return start, max(start, min(self.end, ends[1]))


def played_clips(
    timeline: otio.schema.Timeline, media_range: MediaRange, kind: str = otio.schema.TrackKind.Video
) -> list[PlayedClip]:
    """All clips that the enabled tracks of a kind play, those lower in the stack first.

    In a transition the outgoing shot hands over to the incoming one in the middle of the overlap,
    so that every instant belongs to one shot; a transition from or to a gap (a fade) belongs to its
    one clip entirely. A clip that plays for no time is in the list, too.
    """
    top = timeline.tracks
    start, duration = _trimmed(top, media_range) or (_ZERO, _ZERO)
    view = _View(offset=start, speed=Fraction(1), start=_ZERO, end=duration)
    found: list[PlayedClip] = []
    for index, layer in enumerate(top):
        if isinstance(layer, otio.core.Item) and _plays(layer, kind):
            found.extend(_play(layer, view, _ZERO, None, _Place((), str(index), index, layer.name, kind), media_range))
    return found


@dataclass(frozen=True)
class _Place:
    names: tuple[str, ...]
    layer: str
    track_index: int
    track_name: str
    kind: str


def _plays(item: otio.core.Item, kind: str) -> bool:
    return bool(item.enabled) and not (isinstance(item, otio.schema.Track) and item.kind != kind)


def _play(
    item: otio.core.Item,
    outer: _View,
    placed_at: Fraction,
    seen: tuple[Fraction, Fraction] | None,
    place: _Place,
    media_range: MediaRange,
) -> Iterator[PlayedClip]:
    trimmed = _trimmed(item, media_range)
    known = trimmed is not None
    trimmed = trimmed or (_ZERO, _ZERO)
    seen = seen or (placed_at, placed_at + trimmed[1])
    view = outer.of_item(seen, placed_at, trimmed, _time_scalar(item))
    if isinstance(item, otio.schema.Clip):
        # The latter plays for no time.
        if view.start < view.end or (seen[0] == seen[1] and outer.shows(seen[0])):
            yield PlayedClip(
                clip=item,
                names=(*place.names, item.name),
                layer=place.layer,
                track_index=place.track_index,
                track_name=place.track_name,
                start=view.start,
                end=view.end,
                offset=view.offset,
                speed=view.speed,
                length_known=known,
            )
        return
    if view.start >= view.end or not isinstance(item, otio.core.Composition):
        return
    if isinstance(item, otio.schema.Track):
        for child, at, child_seen in _sequence(item, media_range):
            if _plays(child, place.kind):
                yield from _play(child, view, at, child_seen, place, media_range)
        return
    for index, child in enumerate(item):
        if isinstance(child, otio.core.Item) and _plays(child, place.kind):
            inner = replace(place, names=(*place.names, item.name), layer=f"{place.layer}/{index}")
            yield from _play(child, view, _ZERO, None, inner, media_range)


def _sequence(
    track: otio.schema.Track, media_range: MediaRange
) -> Iterator[tuple[otio.core.Item, Fraction, tuple[Fraction, Fraction]]]:
    """The items of a track, each with its place in the track's time, and what is seen of it."""
    children = list(track)
    at = _ZERO
    for index, child in enumerate(children):
        if not isinstance(child, otio.core.Item):
            continue
        trimmed = _trimmed(child, media_range)
        duration = trimmed[1] if trimmed else _ZERO
        seen = (at + _handover(children, index, -1), at + duration + _handover(children, index, +1))
        yield child, at, (seen[0], max(seen))
        at += duration


def _handover(children: Sequence[otio.core.Composable], index: int, side: int) -> Fraction:
    """Seconds after its cut that a picture begins (`side` -1) or ends (+1), by a transition."""
    if isinstance(children[index], otio.schema.Gap) or not 0 <= index + side < len(children):
        return _ZERO
    transition = children[index + side]
    if not isinstance(transition, otio.schema.Transition):
        return _ZERO
    before, after = exact_seconds(transition.in_offset), exact_seconds(transition.out_offset)
    beyond = index + 2 * side
    neighbour = children[beyond] if 0 <= beyond < len(children) else None
    if isinstance(neighbour, otio.core.Item) and not isinstance(neighbour, otio.schema.Gap):
        return (after - before) / 2
    return after if side > 0 else -before


def _trimmed(item: otio.core.Item, media_range: MediaRange) -> tuple[Fraction, Fraction] | None:
    """Start and duration of what an item plays, in seconds of its own time; None if nothing tells.

    A track's source range that misses everything on it is taken for no trim at all: adapters leave
    the record timecode of an EDL there, and a track that plays nothing is nobody's intent.
    """
    own = item.source_range
    trim = None if own is None else (exact_seconds(own.start_time), exact_seconds(own.duration))
    if isinstance(item, otio.schema.Clip):
        return media_range(item) if trim is None else trim
    if not isinstance(item, otio.core.Composition) or (trim is not None and not isinstance(item, otio.schema.Track)):
        return trim
    trims = [_trimmed(child, media_range) for child in item if isinstance(child, otio.core.Item)]
    durations = [child[1] for child in trims if child is not None]
    content = sum(durations, _ZERO) if isinstance(item, otio.schema.Track) else max(durations, default=_ZERO)
    misses = trim is not None and (trim[0] >= content or trim[0] + trim[1] <= 0)
    return (_ZERO, content) if trim is None or misses else trim


def _time_scalar(item: otio.core.Item) -> Fraction:
    """Source time per record time: the product of the item's time warps; 0 for a freeze frame."""
    scalar = Fraction(1)
    for effect in item.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp) and effect.enabled:
            scalar *= Fraction(effect.time_scalar).limit_denominator(1_000_000)
    return scalar
