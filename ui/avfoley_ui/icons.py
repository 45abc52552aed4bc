"""Icons drawn as paths in the text's colour, so that they suit every palette and pixel ratio."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QApplication

#: All icons are drawn on a square of this side.
_SIDE = 24.0
_clones: list[QIconEngine] = []


class _Engine(QIconEngine):
    def __init__(self, draw: Callable[[QPainter], None]) -> None:
        super().__init__()
        self._draw = draw

    def clone(self) -> QIconEngine:
        # Qt takes it over, and PySide does not know: without a hold on it here, Qt would be left with a dead one.
        _clones.append(clone := _Engine(self._draw))
        return clone

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        group = QPalette.ColorGroup.Disabled if mode == QIcon.Mode.Disabled else QPalette.ColorGroup.Active
        role = QPalette.ColorRole.HighlightedText if mode == QIcon.Mode.Selected else QPalette.ColorRole.ButtonText
        colour = QApplication.palette().color(group, role)
        if state == QIcon.State.On:
            colour = QApplication.palette().color(QPalette.ColorRole.Accent)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(rect.x(), rect.y())
        painter.scale(rect.width() / _SIDE, rect.height() / _SIDE)
        painter.setPen(QPen(colour, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush if state == QIcon.State.Off else colour)
        self._draw(painter)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return made


def icon(name: str) -> QIcon:
    """The icon of that name; KeyError for one there is not."""
    return QIcon(_Engine(_DRAWN[name]))


def _fill(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())


def _play(painter: QPainter) -> None:
    _fill(painter)
    painter.drawPolygon(QPolygonF([QPointF(7, 5), QPointF(19, 12), QPointF(7, 19)]))


def _pause(painter: QPainter) -> None:
    _fill(painter)
    painter.drawRect(QRectF(7, 6, 3, 12))
    painter.drawRect(QRectF(14, 6, 3, 12))


def _to_start(painter: QPainter) -> None:
    _fill(painter)
    painter.drawLine(QPointF(6, 6), QPointF(6, 18))
    painter.drawPolygon(QPolygonF([QPointF(18, 6), QPointF(9, 12), QPointF(18, 18)]))


def _loop(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(5, 6, 14, 12), 30 * 16, 280 * 16)
    _fill(painter)
    painter.drawPolygon(QPolygonF([QPointF(15.5, 10.5), QPointF(20.5, 10.5), QPointF(18.5, 5.5)]))


def _star(painter: QPainter) -> None:
    from math import cos, pi, sin

    points = []
    for index in range(10):
        radius = 8.5 if index % 2 == 0 else 3.8
        angle = -pi / 2 + index * pi / 5
        points.append(QPointF(12 + radius * cos(angle), 12.5 + radius * sin(angle)))
    painter.drawPolygon(QPolygonF(points))


def _check(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF([QPointF(5, 13), QPointF(10, 18), QPointF(19, 7)]))


def _bin(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawLine(QPointF(5, 7), QPointF(19, 7))
    painter.drawPolyline(QPolygonF([QPointF(7, 7), QPointF(8, 20), QPointF(16, 20), QPointF(17, 7)]))
    painter.drawPolyline(QPolygonF([QPointF(10, 7), QPointF(10, 4), QPointF(14, 4), QPointF(14, 7)]))


def _settings_back(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for y, x in ((7, 15), (12, 8), (17, 13)):
        painter.drawLine(QPointF(5, y), QPointF(19, y))
        painter.drawEllipse(QPointF(x, y), 2.2, 2.2)


def _undo_path(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath(QPointF(6, 10))
    path.lineTo(14, 10)
    path.cubicTo(20, 10, 20, 18, 14, 18)
    path.lineTo(10, 18)
    painter.drawPath(path)
    painter.drawPolyline(QPolygonF([QPointF(10, 6), QPointF(6, 10), QPointF(10, 14)]))


def _redo_path(painter: QPainter) -> None:
    painter.translate(_SIDE, 0)
    painter.scale(-1, 1)
    _undo_path(painter)


def _folder(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    outline = [(4, 19), (4, 6), (10, 6), (12, 8), (20, 8), (20, 19), (4, 19)]
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in outline]))


def _menu(painter: QPainter) -> None:
    for y in (7, 12, 17):
        painter.drawLine(QPointF(5, y), QPointF(19, y))


def _cross(painter: QPainter) -> None:
    painter.drawLine(QPointF(7, 7), QPointF(17, 17))
    painter.drawLine(QPointF(17, 7), QPointF(7, 17))


def _dice(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(5, 5, 14, 14), 3, 3)
    _fill(painter)
    for x, y in ((9, 9), (15, 9), (12, 12), (9, 15), (15, 15)):
        painter.drawEllipse(QPointF(x, y), 0.6, 0.6)


def _lock(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(6, 11, 12, 9), 1.5, 1.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(8, 4, 8, 12), 0, 180 * 16)
    painter.drawLine(QPointF(8, 10), QPointF(8, 11))
    painter.drawLine(QPointF(16, 10), QPointF(16, 11))


def _drag(painter: QPainter) -> None:
    _fill(painter)
    for x in (9, 15):
        for y in (6, 12, 18):
            painter.drawEllipse(QPointF(x, y), 0.9, 0.9)


def _shown_in_host(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(4, 6, 16, 12))
    painter.drawLine(QPointF(9, 6), QPointF(9, 18))
    painter.drawLine(QPointF(15, 6), QPointF(15, 18))


def _sound(painter: QPainter) -> None:
    for x, reach in ((5, 2), (8.5, 5), (12, 8), (15.5, 4), (19, 2)):
        painter.drawLine(QPointF(x, 12 - reach), QPointF(x, 12 + reach))


_DRAWN: dict[str, Callable[[QPainter], None]] = {
    "play": _play,
    "pause": _pause,
    "to-start": _to_start,
    "loop": _loop,
    "star": _star,
    "use": _check,
    "delete": _bin,
    "settings": _settings_back,
    "undo": _undo_path,
    "redo": _redo_path,
    "open": _folder,
    "menu": _menu,
    "cancel": _cross,
    "new-seed": _dice,
    "locked": _lock,
    "drag": _drag,
    "host": _shown_in_host,
    "sound": _sound,
}
