"""Runs in a Python that has Blender's module: ``python blender_trip.py read|write FOLDER SETTINGS``.

"read" makes a small scene of the films in the folder and writes its document to before.otio; "write" makes the same
scene again, brings it to the document foley.otio, and writes what is read from it then to after.otio.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpy

# The add-on's own modules, without the packages around it, which Blender's Python does not have.
from blender import document


def small_scene(folder: Path, rate: int) -> Any:
    """A strip, one that plays backwards on another channel, and a marker of the editor's."""
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = rate, 1.0
    strips = scene.sequence_editor_create().strips
    for name, channel, start, first, frames in (("door", 1, 0, 10, 50), ("fast", 2, 60, 20, 40)):
        strip = strips.new_movie(name, str(folder / f"{name}.mov"), channel, start)
        strip.use_reverse_frames = name == "fast"
        strip.frame_offset_start = first
        strip.frame_offset_end = strip.frame_duration - first - frames
    scene.timeline_markers.new("fix", frame=7)
    return scene


def main(step: str, folder: Path, settings: dict[str, Any]) -> None:
    scene = small_scene(folder, settings["rate"])
    before = document.read(scene, folder / "edit.avfoley")
    if step == "read":
        (folder / "before.otio").write_text(json.dumps(before), encoding="utf-8")
        return
    foley = json.loads((folder / "foley.otio").read_text(encoding="utf-8"))
    document.write(scene, before, foley, folder)
    after = document.read(scene, folder / "edit.avfoley")
    (folder / "after.otio").write_text(json.dumps(after), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
