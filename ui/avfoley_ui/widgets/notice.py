"""A message at the foot of the panel."""

from __future__ import annotations

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from avfoley_ui.background import delayed
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.parts import fill, tool_button

_SECONDS = 8


class Notice(QFrame):
    """Errors stay until they are dismissed, other messages for some seconds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.dismiss = tool_button("cancel", self.tr("Dismiss"))
        self.dismiss.clicked.connect(self.hide)
        fill(QHBoxLayout(self), self.text, self.dismiss, stretch=self.text).setContentsMargins(8, 4, 4, 4)
        self._timer = delayed(self, _SECONDS * 1000, self.hide)
        self.hide()

    def show_message(self, text: str, error: bool) -> None:
        self.text.setText(text)
        palette = self.palette()
        palette.setColor(
            self.text.foregroundRole(),
            state_colour("failed", palette) if error else palette.color(self.foregroundRole()),
        )
        self.text.setPalette(palette)
        self.show()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))
        self._timer.stop()
        if not error:
            self._timer.start()
