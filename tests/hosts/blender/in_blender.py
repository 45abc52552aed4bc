"""Runs inside Blender: ``python in_blender.py steps.json answers.json`` carries out steps over the scene, one by one.

A step is [name of a function here, its keyword arguments]; what the functions return are the answers. Numbers are in
frames of the scene.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import bpy


def scene() -> Any:
    return bpy.context.scene


def strips() -> Any:
    editor = scene().sequence_editor or scene().sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def version() -> dict[str, Any]:
    made = strips()
    try:
        made.new_sound("probe", "/nowhere.wav", 1, 1)
    except RuntimeError as error:
        sounds = "Audaspace" not in str(error)
    else:
        sounds = True
    return {"major": bpy.app.version[0], "config": f"{bpy.app.version[0]}.{bpy.app.version[1]}", "sounds": sounds}


def enable() -> None:
    bpy.ops.preferences.addon_enable(module="avfoley")


def prefer(command: str) -> None:
    bpy.context.preferences.addons["avfoley"].preferences.command = command


def disable() -> bool:
    bpy.ops.preferences.addon_disable(module="avfoley")
    return hasattr(scene(), "avfoley_settings")


def rate(fps: int, base: float, start: int, end: int) -> None:
    scene().render.fps, scene().render.fps_base = fps, base
    scene().frame_start, scene().frame_end = start, end


def open(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path)


def save(path: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=path)


def movie(path: str, name: str, channel: int, content_start: int, first: int, last: int, **settings: Any) -> None:
    """A movie whose content starts at a frame, seen from frame `first` to `last`, excluded."""
    strip = strips().new_movie(name, path, channel, content_start)
    strip.animation_offset_start = settings.pop("hard_trim", 0)
    for setting, value in settings.items():
        setattr(strip, setting, value)
    strip.frame_offset_start = first - content_start
    strip.frame_offset_end = content_start + strip.frame_duration - last
    # Before it was cut, Blender may have found it in the way of another.
    strip.channel = channel
    assert (strip.frame_final_start, strip.frame_final_end, strip.channel) == (first, last, channel)


def in_sequencer() -> Any:
    """A context in which operators of the sequencer's window run."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def movie_of_own_speed(path: str, channel: int, content_start: int, first: int, last: int) -> None:
    """As `movie`, but added as the user interface adds movies: in a scene of another rate it keeps its speed."""
    strips()
    with in_sequencer():
        bpy.ops.sequencer.movie_strip_add(
            filepath=path, channel=channel, frame_start=content_start, sound=False, use_framerate=False
        )
    strip = next(strip for strip in strips() if strip.channel == channel)
    strip.frame_offset_start = first - content_start
    strip.frame_offset_end += strip.frame_final_end - last


def retime(strip: str, at: int) -> None:
    scene().sequence_editor.active_strip = strips()[strip]
    select([strip])
    with in_sequencer():
        bpy.ops.sequencer.retiming_key_add(timeline_frame=at)


def mute_channel(channel: int) -> None:
    scene().sequence_editor.channels[channel].mute = True


def properties(strip: str, values: list[Any]) -> list[int]:
    """Gives a strip and the scene each of these as our property. Returns how many clips of ours are read then."""
    import avfoley.document as document

    found = []
    for value in values:
        strips()[strip]["avfoley"] = scene()["avfoley"] = value
        made = document.read(scene(), Path(bpy.data.filepath).parent)
        children = [child for track in made["tracks"]["children"] for child in track["children"]]
        found.append(sum("avfoley" in child["metadata"] for child in children) + len(made["tracks"]["markers"]))
    return found


def name_channel(channel: int, name: str) -> None:
    scene().sequence_editor.channels[channel].name = name


def effect(kind: str, name: str, channel: int, over: str) -> None:
    below = strips()[over]
    try:
        strips().new_effect(name, kind, channel, frame_start=1, length=10, input1=below)
    except TypeError:
        strips().new_effect(name, kind, channel, frame_start=1, frame_end=11, seq1=below)


def meta(name: str, channel: int, start: int) -> None:
    strips().new_meta(name, channel, start)


def image(path: str, name: str, channel: int, start: int) -> None:
    strips().new_image(name, path, channel, start)


def sound(path: str, name: str, channel: int, start: int, **settings: Any) -> None:
    """A sound whose content starts at a frame."""
    strip = strips().new_sound(name, path, channel, start)
    for setting, value in settings.items():
        setattr(strip, setting, value)
    strip.channel = channel


def select(names: list[str]) -> None:
    for strip in strips():
        strip.select = strip.name in names


def change(strip: str, **settings: Any) -> None:
    for setting, value in settings.items():
        setattr(strips()[strip], setting, value)


