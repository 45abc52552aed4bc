"""The engine's state, polled off the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QObject, Signal

from avfoley_plugin.engine_client import EngineClient, ModelInfo, Pull
from avfoley_plugin.errors import AVFoleyError

# Seconds between two polls, while the engine works and while it does not.
BUSY_INTERVAL, CALM_INTERVAL = 0.4, 1.5

Phase = Literal["starting", "idle", "busy", "restarting", "failed", "asleep", "unreachable"]


@dataclass(frozen=True)
class EngineView:
    """What the panel knows of the engine. ``asleep``: none runs, and the next job starts one.

    ``error`` is for the user and names the remedy.
    """

    phase: Phase = "starting"
    device: str | None = None
    model: str | None = None
    memory_bytes: int | None = None
    error: str | None = None
    models: tuple[ModelInfo, ...] = ()
    pulls: tuple[Pull, ...] = ()

    @property
    def reachable(self) -> bool:
        return self.phase in ("idle", "busy", "restarting", "failed") or (
            self.phase == "starting" and self.device is not None
        )

    @property
    def tasks(self) -> frozenset[str]:
        """What its models can do."""
        return frozenset(task for model in self.models for task in model.tasks)


class EngineWatch(QObject):
    """Starts an engine once, then polls it. An engine that ended because it was idle is left so.

    start: makes a client that starts an engine if none runs. look: makes one that never does.
    """

    changed = Signal(object)

    def __init__(self, start: Callable[[], EngineClient], look: Callable[[], EngineClient]) -> None:
        super().__init__()
        self._wake = threading.Event()
        self._closing = False
        self._watching = True
        self._expected = False
        self._starter, self._looker = start(), look()
        self._thread = threading.Thread(target=self._work, name="avfoley engine watch", daemon=True)

    def start(self) -> None:
        """Begins to poll. Connect ``changed`` before: it is emitted only when something changes."""
        self._thread.start()

    def set_watching(self, watching: bool) -> None:
        """Whether to go on polling, which keeps an idle engine from ending."""
        self._watching = watching
        self._wake.set()

    def expect_engine(self, expected: bool) -> None:
        """Whether jobs are running: an engine that is away then is being started again."""
        self._expected = expected
        self._wake.set()

    def close(self) -> None:
        self._closing = True
        for engine in (self._starter, self._looker):
            engine.give_up()
        self._wake.set()
        self._thread.join(20)

    def _work(self) -> None:
        view = EngineView()
        with closing(self._starter) as starter:
            try:
                view = _observe(starter, view)
            except AVFoleyError as error:
                view = replace(view, phase="unreachable", error=str(error))
        self._emit(view)
        with closing(self._looker) as looker:
            while not self._closing:
                busy = view.phase in ("busy", "starting", "restarting") or self._expected
                pulling = any(pull.state == "running" for pull in view.pulls)
                self._wake.wait(BUSY_INTERVAL if busy or pulling else CALM_INTERVAL)
                self._wake.clear()
                if self._closing:
                    return
                if not (self._watching or self._expected or pulling):
                    self._wake.wait()
                    continue
                before = view
                try:
                    view = _observe(looker, view)
                except AVFoleyError as error:
                    view = self._away(view, str(error))
                if view != before:
                    self._emit(view)

    def _away(self, view: EngineView, error: str) -> EngineView:
        if self._expected:
            return replace(view, phase="restarting", device=None, model=None, memory_bytes=None, error=None)
        if view.phase == "unreachable":
            return view
        return replace(view, phase="asleep", device=None, model=None, memory_bytes=None, error=None, pulls=())

    def _emit(self, view: EngineView) -> None:
        if not self._closing:
            self.changed.emit(view)


def _observe(engine: EngineClient, before: EngineView) -> EngineView:
    status, pulls = engine.status(), tuple(engine.pulls())
    # Also those that began and ended between two polls.
    known = {(pull.model, pull.state) for pull in before.pulls}
    ended = any(pull.state != "running" and (pull.model, pull.state) not in known for pull in pulls)
    fresh = before.models if before.models and before.reachable and not ended else tuple(engine.models())
    return EngineView(status.worker, status.device, status.model, status.memory_bytes, status.error, fresh, pulls)
