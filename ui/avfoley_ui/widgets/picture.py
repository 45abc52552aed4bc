"""The picture at the playhead."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from avfoley_ui.widgets.item_painter import paint_image


class Picture(QWidget):
    """Shows one image, as large as fits, or a line of text."""

    def __init__(self) -> None:
        super().__init__()
        self.image: QImage | None = None
        # The width for its height of the picture shown last.
        self.aspect = 16 / 9
        self._text = ""
        self.setMinimumSize(160, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Picture"))

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(480, 270)

    def show_image(self, image: QImage) -> None:
        self.image, self._text = image, ""
        self.aspect = image.width() / max(1, image.height())
        self.update()

    def show_text(self, text: str) -> None:
        self.image, self._text = None, text
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#0b0c0d"))
        if self.image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            paint_image(painter, self.rect(), self.image)
        elif self._text:
            painter.setPen(QColor("#a4a9af"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(self.rect().adjusted(12, 12, -12, -12), flags, self._text)
