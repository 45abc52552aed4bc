"""The panel in the sequencer's sidebar, its operators, and the add-on's preferences. Without
windows the operators wait for the run to end; with windows a timer looks after it.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from . import caption_markers, take_strips
from .command import CommandError, find
from .run import Run, document_path
from .sequence import Film, Sound, Unusable, all_strips, films, shown_scene, sounds, stored

_INTERVAL = 0.3
_LINE = 44


class _Runs:
    """The run that is under way, if any, and what became of the last one."""

    current: Run | None = None
    outcome: tuple[str, ...] = ()


class Preferences(bpy.types.AddonPreferences):  # type: ignore[misc]
    bl_idname = __package__
    # Not `command: StringProperty(...)`: type checkers want types there.
    __annotations__ = {
        "command": bpy.props.StringProperty(
            name="Command",
            description="The avfoley command of the environment it is installed in; empty for the one that put this "
            "add-on here",
            subtype="FILE_PATH",
        )
    }

    def draw(self, context: Any) -> None:
        self.layout.prop(self, "command")


class Settings(bpy.types.PropertyGroup):  # type: ignore[misc]
    """What a scene's next takes are asked for with."""

    __annotations__ = {
        "caption": bpy.props.StringProperty(
            name="Caption", description="Prompt for sound or picture; if empty, each strip's own marker is used"
        ),
        "negative": bpy.props.StringProperty(
            name="Negative", description="Negative prompt: what sound or picture must not contain"
        ),
        "takes": bpy.props.IntProperty(name="Takes", description="Takes a strip", default=1, min=1, max=100),
        "seed": bpy.props.IntProperty(name="Seed", description="The same seed gives the same sound", min=0),
        "handles": bpy.props.IntProperty(
            name="Handles", description="Frames of sound before and after each strip's own", min=0, soft_max=250
        ),
        "model": bpy.props.StringProperty(
            name="Model", description="One of those that `avfoley models` lists", default="avlink-nano"
        ),
    }


class Foley(bpy.types.Operator):  # type: ignore[misc]
    """Make foley for the selected movie strips"""

    bl_idname = "avfoley.foley"
    bl_label = "Foley for Selected Strips"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _ready(cls, context)

    def execute(self, context: Any) -> set[str]:
        scene = shown_scene(context)
        names, skipped = _chosen(scene, *films(scene), "movie")
        if not names:
            return _refuse(self, skipped)
        settings = scene.avfoley_settings
        return _start(self, context, "foley", [*_options(names, settings), f"--handles={settings.handles}"], skipped)


class Visualize(bpy.types.Operator):  # type: ignore[misc]
    """Make pictures that move with the selected sound strips"""

    bl_idname = "avfoley.visualize"
    bl_label = "Picture for Selected Sounds"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _ready(cls, context)

    def execute(self, context: Any) -> set[str]:
        scene = shown_scene(context)
        names, skipped = _chosen(scene, *sounds(scene), "sound")
        if not names:
            return _refuse(self, skipped)
        return _start(self, context, "visualize", _options(names, scene.avfoley_settings), skipped)


class Regenerate(bpy.types.Operator):  # type: ignore[misc]
    """Make another take of each strip whose caption marker was renamed"""

    bl_idname = "avfoley.regenerate"
    bl_label = "Regenerate Edited Captions"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _ready(cls, context)

    def execute(self, context: Any) -> set[str]:
        return _start(self, context, "regenerate", [], [])


class Cancel(bpy.types.Operator):  # type: ignore[misc]
    """Stop; the takes that are finished are kept"""

    bl_idname = "avfoley.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _Runs.current is not None

    def execute(self, context: Any) -> set[str]:
        if _Runs.current is not None:
            _Runs.current.cancel()
        return {"FINISHED"}


class NextTake(bpy.types.Operator):  # type: ignore[misc]
    """Have the selected strips of AVFoley play their next takes"""

    bl_idname = "avfoley.next_take"
    bl_label = "Next Take"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _ready(cls, context)

    def execute(self, context: Any) -> set[str]:
        scene = shown_scene(context)
        folder = document_path(scene).with_suffix(".avfoley")
        ours = [strip for strip in all_strips(scene) if strip.select and stored(strip) is not None]
        shown = [take for strip in ours if (take := take_strips.show_next_take(scene, strip, folder)) is not None]
        if not shown:
            return _refuse(self, ["no selected strip is one of AVFoley's with more than one take"])
        self.report({"INFO"}, f"AVFoley: {', '.join(shown)}")
        return {"FINISHED"}


class Remove(bpy.types.Operator):  # type: ignore[misc]
    """Take all strips and caption markers of AVFoley off the scene; the takes' files stay"""

    bl_idname = "avfoley.remove"
    bl_label = "Remove Foley"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _ready(cls, context)

    def execute(self, context: Any) -> set[str]:
        scene = shown_scene(context)
        count = take_strips.remove(scene)
        caption_markers.remove(scene)
        self.report({"INFO"}, f"AVFoley: {count} strips removed")
        return {"FINISHED"}


