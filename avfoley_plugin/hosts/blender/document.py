"""A scene's sequence as an OpenTimelineIO document, and back: films as video tracks, sounds as audio tracks, our takes as
tracks of ours, and captions as markers. What else is on the sequence is left out of it, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import caption_markers, take_strips
from .otio_json import (
    METADATA,
    PLACE,
    Json,
    clip,
    file_reference,
    frame_range,
    no_reference,
    time,
    time_range,
    timeline,
    track,
)
from .sequence import Film, Sound, all_strips, films, scene_rate, sounds, top_strips

#: A thing on a track: first frame, frame after the last, and its JSON.
_Item = tuple[int, int, Json]


def read(scene: Any, takes_folder: Path) -> Json:
    """The document of a scene, counted from its frame 0, or from an earlier one that is used."""
    rate = scene_rate(scene)
    found, _ = films(scene)
    origin = min([0, *(strip.frame_final_start for strip in all_strips(scene))])
    tracks = []
    for channel in sorted({film.channel for film in found}):
        items = [(one.start - origin, one.end - origin, _clip(one, rate)) for one in found if one.channel == channel]
        tracks += _tracks("Video", channel, items, rate, scene)
    tracks += _take_tracks(scene, takes_folder, origin, rate)
    return timeline(scene.name, origin, tracks, caption_markers.read(scene), rate)


def write(scene: Any, before: Json, after: Json, folder: Path) -> None:
    """Does to a scene what was done to its document: `before` is as `read` gave it. `folder` is the document's, where
    relative URLs begin. Raises RuntimeError if Blender cannot open a sound.
    """
    origin = round(before["global_start_time"]["value"])
    take_strips.write(scene, before, after, folder, origin)
    caption_markers.write(scene, before, after, origin, scene_rate(scene))


def _clip(film: Film, rate: Fraction) -> Json:
    available = time_range(time(0, film.source_rate), time(film.source_frames, film.source_rate))
    played = time_range(time(film.source_start, film.source_rate), time(film.end - film.start, rate))
    reference = file_reference(film.path.as_uri(), available)
    return clip(film.name, reference, played, enabled=film.enabled, speed=film.speed)


def _take_tracks(scene: Any, folder: Path, origin: int, rate: Fraction) -> list[Json]:
    """Tracks of the channels with takes and sounds; on ours, others' strips hold their places."""
    if scene.sequence_editor is None:
        return []
    heard = {sound.name: sound for sound in sounds(scene)[0]}
    channels: dict[int, list[Any]] = {}
    for strip in top_strips(scene.sequence_editor):
        channels.setdefault(strip.channel, []).append(strip)
    tracks: list[Json] = []
    for channel, strips in sorted(channels.items()):
        roles = take_strips.roles(channel, strips, scene)
        for kind in ("Video", "Audio"):
            items = []
            for strip in strips:
                place = strip.frame_final_start - origin, strip.frame_final_end - origin
                made = take_strips.clip_of(strip, folder, rate) if take_strips.kind_of_track(strip) == kind else None
                sound = heard.get(strip.name) if kind == "Audio" else None
                if made is None and sound is not None:
                    made, place = _sound_clip(sound, rate), (sound.start - origin, sound.end - origin)
                elif made is None and kind in roles:
                    made = clip(strip.name, no_reference(), frame_range(0, strip.frame_final_duration, rate))
                if made is not None:
                    items.append((*place, made))
            made_tracks = _tracks(kind, channel, items, rate, scene)
            if kind in roles and made_tracks:
                number = sum(METADATA in each["metadata"] for each in tracks) + 1
                made_tracks[0]["metadata"][METADATA] = _mark(number, roles[kind])
            tracks += made_tracks
    top = {strip.name for strips in channels.values() for strip in strips}
    for kind in ("Video", "Audio"):
        inner = [
            (strip.frame_final_start - origin, strip.frame_final_end - origin, made)
            for strip in all_strips(scene)
            if strip.name not in top
            and take_strips.kind_of_track(strip) == kind
            and (made := take_strips.clip_of(strip, folder, rate)) is not None
        ]
        tracks += _tracks(kind, None, inner, rate, scene)
    return tracks


def _mark(number: int, role: str) -> Json:
    """The metadata of a track of ours; see `avfoley_plugin.timeline.takes.mark_track`."""
    return {"kind": "foley_track", "version": 1, "id": f"avfoley-{number}", **({role: True} if role else {})}


def _sound_clip(sound: Sound, rate: Fraction) -> Json:
    available = time_range(time(0, rate), time(sound.source_frames, rate))
    played = time_range(time(sound.source_start, rate), time(sound.end - sound.start, rate))
    return clip(sound.name, file_reference(sound.path.as_uri(), available), played, enabled=sound.enabled)


def _tracks(kind: str, channel: int | None, items: Iterable[_Item], rate: Fraction, scene: Any) -> list[Json]:
    """Tracks for the items of a channel: one, unless items overlap. `channel` None is that of strips in meta strips."""
    lanes: list[list[_Item]] = []
    for item in sorted(items, key=lambda item: item[0]):
        lane = next((lane for lane in lanes if lane[-1][1] <= item[0]), None)
        if lane is None:
            lanes.append([item])
        else:
            lane.append(item)
    settings = None if channel is None else scene.sequence_editor.channels[channel]
    tracks = []
    for lane in lanes:
        name, enabled = ("meta strips", True) if settings is None else (settings.name, not settings.mute)
        made = track(name, kind, lane, rate, enabled=enabled)
        made["metadata"][PLACE] = {} if channel is None else {"channel": channel}
        tracks.append(made)
    return tracks
