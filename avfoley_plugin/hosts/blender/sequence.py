"""What is on a scene's sequencer, in exact frames: films, sounds, what is ours, and why others
cannot be used. Blender 4.4 renamed `SequenceEditor.sequences` to `strips`, and 5.0 let a workspace
show the sequence of another scene.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import bpy

from .otio_json import Json, is_clip_of_takes

#: The custom property of a strip of ours, which holds its clip.
PROPERTY = "avfoley"
#: Strips that show a picture of their own that is no film.
_OTHER_PICTURES = {"IMAGE": "an image", "SCENE": "a scene", "META": "a meta strip", "MOVIECLIP": "a movie clip"}


@dataclass(frozen=True)
class Film:
    """The part of a movie strip in which its film runs: scene frames `start` to `end` (excluded).
    They play from the film's frame ``source_start`` at ``speed`` (source time a record time,
    negative for backwards, from the far end).
    """

    name: str
    path: Path
    channel: int
    start: int
    end: int
    source_start: Fraction
    source_rate: Fraction
    source_frames: int
    speed: Fraction
    enabled: bool


@dataclass(frozen=True)
class Sound:
    """The part of a sound strip in which its sound runs: scene frames `start` to `end` (excluded).
    ``source_start`` and ``source_frames``, all of it, count scene frames from its first sample.
    """

    name: str
    path: Path
    start: int
    end: int
    source_start: Fraction
    source_frames: Fraction
    enabled: bool


@dataclass(frozen=True)
class Unusable:
    """A strip that nothing can be made for."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def shown_scene(context: Any) -> Any:
    """The scene whose sequence is shown."""
    return getattr(context, "sequencer_scene", None) or context.scene


def top_strips(owner: Any) -> Any:
    """The collection of the strips of a sequence editor or a meta strip, those in further meta strips excluded."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def all_strips(scene: Any) -> Iterator[Any]:
    """All strips of a scene, those in meta strips included."""
    editor = scene.sequence_editor
    if editor is None:
        return iter(())
    return iter(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def scene_rate(scene: Any) -> Fraction:
    """Frames a second."""
    return exact_rate(scene.render.fps / scene.render.fps_base)


def exact_rate(rate: float) -> Fraction:
    """The exact rate that a single-precision one means: 29.97003 is 30000/1001."""
    for divisor in (Fraction(1), Fraction(1001, 1000)):
        nominal = round(rate * float(divisor))
        if nominal and abs(float(nominal / divisor) - rate) <= 1e-6 * rate:
            return nominal / divisor
    return Fraction(rate).limit_denominator(1000)


def film_length(path: Path) -> int:
    """How many frames Blender finds in a film; 0 if it cannot open it."""
    try:
        return _film_length(str(path), path.stat().st_mtime_ns)
    except (OSError, RuntimeError):
        return 0


@cache
def _film_length(path: str, changed: int) -> int:
    known = {clip.name for clip in bpy.data.movieclips}
    clip = bpy.data.movieclips.load(path, check_existing=True)
    length = int(clip.frame_duration)
    if clip.name not in known:
        bpy.data.movieclips.remove(clip)
    return length


def stored(strip: Any) -> Json | None:
    """The clip of a strip of ours; None for another's, or where its property is damaged."""
    try:
        clip = json.loads(strip.get(PROPERTY, "null"))
        return clip if is_clip_of_takes(clip) else None
    except (TypeError, ValueError):
        return None


def sounds(scene: Any) -> tuple[list[Sound], list[Unusable]]:
    """The editor's sounds outside of meta strips, and the sound strips that no picture can be made for."""
    found: list[Sound] = []
    unusable: list[Unusable] = []
    for strip in () if scene.sequence_editor is None else top_strips(scene.sequence_editor):
        if strip.type == "SOUND" and stored(strip) is None:
            read = _sound(strip, scene)
            found.append(read) if isinstance(read, Sound) else unusable.append(Unusable(strip.name, read))
    return found, unusable


