"""Takes as strips of sound or film; a custom property holds the clip with all takes of its shot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import bpy

from .otio_json import METADATA, PLACE, Json, Placed, active, frame_range, placed, seconds
from .sequence import PROPERTY, all_strips, scene_rate, stored, top_strips

CHANNEL_NAME = "AVFoley"
#: What takes may be for beside foley, as tracks are marked with it, and channels named.
AMBIENCE, PICTURE = "ambience", "picture"
_LAST_CHANNEL = 128
#: Settings that a strip keeps when it is made anew.
_SETTINGS = ("volume", "pan", "mute", "lock", "blend_alpha", "color_tag", "show_waveform", "select")


def clip_of(strip: Any, folder: Path, rate: Fraction) -> Json | None:
    """A strip's clip as it is now, None for others'. Moved takes are looked for in `folder`."""
    clip = stored(strip)
    if clip is None:
        return None
    for reference in clip["media_references"].values():
        path = path_of(reference["target_url"], folder)
        if not _is_file(path) and _is_file(folder / path.name):
            reference["target_url"] = (folder / path.name).as_uri()
    head = strip.frame_final_start - _content_start(strip)
    start = seconds(active(clip)["available_range"]["start_time"]) * rate + head
    clip["source_range"] = frame_range(round(start), strip.frame_final_duration, rate)
    clip["enabled"] = not strip.mute
    clip["metadata"] = {**clip["metadata"], PLACE: {"strip": strip.name}}
    return clip


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # No file has a name that long.
        return False


def path_of(url: str, folder: Path) -> Path:
    """The file that a URL names, if relative to `folder`."""
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else folder / unquote(url)


def kind_of_track(strip: Any) -> str:
    """The kind of track that a take's strip is on."""
    return "Video" if strip.type == "MOVIE" else "Audio"


def roles(channel: int, strips: list[Any], scene: Any) -> dict[str, str]:
    """What a channel, with these strips on it, is of ours: by the kind of track what its takes are for, "ambience",
    "picture", or empty for foley. Nothing, for a channel that our takes do not go to.
    """
    ours = [(kind_of_track(strip), clip) for strip in strips if (clip := stored(strip)) is not None]
    found = {kind: _role(str(clip["metadata"][METADATA].get("layer", "")).partition("/")[0]) for kind, clip in ours}
    name = str(scene.sequence_editor.channels[channel].name)
    if 2 * len(ours) > len(strips) or (found and name.startswith(CHANNEL_NAME)):
        return found
    if name.startswith(CHANNEL_NAME):
        role = _role(name.removeprefix(CHANNEL_NAME).strip().partition(" ")[0])
        return {"Video" if role == PICTURE else "Audio": role}
    return {}


def _role(word: str) -> str:
    return word if word in (AMBIENCE, PICTURE) else ""


def write(scene: Any, before: Json, after: Json, folder: Path, origin: int) -> None:
    """Brings the scene's strips from the clips of one document to those of the next; what did not
    change between them is not touched, nor what the editor did to it since. Relative URLs begin in
    `folder`, frames at the scene's frame `origin`. Raises RuntimeError if Blender cannot open a
    take.
    """
    rate = scene_rate(scene)
    earlier = {one.strip: one for one in placed(before, rate)}
    present = {strip.name: strip for strip in all_strips(scene)}
    channels = _Channels(scene)
    changes = []
    for one in placed(after, rate):
        was = earlier.pop(one.strip, None) if one.strip is not None else None
        strip = None if was is None else present.get(was.strip)
        if was is None or strip is None or _place(was, rate) != _place(one, rate):
            changes.append((strip, one, channels.of(one.track)))
        if strip is not None:
            _store(strip, one.clip, folder)
    for name in earlier:
        if name in present:
            _remove(scene, present[name])
    # First all of them to where nobody is: a strip that Blender finds in the way of another, it puts elsewhere.
    parking = max((strip.frame_final_end for strip in all_strips(scene)), default=0)
    parked = []
    for strip, one, channel in changes:
        parking += 1
        strip = _strip(scene, strip, one, folder, parking, rate)
        head = one.start - one.content_start
        strip.frame_offset_start = head
        strip.frame_offset_end = strip.frame_duration - head - one.frames
        strip.frame_start = parking - head
        parking += one.frames
        parked.append((strip, one, channel))
    for strip, one, channel in parked:
        if channel is not None and _owner(scene, strip) == scene.sequence_editor:
            strip.channel = channel
        strip.frame_start = one.content_start + origin + strip.animation_offset_start


def show_next_take(scene: Any, strip: Any, folder: Path) -> str | None:
    """Has a strip of ours play its shot's next take; returns its name, None if there is no other."""
    rate = scene_rate(scene)
    clip = clip_of(strip, folder, rate)
    keys = [] if clip is None else list(clip["media_references"])
    if clip is None or len(keys) < 2:
        return None
    key = keys[(keys.index(clip["active_media_reference_key"]) + 1) % len(keys)]
    # All takes of a clip count the same time, so the next one's file begins where its own handle says.
    head = seconds(clip["source_range"]["start_time"])
    head -= seconds(clip["media_references"][key]["available_range"]["start_time"])
    start, frames = strip.frame_final_start, strip.frame_final_duration
    clip["active_media_reference_key"] = key
    one = Placed(clip, {"kind": kind_of_track(strip)}, start, frames, start - round(head * rate))
    strip = _strip(scene, strip, one, folder, start, rate)
    strip.frame_start = one.content_start + strip.animation_offset_start
    strip.frame_offset_start = start - one.content_start
    strip.frame_offset_end = strip.frame_duration - (start - one.content_start) - frames
    return key


