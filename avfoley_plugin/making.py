"""The base of all runs: submits takes to the engine, yields typed updates, and cancels."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from avfoley_engine.protocol import CaptionResult, FileResult, Job, JobEvent, JobState, Request, SpotResult

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import AVFoleyError, HostError
from avfoley_plugin.timeline.takes import Take

#: Requests per message to the engine.
_BATCH = 1000


class Subject(Protocol):
    """What a take is made for: a shot or a sound on a timeline, or a sound outside any timeline."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Assignment:
    """One take to be made. ``number`` counts a subject's takes from 0."""

    subject: Subject
    number: int
    request: Request


@dataclass(frozen=True)
class TakeProgress:
    """A take is queued or being made; ``progress`` runs from 0 to 1."""

    subject: Subject
    number: int
    state: JobState
    progress: float
    eta_seconds: float | None
    message: str | None


@dataclass(frozen=True)
class TakeDone:
    """A take is finished, its file in place."""

    subject: Subject
    number: int
    take: Take


@dataclass(frozen=True)
class CaptionsDone:
    """Captions were proposed for a shot; none if the model is not sure about any."""

    subject: Subject
    result: CaptionResult


@dataclass(frozen=True)
class EventsDone:
    """Events were spotted in a shot."""

    subject: Subject
    result: SpotResult


@dataclass(frozen=True)
class TakeFailed:
    """A take could not be made; ``reason`` is for the user."""

    subject: Subject
    number: int
    reason: str


@dataclass(frozen=True)
class TakeCancelled:
    subject: Subject
    number: int


TakeUpdate = TakeProgress | TakeDone | CaptionsDone | EventsDone | TakeFailed | TakeCancelled


class TakeRun:
    """A run of one verb, such as `workflows.Run`. `cancel` it from any thread."""

    def __init__(self, engine: EngineClient) -> None:
        self.cancelled = False
        self._engine = engine
        self._lock = threading.Lock()
        self._pending: dict[str, Assignment] = {}
        self._dropped: set[str] = set()

    def cancel(self, subject: str | None = None) -> None:
        """Stops the unfinished takes. The iteration then writes the finished ones and ends.

        subject: the id of the one subject whose takes to stop; the others go on.
        """
        with self._lock:
            if subject is None:
                self.cancelled = True
            else:
                self._dropped.add(subject)
            # From the end, so that no queued take starts while the one before it stops.
            jobs = [job for job, assignment in reversed(self._pending.items()) if self._unwanted(assignment)]
        # An engine that is being restarted misses this; `_make_takes` repeats it.
        with contextlib.suppress(AVFoleyError):
            self._engine.cancel(jobs)

    def _import_take(self, assignment: Assignment, result: FileResult) -> Take:
        """Copies a finished take from the engine's cache to where it belongs."""
        raise NotImplementedError

    def _make_takes(self, work: Sequence[Assignment]) -> Iterator[TakeUpdate]:
        """Makes all takes, in order."""
        for first in range(0, len(work), _BATCH):
            batch = work[first : first + _BATCH]
            with self._lock:
                if self.cancelled:
                    break
                jobs = self._engine.submit([assignment.request for assignment in batch])
                self._pending.update(zip((job.id for job in jobs), batch, strict=True))
        following = dict(self._pending)
        for update in self._engine.follow(list(following)):
            assignment = following[update.job_id if isinstance(update, JobEvent) else update.id]
            if isinstance(update, JobEvent):
                if self._unwanted(assignment):
                    self._engine.cancel([update.job_id])
                told = (update.state, update.progress, update.eta_seconds, update.message)
                yield TakeProgress(assignment.subject, assignment.number, *told)
            else:
                yield self._ended(update, assignment)

    def _unwanted(self, assignment: Assignment) -> bool:
        return self.cancelled or assignment.subject.id in self._dropped

    def _ended(self, job: Job, assignment: Assignment) -> TakeUpdate:
        with self._lock:
            self._pending.pop(job.id, None)
        subject, number = assignment.subject, assignment.number
        if job.state is JobState.CANCELLED:
            return TakeCancelled(subject, number)
        if job.result is None:
            return TakeFailed(subject, number, job.error or "the engine gave no reason; see its log")
        match job.result:
            case CaptionResult():
                return CaptionsDone(subject, job.result)
            case SpotResult():
                return EventsDone(subject, job.result)
        return TakeDone(subject, number, self._import_take(assignment, cast(FileResult, job.result)))

    def _cancel_pending(self) -> None:
        """Cancels the jobs that nobody is waiting for any more."""
        with self._lock:
            jobs = list(reversed(self._pending))
        # If the engine is gone, its queue waits for the next start.
        with contextlib.suppress(AVFoleyError):
            if jobs:
                self._engine.cancel(jobs)


def copy_take(result: FileResult, path: Path) -> None:
    """Copies a take's file to a path, completely or not at all, unless it is there already."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_take(path, result):
            shutil.copyfile(result.path, part)
            part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise HostError(
            f"{path} cannot be written ({error.strerror}); free some space or choose another output, and run "
            "again. The engine keeps the takes, so this is fast."
        ) from error


def is_take(path: Path, result: FileResult) -> bool:
    """Whether a file exists and is this take."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == result.sha256


def file_stem(words: str, otherwise: str) -> str:
    """A file name stem of at most 60 letters, digits, "_" and "-"; `otherwise` if none are left."""
    return re.sub(r"[^\w-]+", "_", words).strip("_")[:60] or otherwise
