"""What both lists of items share, and what their delegates paint alike."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from PySide6.QtWidgets import QListView, QStyle, QStyleOptionViewItem


class ItemList(QListView):
    """Items below each other, several of which can be selected; edited as `triggers` says."""

    def __init__(self, triggers: QListView.EditTrigger = QListView.EditTrigger.NoEditTriggers) -> None:
        super().__init__(resizeMode=QListView.ResizeMode.Adjust)
        self.setSelectionMode(self.SelectionMode.ExtendedSelection)
        self.setEditTriggers(triggers)
        self.setVerticalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)


def paint_ground(painter: QPainter, option: QStyleOptionViewItem, *, framed: bool = False) -> None:
    """The ground of a selected item; `framed`: and a frame if it has the keyboard."""
    if option.state & QStyle.StateFlag.State_Selected:
        ground = QColor(option.palette.color(QPalette.ColorRole.Highlight))
        ground.setAlpha(90)
        painter.fillRect(option.rect, ground)
    if framed and option.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(option.palette.color(QPalette.ColorRole.Accent))
        painter.drawRect(option.rect.adjusted(0, 0, -1, -1))


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