def remove(scene: Any) -> int:
    """Takes our strips off the scene, and returns how many; the sound files stay."""
    ours = [strip for strip in all_strips(scene) if stored(strip) is not None]
    for strip in ours:
        _remove(scene, strip)
    return len(ours)


class _Channels:
    """The channels of a document's tracks; for new ones the lowest above all that is there."""

    def __init__(self, scene: Any) -> None:
        self._editor = scene.sequence_editor
        self._new: dict[int, int] = {}

    def of(self, track: Json) -> int | None:
        """The channel of a track; None for clips in meta strips."""
        place = track["metadata"].get(PLACE)
        if place is not None:
            return place.get("channel")
        if id(track) not in self._new:
            used = {strip.channel for strip in top_strips(self._editor)} | set(self._new.values())
            numbers = range(1, _LAST_CHANNEL + 1)
            named = (number for number in numbers if self._editor.channels[number].name == track["name"])
            free = [number for number in (*named, max(used, default=0) + 1, *numbers) if number not in used]
            if not free or free[0] > _LAST_CHANNEL:
                raise RuntimeError("no channel of the sequence is free; delete what is not needed on one")
            self._new[id(track)] = free[0]
            self._editor.channels[free[0]].name = track["name"]
        return self._new[id(track)]


def _place(one: Placed, rate: Fraction) -> tuple[object, ...]:
    """What a strip must be changed for."""
    place = one.track["metadata"].get(PLACE)
    return one.start, one.frames, one.content_start, one.take["metadata"][METADATA]["id"], place


def _strip(scene: Any, strip: Any, one: Placed, folder: Path, parking: int, rate: Fraction) -> Any:
    """The strip that plays the active take: `strip` if it is there and can, else a new one with its settings."""
    path = path_of(one.take["target_url"], folder)
    if strip is not None:
        was = stored(strip)
        if was is not None and _same_length(active(was), one.take):
            _play(strip, path)
            _store(strip, one.clip, folder)
            return strip
    kept = {} if strip is None else {name: getattr(strip, name) for name in _SETTINGS if hasattr(strip, name)}
    is_picture = one.track["kind"] == "Video"
    name, channel = f"{one.clip['name']} {PICTURE if is_picture else 'foley'}", _LAST_CHANNEL
    owner = scene.sequence_editor
    if strip is not None:
        owner, name, channel = _owner(scene, strip), strip.name, strip.channel
        top_strips(owner).remove(strip)
    if is_picture:
        made = top_strips(owner).new_movie(name, str(path), channel, parking, fit_method="FIT")
        made.filepath = _customary(path)
    else:
        made = top_strips(owner).new_sound(name, str(path), channel, parking)
        made.sound.filepath = _customary(path)
        made.show_waveform = True
    for setting, value in kept.items():
        setattr(made, setting, value)
    _store(made, one.clip, folder)
    return made


def _play(strip: Any, path: Path) -> None:
    """Has a strip play another file of the same length."""
    if strip.type == "MOVIE":
        if Path(bpy.path.abspath(strip.filepath)).resolve() != path.resolve():
            strip.filepath = _customary(path)
        return
    sound = bpy.data.sounds.load(_customary(path), check_existing=True)
    if strip.sound != sound:
        strip.sound = sound


def _same_length(one: Json, other: Json) -> bool:
    # A strip knows the length of the file that it was made with.
    return one["available_range"]["duration"] == other["available_range"]["duration"]


def _store(strip: Any, clip: Json, folder: Path) -> None:
    kept = {**clip, "metadata": {key: value for key, value in clip["metadata"].items() if key != PLACE}}
    kept["media_references"] = {
        key: {**reference, "target_url": path_of(reference["target_url"], folder).resolve().as_uri()}
        for key, reference in clip["media_references"].items()
    }
    strip[PROPERTY] = json.dumps(kept)


def _customary(path: Path) -> str:
    """A path as the user has Blender write them: relative to the .blend, or not."""
    if bpy.context.preferences.filepaths.use_relative_paths and bpy.data.filepath:
        try:
            return str(bpy.path.relpath(os.fspath(path)))
        except ValueError:
            # On another drive.
            pass
    return str(path)


def _content_start(strip: Any) -> int:
    return round(strip.frame_start) - int(strip.animation_offset_start)


def _owner(scene: Any, strip: Any) -> Any:
    """The sequence editor or the meta strip that a strip is directly in."""
    metas = [each for each in all_strips(scene) if each.type == "META"]
    holds: Callable[[Any], bool] = lambda owner: any(each == strip for each in top_strips(owner))  # noqa: E731
    return next(filter(holds, metas), scene.sequence_editor)


def _remove(scene: Any, strip: Any) -> None:
    top_strips(_owner(scene, strip)).remove(strip)
