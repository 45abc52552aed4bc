"""A line at the foot of the panel that says what happened, until it is read."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.parts import tool_button

_SECONDS = 8


class Notice(QFrame):
    """Errors stay until they are dismissed, the rest goes by itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.dismiss = tool_button("cancel", self.tr("Dismiss"))
        self.dismiss.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.dismiss)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def say(self, text: str, error: bool) -> None:
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
            self._timer.start(_SECONDS * 1000)
