"""What the delegates of both lists and the picture paint alike."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem


def paint_selection(painter: QPainter, option: QStyleOptionViewItem) -> None:
    """The ground of a selected item."""
    if option.state & QStyle.StateFlag.State_Selected:
        ground = QColor(option.palette.color(QPalette.ColorRole.Highlight))
        ground.setAlpha(90)
        painter.fillRect(option.rect, ground)


def paint_image(painter: QPainter, area: QRect, image: QImage) -> None:
    """An image in the middle of the area, as large as fits."""
    inner = QRect(area.topLeft(), image.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio))
    inner.moveCenter(area.center())
    painter.drawImage(inner, image)


def paint_progress(painter: QPainter, bar: QRect, ground: QColor, done: float, palette: QPalette) -> None:
    """A bar that is full when `done` is 1."""
    painter.fillRect(bar, ground)
    bar.setWidth(round(bar.width() * done))
    painter.fillRect(bar, palette.color(QPalette.ColorRole.Accent))


def paint_line(
    painter: QPainter,
    area: QRect,
    text: str,
    colour: QColor,
    cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    """One line in the painter's font, cut where there is no room for all of it."""
    painter.setPen(colour)
    flags = Qt.TextFlag.TextSingleLine | Qt.AlignmentFlag.AlignVCenter | align
    painter.drawText(area, flags, painter.fontMetrics().elidedText(text, cut, area.width()))
