"""Keeps one worker process running, and puts its job back into the queue when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from avfoley_engine.jobs.store import JobStore
from avfoley_engine.jobs.threads import worker_environment
from avfoley_engine.protocol import JobState

log = logging.getLogger(__name__)

#: The real worker; the engine's folder is added as the last argument.
WORKER_COMMAND = (sys.executable, "-m", "avfoley_engine.jobs.worker")
#: A worker that cannot even start this many times in a row is given up until the next submission.
MAX_FAILED_STARTS = 4
_LOG_BYTES = 4 * 2**20
#: What a session of its own is for on POSIX, a console of its own is on Windows.
_NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)

WorkerState = Literal["starting", "idle", "busy", "restarting", "failed"]


class Bell:
    """Wakes everyone in this event loop who waits for a change in the store."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def ring(self) -> None:
        for event in self._waiting:
            event.set()

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)


class Supervisor:
    """Starts `command` + [folder] as the worker, and again with growing pauses whenever it ends.

    The command is any program that keeps to the worker's conventions (see `worker.py`).
    """

    def __init__(self, folder: Path, store: JobStore, bell: Bell, command: Sequence[str] = WORKER_COMMAND) -> None:
        self.store = store
        self.bell = bell
        self._folder = folder
        self._command = [*command, str(folder)]
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._stopping = False
        self._restarting = False
        self.error: str | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def state(self) -> WorkerState:
        if self.error is not None:
            return "failed"
        if self._process is None or self.store.worker() is None:
            return "restarting" if self._restarting else "starting"
        return "busy" if self.store.count(JobState.RUNNING) else "idle"

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise())

    def call(self) -> None:
        """Tells the worker that the queue changed, and starts one again if it had been given up."""
        self._wanted.set()
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(b".")
        self.bell.ring()

    async def stop(self) -> None:
        """Ends the worker; the job it held goes back into the queue, for the next engine."""
        self._stopping = True
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
        self._wanted.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.store.requeue()
        self.store.no_worker()

    async def _supervise(self) -> None:
        failed_starts = 0
        while not self._stopping:
            self.store.no_worker()
            started = time.monotonic()
            ended = await self._run_once()
            if self._stopping:
                return
            was_ready = self.store.worker() is not None
            log.warning("the worker ended: %s", ended)
            self.store.requeue(died=ended)
            self.store.no_worker()
            self._restarting = True
            self.bell.ring()
            failed_starts = 0 if was_ready else failed_starts + 1
            if failed_starts >= MAX_FAILED_STARTS:
                await self._give_up(ended)
                failed_starts = 0
            elif not was_ready or time.monotonic() - started < 5:
                await asyncio.sleep(min(0.25 * 2**failed_starts, 30))

    async def _run_once(self) -> str:
        """Runs one worker until it ends. Returns in plain words how it ended."""
        path = self._folder / "worker.log"
        with path.open("ab") as worker_log:
            if worker_log.tell() > _LOG_BYTES:
                worker_log.truncate(0)
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=worker_log,
                    env=worker_environment(os.environ),
                    # Ctrl-C in the terminal of `avfoley engine serve` is for the server alone.
                    start_new_session=True,
                    creationflags=_NO_CONSOLE,
                )
            except OSError as error:
                return f"cannot be started: {error}"
        process = self._process
        assert process.stdout is not None
        while await process.stdout.read(4096):
            self.bell.ring()
        code = await process.wait()
        self._process = None
        if code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
                return f"killed by {name}" + (", as the system does when memory runs out" if name == "SIGKILL" else "")
        return f"exit code {code}"

    async def _give_up(self, ended: str) -> None:
        """Fails what is queued, and waits until something is submitted before trying again."""
        self.error = (
            f"The engine's worker cannot start ({ended}; {_last_line(self._folder / 'worker.log')}). "
            f"The details are in {self._folder / 'worker.log'}."
        )
        self._wanted.clear()
        self.store.fail_queued(self.error)
        self.bell.ring()
        await self._wanted.wait()
        self.error = None


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