def films(scene: Any) -> tuple[list[Film], list[Unusable]]:
    """The editor's films outside of meta strips, and the strips with a picture that are none."""
    found: list[Film] = []
    unusable: list[Unusable] = []
    if scene.sequence_editor is None:
        return found, unusable
    sped = _inputs_of_speed_effects(scene)
    for strip in top_strips(scene.sequence_editor):
        if strip.type == "MOVIE" and stored(strip) is None:
            read = _film(strip, scene, sped.get(strip.name))
            found.append(read) if isinstance(read, Film) else unusable.append(Unusable(strip.name, read))
        elif strip.type in _OTHER_PICTURES:
            what = _OTHER_PICTURES[strip.type]
            unusable.append(Unusable(strip.name, f"it is {what}, not a movie; render it, and make foley for that"))
        elif strip.type == "SPEED":
            unusable.append(Unusable(strip.name, "it is a speed effect; render it, and make foley for that"))
    return found, unusable


def _inputs_of_speed_effects(scene: Any) -> dict[str, str]:
    """The names of the strips that speed effects play, and those of the effects."""
    sped: dict[str, str] = {}
    for effect in top_strips(scene.sequence_editor):
        below = [effect] if effect.type == "SPEED" else []
        while below:
            strip = below.pop()
            for name in ("input_1", "input_2"):
                source = getattr(strip, name, None)
                if source is not None and source.name not in sped:
                    sped[source.name] = effect.name
                    below.append(source)
    return sped


def _sound(strip: Any, scene: Any) -> Sound | str:
    """The sound of a sound strip, or why it is none."""
    if len(getattr(strip, "retiming_keys", ())):
        return "it is retimed; render it, or clear its retiming keys"
    if strip.sound is None or strip.sound.packed_file is not None:
        return "its sound is in no file; unpack it"
    path = Path(bpy.path.abspath(strip.sound.filepath, library=strip.sound.library)).resolve()
    content = strip.frame_final_duration + strip.frame_offset_start + strip.frame_offset_end
    content_start = Fraction(strip.frame_start)
    # Beyond its content a strip is silent.
    start = max(strip.frame_final_start, math.ceil(content_start))
    end = min(strip.frame_final_end, math.floor(content_start + Fraction(content)))
    if start >= end:
        return "nothing of its sound is heard"
    shift = Fraction(getattr(strip, "sound_offset", 0)).limit_denominator(1_000_000) * scene_rate(scene)
    trimmed = strip.animation_offset_start + shift
    return Sound(
        name=strip.name,
        path=path,
        start=start,
        end=end,
        source_start=start - content_start + trimmed,
        source_frames=Fraction(content) + max(Fraction(0), trimmed) + strip.animation_offset_end,
        enabled=not strip.mute,
    )


def _film(strip: Any, scene: Any, effect: str | None) -> Film | str:
    """The film of a movie strip, or why it is none."""
    if effect is not None:
        return f"the effect {effect!r} changes its speed; render it, or remove the effect"
    if len(getattr(strip, "retiming_keys", ())):
        return "it is retimed; render it, or clear its retiming keys"
    if not strip.frame_duration or not strip.fps:
        return f"Blender cannot play {strip.filepath}; check that the file is there"
    path = Path(bpy.path.abspath(strip.filepath, library=getattr(scene, "library", None))).resolve()
    rate, source_rate = scene_rate(scene), exact_rate(strip.fps)
    content = Fraction(strip.frame_final_duration + strip.frame_offset_start + strip.frame_offset_end)
    trimmed = strip.animation_offset_start + strip.animation_offset_end
    # Blender plays film frame for scene frame, unless the strip was added to keep its film's speed, of which nothing but
    # its length tells. Of a film so short that it does not, no frame is off by more than a half.
    step = Fraction(1)
    if source_rate != rate and content != film_length(path) - trimmed:
        step = source_rate / rate
    content_start = Fraction(strip.frame_start)
    content_end = content_start + content
    # Beyond its content a strip holds a still, in which nothing sounds.
    start = max(strip.frame_final_start, math.ceil(content_start))
    end = min(strip.frame_final_end, math.floor(content_end))
    if start >= end:
        return "all that is seen of it is a still"
    played = content_end - end if strip.use_reverse_frames else start - content_start
    direction = -1 if strip.use_reverse_frames else 1
    return Film(
        name=strip.name,
        path=path,
        channel=strip.channel,
        start=start,
        end=end,
        source_start=played * step + strip.animation_offset_start,
        source_rate=source_rate,
        source_frames=round(content * step) + trimmed,
        speed=direction * step * rate / source_rate,
        enabled=not strip.mute,
    )
