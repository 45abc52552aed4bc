"""From a timeline and a selection to the sounds that a picture is to be made for."""

from __future__ import annotations

import contextlib
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
from avfoley_plugin.timeline.media import Media, Problem, UnusableError, clip_caption
from avfoley_plugin.timeline.media_url import is_file
from avfoley_plugin.timeline.pieces import Piece, pieces_of, within
from avfoley_plugin.timeline.placing import PICTURE
from avfoley_plugin.timeline.playback import PlayedClip, played_clips
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.stretch import Stretch
from avfoley_plugin.timeline.timing import RecordClock, record_clock


@dataclass(frozen=True, kw_only=True)
class SoundClip(Stretch):
    """One sound on the record side that gets a picture; its ``id`` is never that of a `Shot`."""

    track_index: int
    sound: SoundRange

    @property
    def source(self) -> dict[str, Any]:
        return self.sound.model_dump(mode="json")

    def request(self, *, caption: str | None = None, **settings: Any) -> VisualizeRequest:
        """The request for one take, with its other `settings`; `caption` None: the sound's own."""
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
    """The selected sounds in record order, and the selected clips that make none.

    A name, or a clip selected in the host, means the clips on audio tracks; where none has it,
    those on video tracks with their own sound; and last the foley that we made. Without either it
    is all clips on audio tracks. Disabled clips and tracks are skipped. Raises SelectionError if
    the selection names nothing on the timeline, or nothing with sound lies in its range.
    """
    media = Media(folder, is_online, probe)
    clock = record_clock(timeline)
    bounds = selection.bounds(clock)
    pieces = within(_chosen(timeline, selection, media), bounds, clock)
    if not pieces:
        raise SelectionError(f"timeline {timeline.name!r} has no sound there; choose another clip or range")
    written = captions(timeline)
    sounds: list[SoundClip] = []
    problems: list[Problem] = []
    for piece in pieces:
        try:
            sounds.append(_sound(piece, clock, media, written))
        except UnusableError as reason:
            problems.append(piece.problem(reason))
    return sounds, problems


def all_sounds(
    timeline: otio.schema.Timeline,
    *,
    folder: Path,
    probe: Callable[[Path], MediaProbe],
    is_online: Callable[[Path], bool] = is_file,
) -> list[SoundClip]:
    """Every sound, in record order, also our foley and that of video clips."""
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
    """Whether a sound is a clip on an audio track, and no picture's own sound nor foley of ours."""
    track = timeline.tracks[sound.track_index]
    return getattr(track, "kind", None) == otio.schema.TrackKind.Audio and identity(track, TrackIdentity) is None


def sound_of(timeline: otio.schema.Timeline, shot: Shot, sounds: Iterable[SoundClip]) -> SoundClip | None:
    """The sound that goes with a shot; None if it has none.

    It is the clip of its name that begins with it on an audio track, else its picture's own sound.
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
    first, last = piece.record_frames(clock, media)
    if first == last:
        raise UnusableError("it is shorter than a frame; make it longer or delete it")
    sound_id = piece.content_id(last - first, "sound|")
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
