"""The models: what they do, their size and licence, and downloading one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.engine_client import ModelInfo, Pull
from avfoley_ui.engine_watch import EngineView
from avfoley_ui.tasks import describe
from avfoley_ui.widgets.engine_bar import size
from avfoley_ui.widgets.parts import DOT, bold, fill, quiet, scroll_vertically


class ModelsDialog(QDialog):
    """Stays open beside the work; ``pull_requested`` and ``stop_requested`` name a model."""

    pull_requested = Signal(str)
    stop_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self.resize(420, 320)
        self._rows: dict[str, _ModelRow] = {}
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.hide)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll_vertically(inner), 1)
        layout.addWidget(buttons)

    def show_engine(self, view: EngineView) -> None:
        pulls = {pull.model: pull for pull in view.pulls}
        for name in self._rows.keys() - {model.name for model in view.models}:
            self._rows.pop(name).deleteLater()
        for model in view.models:
            row = self._rows.get(model.name)
            if row is None:
                row = self._rows[model.name] = _ModelRow()
                row.pull.clicked.connect(lambda _=False, name=model.name: self.pull_requested.emit(name))
                row.stop.clicked.connect(lambda _=False, name=model.name: self.stop_requested.emit(name))
                self._list.insertWidget(self._list.count() - 1, row)
            row.show_model(model, pulls.get(model.name))


class _ModelRow(QFrame):
    def __init__(self) -> None:
        super().__init__(frameShape=QFrame.Shape.StyledPanel)
        self._title = bold(QLabel(wordWrap=True))
        self._facts = quiet(QLabel(wordWrap=True))
        self._error = QLabel(wordWrap=True)
        self.bar = QProgressBar()
        self.pull = QPushButton()
        self.stop = QPushButton(self.tr("Stop"))
        buttons = fill(QHBoxLayout(), self.bar, self.pull, self.stop, stretch=self.bar)
        layout = QVBoxLayout(self)
        for label in (self._title, self._facts, self._error):
            layout.addWidget(label)
        layout.addLayout(buttons)

    def show_model(self, model: ModelInfo, pull: Pull | None) -> None:
        here = self.tr("on this machine") if model.local else self.tr("not downloaded")
        self._title.setText(model.title)
        self._facts.setText(
            f"{model.name}{DOT}{describe(model.tasks)}\n{size(model.size_bytes)}{DOT}{here}\n"
            + self.tr("Licence: {0}").format(model.licence)
        )
        running = pull is not None and pull.state == "running"
        self.bar.setVisible(running)
        self.stop.setVisible(running)
        self.pull.setVisible(not running and not model.local)
        part = pull is not None and pull.state in ("stopped", "failed") and pull.received > 0
        self.pull.setText(self.tr("Resume download") if part else self.tr("Download"))
        self.pull.setAccessibleName(f"{self.pull.text()} {model.title}")
        if pull is not None:
            self.bar.setRange(0, max(pull.total >> 10, 1) if pull.total else 0)
            self.bar.setValue(pull.received >> 10)
            self.bar.setFormat(f"{size(pull.received)} / {size(pull.total)}")
        error = pull.error if pull is not None else None
        self._error.setText(error or "")
        self._error.setVisible(bool(error))
