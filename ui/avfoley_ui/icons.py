"""Icons drawn as SVG in the text's colour, so that they suit every palette and pixel ratio."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="{ink}"'
    ' stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">{shapes}</svg>'
)
# The shapes of each icon.
_SHAPES: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_clones: list[QIconEngine] = []


class _Engine(QIconEngine):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def clone(self) -> QIconEngine:
        # Qt owns the clone, but PySide does not know and would free it.
        _clones.append(clone := _Engine(self._name))
        return clone

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        group = QPalette.ColorGroup.Disabled if mode == QIcon.Mode.Disabled else QPalette.ColorGroup.Active
        role = QPalette.ColorRole.ButtonText
        if mode == QIcon.Mode.Selected:
            role = QPalette.ColorRole.HighlightedText
        if state == QIcon.State.On:
            role = QPalette.ColorRole.Accent
        colour = QApplication.palette().color(group, role)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(painter.opacity() * colour.alphaF())
        _renderer(self._name, colour.name(), state == QIcon.State.On).render(painter, QRectF(rect))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap


def icon(name: str) -> QIcon:
    """The icon of that name. Raises KeyError if there is none."""
    _SHAPES[name]
    return QIcon(_Engine(name))


@lru_cache(maxsize=256)
def _renderer(name: str, ink: str, on: bool) -> QSvgRenderer:
    shapes = _SHAPES[name].format(ink=ink, on=ink if on else "none")
    return QSvgRenderer(QByteArray(_SVG.format(ink=ink, shapes=shapes).encode()))
