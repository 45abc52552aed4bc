"""Writing a timeline to an ``.otio`` file without losing anything: what was there, or what the URLs in it mean."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import ChangedError, HostError
from avfoley_plugin.hosts.newer_schema import as_it_came
from avfoley_plugin.timeline.identity import TimelineIdentity, identity
from avfoley_plugin.timeline.media_url import is_relative, relative_url, resolve_media
from avfoley_plugin.timeline.placing import placed

#: Where references to files have their URLs.
_URLS = {otio.schema.ExternalReference: "target_url", otio.schema.ImageSequenceReference: "target_url_base"}


def change_urls(timeline: otio.schema.Timeline, change: Callable[[str], str | None]) -> None:
    """Changes the URLs of all references to files, inactive takes included; None leaves one."""
    for clip in timeline.find_clips():
        for reference in clip.media_references().values():
            for kind, name in _URLS.items():
                if isinstance(reference, kind) and (url := change(str(getattr(reference, name)))) is not None:
                    setattr(reference, name, url)


def absolute_url(url: str, folder: Path) -> str | None:
    """A URL without a folder; None for one that names no local file, or none of a known place."""
    path = resolve_media(url, folder)
    return path.as_uri() if path is not None and path.is_absolute() else None


def save(timeline: otio.schema.Timeline, folder: Path, output: Path, *, backup: bool = True) -> str:
    """Writes a timeline, as `replace_file` does, and returns the text. Relative URLs resolve
    against `folder`, and are rebased for another one; those of our own takes are relative if they
    can be.
    """
    written = timeline.deepcopy()
    _keep_urls_valid(written, folder, output.parent)
    text = as_it_came(otio.adapters.write_to_string(written, "otio_json"))
    replace_file(output, text.encode(), backup=backup)
    return text


def check_source(earlier: otio.schema.Timeline, path: Path, output: Path) -> None:
    """Raises HostError unless the timeline `earlier`, which is at `output`, was written from that at `path`."""
    origin = identity(earlier, TimelineIdentity)
    source = None if origin is None else resolve_media(origin.source, output.parent)
    if source is None or source.resolve() != path.resolve():
        raise HostError(
            f"{output} holds takes that were not made from {path}; choose another output, or run on {output.name} itself"
        )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str | None:
    """The digest of a file's content, None if it cannot be read."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return None


def check_unchanged(path: Path, before: str | None) -> None:
    """Raises ChangedError unless a file has the digest that it had before."""
    if file_digest(path) != before:
        raise ChangedError(f"{path} was changed or removed by another program; nothing was written; run again")


def replace_file(output: Path, content: bytes, *, backup: bool = True) -> None:
    """Writes a file completely or not at all, through a link to where it leads. Unless `backup` is
    False, one that it replaces is kept as ``NAME.bak``, ``NAME.bak-2``, and so on; its mode stays.
    Raises HostError if it cannot.
    """
    try:
        output = output.resolve()
        output.parent.mkdir(parents=True, exist_ok=True)
        part = output.with_name(output.name + ".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if output.exists():
                if backup:
                    shutil.copy2(output, _free_backup(output))
                shutil.copymode(output, part)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise HostError(f"{output} cannot be written: {error.strerror}; choose another output") from error


def _keep_urls_valid(timeline: otio.schema.Timeline, folder: Path, target: Path) -> None:
    ours = {take.url for take in placed(timeline)}

    def valid(url: str) -> str | None:
        path = resolve_media(url, folder) if url in ours or is_relative(url) else None
        if path is None or (url not in ours and folder == target):
            return None
        return relative_url(path, target) if url not in ours or path.is_relative_to(target) else path.as_uri()

    change_urls(timeline, valid)


def _free_backup(path: Path) -> Path:
    """``NAME.otio.bak``, or the first of ``NAME.otio.bak-2``, ``-3``, ... that is free."""
    names = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    backups = (path.with_name(f"{path.name}.bak{number}") for number in names)
    return next(backup for backup in backups if not backup.exists())
