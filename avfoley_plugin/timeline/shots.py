"""From a timeline and a selection to shots: what foley is to be made for."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
from avfoley_engine.protocol import FoleyRequest, MediaProbe, PictureRange

from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.identity import ClipIdentity, identity
from avfoley_plugin.timeline.media import Media, NoPictureError, Problem, UnusableError, clip_caption
from avfoley_plugin.timeline.media_url import is_file, resolve_media
from avfoley_plugin.timeline.pieces import Piece, pieces_of, within
from avfoley_plugin.timeline.playback import PlayedClip, played_clips
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.stretch import Stretch
from avfoley_plugin.timeline.timing import RecordClock, record_clock

__all__ = ["Problem", "Selection", "Shot", "read_shots", "resolve_media"]


@dataclass(frozen=True, kw_only=True)
class Shot(Stretch):
    """One stretch that gets sound: an uninterrupted picture, or a clip without picture, for words.

    ``layer`` tells the video track, also inside nested stacks. ``head_available`` and
    ``tail_available`` are the frames that the media has before and after the shot, None if unknown.
    Without picture ``media`` and ``picture`` are None; an ambience has neither clip nor track.
    """

    track_index: int | None = None
    clip: otio.schema.Clip | None = None
    media: Path | None = None
    picture: PictureRange | None = None
    head_available: int | None = None
    tail_available: int | None = None

    @property
    def is_ambience(self) -> bool:
        return self.clip is None

    @property
    def source(self) -> dict[str, Any] | None:
        return None if self.picture is None else self.picture.model_dump(mode="json")

    def request(
        self, *, head_handle: int = 0, tail_handle: int = 0, caption: str | None = None, **settings: Any
    ) -> FoleyRequest:
        """The request for one take; `caption` None takes the shot's own.

        Handles, in frames, are cut to the picture there is. `settings` are FoleyRequest's
        negative_caption, model, seed, steps, guidance_scale and channels.
        """
        return FoleyRequest(
            picture=self.picture,
            frames=self.frames,
            record_rate=self.record_rate,
            record_start=self.record_start_timecode,
            head_handle=head_handle if self.head_available is None else min(head_handle, self.head_available),
            tail_handle=tail_handle if self.tail_available is None else min(tail_handle, self.tail_available),
            caption=self.caption if caption is None else caption,
            **settings,
        )


def read_shots(
    timeline: otio.schema.Timeline,
    selection: Selection = Selection(),  # noqa: B008 (immutable)
    *,
    folder: Path,
    probe: Callable[[Path], MediaProbe] | None = None,
    is_online: Callable[[Path], bool] = is_file,
    record_rate: Fraction | None = None,
    caption: str | None = None,
) -> tuple[list[Shot], list[Problem]]:
    """The selected shots in record order, and the selected clips that cannot be one.

    A clip without picture (a generator, stills, sound, no media) makes a shot without picture if it
    has a caption: its own, or `caption`, which is meant for clips that are selected by name alone.
    Else titles would get what was said of a whole timeline, and lost media would go unnoticed.

    Only what is seen counts: of overlapping video tracks the topmost; clips that were chosen
    themselves count whole. Disabled clips and tracks are skipped. Relative media URLs resolve
    against `folder`, the timeline file's. `probe` asks what a media file holds (once a file): it
    finds media without picture, ranges outside the media, and lengths and start timecodes that the
    timeline leaves out. Raises SelectionError if the selection names nothing on the timeline.
    """
    media = Media(folder, is_online, probe)
    clock = record_clock(timeline, record_rate)
    bounds = selection.bounds(clock)
    # What we made from a sound has that sound, and does not hide the picture that it lies over.
    played = [whole for whole in played_clips(timeline, media.range) if identity(whole.clip, ClipIdentity) is None]
    problems = _named_but_not_played(timeline, selection, played)
    pieces = pieces_of(played)
    pieces = [piece for piece in pieces if piece.chosen(selection)] if selection.chooses_clips else _visible(pieces)
    pieces = within(pieces, bounds, clock)
    if not pieces and not problems:
        raise SelectionError(_nothing_selected(timeline, selection))

    written = captions(timeline)
    given = (caption or "").strip() if selection.clips else ""
    shots: list[Shot] = []
    for piece in pieces:
        try:
            shot = _shot(piece, clock, media, written, given)
        except UnusableError as reason:
            problem = piece.problem(reason)
            if problem not in problems:
                problems.append(problem)
        else:
            if shot is not None:
                shots.append(shot)
    return shots, problems


def _visible(pieces: Sequence[Piece]) -> list[Piece]:
    """The parts of clips that no clip of a higher track covers. Titles are see-through."""
    visible: list[Piece] = []
    covered = _Intervals()
    for piece in reversed(pieces):
        visible.extend(replace(piece, start=start, end=end) for start, end in covered.gaps(piece.start, piece.end))
        if not isinstance(piece.whole.clip.media_reference, otio.schema.GeneratorReference):
            covered.add(piece.start, piece.end)
    return visible


class _Intervals:
    """A union of half-open intervals, kept sorted and disjoint."""

    def __init__(self) -> None:
        self._starts: list[Fraction] = []
        self._ends: list[Fraction] = []

    def _touching(self, start: Fraction, end: Fraction) -> slice:
        return slice(bisect.bisect_left(self._ends, start), bisect.bisect_right(self._starts, end))

    def gaps(self, start: Fraction, end: Fraction) -> list[tuple[Fraction, Fraction]]:
        """The parts of an interval outside the union; an empty interval is its own part."""
        if start == end:
            return [(start, end)]
        touching = self._touching(start, end)
        edges = [
            start,
            *(edge for pair in zip(self._starts[touching], self._ends[touching], strict=True) for edge in pair),
            end,
        ]
        return [(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if first < last]

    def add(self, start: Fraction, end: Fraction) -> None:
        if start < end:
            touching = self._touching(start, end)
            first, last = min([start, *self._starts[touching]]), max([end, *self._ends[touching]])
            self._starts[touching], self._ends[touching] = [first], [last]


def _named_but_not_played(
    timeline: otio.schema.Timeline, selection: Selection, played: Sequence[PlayedClip]
) -> list[Problem]:
    """Problems for selected names without picture. Raises SelectionError for absent ones."""
    absent = set(selection.clips).difference(*(clip.names for clip in played))
    problems = []
    for index, track in enumerate(timeline.tracks):
        items = track.find_children() if isinstance(track, otio.core.Composition) else [track]
        audio = getattr(track, "kind", None) == otio.schema.TrackKind.Audio
        for name in sorted(absent.intersection(item.name for item in items)):
            absent.discard(name)
            reason = "it is on an audio track only and has no picture" if audio else "it is disabled or never seen"
            problems.append(Problem(name, index, track.name, reason))
    if absent:
        names = ", ".join(sorted({clip.clip.name for clip in played})) or "none"
        raise SelectionError(f"no clip on the timeline is named {', '.join(sorted(absent))}; its clips are: {names}")
    return problems


def _nothing_selected(timeline: otio.schema.Timeline, selection: Selection) -> str:
    if selection.host_ids:
        return f"none of the clips selected in timeline {timeline.name!r} has picture; select others"
    if selection.record_range is None:
        return f"timeline {timeline.name!r} has no clip on an enabled video track"
    return f"no picture lies in the range {selection.record_range} of timeline {timeline.name!r}; choose another"


def _shot(piece: Piece, clock: RecordClock, media: Media, written: Mapping[str, str], given: str) -> Shot | None:
    """The shot that a piece makes; None for a sliver of a clip that is shorter than half a frame.

    `written` are the captions on the timeline by shot id, `given` is for a clip that has none.
    """
    whole, clip = piece.whole, piece.whole.clip
    first, last = piece.record_frames(clock, media)
    frames = last - first
    if whole.start == whole.end or (frames == 0 and (piece.start, piece.end) == (whole.start, whole.end)):
        raise UnusableError("it is shorter than a frame; make it longer or delete it")
    if frames == 0:
        return None
    shot_id = piece.content_id(frames)
    caption = written.get(shot_id, clip_caption(clip))
    picture: PictureRange | None
    try:
        picture, head, tail = _picture(whole, first, last, clock, media)
    except NoPictureError:
        caption = caption.strip() or given
        if not caption:
            raise
        picture, head, tail = None, None, None
    return Shot(
        id=shot_id,
        name=clip.name or (picture.media.stem if picture is not None else "unnamed clip"),
        track_index=whole.track_index,
        track_name=whole.track_name,
        layer=whole.layer,
        clip=clip,
        media=None if picture is None else picture.media,
        picture=picture,
        frames=frames,
        record_rate=clock.rate,
        record_start=first,
        record_start_timecode=clock.absolute(first),
        head_available=head,
        tail_available=tail,
        caption=caption,
    )


def _picture(
    whole: PlayedClip, first: int, last: int, clock: RecordClock, media: Media
) -> tuple[PictureRange, int | None, int | None]:
    """What a clip shows from record frame `first` to `last`, and the handles there."""
    clip = whole.clip
    path, probed = media.path(clip), media.probed(clip)
    if probed is not None and not probed.has_picture:
        raise NoPictureError(f"its media {path} has no picture; choose one that has")

    rate = media.rate(clip, probed, clock.rate)
    step = whole.speed / clock.rate
    entry, leave = whole.source_at(first / clock.rate), whole.source_at(last / clock.rate)
    # Reversed, a record frame shows the near end of the source it consumes.
    shown_first = entry + min(step, Fraction(0))
    start = media.start(clip, probed)
    source_start = (shown_first - start) * rate
    if probed is not None:
        end = start + probed.frames / probed.rate
        first_seen, last_seen = min(entry, leave), max(entry, leave)
        if first_seen >= end or (first_seen < start and last_seen <= start):
            raise UnusableError(f"its range lies outside its media {path}; check the media's start timecode")

    reach = media.range(clip) if probed is None else (start, probed.frames / probed.rate)
    head, tail = _handles(entry, leave, step, reach)
    return PictureRange(media=path, source_start=source_start, source_rate=rate, speed=whole.speed), head, tail


def _handles(
    entry: Fraction, leave: Fraction, step: Fraction, reach: tuple[Fraction, Fraction] | None
) -> tuple[int | None, int | None]:
    """Record frames of picture before and after a shot.

    It plays its source from `entry` to `leave`, `step` a record frame, all in seconds.
    """
    if step == 0:
        # A freeze has no more picture to give: its neighbouring frames are the same one.
        return 0, 0
    if reach is None:
        return None, None
    begin, end = reach[0], reach[0] + reach[1]
    before, after = (entry - begin, end - leave) if step > 0 else (end - entry, leave - begin)
    return max(0, math.floor(before / abs(step))), max(0, math.floor(after / abs(step)))