class FoleyPanel(bpy.types.Panel):  # type: ignore[misc]
    bl_idname = "SEQUENCER_PT_avfoley"
    bl_label = "Foley"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "AVFoley"

    def draw(self, context: Any) -> None:
        layout, run = self.layout, _Runs.current
        if not bpy.data.filepath:
            layout.label(text="Save the .blend: sounds go beside it", icon="INFO")
        if run is not None:
            layout.progress(factor=run.progress, text=run.message)
            layout.operator(Cancel.bl_idname, icon="CANCEL")
            return
        settings = shown_scene(context).avfoley_settings
        for name in Settings.__annotations__:
            layout.prop(settings, name)
        layout.operator(Foley.bl_idname, icon="SOUND")
        layout.operator(Visualize.bl_idname, icon="FILE_MOVIE")
        layout.operator(Regenerate.bl_idname, icon="FILE_REFRESH")
        layout.operator(NextTake.bl_idname, icon="TRIA_RIGHT")
        layout.operator(Remove.bl_idname, icon="TRASH")
        for message in _Runs.outcome:
            for line in textwrap.wrap(message, _LINE):
                layout.label(text=line)


_CLASSES = (Preferences, Settings, Foley, Visualize, Regenerate, Cancel, NextTake, Remove, FoleyPanel)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Scene.avfoley_settings = bpy.props.PointerProperty(type=Settings)


def unregister() -> None:
    if _Runs.current is not None:
        _Runs.current.cancel()
        _Runs.current = None
    if bpy.app.timers.is_registered(look_after):
        bpy.app.timers.unregister(look_after)
    del bpy.types.Scene.avfoley_settings
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)


def look_after() -> float | None:
    """Polls the run under way. Returns after how many seconds to do it again; None when it has ended."""
    run = _Runs.current
    if run is None:
        return None
    run.poll()
    _redraw()
    if not run.finished:
        return _INTERVAL
    _Runs.current = None
    made = f"{run.takes} takes" if run.takes != 1 else "1 take"
    _Runs.outcome = (("cancelled; " if run.cancelled else "") + made, *_Runs.outcome, *run.failures)
    if run.takes and not bpy.app.background:
        bpy.ops.ed.undo_push(message="AVFoley")
    return None


def _ready(operator: Any, context: Any) -> bool:
    if _Runs.current is not None:
        operator.poll_message_set("AVFoley is at work")
    elif shown_scene(context) is None or shown_scene(context).sequence_editor is None:
        operator.poll_message_set("There is no strip")
    elif not bpy.data.filepath:
        operator.poll_message_set("Save the .blend first: the sounds go beside it")
    else:
        return True
    return False


def _chosen(scene: Any, found: Sequence[Film | Sound], rest: list[Unusable], kind: str) -> tuple[list[str], list[str]]:
    """The names of the selected strips that can be used, and why the others cannot."""
    chosen = {strip.name for strip in all_strips(scene) if strip.select}
    names = [one.name for one in found if one.name in chosen]
    skipped = [str(one) for one in rest if one.name in chosen]
    if not names and not skipped:
        skipped = [f"nothing is selected: select {kind} strips, outside of meta strips"]
    return names, skipped


def _options(names: list[str], settings: Any) -> list[str]:
    """The options of a verb for the strips of these names."""
    options = [f"--clip={name}" for name in names]
    options += [f"--takes={settings.takes}", f"--seed={settings.seed}", f"--model={settings.model}"]
    options.append(f"--negative={settings.negative}")
    return [*options, f"--caption={settings.caption}"] if settings.caption else options


def _start(operator: Any, context: Any, verb: str, options: list[str], skipped: list[str]) -> set[str]:
    preferences = context.preferences.addons[__package__].preferences
    try:
        command = find(bpy.path.abspath(preferences.command) if preferences.command else "")
        run = Run(shown_scene(context), command, verb, *options)
    except CommandError as error:
        return _refuse(operator, [str(error)])
    except OSError as error:
        return _refuse(operator, [f"{Path(bpy.data.filepath).parent} cannot be written to: {error.strerror}"])
    _Runs.current, _Runs.outcome = run, tuple(skipped)
    if not bpy.app.background:
        bpy.app.timers.register(look_after, first_interval=_INTERVAL, persistent=True)
        return {"FINISHED"}
    while (wait := look_after()) is not None:
        time.sleep(wait)
    for message in (*skipped, *run.failures):
        operator.report({"WARNING"}, f"AVFoley: {message}")
    return {"FINISHED"} if run.takes or not run.failures else {"CANCELLED"}


def _refuse(operator: Any, reasons: list[str]) -> set[str]:
    _Runs.outcome = tuple(reasons)
    for reason in reasons:
        operator.report({"WARNING"}, f"AVFoley: {reason}")
    return {"CANCELLED"}


def _redraw() -> None:
    manager = bpy.context.window_manager
    for window in manager.windows if manager is not None else ():
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()
