"""The page that is shown before anything is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from avfoley_ui.widgets.parts import bold, quiet


class Welcome(QWidget):
    """Explains how to begin, and offers what was open last."""

    open_requested = Signal()
    recent_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        centred = Qt.AlignmentFlag.AlignCenter
        title = bold(QLabel(self.tr("Foley for your picture"), wordWrap=True, alignment=centred))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        title.setFont(font)
        text = QLabel(
            self.tr(
                "Drop a video or timeline (.otio, .kdenlive, …) here. Select shots, describe their sound and press Generate. "
                "The takes, in sync with the picture, come back on a track of their own."
            ),
            wordWrap=True,
            alignment=centred,
        )
        for label in (title, text):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.open = QPushButton(self.tr("Open a video or timeline…"), default=True)
        self.open.clicked.connect(self.open_requested)
        self.busy = quiet(QLabel(wordWrap=True, alignment=centred))
        self._recent = QVBoxLayout()
        column = QWidget()
        column.setMaximumWidth(520)
        across = QHBoxLayout(self)
        across.addWidget(column)
        layout = QVBoxLayout(column)
        layout.addStretch(2)
        layout.addWidget(title)
        layout.addSpacing(8)
        layout.addWidget(text)
        layout.addSpacing(12)
        layout.addWidget(self.open, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.busy)
        layout.addSpacing(12)
        layout.addLayout(self._recent)
        layout.addStretch(3)

    def show_recent(self, paths: Sequence[Path]) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (button := item.widget()) is not None:
                button.deleteLater()
        for path in paths[:5]:
            name = self.fontMetrics().elidedText(path.name, Qt.TextElideMode.ElideMiddle, 260)
            known = QPushButton(name, flat=True)
            known.setToolTip(str(path))
            known.setAccessibleName(self.tr("Open {0}").format(path.name))
            known.clicked.connect(lambda _=False, path=path: self.recent_requested.emit(path))
            self._recent.addWidget(known, 0, Qt.AlignmentFlag.AlignHCenter)

    def show_opening(self, path: Path | None) -> None:
        self.busy.setText("" if path is None else self.tr("Opening {0}…").format(path.name))
        self.open.setEnabled(path is None)
