"""Where takes are placed: our tracks, one clip a shot, its takes as the clip's media references.

Foley, ambiences and pictures have tracks of their own, as sound departments deliver them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import opentimelineio as otio
from opentimelineio.opentime import TimeRange

from avfoley_plugin.errors import TimelineError
from avfoley_plugin.timeline.captions import captions, move_caption
from avfoley_plugin.timeline.events import has_events, move_events
from avfoley_plugin.timeline.identity import (
    METADATA_KEY,
    CaptionIdentity,
    ClipIdentity,
    EventIdentity,
    TakeIdentity,
    TimelineIdentity,
    TrackIdentity,
    carry_markers,
    identity,
    mark,
    remove_markers,
)
from avfoley_plugin.timeline.stretch import Stretch
from avfoley_plugin.timeline.takes import (
    PlacedTake,
    Take,
    activate,
    add_missing_takes,
    add_takes,
    head_frames,
    number,
    our_takes,
)
from avfoley_plugin.timeline.timing import RecordClock, exact_frames, record_clock, round_half_up

TRACK_NAME = "AVFoley"
#: The layer of shots that are ambiences. They may lie over each other, and over the foley.
AMBIENCE = "ambience"
#: What the layers of sounds begin with, whose takes are pictures.
PICTURE = "picture"


@dataclass(frozen=True)
class Placement:
    """A shot's new takes. The first becomes active, unless ``keeps_active`` and there is one."""

    shot: Stretch
    takes: Sequence[Take]
    keeps_active: bool = False


def place_takes(
    timeline: otio.schema.Timeline,
    placements: Iterable[Placement],
    *,
    current: Iterable[Stretch] = (),
    replace: bool = False,
) -> list[otio.schema.Clip]:
    """Puts takes on our tracks of the timeline, in place, and returns their clips, one a placement.

    A shot's clip is found again by the shot's id: a take that is already there is replaced, another
    is added (`replace`: the shot's earlier takes go). An earlier take of a picture that is no
    longer cut like that gives way where it overlaps. Shots of different layers that overlap in
    record time get a further foley track; so do ambiences, on tracks of theirs. With `current`, all
    shots that the timeline has now, takes, captions and events follow the shots that were moved.
    """
    placements, current = list(placements), list(current)
    empty = [placement.shot.name for placement in placements if not placement.takes]
    if empty:
        raise ValueError(f"no take to place for {', '.join(empty)}")
    if not placements and not current:
        return []
    shots = {shot.id: shot for shot in [*current, *(placement.shot for placement in placements)]}
    clock = record_clock(timeline, next((shot.record_rate for shot in shots.values()), None))

    clips = {ours.id: clip for clip, ours in our_clips(timeline)}
    moving = {}
    for shot_id, clip in clips.items():
        # An ambience has no picture to follow: it stays where the editor moved it.
        if shot_id in shots and not shots[shot_id].is_ambience:
            moved = _moved_range(clip, shots[shot_id], clock)
            if moved is not None:
                vacate(clip, clock)
                moving[shot_id] = moved
    for shot_id, (start, frames) in moving.items():
        _insert(timeline, clips[shot_id], start, frames, shots[shot_id].layer, clock)
        ours = identity(clips[shot_id], ClipIdentity)
        _identify(clips[shot_id], shots[shot_id])
        move_caption(timeline, shots[shot_id])
        if ours is not None:
            move_events(timeline, shot_id, shots[shot_id].record_start - ours.record_start, clock)

    placed = []
    for placement in placements:
        shot = placement.shot
        clip = clips.get(shot.id) or otio.schema.Clip(name=shot.name)
        keeps = placement.keeps_active and not replace and identity(clip.media_reference, TakeIdentity) is not None
        kept = clip.active_media_reference_key if keeps else None
        add_takes(clip, placement.takes, clock, kept, keep_earlier=not replace)
        start = clock.origin + shot.record_start
        if range_on_track(clip, clock) != (start, shot.frames):
            vacate(clip, clock)
        if kept is None or clip.source_range.duration != clock.time(shot.frames):
            clip.source_range = clock.range(head_frames(clip, clock.rate), shot.frames)
        _identify(clip, shot)
        if clip.parent() is None:
            _insert(timeline, clip, start, shot.frames, shot.layer, clock)
        placed.append(clip)
    return placed


