"""A message at the foot of the panel."""

from __future__ import annotations

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy

from avfoley_ui.background import delayed
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.parts import fill, tool_button

_SECONDS = 8


class Notice(QFrame):
    """Errors stay until they are dismissed, other messages for some seconds."""

    def __init__(self) -> None:
        super().__init__(frameShape=QFrame.Shape.StyledPanel)
        self.text = QLabel(wordWrap=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.dismiss = tool_button("cancel", self.tr("Dismiss"), self.hide)
        fill(QHBoxLayout(self), self.text, self.dismiss, stretch=self.text).setContentsMargins(8, 4, 4, 4)
        self._timer = delayed(self, _SECONDS * 1000, self.hide)
        self.hide()

    def show_message(self, text: str, error: bool) -> None:
        self.text.setText(text)
        palette = self.palette()
        colour = state_colour("failed", palette) if error else palette.color(self.foregroundRole())
        palette.setColor(self.text.foregroundRole(), colour)
        self.text.setPalette(palette)
        self.show()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))
        if error:
            self._timer.stop()
        else:
            self._timer.start()
