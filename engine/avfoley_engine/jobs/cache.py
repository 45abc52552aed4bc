"""The artefact cache: finished takes by content, so that no request is computed twice.

An artefact is `<key>.json` (its `Result`) and, unless it is text, the file `<key>` with the suffix
of its request. The JSON is written last: where it is, the artefact is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from avfoley_engine import __version__
from avfoley_engine.protocol import FileResult, Request, Result

#: Beyond this the least recently used artefacts go, and only at the engine's start.
MAX_BYTES = 10 * 2**30
#: What a job younger than this refers to stays, whatever the cache's size.
KEEP_SECONDS = 7 * 86_400

_RESULT: TypeAdapter[Result] = TypeAdapter(Result)


class ArtefactCache:
    """A folder of finished takes. Any number of processes may read and write it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, request: Request, revision: str, device: str) -> str:
        """sha256 (hex) of all that decides the bytes: request, model revision, device type, media.

        The media's size and modification time stand for what lies at its path. The engine's version
        counts too: what comes after the model (fades, levels, the file's header) is its code.
        """
        media: tuple[int, int] | None = None
        # Where the file is missing, the task itself says so, with its name and the remedy.
        with suppress(OSError):
            if request.media is not None:
                stat = request.media.stat()
                media = (stat.st_size, stat.st_mtime_ns)
        return hashlib.sha256(json.dumps([__version__, request.digest(), revision, device, media]).encode()).hexdigest()

    def get(self, key: str) -> Result | None:
        """The take of that key, or None. A file that was damaged or removed since is a miss."""
        note = self._stem(key).with_suffix(".json")
        try:
            result = _RESULT.validate_json(note.read_text())
            os.utime(note)
            if not isinstance(result, FileResult):
                return result
            # Beside its note: the folder may have been moved since.
            take = note.with_suffix(result.path.suffix)
            with take.open("rb") as file:
                intact = hashlib.file_digest(file, "sha256").hexdigest() == result.sha256
        except (OSError, ValidationError):
            return None
        return result.model_copy(update={"path": take}) if intact else None

    def make(self, key: str, suffix: str | None, make: Callable[[Path], Result]) -> Result:
        """Has `make` write the take to a path with the suffix, and keeps it under the key.

        Without a suffix the result is text, and `make` writes nothing. If it raises, nothing stays.
        """
        note = self._stem(key).with_suffix(".json")
        note.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: the worker of a killed engine may still run and write.
        part = note.with_name(f"{key}.{uuid.uuid4().hex}.part{suffix or ''}")
        try:
            result = make(part)
            if suffix is not None:
                take = note.with_suffix(suffix)
                result = result.model_copy(update={"path": take})
                part.replace(take)
            part.write_text(result.model_dump_json())
            part.replace(note)
        finally:
            part.unlink(missing_ok=True)
        return result

    def prune(self, keep: set[Path], *, max_bytes: int = MAX_BYTES) -> int:
        """Removes leftovers of killed workers, and takes used longest ago, down to `max_bytes`.

        keep: takes' files that stay even so. Returns the bytes freed. Only for when no worker runs.
        """
        freed = 0
        for part in self.folder.glob("*/*.part*"):
            freed += part.stat().st_size
            part.unlink()
        takes = []
        for note in self.folder.glob("*/*.json"):
            files = list(note.parent.glob(f"{note.stem}.*"))
            size = sum(file.stat().st_size for file in files)
            takes.append((note.stat().st_mtime, size, note, files))
        total = sum(size for _, size, _, _ in takes)
        for _, size, note, files in sorted(takes):
            if total <= max_bytes:
                break
            if keep.isdisjoint(files):
                note.unlink()
                for file in files:
                    file.unlink(missing_ok=True)
                total -= size
                freed += size
        return freed

    def _stem(self, key: str) -> Path:
        return self.folder / key[:2] / key