def foley_tracks(timeline: otio.schema.Timeline) -> list[otio.schema.Track]:
    """Our tracks, known by their metadata, whatever they are named."""
    return [track for track in _tracks(timeline) if identity(track, TrackIdentity) is not None]


def mark_track(track: otio.schema.Track, track_id: str, layer: str) -> None:
    """Makes a track one of ours, for takes of shots of such a layer."""
    role = _role(layer)
    mark(track, TrackIdentity(id=track_id, ambience=AMBIENCE in role, picture=PICTURE in role))


def track_layer(track: otio.schema.Track) -> str:
    """The kind of layer that a track of ours is for: AMBIENCE, PICTURE, or empty for foley."""
    if track.kind == otio.schema.TrackKind.Video:
        return PICTURE
    ours = identity(track, TrackIdentity)
    return AMBIENCE if ours is not None and ours.ambience else ""


def placed(timeline: otio.schema.Timeline) -> list[PlacedTake]:
    """All takes of ours, in record order, a clip's takes in the order they were made."""
    found = []
    for clip, ours in our_clips(timeline):
        clock = record_clock(timeline, ours.record_rate)
        start, frames = range_on_track(clip, clock) or (clock.origin, 0)
        references = clip.media_references()
        for key, take in our_takes(references):
            found.append(
                PlacedTake(
                    shot_id=ours.id,
                    shot_name=clip.name,
                    layer=ours.layer,
                    track_name=ours.track,
                    record_start=round_half_up(Fraction(start)) - clock.origin,
                    frames=round_half_up(Fraction(frames)),
                    key=key,
                    active=key == clip.active_media_reference_key,
                    url=getattr(references[key], "target_url", ""),
                    identity=take,
                )
            )
    return sorted(found, key=lambda take: (take.record_start, take.shot_id, number(take.key), take.key))


def use_take(timeline: otio.schema.Timeline, shot_id: str, take_id: str) -> None:
    """Has its shot's clip play a take. Raises TimelineError if the timeline does not hold it."""
    clip, key, clock = _found(timeline, shot_id, take_id)
    before = head_frames(clip, clock.rate)
    activate(clip, clip.media_references(), key)
    # Relative to the earlier one's, so that what the editor slipped and trimmed stays so.
    shift = head_frames(clip, clock.rate) - before
    played = clip.source_range
    if shift and played is not None:
        start = exact_frames(played.start_time, clock.rate) + shift
        clip.source_range = TimeRange(clock.time(max(start, Fraction(0))), played.duration)


def star_take(timeline: otio.schema.Timeline, shot_id: str, take_id: str, starred: bool) -> None:
    """Stars a take, or takes its star. Raises TimelineError if the timeline does not hold it."""
    clip, key, _ = _found(timeline, shot_id, take_id)
    references = clip.media_references()
    mark(references[key], dict(our_takes(references))[key].model_copy(update={"starred": starred}))
    clip.set_media_references(references, clip.active_media_reference_key)


def delete_take(timeline: otio.schema.Timeline, shot_id: str, take_id: str) -> None:
    """Takes a take off the timeline; its sound file stays.

    If it was active, a starred one is active then, or the newest; without any other, the shot's
    clip goes, and its caption stays. Raises TimelineError if the timeline does not hold it.
    """
    clip, key, clock = _found(timeline, shot_id, take_id)
    others = {other: take for other, take in our_takes(clip.media_references()) if other != key}
    if not others:
        vacate(clip, clock)
        return
    if clip.active_media_reference_key == key:
        use_take(timeline, shot_id, others[max(others, key=lambda other: (others[other].starred, number(other)))].id)
    references = clip.media_references()
    del references[key]
    clip.set_media_references(references, clip.active_media_reference_key)


def has_ours(timeline: otio.schema.Timeline) -> bool:
    """Whether a timeline holds takes, foley tracks, captions or events of ours."""
    return bool(foley_tracks(timeline) or our_clips(timeline) or captions(timeline) or has_events(timeline))


