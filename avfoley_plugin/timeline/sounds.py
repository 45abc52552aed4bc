"""From a timeline and a selection to the sounds that a picture is to be made for."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
from avfoley_engine.protocol import MediaProbe, SoundRange, VisualizeRequest

from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.identity import ClipIdentity, TrackIdentity, identity
from avfoley_plugin.timeline.media import Media, Problem, UnusableError, clip_caption, media_name, why_length_is_unknown
from avfoley_plugin.timeline.media_url import is_file
from avfoley_plugin.timeline.pieces import Piece, pieces_of
from avfoley_plugin.timeline.placing import PICTURE
from avfoley_plugin.timeline.playback import PlayedClip, played_clips
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.timing import RecordClock, record_clock, round_half_up


@dataclass(frozen=True)
class SoundClip:
    """One sound on the record side that gets a picture.

    ``id`` depends on the sound alone (media name, source range, speed), so it survives a move on the timeline, and is never that of a
    `Shot`. ``record_start`` counts from the timeline's first frame, ``record_start_timecode`` from midnight.
    """

    id: str
    name: str
    track_index: int
    track_name: str
    layer: str
    sound: SoundRange
    frames: int
    record_rate: Fraction
    record_start: int
    record_start_timecode: int
    caption: str

    is_ambience = False

    @property
    def source(self) -> dict[str, Any]:
        """What its takes are made from, as their identity keeps it."""
        return self.sound.model_dump(mode="json")

    def request(self, *, caption: str | None = None, **settings: Any) -> VisualizeRequest:
        """The request for one take; `caption` None takes the sound's own.

        `settings` are VisualizeRequest's negative_caption, model, seed, steps, guidance_scale and codec.
        """
        return VisualizeRequest(
            sound=self.sound,
            frames=self.frames,
            record_rate=self.record_rate,
            record_start=self.record_start_timecode,
            caption=self.caption if caption is None else caption,
            **settings,
        )


def read_sounds(
    timeline: otio.schema.Timeline,
    selection: Selection = Selection(),  # noqa: B008 (immutable)
    *,
    folder: Path,
    probe: Callable[[Path], MediaProbe],
    is_online: Callable[[Path], bool] = is_file,
) -> tuple[list[SoundClip], list[Problem]]:
    """The selected sounds in record order, and the selected clips that make none; the others still run.

    A name, or a clip selected in the host, means the clips on audio tracks; where none has it, the clips on video tracks with their own
    sound; and last the foley that we made. Without either it is all clips on audio tracks. Disabled clips and tracks are skipped. Raises
    SelectionError if the selection names nothing on the timeline, or nothing with sound lies in its range.
    """
    media = Media(folder, is_online, probe)
    clock = record_clock(timeline)
    bounds = selection.bounds(clock)
    pieces = _chosen(timeline, selection, media)
    if bounds is not None:
        limits = (bounds[0] / clock.rate, bounds[1] / clock.rate)
        pieces = [trimmed for piece in pieces if (trimmed := piece.within(limits)) is not None]
    if not pieces:
        raise SelectionError(f"timeline {timeline.name!r} has no sound there; choose another clip or range")
    written = captions(timeline)
    sounds: list[SoundClip] = []
    problems: list[Problem] = []
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.whole.layer)):
        whole = piece.whole
        try:
            sounds.append(_sound(piece, clock, media, written))
        except UnusableError as reason:
            problems.append(Problem(whole.clip.name, whole.track_index, whole.track_name, str(reason)))
    return sounds, problems


def all_sounds(
    timeline: otio.schema.Timeline,
    *,
    folder: Path,
    probe: Callable[[Path], MediaProbe],
    is_online: Callable[[Path], bool] = is_file,
) -> list[SoundClip]:
    """Every sound that a timeline plays, in record order: its clips on audio tracks, the own sound of those on video
    tracks, and the foley that we made. Clips that make no sound are left out.
    """
    media = Media(folder, is_online, probe)
    clock = record_clock(timeline)
    written = captions(timeline)
    sounds: list[SoundClip] = []
    for kind in (otio.schema.TrackKind.Audio, otio.schema.TrackKind.Video):
        for piece in pieces_of(played_clips(timeline, media.range, kind)):
            with contextlib.suppress(UnusableError):
                sounds.append(_sound(piece, clock, media, written))
    return sorted(sounds, key=lambda sound: (sound.record_start, sound.layer))


def is_on_audio_track(timeline: otio.schema.Timeline, sound: SoundClip) -> bool:
    """Whether a sound is a clip of the editor's on an audio track, and no picture's own sound nor foley of ours."""
    track = timeline.tracks[sound.track_index]
    return getattr(track, "kind", None) == otio.schema.TrackKind.Audio and identity(track, TrackIdentity) is None


def sound_of(timeline: otio.schema.Timeline, shot: Shot, sounds: Iterable[SoundClip]) -> SoundClip | None:
    """The sound that goes with a shot: the clip of its name that begins with it on an audio track, as editing programs
    link them, else its picture's own sound; None if it has neither.
    """
    here = [sound for sound in sounds if sound.record_start == shot.record_start]
    linked = (sound for sound in here if sound.name == shot.name and is_on_audio_track(timeline, sound))
    own = (sound for sound in here if sound.layer == f"{PICTURE}/{shot.layer}")
    return next(linked, None) or next(own, None)


def _chosen(timeline: otio.schema.Timeline, selection: Selection, media: Media) -> list[Piece]:
    heard, seen = (
        pieces_of(played_clips(timeline, media.range, kind))
        for kind in (otio.schema.TrackKind.Audio, otio.schema.TrackKind.Video)
    )
    ours = [piece for piece in heard if identity(piece.whole.clip, ClipIdentity) is not None]
    heard = [piece for piece in heard if piece not in ours]
    seen = [piece for piece in seen if identity(piece.whole.clip, ClipIdentity) is None]
    if not selection.chooses_clips:
        return heard
    # A shot and its own sound are often selected together: that is one sound.
    by_host = [[piece for piece in group if piece.chosen_in_host(selection)] for group in (heard, seen, ours)]
    chosen = next(filter(None, by_host), [])
    for name in dict.fromkeys(selection.clips):
        found = next((named for group in (heard, seen, ours) if (named := [p for p in group if p.named((name,))])), [])
        if not found:
            names = ", ".join(sorted({piece.whole.clip.name for piece in (*heard, *seen)})) or "none"
            raise SelectionError(f"no clip that plays is named {name}; the clips are: {names}")
        chosen += [piece for piece in found if piece not in chosen]
    return chosen


def _sound(piece: Piece, clock: RecordClock, media: Media, written: dict[str, str]) -> SoundClip:
    whole, clip = piece.whole, piece.whole.clip
    if not whole.length_known:
        raise UnusableError(why_length_is_unknown(clip, media))
    # Positions are rounded, not lengths, as for shots.
    first, last = round_half_up(piece.start * clock.rate), round_half_up(piece.end * clock.rate)
    if first == last:
        raise UnusableError("it is shorter than a frame; make it longer or delete it")
    content = f"sound|{media_name(clip)}|{whole.source_at(piece.start)}|{whole.speed}|{last - first}"
    digest = hashlib.sha256(f"{content}|{piece.start - whole.start}".encode()).hexdigest()[:16]
    sound_id = f"{digest}-{piece.repeat + 1}" if piece.repeat else digest
    sound = _range(whole, first / clock.rate, media)
    return SoundClip(
        id=sound_id,
        name=clip.name or sound.media.stem,
        track_index=whole.track_index,
        track_name=whole.track_name,
        layer=f"{PICTURE}/{whole.layer}",
        sound=sound,
        frames=last - first,
        record_rate=clock.rate,
        record_start=first,
        record_start_timecode=clock.absolute(first),
        caption=written.get(sound_id, clip_caption(clip)),
    )


def _range(whole: PlayedClip, record: Fraction, media: Media) -> SoundRange:
    """What a clip plays from a record instant, in seconds, on."""
    path, probed = media.path(whole.clip), media.probed(whole.clip)
    assert probed is not None
    if not probed.has_sound:
        raise UnusableError(f"its media {path} has no sound; choose a clip that has")
    if whole.speed == 0:
        raise UnusableError("it is a freeze frame, which has no sound; choose another clip")
    return SoundRange(
        media=path, source_start=whole.source_at(record) - media.start(whole.clip, probed), speed=whole.speed
    )
