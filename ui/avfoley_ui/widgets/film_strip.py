"""The shot's frames over its time, with its spotted events and the current take's onsets."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip

from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.time_axis import TimeAxis

HEIGHT = 54
_TICKS = 8
# Pixels from an event within which its confidence is shown.
_NEAR = 5


class FilmStrip(TimeAxis):
    """``stills_requested`` carries the seconds at the cells' centres."""

    scrubbed = Signal(float)
    stills_requested = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self._shot = 1.0
        self._aspect = 16 / 9
        self._stills: dict[float, QImage] = {}
        self._onsets: tuple[float, ...] = ()
        # Seconds and confidence of each.
        self.events: tuple[tuple[float, float], ...] = ()
        self._version = 0
        self._drawn: tuple[tuple[object, ...], QPixmap] | None = None
        self.setFixedHeight(HEIGHT + _TICKS)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Frames of the shot and onsets of the take"))
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.span_changed.connect(self.ask)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(320, HEIGHT + _TICKS)

    def set_shot(self, seconds: float) -> None:
        self._shot = max(seconds, 1e-3)
        self._stills, self._onsets = {}, ()
        self._version += 1
        self.update()

    def set_onsets(self, onsets: tuple[float, ...]) -> None:
        self._onsets = onsets
        self.update()

    def set_events(self, events: tuple[tuple[float, float], ...]) -> None:
        """Marks events: the seconds of each, and its confidence from 0 to 1."""
        self.events = events
        self.update()

    def tip_at(self, x: float) -> str:
        """What is said of the event at that pixel; nothing where there is none."""
        near = [(abs(self._x(time) - x), confidence) for time, confidence in self.events]
        distance, confidence = min(near, default=(math.inf, 0.0))
        return self.tr("Event, {0} % sure").format(round(100 * confidence)) if distance <= _NEAR else ""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x()), self)
            return True
        return super().event(event)

    def add_stills(self, images: dict[float, QImage]) -> None:
        self._stills.update(images)
        self._version += 1
        for image in images.values():
            self._aspect = image.width() / max(1, image.height())
        self.update()

    def ask(self) -> None:
        """Asks for the stills that are missing at this width and span."""
        missing = [time for time in self._cells() if time not in self._stills]
        if missing:
            self.stills_requested.emit(missing)

    def resizeEvent(self, event: QEvent) -> None:  # noqa: N802
        self.ask()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        key = self._span, self.size(), self._version, self.devicePixelRatioF()
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self._draw_stills()
        painter.drawPixmap(0, 0, self._drawn[1])
        for time, confidence in self.events:
            mark = state_colour("event", self.palette())
            mark.setAlphaF(0.35 + 0.65 * confidence)
            # A dark edge, as a frame may be as bright as the mark.
            painter.fillRect(QRectF(self._x(time) - 2, 0, 4, HEIGHT), QColor(0, 0, 0, 150))
            painter.fillRect(QRectF(self._x(time) - 1, 0, 2, HEIGHT), mark)
        onset = state_colour("onset", self.palette())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(onset)
        for time in self._onsets:
            x = self._x(time)
            top, bottom = HEIGHT + 1.0, HEIGHT + _TICKS - 1.0
            painter.drawPolygon(QPolygonF([QPointF(x, top), QPointF(x - 4, bottom), QPointF(x + 4, bottom)]))
        self._paint_playhead(painter)

    def _draw_stills(self) -> QPixmap:
        """The row of frames, kept while the playhead crosses it."""
        ratio = self.devicePixelRatioF()
        drawn = QPixmap(max(1, round(self.width() * ratio)), round(HEIGHT * ratio))
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(QColor("#101112"))
        painter = QPainter(drawn)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        width = self._cell_width()
        for time in self._cells():
            image = self._stills.get(time) or self._nearest(time)
            if image is not None:
                painter.drawImage(QRectF(self._x(time) - width / 2, 0, width, HEIGHT), image)
        outside = QColor(0, 0, 0, 150)
        painter.fillRect(QRectF(0, 0, max(0.0, self._x(0.0)), HEIGHT), outside)
        end = self._x(self._shot)
        painter.fillRect(QRectF(end, 0, max(0.0, self.width() - end), HEIGHT), outside)
        painter.end()
        return drawn

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.scrubbed.emit(self._seconds(event.position().x()))

    mousePressEvent = mouseMoveEvent  # noqa: N815

    def _cell_width(self) -> float:
        return max(24.0, HEIGHT * self._aspect)

    def _cells(self) -> list[float]:
        """The seconds at the cells' centres. Their grid is fixed: panning needs few new ones."""
        start, end = self._span
        width = self._cell_width() / max(1, self.width()) * (end - start)
        first, last = int(max(start, 0.0) / width), int(min(end, self._shot) / width) + 1
        return [round(time, 4) for n in range(first, last) if (time := (n + 0.5) * width) - width / 2 < self._shot]

    def _nearest(self, time: float) -> QImage | None:
        near = min(self._stills, key=lambda known: abs(known - time), default=time)
        return self._stills.get(near)