def carry_over(earlier: otio.schema.Timeline, timeline: otio.schema.Timeline) -> None:
    """Copies everything of ours from an earlier version of a timeline to the one without it.

    What the timeline has of ours stays: a shot with takes on both gets all, its active one remains,
    and an earlier clip that finds its place taken is left out. URLs are copied as they are.
    """
    clock = record_clock(earlier)
    present = {ours.id: clip for clip, ours in our_clips(timeline)}
    bare = not foley_tracks(timeline)
    if bare:
        # Whole tracks: what the editor did to them (gain, mute, sounds added) comes along.
        timeline.tracks.extend(track.deepcopy() for track in foley_tracks(earlier))
    for clip, ours in our_clips(earlier):
        there = present.get(ours.id)
        place = range_on_track(clip, clock)
        if there is not None:
            add_missing_takes(there, clip)
        elif place is not None and not (bare and identity(clip.parent(), TrackIdentity) is not None):
            copy, tracks = clip.deepcopy(), tracks_for(timeline, ours.layer) or [new_track(timeline, ours.layer)]
            any(insert_on(track, copy, *place, clock) for track in tracks)
    if bare:
        # The copied tracks repeat the shots whose clips somebody had moved to a track of their own.
        for clip, ours in our_clips(timeline):
            if clip is not present.get(ours.id, clip):
                vacate(clip, clock)
    carry_markers(earlier, timeline, CaptionIdentity)
    carry_markers(earlier, timeline, EventIdentity)


def remove_all(timeline: otio.schema.Timeline) -> None:
    """Takes all of ours off the timeline. A track of ours with clips of others stays, as theirs."""
    ours = foley_tracks(timeline)
    for clip, its in our_clips(timeline):
        vacate(clip, record_clock(timeline, its.record_rate))
    for track in ours:
        if any(not isinstance(child, otio.schema.Gap | otio.schema.Transition) for child in track):
            del track.metadata[METADATA_KEY]
        else:
            timeline.tracks.remove(track)
    remove_markers(timeline, CaptionIdentity)
    remove_markers(timeline, EventIdentity)
    if identity(timeline, TimelineIdentity) is not None:
        del timeline.metadata[METADATA_KEY]


def _tracks(timeline: otio.schema.Timeline) -> Iterator[otio.schema.Track]:
    return (track for track in timeline.tracks if isinstance(track, otio.schema.Track))


def our_clips(timeline: otio.schema.Timeline) -> list[tuple[otio.schema.Clip, ClipIdentity]]:
    """Our clips, also those that somebody moved to a track of their own."""
    clips = [child for track in _tracks(timeline) for child in track if isinstance(child, otio.schema.Clip)]
    return [(clip, ours) for clip in clips if (ours := identity(clip, ClipIdentity)) is not None]


def _found(timeline: otio.schema.Timeline, shot_id: str, take_id: str) -> tuple[otio.schema.Clip, str, RecordClock]:
    """The clip and the key of a take, and the clip's clock."""
    for clip, ours in our_clips(timeline):
        if ours.id == shot_id:
            for key, take in our_takes(clip.media_references()):
                if take.id == take_id:
                    return clip, key, record_clock(timeline, ours.record_rate)
    raise TimelineError("that take is no longer on the timeline; read the timeline again")


def _identify(clip: otio.schema.Clip, shot: Stretch) -> None:
    its = {name: getattr(shot, name) for name in ("id", "layer", "record_start", "frames", "record_rate", "source")}
    mark(clip, ClipIdentity(track=shot.track_name, **its))


_Range = tuple[int | Fraction, int | Fraction]


def _duration(child: otio.core.Composable, rate: Fraction) -> Fraction:
    if not isinstance(child, otio.core.Item):
        return Fraction(0)
    try:
        return exact_frames(child.duration(), rate)
    except otio.exceptions.CannotComputeAvailableRangeError:
        return Fraction(0)


def range_on_track(clip: otio.schema.Clip, clock: RecordClock) -> _Range | None:
    """Start and duration of a clip on its track, in frames; None while it is on none."""
    track = clip.parent()
    if track is None:
        return None
    start = Fraction(0)
    for child in track:
        if child is clip:
            return start, _duration(child, clock.rate)
        start += _duration(child, clock.rate)
    raise TimelineError(f"clip {clip.name!r} is not on the track that it says it is on")


