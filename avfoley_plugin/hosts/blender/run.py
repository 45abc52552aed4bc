"""One run of AVFoley over a scene, from its document to the takes on its sequence, while the editor goes on working."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from . import document
from .command import CommandError, Process
from .otio_json import Json


class Run:
    """A run that was started. `poll` it until it is finished. The scene is known by its name: an
    undo makes every other hold on it invalid. While the command runs, the document follows what the
    editor changes, so that takes go to where their shots are then.
    """

    def __init__(self, scene: Any, command: Sequence[str], verb: str, *options: str) -> None:
        """Writes the scene's document and starts ``command verb document options``. Raises CommandError, OSError."""
        self.finished = False
        self.cancelled = False
        self.takes = 0
        self.failures: list[str] = []
        self._scene = scene.name
        self._project = bpy.data.filepath
        self._path = document_path(scene)
        self._shots = 0
        self._progress: dict[tuple[str, int], float] = {}
        self._message = "starting"
        self._end: dict[str, Any] | None = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._sent = self._read(scene)
        self._text = json.dumps(self._sent)
        self._path.write_text(self._text, encoding="utf-8")
        try:
            self._process = Process([*command, verb, str(self._path), *options, "--json"])
        except CommandError:
            self._tidy()
            raise

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return sum(self._progress.values()) / self._shots if self._shots else 0.0

    @property
    def message(self) -> str:
        """What is being done, in a word or two."""
        return self._message

    def cancel(self) -> None:
        """Stops the takes that are not finished; those that are will still be placed."""
        self.cancelled = True
        self._message = "cancelling"
        self._process.cancel()

    def poll(self) -> None:
        """Takes note of what happened; at the end, brings the takes to the scene."""
        if self.finished:
            return
        scene = bpy.data.scenes.get(self._scene) if bpy.data.filepath == self._project else None
        if scene is None and not self.cancelled:
            self.cancel()
        running = self._process.running
        for event in self._process.events():
            self._note(event)
        if running:
            if scene is not None:
                self._follow(scene)
            return
        self.finished = True
        if self._end is None:
            self.failures.append(f"AVFoley ended unexpectedly: {self._process.last_words}")
        elif self._end["error"]:
            self.failures.append(self._end["error"])
        elif self._end["timeline"]:
            self._place(scene)
        self._tidy()

    def _read(self, scene: Any) -> Json:
        return document.read(scene, self._path.with_suffix(".avfoley"))

    def _follow(self, scene: Any) -> None:
        """Brings the document to what the scene is now, unless the command has written it."""
        now = self._read(scene)
        if now != self._sent and self._path.read_text(encoding="utf-8") == self._text:
            self._sent, self._text = now, json.dumps(now)
            part = self._path.with_suffix(".part")
            part.write_text(self._text, encoding="utf-8")
            part.replace(self._path)

    def _note(self, event: dict[str, Any]) -> None:
        key = (event.get("shot_id", ""), event.get("take", 0))
        match event.get("event"):
            case "planned":
                self._shots = sum(shot["takes"] for shot in event["shots"])
                self.failures += [f"{problem['clip']}: {problem['reason']}" for problem in event["problems"]]
            case "progress":
                self._progress[key] = event["progress"]
                if not self.cancelled:
                    self._message = event["message"] or event["shot"]
            case "done" | "cancelled":
                self._progress[key] = 1.0
            case "failed":
                self._progress[key] = 1.0
                self.failures.append(f"{event['shot']}: {event['reason']}")
            case "finished":
                self._end = event

    def _place(self, scene: Any) -> None:
        if scene is None or self._end is None:
            return
        self.failures += [
            f"{shot['shot']}: its strip is gone; the take's file is there" for shot in self._end["unplaced"]
        ]
        try:
            after = json.loads(self._path.read_text(encoding="utf-8"))
            document.write(scene, self._sent, after, self._path.parent)
        except (OSError, ValueError, RuntimeError) as error:
            self.failures.append(f"the takes cannot be placed: {error}")
        else:
            self.takes = len(self._end["takes"])

    def _tidy(self) -> None:
        """The sequence itself is the one truth; a document left behind would only grow old."""
        for path in [self._path, *self._path.parent.glob(f"{self._path.name}.bak*")]:
            path.unlink(missing_ok=True)


def document_path(scene: Any) -> Path:
    """Where a scene's document is while AVFoley works on it; its sounds are beside it. The .blend must be saved."""
    project = Path(bpy.data.filepath)
    name = bpy.path.clean_name(scene.name)
    return project.with_suffix(".avfoley") / f"{name}.otio"
