"""Icons drawn as SVG in the text's colour, so that they suit every palette and pixel ratio."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="{ink}"'
    ' stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">{shapes}</svg>'
)
_UNDO = '<path d="M6 10h8c6 0 6 8 0 8h-4M10 6l-4 4 4 4"/>'
# The shapes of each icon. `{ink}` is its colour, `{on}` the same while a button is checked.
_SHAPES = {
    "play": '<path fill="{ink}" d="M7 5l12 7-12 7z"/>',
    "pause": '<path fill="{ink}" d="M7 6h3v12h-3zM14 6h3v12h-3z"/>',
    "to-start": '<path fill="{ink}" d="M6 6v12M18 6l-9 6 9 6z"/>',
    "loop": '<path d="M18.06 9A7 6 0 1 0 16.5 16.6"/><path fill="{ink}" d="M15.5 10.5h5l-2-5z"/>',
    "star": '<path fill="{on}" d="M12 4l2.23 5.43 5.85.44-4.46 3.8 1.38 5.71L12 16.3l-5 3.08'
    ' 1.38-5.71-4.46-3.8 5.85-.44z"/>',
    "use": '<path d="M5 13l5 5 9-11"/>',
    "delete": '<path d="M5 7h14M7 7l1 13h8l1-13M10 7v-3h4v3"/>',
    "settings": '<path d="M5 7h14M5 12h14M5 17h14"/>'
    '<circle cx="15" cy="7" r="2.2"/><circle cx="8" cy="12" r="2.2"/><circle cx="13" cy="17" r="2.2"/>',
    "undo": _UNDO,
    "redo": f'<g transform="translate(24) scale(-1 1)">{_UNDO}</g>',
    "open": '<path d="M4 19V6h6l2 2h8v11z"/>',
    "menu": '<path d="M5 7h14M5 12h14M5 17h14"/>',
    "cancel": '<path d="M7 7l10 10M17 7l-10 10"/>',
    "new-seed": '<rect x="5" y="5" width="14" height="14" rx="3"/>'
    '<path d="M9 9h.1M15 9h.1M12 12h.1M9 15h.1M15 15h.1" stroke-width="3"/>',
    "locked": '<rect fill="{on}" x="6" y="11" width="12" height="9" rx="1.5"/><path d="M16 11v-1a4 6 0 0 0-8 0v1"/>',
    "drag": '<path d="M9 6h.1M9 12h.1M9 18h.1M15 6h.1M15 12h.1M15 18h.1" stroke-width="3.6"/>',
    "host": '<path d="M4 6h16v12H4zM9 6v12M15 6v12"/>',
    "sound": '<path d="M5 10v4M8.5 7v10M12 4v16M15.5 8v8M19 10v4"/>',
}
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