def _moved_range(clip: otio.schema.Clip, shot: Stretch, clock: RecordClock) -> _Range | None:
    """Where a clip belongs if its shot was moved; what the editor did to the clip is kept."""
    ours, present = identity(clip, ClipIdentity), range_on_track(clip, clock)
    if ours is None or present is None or ours.record_start == shot.record_start:
        return None
    start = max(present[0] + shot.record_start - ours.record_start, Fraction(clock.origin))
    return start, present[1]


def vacate(clip: otio.schema.Clip, clock: RecordClock) -> None:
    """Takes a clip off its track and leaves a gap as long, so that nothing else moves."""
    track = clip.parent()
    if track is None:
        return
    duration = _duration(clip, clock.rate)
    index = track.index(clip)
    track[index] = otio.schema.Gap(source_range=clock.range(0, duration))
    if identity(track, TrackIdentity) is not None:
        _join_gaps(track, clock)


def _join_gaps(track: otio.schema.Track, clock: RecordClock) -> None:
    index = 0
    while index < len(track):
        following = track[index + 1] if index + 1 < len(track) else None
        if _plain_gap(track[index]) and (following is None or _plain_gap(following)):
            if following is not None:
                total = _duration(track[index], clock.rate) + _duration(following, clock.rate)
                track[index + 1] = otio.schema.Gap(source_range=clock.range(0, total))
            del track[index]
        else:
            index += 1


def _plain_gap(child: otio.core.Composable) -> bool:
    return isinstance(child, otio.schema.Gap) and not (child.name or child.effects or child.markers or child.metadata)


def _insert(
    timeline: otio.schema.Timeline,
    clip: otio.schema.Clip,
    start: int | Fraction,
    frames: int | Fraction,
    layer: str,
    clock: RecordClock,
) -> None:
    """Puts a clip on our first track that is free there, else a new one; earlier takes give way."""
    end = start + frames
    for other, ours in our_clips(timeline):
        other_range = range_on_track(other, clock)
        if ours.layer == layer != AMBIENCE and other_range is not None:
            overlaps = other_range[0] < end and start < other_range[0] + other_range[1]
            if overlaps and other.parent() in foley_tracks(timeline):
                vacate(other, clock)
    if not any(insert_on(track, clip, start, frames, clock) for track in tracks_for(timeline, layer)):
        insert_on(new_track(timeline, layer), clip, start, frames, clock)


def tracks_for(timeline: otio.schema.Timeline, layer: str) -> list[otio.schema.Track]:
    """Our tracks for ambiences, for pictures, or those for foley."""
    return [track for track in foley_tracks(timeline) if _role(track_layer(track)) == _role(layer)]


def _role(layer: str) -> set[str]:
    """What the tracks for a layer are marked with; nothing for foley."""
    return {layer.partition("/")[0]} & {AMBIENCE, PICTURE}


def new_track(timeline: otio.schema.Timeline, layer: str) -> otio.schema.Track:
    count = len(tracks_for(timeline, layer)) + 1
    role = _role(layer)
    name = " ".join([TRACK_NAME, *role])
    kind = otio.schema.TrackKind.Video if PICTURE in role else otio.schema.TrackKind.Audio
    track = otio.schema.Track(name=name if count == 1 else f"{name} {count}", kind=kind)
    mark_track(track, f"{name.lower().replace(' ', '-')}-{count}", layer)
    timeline.tracks.append(track)
    return track


def insert_on(
    track: otio.schema.Track, clip: otio.schema.Clip, start: int | Fraction, frames: int | Fraction, clock: RecordClock
) -> bool:
    """Puts a clip into the gap that a track has there, or after its end; False if it has none."""
    at = Fraction(0)
    for index, child in enumerate(track):
        duration = _duration(child, clock.rate)
        if isinstance(child, otio.schema.Gap) and at <= start and start + frames <= at + duration:
            after = at + duration - start - frames
            del track[index]
            if after:
                track.insert(index, otio.schema.Gap(source_range=clock.range(0, after)))
            track.insert(index, clip)
            if start > at:
                track.insert(index, otio.schema.Gap(source_range=clock.range(0, start - at)))
            return True
        at += duration
    if start < at:
        return False
    if start > at:
        track.append(otio.schema.Gap(source_range=clock.range(0, start - at)))
    track.append(clip)
    return True
