"""Work off the GUI thread, on plain threads; and work in it that waits a while."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

T = TypeVar("T")
# How long `close` waits for what a thread is doing, in seconds.
CLOSE_TIMEOUT = 20.0


class Background(QObject):
    """A thread that does one thing at a time, and delivers each result in the GUI thread.

    newest_first: the newest of what waits comes first. keep: how much may wait; the oldest is
    dropped.
    """

    _came_back = Signal(object, object)

    def __init__(self, name: str, *, newest_first: bool = False, keep: int | None = None) -> None:
        super().__init__()
        self._newest_first = newest_first
        self._keep = keep
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._busy = False
        # Results that are on their way to the GUI thread.
        self._undelivered = 0
        self._came_back.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name=f"avfoley {name}", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None] | None = None
    ) -> None:
        """Does `work` in the thread; in the GUI thread, calls `done` or `failed` afterwards."""

        def carry_out() -> None:
            try:
                result = work()
            except Exception as error:
                if failed is not None:
                    self._deliver(failed, error)
            else:
                self._deliver(done, result)

        with self._changed:
            self._waiting.append(carry_out)
            while self._keep is not None and len(self._waiting) > self._keep:
                self._waiting.popleft()
            self._changed.notify()

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is being done, and no result is still to be delivered."""
        with self._changed:
            return not self._waiting and not self._busy and not self._undelivered

    def drop_waiting(self) -> None:
        """Forgets what has not been begun."""
        with self._changed:
            self._waiting.clear()

    def close(self, *, finish: bool = False) -> None:
        """Ends the thread after its current work, or with `finish` after all; delivers no more."""
        with self._changed:
            self._closing = True
            if not finish:
                self._waiting.clear()
            self._changed.notify()
        self._thread.join(CLOSE_TIMEOUT)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                while not self._waiting:
                    if self._closing:
                        return
                    self._changed.wait()
                work = self._waiting.pop() if self._newest_first else self._waiting.popleft()
                self._busy = True
            work()

    def _deliver(self, callback: Callable[[Any], None], value: object) -> None:
        """In the thread: calls `callback` in the GUI thread."""
        with self._changed:
            self._undelivered += 1
        self._came_back.emit(callback, value)

    @Slot(object, object)
    def _call(self, callback: Callable[[Any], None], value: Any) -> None:
        with self._changed:
            self._undelivered -= 1
        if not self._closing:
            callback(value)


def delayed(parent: QObject, milliseconds: int, work: Callable[[], object]) -> QTimer:
    """A timer that does the work once, so long after it was last started."""
    timer = QTimer(parent, singleShot=True, interval=milliseconds)
    timer.timeout.connect(work)
    return timer
