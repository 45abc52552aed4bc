"""The artefact cache: finished takes by content, so that the same request is never computed twice.

An artefact is two files, `<key>.wav` and `<key>.json` (its `FoleyResult`). The JSON is written last: where it is, the
sound is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from avfoley_engine import __version__
from avfoley_engine.protocol import FoleyRequest, FoleyResult

#: Beyond this the least recently used artefacts go, and only at the engine's start.
MAX_BYTES = 10 * 2**30
#: What a job younger than this refers to stays, whatever the cache's size.
KEEP_SECONDS = 7 * 86_400


class ArtefactCache:
    """A folder of finished takes. Any number of processes may read and write it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, request: FoleyRequest, revision: str, device: str) -> str:
        """sha256 (hex) of all that decides the bytes: request, model revision, device type, and the media file.

        The request names its media by path; size and modification time stand for what lies there. The engine's own
        version counts too, because what comes after the model (fades, levels, the file's header) is its code.
        """
        media: tuple[int, int] | None = None
        if request.picture is not None:
            try:
                stat = request.picture.media.stat()
                media = (stat.st_size, stat.st_mtime_ns)
            except OSError:
                pass  # The task itself says that the file is missing, with its name and the remedy.
        return hashlib.sha256(json.dumps([__version__, request.digest(), revision, device, media]).encode()).hexdigest()

    def get(self, key: str) -> FoleyResult | None:
        """The take of that key, or None. A file that was damaged or removed since is a miss."""
        wav, note = self._files(key)
        try:
            result = FoleyResult.model_validate_json(note.read_text())
            with wav.open("rb") as file:
                intact = hashlib.file_digest(file, "sha256").hexdigest() == result.sha256
            os.utime(note)
        except (OSError, ValidationError):
            return None
        return result.model_copy(update={"path": wav}) if intact else None

    def make(self, key: str, make: Callable[[Path], FoleyResult]) -> FoleyResult:
        """Has `make` write the take to the path it is given, and keeps it under the key.

        A `make` that raises leaves nothing behind.
        """
        wav, note = self._files(key)
        wav.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: the worker of a killed engine may still run, and must not write into its successor's file.
        part = wav.with_name(f"{key}.{uuid.uuid4().hex}.part.wav")
        try:
            result = make(part).model_copy(update={"path": wav})
            part.replace(wav)
            part.write_text(result.model_dump_json())
            part.replace(note)
        finally:
            part.unlink(missing_ok=True)
        return result

    def prune(self, keep: set[Path], *, max_bytes: int = MAX_BYTES) -> int:
        """Removes leftovers of killed workers, then the least recently used takes until the rest fits `max_bytes`.

        keep: sound files that stay even so. Returns the bytes that were freed. Only for when no worker runs.
        """
        freed = 0
        for part in self.folder.glob("*/*.part.wav"):
            freed += part.stat().st_size
            part.unlink()
        takes = []
        for note in self.folder.glob("*/*.json"):
            wav = note.with_suffix(".wav")
            size = sum(file.stat().st_size for file in (note, wav) if file.exists())
            takes.append((note.stat().st_mtime, size, wav, note))
        total = sum(size for _, size, _, _ in takes)
        for _, size, wav, note in sorted(takes):
            if total <= max_bytes:
                break
            if wav not in keep:
                note.unlink()
                wav.unlink(missing_ok=True)
                total -= size
                freed += size
        return freed

    def _files(self, key: str) -> tuple[Path, Path]:
        stem = self.folder / key[:2] / key
        return stem.with_suffix(".wav"), stem.with_suffix(".json")
