"""Timelines in OpenTimelineIO's own files: ``.otio``, and the bundles ``.otioz`` (zip) and ``.otiod`` (folder)."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.base import StoredHost
from avfoley_plugin.hosts.newer_schema import read_document
from avfoley_plugin.hosts.recovery import recover
from avfoley_plugin.hosts.resolve.otio_shape import from_resolve
from avfoley_plugin.hosts.saving import (
    absolute_url,
    change_urls,
    check_source,
    check_unchanged,
    digest,
    file_digest,
    save,
)
from avfoley_plugin.timeline.identity import TimelineIdentity, mark
from avfoley_plugin.timeline.media_url import relative_url, resolve_media
from avfoley_plugin.timeline.placing import carry_over, has_ours

SUFFIXES = (".otio", ".otioz", ".otiod")
_BUNDLED_TIMELINE = "content.otio"
_BUNDLED_MEDIA = "media/"
#: In bytes more than any timeline has.
_LARGEST = 1 << 29
_CHUNK = 1 << 20


class OtioFile(StoredHost):
    """A timeline in a file, written as ``.otio``: in place, or for a bundle beside it. The media of
    an ``.otioz`` is unpacked into a folder next to the output. Relative media URLs stay valid
    elsewhere.

    If the output was made from this very file, its tracks of ours, takes and captions are read
    along, so that a second run adds to them. One with takes that came about otherwise is refused;
    any other timeline there is replaced, with a backup.
    """

    #: How the names of the files end that this host reads.
    suffixes: tuple[str, ...] = SUFFIXES

    def __init__(self, path: Path, output: Path | None = None) -> None:
        self._path = path.absolute()
        self._suffix = self._path.suffix.lower()
        if self._suffix not in self.suffixes:
            raise HostError(f"{path} is not an OpenTimelineIO file; its name must end in {', '.join(SUFFIXES)}")
        updated = path if self._suffix == ".otio" else path.with_suffix(".otio")
        super().__init__(self._path.name, output or updated)
        if self._output.suffix.lower() != ".otio":
            raise HostError(f"{self._output}: the output must end in .otio, the one format that keeps everything")
        self._source_file = self._path / _BUNDLED_TIMELINE if self._suffix == ".otiod" else self._path
        self._digest_when_read: str | None = None
        self._output_digest_when_read: str | None = None

    @property
    def folder(self) -> Path:
        return self._output.parent if self._suffix == ".otioz" else self._source_file.parent

    def read(self) -> otio.schema.Timeline:
        try:
            if self._suffix == ".otioz":
                with zipfile.ZipFile(self._path) as bundle:
                    if bundle.getinfo(_BUNDLED_TIMELINE).file_size > _LARGEST:
                        raise HostError(f"{self._path}: its timeline is larger than any; it is not opened")
                    content = bundle.read(_BUNDLED_TIMELINE)
            else:
                content = self._source_file.read_bytes()
            timeline = self._parsed(content)
        except FileNotFoundError as error:
            raise HostError(f"{self._source_file} is not there") from error
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, otio.exceptions.OTIOError) as error:
            raise HostError(f"{self._path} is not a timeline that OpenTimelineIO can read: {error}") from error
        if not isinstance(timeline, otio.schema.Timeline):
            kind = type(timeline).__name__
            raise HostError(f"{self._path} holds a {kind}, not a timeline; export one timeline from it")
        self._digest_when_read = digest(content)
        recover(timeline, self.folder)
        if self._suffix == ".otioz":
            self._unpack_media(timeline)
        if not self._in_place:
            self._carry_over(timeline)
        return timeline

    def _parsed(self, content: bytes) -> otio.schema.Timeline:
        """What the file's content holds, which may be no timeline. Raises ValueError, OTIOError or HostError."""
        found = read_document(content.decode())
        if isinstance(found, otio.schema.Timeline):
            from_resolve(found)
        return found

    def write(self, timeline: otio.schema.Timeline) -> Path:
        if self._digest_when_read is None:
            raise HostError(f"{self._path} was not read yet; read it before writing")
        check_unchanged(self._output, self._digest_when_read if self._in_place else self._output_digest_when_read)
        if not self._in_place:
            mark(timeline, TimelineIdentity(source=relative_url(self._path, self._output.parent)))
        text = save(timeline, self.folder, self._output, backup=self.keeps_backup)
        if self._in_place:
            self._digest_when_read = digest(text.encode())
        else:
            self._output_digest_when_read = digest(text.encode())
        return self._output

    @property
    def _in_place(self) -> bool:
        return self._output.resolve() == self._source_file.resolve()

    def _carry_over(self, timeline: otio.schema.Timeline) -> None:
        """Brings in what an earlier run put on the output."""
        self._output_digest_when_read = file_digest(self._output)
        try:
            earlier = read_document(self._output.read_text(encoding="utf-8"))
        except (OSError, ValueError, otio.exceptions.OTIOError):
            # Nothing is there, or nothing of ours: if it is a file, it is backed up and replaced.
            return
        if not isinstance(earlier, otio.schema.Timeline) or not has_ours(earlier):
            return
        check_source(earlier, self._path, self._output)
        change_urls(earlier, lambda url: absolute_url(url, self._output.parent))
        carry_over(earlier, timeline)

    def _unpack_media(self, timeline: otio.schema.Timeline) -> None:
        media_folder = self._output.with_name(f"{self._output.stem}_media")
        renamed: dict[Path, Path] = {}
        try:
            with zipfile.ZipFile(self._path) as bundle:
                for member in bundle.infolist():
                    if member.filename.startswith(_BUNDLED_MEDIA) and not member.is_dir():
                        # Bundles are flat; a name is all that is taken from one, so none can lead out of the folder.
                        target = media_folder / PurePosixPath(member.filename.replace("\\", "/")).name
                        renamed[self.folder / member.filename] = target
                        _unpack(bundle, member, target)
        except (OSError, zipfile.BadZipFile) as error:
            raise HostError(f"the media of {self._path} cannot be unpacked to {media_folder}: {error}") from error

        def unpacked(url: str) -> str | None:
            path = resolve_media(url, self.folder, renamed.__contains__)
            return relative_url(renamed[path], self.folder) if path in renamed else None

        change_urls(timeline, unpacked)


def _unpack(bundle: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    if target.exists():
        if target.stat().st_size == member.file_size and _crc(target) == member.CRC:
            return
        raise HostError(f"{target} is already there and is not {member.filename} of the bundle; choose another output")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with bundle.open(member) as source, part.open("wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
    part.replace(target)


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc
