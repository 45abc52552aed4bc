"""The timeline that is open in a running DaVinci Resolve Studio."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import opentimelineio as otio
from platformdirs import user_documents_path

from avfoley_plugin.errors import ChangedError, HostError
from avfoley_plugin.hosts.base import StoredHost
from avfoley_plugin.hosts.resolve.connection import connect
from avfoley_plugin.hosts.resolve.reading import PLACE, Snapshot, read_timeline, snapshot
from avfoley_plugin.hosts.resolve.selection import selection
from avfoley_plugin.hosts.resolve.writing import write_timeline
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.timeline.identity import HOST_ID
from avfoley_plugin.timeline.selection import Selection

#: What the shell calls this host's timeline.
SOURCE = "resolve:"


class ResolveHost(StoredHost):
    """The current timeline of the project that is open in Resolve, which is written into Resolve,
    and kept as an ``.otio`` beside the sound files, `output`, for other programs: by default
    AVFoley/PROJECT/TIMELINE.otio in the user's documents. `resolve` is the API's root object.
    """

    tells_selection = True

    def __init__(self, output: Path | None = None, resolve: Any = None) -> None:
        manager = (connect() if resolve is None else resolve).GetProjectManager()
        self._project = None if manager is None else manager.GetCurrentProject()
        if self._project is None:
            raise HostError("no project is open in Resolve; open one and run again")
        self._api = self._project.GetCurrentTimeline()
        if self._api is None:
            raise HostError(f"no timeline is open in Resolve's project {self._project.GetName()!r}; open one")
        name = str(self._api.GetName())
        folder = user_documents_path() / "AVFoley" / _file_name(str(self._project.GetName()))
        super().__init__(name, output or folder / f"{_file_name(name)}.otio")
        if self._output.suffix.lower() != ".otio":
            raise HostError(f"{self._output}: the output must end in .otio, the one format that keeps everything")
        self._found: Snapshot | None = None

    def read(self) -> otio.schema.Timeline:
        self._found = snapshot(self._api)
        return read_timeline(self._found)

    def selection(self) -> Selection:
        return selection(self._api, self._found or snapshot(self._api))

    def write(self, timeline: otio.schema.Timeline) -> Path:
        found = self._found
        if found is None:
            raise HostError(f"timeline {self._name!r} was not read yet; read it before writing")
        if snapshot(self._api).digest != found.digest:
            raise ChangedError(
                f"timeline {self._name!r} was changed in Resolve meanwhile; nothing was written; run again"
            )
        write_timeline(self._project, self._api, found, timeline, self.folder)
        self._found = None
        kept = timeline.deepcopy()
        for thing in (*kept.tracks, *kept.tracks.markers, *kept.find_clips()):
            for key in (PLACE, HOST_ID):
                thing.metadata.pop(key, None)
        save(kept, self.folder, self._output, backup=self.keeps_backup)
        return self._output


def _file_name(name: str) -> str:
    """A name that any file system takes for one file, and that leads nowhere else."""
    return re.sub(r"[^\w .()+-]+", "_", name).strip(" .")[:80] or "untitled"
