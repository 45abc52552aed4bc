"""Kdenlive's project files as a host."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.base import StoredHost
from avfoley_plugin.hosts.kdenlive import running
from avfoley_plugin.hosts.kdenlive.markup import Patch
from avfoley_plugin.hosts.kdenlive.project import Project
from avfoley_plugin.hosts.kdenlive.reading import PLACE, read_timeline, zone
from avfoley_plugin.hosts.kdenlive.writing import patched
from avfoley_plugin.hosts.saving import check_source, check_unchanged, digest, file_digest, replace_file
from avfoley_plugin.timeline.identity import TimelineIdentity, mark
from avfoley_plugin.timeline.media_url import relative_url
from avfoley_plugin.timeline.placing import carry_over, has_ours
from avfoley_plugin.timeline.selection import Selection

SUFFIX = ".kdenlive"
#: The in and out zone of a project in which nobody set one.
_UNSET_ZONE = (0, 75)
#: In bytes more than any project has; what is larger would only fill the memory.
_LARGEST = 1 << 27


class KdenliveFile(StoredHost):
    """A Kdenlive project, its open sequence as the timeline: updated in place, only where it is
    ours, or written to `output` as a project of its own with the media where it is. A running
    Kdenlive that has it open saves it before it is read, and loads it again after it was written.

    If `output` was made from this very project, its takes and captions are read along. One with
    takes that came about otherwise is refused; any other project there is replaced, with a backup.
    """

    tells_selection = True

    def __init__(self, path: Path, output: Path | None = None) -> None:
        self._path = path.absolute()
        super().__init__(self._path.name, output or path)
        for name in (self._path, self._output):
            if name.suffix.lower() != SUFFIX:
                raise HostError(f"{name} is not a Kdenlive project; its name must end in {SUFFIX}")
        self._project: Project | None = None
        self._output_digest: str | None = None

    @property
    def folder(self) -> Path:
        return self._path.parent

    def read(self) -> otio.schema.Timeline:
        running.save(self._path)
        self._project, timeline = _read(self._path)
        if not self._in_place:
            self._carry_over(timeline)
        return timeline

    def selection(self) -> Selection:
        """The timeline's in and out zone, if somebody set one: Kdenlive tells nobody which clips are selected."""
        chosen = None if self._project is None else zone(self._project)
        if chosen is None or chosen == _UNSET_ZONE:
            return Selection()
        return Selection(record_range=f"{chosen[0]}-{chosen[1]}")

    def write(self, timeline: otio.schema.Timeline) -> Path:
        """See `Host`; each timeline is written once, and read again before the next."""
        project = self._project
        if project is None:
            raise HostError(f"{self._path} was not read yet; read it before writing")
        running.save(self._output)
        check_unchanged(self._output, digest(project.document.content) if self._in_place else self._output_digest)
        if not self._in_place:
            mark(timeline, TimelineIdentity(source=relative_url(self._path, self._output.parent)))
        try:
            content = patched(project, timeline)
        except HostError as error:
            raise HostError(f"{self._path} cannot be changed: {error}") from error
        if not self._in_place:
            content = _rooted(content, project)
        if digest(content) != file_digest(self._output):
            replace_file(self._output, content, backup=self.keeps_backup)
            running.reload(self._output)
        self._project = None
        return self._output

    @property
    def _in_place(self) -> bool:
        return self._output.resolve() == self._path.resolve()

    def _carry_over(self, timeline: otio.schema.Timeline) -> None:
        """Brings in what an earlier run put on the output."""
        running.save(self._output)
        self._output_digest = file_digest(self._output)
        try:
            _, earlier = _read(self._output)
        except HostError:
            # Nothing is there, or nothing of ours: if it is a file, it is backed up and replaced.
            return
        if not has_ours(earlier):
            return
        check_source(earlier, self._path, self._output)
        for thing in (*earlier.tracks, *earlier.tracks.markers, *earlier.find_clips()):
            # Where things were in that file says nothing about this one.
            thing.metadata.pop(PLACE, None)
        carry_over(earlier, timeline)


def _read(path: Path) -> tuple[Project, otio.schema.Timeline]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HostError(f"{path} is not there, or cannot be read") from error
    if len(content) > _LARGEST:
        raise HostError(f"{path} is larger than any project of Kdenlive; it is not opened")
    try:
        project = Project(content, path)
        return project, read_timeline(project)
    except HostError as error:
        raise HostError(f"{path} cannot be read: {error}") from error


def _rooted(content: bytes, project: Project) -> bytes:
    """A project's file with the folder named in it that its relative resources are in."""
    moved = Project(content, project.path)
    patch = Patch(moved.document)
    patch.set_attribute(moved.root, "root", str(project.folder))
    return patch.result()
