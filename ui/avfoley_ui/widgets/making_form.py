"""The form that says what shall be made, and the buttons that have it made."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.engine_client import ModelInfo
from avfoley_plugin.settings import FoleySettings, VisualizeSettings
from avfoley_plugin.workflows import VERBS
from avfoley_plugin.workspace import ListedShot, Settings, ShotState
from avfoley_ui.settings import MakingChoices
from avfoley_ui.widgets.parts import by_tab, decimal, quiet, tool_button

#: Solver steps relative to the model's own number.
QUALITIES = {"draft": 0.4, "standard": 1.0, "fine": 2.0}
#: The largest seed that a QSpinBox holds, and plenty.
MAX_SEED = 2**31 - 1
MAX_TAKES, MAX_HANDLES = 20, 500


class MakingForm(QWidget):
    """What is asked for. ``wanted`` brings the task and the settings, without a caption: each shot has its own."""

    wanted = Signal(str, object)
    regenerate_wanted = Signal()
    caption_edited = Signal(list, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shots: list[ListedShot] = []
        self._models: tuple[ModelInfo, ...] = ()
        self._reachable = False
        self._wished_model = ""

        self.caption = _Caption()
        self.caption.setAccessibleName(self.tr("Caption of the selected shots"))
        self.caption.edited.connect(self._caption_edited)
        self.negative = QLineEdit()
        self.negative.setMaxLength(2000)
        self.model = QComboBox()
        self.model.setPlaceholderText(self.tr("as soon as the engine is ready"))
        self.model.currentIndexChanged.connect(self._model_chosen)
        self.quality = QComboBox()
        for text, key in (
            (self.tr("Draft"), "draft"),
            (self.tr("Standard"), "standard"),
            (self.tr("Fine"), "fine"),
        ):
            self.quality.addItem(text, key)
        self.quality.setCurrentIndex(1)
        for combo in (self.model, self.quality):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(5)
            combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.seed = QSpinBox()
        self.seed.setRange(0, MAX_SEED)
        self.seed_locked = tool_button("locked", self.tr("Keep this seed; else each time a new one"), checkable=True)
        self.new_seed = tool_button("new-seed", self.tr("Another seed"))
        self.new_seed.clicked.connect(self.draw_seed)
        self.takes = QSpinBox()
        self.takes.setRange(1, MAX_TAKES)
        self.takes.setValue(2)
        self.handles = QSpinBox()
        self.handles.setRange(0, MAX_HANDLES)
        self.handles.setSuffix(self.tr(" fr"))
        self.handles.setToolTip(self.tr("Frames of sound before and after the shot, as far as its picture reaches"))
        self.length = quiet(QLabel())
        for spin in (self.seed, self.takes, self.handles):
            spin.setMinimumWidth(60)
            spin.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

        self.buttons = {
            "foley": by_tab(QPushButton(self.tr("Generate"))),
            "visualize": by_tab(QPushButton(self.tr("Visualize"))),
            "caption": by_tab(QPushButton(self.tr("Caption"))),
        }
        self.buttons["foley"].setDefault(True)
        for task, button in self.buttons.items():
            button.clicked.connect(lambda _=False, task=task: self._pressed(task))
            button.hide()
        self.regenerate = by_tab(QPushButton(self.tr("Regenerate changed")))
        self.regenerate.clicked.connect(self.regenerate_wanted)
        self.regenerate.hide()
        self.hint = quiet(QLabel())
        self.hint.setWordWrap(True)

        self._lay_out()
        self._update()

    @property
    def _only_sounds(self) -> bool:
        return bool(self._shots) and all(shot.is_sound for shot in self._shots)

    @property
    def tab_stops(self) -> list[QWidget]:
        return [
            *(self.caption, self.negative, self.model, self.quality),
            *(self.seed, self.new_seed, self.seed_locked, self.takes, self.handles),
            *(*self.buttons.values(), self.regenerate),
        ]

    @property
    def choices(self) -> MakingChoices:
        return MakingChoices(
            negative_caption=self.negative.text(),
            model=self.model.currentData() or self._wished_model,
            quality=self.quality.currentData(),
            seed=self.seed.value(),
            seed_locked=self.seed_locked.isChecked(),
            takes=self.takes.value(),
            handles=self.handles.value(),
        )

    def set_choices(self, choices: MakingChoices) -> None:
        self.negative.setText(choices.negative_caption)
        self._wish_model(choices.model)
        self.quality.setCurrentIndex(max(0, self.quality.findData(choices.quality)))
        self.seed.setValue(min(choices.seed, MAX_SEED))
        self.seed_locked.setChecked(choices.seed_locked)
        self.takes.setValue(choices.takes)
        self.handles.setValue(choices.handles)

    def take_over(self, settings: Settings) -> None:
        """Sets the form to what a take was made with, its seed locked."""
        info = next((model for model in self._models if model.name == settings.model), None)
        quality = "standard"
        if info is not None and settings.steps is not None:
            quality = min(QUALITIES, key=lambda key: abs(_steps(info, key) - (settings.steps or 0)))
        self.set_choices(
            replace(
                self.choices,
                negative_caption=settings.negative_caption,
                model=settings.model,
                quality=quality,
                seed=settings.seed,
                seed_locked=True,
                takes=1,
                handles=settings.handles if isinstance(settings, FoleySettings) else self.handles.value(),
            )
        )

    def set_engine(self, models: Sequence[ModelInfo], reachable: bool) -> None:
        """What the engine can do: buttons and models follow from it."""
        self._reachable = reachable
        if tuple(models) != self._models:
            self._models = tuple(models)
            wished = self._wished_model or self.model.currentData() or ""
            self.model.blockSignals(True)
            self.model.clear()
            for model in self._models:
                self.model.addItem(model.title, model.name)
                self.model.setItemData(self.model.count() - 1, model.title, Qt.ItemDataRole.ToolTipRole)
            # Having something to say while it is empty, it chooses nothing by itself.
            self.model.setCurrentIndex(0 if self._models else -1)
            self.model.blockSignals(False)
            self._wish_model(wished)
        self._update()

    def set_shots(self, shots: Sequence[ListedShot], changed: int) -> None:
        """The selected shots, the current one first, and how many on the timeline are changed."""
        before = [shot.id for shot in self._shots]
        self._shots = list(shots)
        captions = {shot.caption for shot in self._shots}
        self.caption.show_text(captions.pop() if len(captions) == 1 else "", keep=before == [s.id for s in self._shots])
        if len(captions) > 0:
            self.caption.setPlaceholderText(self.tr("several captions; what you write here is for all"))
        elif self._only_sounds:
            self.caption.setPlaceholderText(self.tr("what shall be seen, e.g. a bell in a tower"))
        else:
            self.caption.setPlaceholderText(self.tr("what shall be heard, e.g. boots on gravel"))
        self.negative.setPlaceholderText(
            self.tr("what shall not be seen") if self._only_sounds else self.tr("what shall not be heard")
        )
        self.regenerate.setVisible(changed > 0)
        self.regenerate.setText(self.tr("Regenerate changed (%n)", "", changed))
        self._update()

    def draw_seed(self) -> None:
        self.seed.setValue(secrets.randbelow(MAX_SEED))

    def want_first(self) -> None:
        """As if the first button was pressed that can be."""
        for task, button in self.buttons.items():
            if button.isVisibleTo(self) and button.isEnabled():
                self._want(task)
                return

    def want(self, task: str) -> None:
        """As if the task's button was pressed; nothing if it is not there or disabled."""
        button = self.buttons.get(task)
        if button is not None and button.isVisibleTo(self) and button.isEnabled():
            self._want(task)

    def _pressed(self, task: str) -> None:
        field = self.focusWidget()
        if isinstance(field, QLineEdit | QPlainTextEdit) and field.hasFocus():
            # What is typed next is for the player.
            field.clearFocus()
        self._want(task)

    def _want(self, task: str) -> None:
        self.caption.commit()
        model = self.model.currentData()
        if task not in {offered for info in self._models if info.name == model for offered in info.tasks}:
            model = next(info.name for info in self._models if task in info.tasks)
        if not self.seed_locked.isChecked():
            self.draw_seed()
        info = next(info for info in self._models if info.name == model)
        quality = self.quality.currentData()
        common: dict[str, Any] = {
            "negative_caption": self.negative.text().strip(),
            "seed": self.seed.value(),
            "takes": self.takes.value(),
            "model": model,
            "steps": None if quality == "standard" else _steps(info, quality),
        }
        pictures = task == "visualize"
        self.wanted.emit(
            task,
            VisualizeSettings(**common) if pictures else FoleySettings(**common, handles=self.handles.value()),
        )

    def _caption_edited(self, text: str) -> None:
        if self._shots:
            self.caption_edited.emit([shot.id for shot in self._shots], text)

    def _wish_model(self, name: str) -> None:
        self._wished_model = name
        at = self.model.findData(name)
        if at >= 0:
            self.model.setCurrentIndex(at)
        self._model_chosen()

    def _model_chosen(self) -> None:
        info = next((model for model in self._models if model.name == self.model.currentData()), None)
        if info is not None:
            self._wished_model = info.name
            self.model.setToolTip(info.title)
            for at in range(self.quality.count()):
                steps = _steps(info, self.quality.itemData(at))
                self.quality.setItemData(at, self.tr("%n solver step(s)", "", steps), Qt.ItemDataRole.ToolTipRole)

    def _update(self) -> None:
        tasks = {task for model in self._models for task in model.tasks} & set(VERBS)
        for task, button in self.buttons.items():
            button.setVisible(task in tasks)
            button.setEnabled(self._reachable and bool(self._shots))
        if self._only_sounds:
            self.buttons["foley"].setEnabled(False)
        self.regenerate.setEnabled(self._reachable)
        seconds = sum(float(shot.seconds) for shot in self._shots)
        self.length.setText(
            self.tr("%n shot(s), {0} s", "", len(self._shots)).format(decimal(seconds, 2)) if self._shots else "–"
        )
        self.caption.setEnabled(bool(self._shots))
        if not self._shots:
            self.hint.setText(self.tr("Select the shots that shall be heard."))
        elif any(shot.state is ShotState.CHANGED for shot in self._shots):
            self.hint.setText(self.tr("The caption was changed: the take in use was made from other words."))
        else:
            self.hint.setText("")
        self.hint.setVisible(bool(self.hint.text()))

    def _first(self, line: QHBoxLayout) -> QWidget:
        item = line.itemAt(0)
        widget = None if item is None else item.widget()
        assert widget is not None
        return widget

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        form.setHorizontalSpacing(8)

        def row(*widgets: QWidget) -> QHBoxLayout:
            line = QHBoxLayout()
            line.setSpacing(4)
            for widget in widgets:
                line.addWidget(widget, 1 if isinstance(widget, QComboBox | QSpinBox) else 0)
            return line

        handles = QLabel(self.tr("&Handles"))
        handles.setBuddy(self.handles)
        self.handles.setAccessibleName(self.tr("&Handles").replace("&", ""))
        for text, field in (
            (self.tr("&Caption"), self.caption),
            (self.tr("&Not"), self.negative),
            (self.tr("&Model"), self.model),
            (self.tr("&Quality"), self.quality),
            (self.tr("&Seed"), row(self.seed, self.new_seed, self.seed_locked)),
            (self.tr("&Takes"), row(self.takes, handles, self.handles)),
            (self.tr("Length"), self.length),
        ):
            label = QLabel(text)
            # Underlined for its key, a text is wider than it is measured.
            label.setMinimumWidth(label.sizeHint().width() + 4)
            form.addRow(label, field)
            buddy = field if isinstance(field, QWidget) else self._first(field)
            label.setBuddy(buddy)
            if not buddy.accessibleName():
                buddy.setAccessibleName(text.replace("&", ""))
        buttons = QVBoxLayout()
        buttons.setSpacing(4)
        main = QHBoxLayout()
        for button in self.buttons.values():
            main.addWidget(button, 1)
        buttons.addLayout(main)
        buttons.addWidget(self.regenerate)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.hint)
        layout.addLayout(buttons)


class _Caption(QPlainTextEdit):
    """A few lines of text; ``edited`` when the user left off or paused."""

    edited = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        line = self.fontMetrics().lineSpacing()
        self.setMinimumHeight(2 * line + 14)
        self.setMaximumHeight(4 * line + 14)
        self._shown = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(1200)
        self._pause.timeout.connect(self.commit)
        self.textChanged.connect(self._typed)

    def show_text(self, text: str, *, keep: bool) -> None:
        """Shows another text; with `keep`, what is being typed stays."""
        if not keep:
            self.commit()
        elif self.hasFocus() and self.toPlainText() != self._shown:
            return
        self._shown = text
        if self.toPlainText().strip() != text:
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)
        self._pause.stop()

    def commit(self) -> None:
        self._pause.stop()
        text = " ".join(self.toPlainText().split())[:2000]
        if text != self._shown:
            self._shown = text
            self.edited.emit(text)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self.commit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.commit()
        else:
            super().keyPressEvent(event)

    def _typed(self) -> None:
        self._pause.start()


class NoWheel(QObject):
    """Keeps the mouse wheel, meant to scroll the form, from changing its fields."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def _steps(model: ModelInfo, quality: str) -> int:
    return max(1, round(model.default_steps * QUALITIES[quality]))
