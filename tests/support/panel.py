"""What the panel's tests do again and again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from avfoley_ui.app import translate
from avfoley_ui.window import PanelWindow
from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from avfoley_plugin.workspace import ListedShot

#: Seconds; a machine that is busy elsewhere takes its time.
PATIENCE = 120


def wait(qtbot: Any, until: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Lets the panel work until something holds."""
    qtbot.waitUntil(lambda: bool(until()), timeout=round(seconds * 1000))


def ready(window: PanelWindow) -> bool:
    """Whether the engine can work, and nothing is being read or written."""
    return window.controller.engine.phase == "idle" and window.controller.idle


def select(window: PanelWindow, *names: str) -> list[str]:
    """Selects shots by name; returns their ids."""
    ids = {shot.shot.name: shot.id for shot in window.controller.shots.shots}
    window.shots.select([ids[name] for name in names])
    return [ids[name] for name in names]


def shot(window: PanelWindow, name: str) -> ListedShot:
    return next(found for found in window.controller.shots.shots if found.shot.name == name)


def click(qtbot: Any, button: QWidget) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """The panel in a language, and after it in none."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    installed = translate(app, QLocale(language))
    try:
        yield
    finally:
        for translator in installed:
            app.removeTranslator(translator)


class Watchdog:
    """How long the event loop was away at a time, in seconds.

    A machine that is busy elsewhere takes the processor from every thread. Where the system tells how long threads
    waited for it (Linux), that is left out: for the GUI's own, and for the one that waited longest meanwhile, which may
    have held what the GUI waited for.
    """

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._own = threading.get_native_id()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(10)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Watchdog:
        self._last, self._waited = time.monotonic(), self._waits()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    @property
    def longest(self) -> float:
        return max(self.gaps)

    def _tick(self) -> None:
        now, waited = time.monotonic(), self._waits()
        more = {thread: seconds - self._waited.get(thread, 0.0) for thread, seconds in waited.items()}
        own = more.pop(self._own, 0.0)
        self.gaps.append(now - self._last - own - max(more.values(), default=0.0))
        self._last, self._waited = now, waited

    def _waits(self) -> dict[int, float]:
        """How long each thread of this process has waited for a processor so far."""
        waits = {}
        for task in Path("/proc/self/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                waits[int(task.parent.name)] = int(task.read_text().split()[1]) / 1e9
        return waits