def drop(strip: str) -> None:
    strips().remove(strips()[strip])


def call(operator: str, **settings: Any) -> list[str]:
    """An operator of ours, with settings of the scene; returns what the panel then tells."""
    import avfoley.interface as interface

    for setting, value in settings.items():
        setattr(scene().avfoley_settings, setting, value)
    getattr(bpy.ops.avfoley, operator)()
    return list(interface._Runs.outcome)


def can_call(operator: str) -> bool:
    return bool(getattr(bpy.ops.avfoley, operator).poll())


def run(*, options: list[str], cancel: bool = False, move: list[Any] | None = None) -> dict[str, Any]:
    """A run as a Blender with windows has it, its timer's work done here. As soon as something is being made, it is
    cancelled, or a strip's content moved to a frame.
    """
    from avfoley.command import find
    from avfoley.run import Run

    under_way = Run(scene(), find(""), "foley", *options)
    seen, interfered = [], False
    while not under_way.finished:
        under_way.poll()
        seen.append(under_way.progress)
        if under_way.progress > 0 and not interfered:
            interfered = True
            if cancel:
                under_way.cancel()
            if move:
                strips()[move[0]].frame_start = move[1]
        time.sleep(0.05)
    return {"progress": seen, "takes": under_way.takes, "failures": under_way.failures}


def rename_marker(old: str, new: str) -> None:
    next(marker for marker in scene().timeline_markers if marker.name == old).name = new


def move_marker(name: str, frame: int) -> None:
    next(marker for marker in scene().timeline_markers if marker.name == name).frame = frame


def marker(name: str, frame: int) -> None:
    scene().timeline_markers.new(name, frame=frame)


def state() -> dict[str, Any]:
    """The strips by name, and the markers as (frame, name)."""
    found = {}
    for strip in strips():
        held = {
            "start": strip.frame_final_start,
            "end": strip.frame_final_end,
            "content_start": strip.frame_start,
            "channel": strip.channel,
            "channel_name": scene().sequence_editor.channels[strip.channel].name,
            "mute": strip.mute,
            "ours": "avfoley" in strip,
        }
        if strip.type == "SOUND":
            held |= {"file": bpy.path.abspath(strip.sound.filepath), "path": strip.sound.filepath}
            held |= {"volume": strip.volume}
        if strip.type == "MOVIE":
            held |= {"file": bpy.path.abspath(strip.filepath)}
        if held["ours"]:
            clip = json.loads(strip["avfoley"])
            held |= {"takes": list(clip["media_references"]), "active": clip["active_media_reference_key"]}
            held |= {
                "captions": [
                    take["metadata"]["avfoley"]["request"]["caption"] for take in clip["media_references"].values()
                ]
            }
        found[strip.name] = held
    return {
        "strips": found,
        "markers": sorted((marker.frame, marker.name) for marker in scene().timeline_markers),
        "kept": "avfoley" in scene(),
    }


def document() -> dict[str, Any]:
    """The sequence as the add-on hands it to the command, and what it says of strips without film."""
    import avfoley.document as document
    import avfoley.sequence as sequence

    made = document.read(scene(), Path(bpy.data.filepath).parent)
    unusable = [*sequence.films(scene())[1], *sequence.sounds(scene())[1]]
    return {"timeline": made, "unusable": [str(one) for one in unusable]}


def mixdown(path: str) -> None:
    bpy.ops.sound.mixdown(filepath=path, container="WAV", codec="PCM", format="S16")


def brightness(frames: list[int], folder: str) -> list[float]:
    """How bright Blender shows the sequence on these frames, 0 to 1."""
    render = scene().render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 64, 36, 100
    render.image_settings.file_format = "PNG"
    scene().view_settings.view_transform = "Standard"
    found = []
    for frame in frames:
        scene().frame_set(frame)
        render.filepath = str(Path(folder) / f"{frame}.png")
        bpy.ops.render.render(write_still=True)
        shown = bpy.data.images.load(render.filepath)
        pixels = shown.pixels[:]
        found.append(sum(pixels[::4]) / len(pixels[::4]))
    return found


def panel() -> list[str]:
    """What the panel draws, by name."""
    from types import SimpleNamespace

    import avfoley.interface as interface

    drawn: list[str] = []
    layout = SimpleNamespace(
        label=lambda text, icon="": drawn.append(text),
        prop=lambda owner, name: drawn.append(owner.bl_rna.properties[name].name),
        operator=lambda name, icon: drawn.append(name),
    )
    interface.FoleyPanel.draw(SimpleNamespace(layout=layout), bpy.context)
    return drawn


def main(steps: str, answers: str) -> None:
    told = [globals()[name](**settings) for name, settings in json.loads(Path(steps).read_text())]
    Path(answers).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
