"""What the views over the shot's time share: their stretch of it, the playhead, and the mouse."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from avfoley_ui.theme import state_colour


class TimeAxis(QWidget):
    """Times are in seconds from the shot's first frame."""

    span_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._span = (0.0, 1.0)
        self._playhead = 0.0

    def set_span(self, start: float, end: float) -> None:
        """The stretch of time that is shown."""
        if (start, end) != self._span and end > start:
            self._span = start, end
            self.span_changed.emit()
            self.update()

    def set_playhead(self, seconds: float) -> None:
        before, after = round(self._x(self._playhead)), round(self._x(seconds))
        self._playhead = seconds
        if before != after:
            for x in (before, after):
                self.update(x - 2, 0, 5, self.height())

    def _paint_playhead(self, painter: QPainter) -> None:
        painter.setPen(QPen(state_colour("playhead", self.palette()), 1.5))
        x = self._x(self._playhead)
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def _x(self, seconds: float) -> float:
        start, end = self._span
        return (seconds - start) / (end - start) * self.width()

    def _seconds(self, x: float) -> float:
        start, end = self._span
        return start + x / max(1, self.width()) * (end - start)
