"""Runs on threads of their own: a workflow's iterator in, typed updates out as signals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

from PySide6.QtCore import QCoreApplication, QObject, Signal

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import AVFoleyError
from avfoley_plugin.spotting import Spotting
from avfoley_plugin.workflows import Run

# Finished takes are placed this often while the rest of a run is being made, in seconds.
WRITE_INTERVAL = 10.0


class RunThread(QObject):
    """Carries out one run. ``updated``: its number and an update; ``ended``: its error or None."""

    updated = Signal(int, object)
    ended = Signal(int, object)

    def __init__(
        self, number: int, engines: Callable[[], EngineClient], start: Callable[[EngineClient], Run | Spotting]
    ) -> None:
        super().__init__()
        self.number = number
        self._engines, self._start = engines, start
        self._run: Run | Spotting | None = None
        self._lock = threading.Lock()
        # What was cancelled before there was a run: shots, or None for all.
        self._cancelled: set[str | None] = set()
        self._thread = threading.Thread(target=self._work, name=f"avfoley run {number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self, shot: str | None = None) -> None:
        """Stops what is not finished of that shot, or of all; returns at once."""
        with self._lock:
            self._cancelled.add(shot)
            run = self._run
        if run is not None:
            # Cancelling asks the engine, which is no work for the GUI thread.
            threading.Thread(target=run.cancel, args=(shot,), name="avfoley cancel", daemon=True).start()

    def join(self, seconds: float) -> None:
        """Waits for its end, so long at most."""
        self._thread.join(seconds)

    def _work(self) -> None:
        error: str | None = None
        with closing(self._engines()) as engine:
            try:
                run = self._start(engine)
                if isinstance(run, Run):
                    run.write_interval = WRITE_INTERVAL
                with self._lock:
                    self._run = run
                    for shot in self._cancelled:
                        run.cancel(shot)
                for update in run:
                    self.updated.emit(self.number, update)
            except Exception as failed:
                error = explain(failed)
        self.ended.emit(self.number, error)


def explain(error: Exception) -> str:
    """An error for the user; one that is not ours is to be reported."""
    if isinstance(error, AVFoleyError):
        return str(error)
    text = QCoreApplication.translate("RunThread", "Unexpected error ({0}: {1}). Please report it.")
    return text.format(type(error).__name__, error)
