"""The models there are: what they do, their size and licence, and pulling one here."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.engine_client import ModelInfo, Pull
from avfoley_ui.engine_watch import EngineView
from avfoley_ui.widgets.engine_bar import size
from avfoley_ui.widgets.parts import DOT, heading, quiet


class ModelsDialog(QDialog):
    """Stays open beside the work; ``pull_wanted`` and ``stop_wanted`` name a model."""

    pull_wanted = Signal(str)
    stop_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self.resize(420, 320)
        self._rows: dict[str, _ModelRow] = {}
        self._list = QVBoxLayout()
        self._list.addStretch(1)
        inner = QWidget()
        inner.setLayout(self._list)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.hide)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        layout.addWidget(buttons)

    def show_engine(self, view: EngineView) -> None:
        pulls = {pull.model: pull for pull in view.pulls}
        for name in self._rows.keys() - {model.name for model in view.models}:
            self._rows.pop(name).deleteLater()
        for model in view.models:
            row = self._rows.get(model.name)
            if row is None:
                row = self._rows[model.name] = _ModelRow()
                row.pull.clicked.connect(lambda _=False, name=model.name: self.pull_wanted.emit(name))
                row.stop.clicked.connect(lambda _=False, name=model.name: self.stop_wanted.emit(name))
                self._list.insertWidget(self._list.count() - 1, row)
            row.show_model(model, pulls.get(model.name))


class _ModelRow(QFrame):
    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._title = heading("")
        self._facts = quiet(QLabel())
        for label in (self._title, self._facts):
            label.setWordWrap(True)
        self._error = QLabel()
        self._error.setWordWrap(True)
        self.bar = QProgressBar()
        self.pull = QPushButton()
        self.stop = QPushButton(self.tr("Stop"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.bar, 1)
        buttons.addWidget(self.pull)
        buttons.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.addWidget(self._title)
        layout.addWidget(self._facts)
        layout.addWidget(self._error)
        layout.addLayout(buttons)

    def show_model(self, model: ModelInfo, pull: Pull | None) -> None:
        here = self.tr("on this machine") if model.local else self.tr("not here yet")
        tasks = ", ".join(self._task(task) for task in model.tasks)
        self._title.setText(model.title)
        self._facts.setText(
            f"{model.name}{DOT}{tasks}\n{size(model.size_bytes)}{DOT}{here}\n"
            + self.tr("Licence: {0}").format(model.licence)
        )
        running = pull is not None and pull.state == "running"
        self.bar.setVisible(running)
        self.stop.setVisible(running)
        self.pull.setVisible(not running and not model.local)
        part = pull is not None and pull.state in ("stopped", "failed") and pull.received > 0
        self.pull.setText(self.tr("Go on pulling") if part else self.tr("Pull"))
        self.pull.setAccessibleName(f"{self.pull.text()} {model.title}")
        if pull is not None:
            self.bar.setRange(0, max(pull.total >> 10, 1) if pull.total else 0)
            self.bar.setValue(pull.received >> 10)
            self.bar.setFormat(f"{size(pull.received)} / {size(pull.total)}")
        self._error.setText(pull.error or "" if pull is not None else "")
        self._error.setVisible(bool(self._error.text()))

    def _task(self, task: str) -> str:
        return {
            "foley": self.tr("foley for a picture"),
            "visualize": self.tr("picture for a sound"),
            "caption": self.tr("captions"),
        }.get(task, task)
