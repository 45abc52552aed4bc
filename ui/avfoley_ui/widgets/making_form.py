"""The form for the next takes, and the buttons that request them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.engine_client import ModelInfo
from avfoley_plugin.workspace import ListedShot, Settings, ShotState
from avfoley_ui.background import delayed
from avfoley_ui.settings import MakingChoices
from avfoley_ui.tasks import TASKS, describe, first_task, supported
from avfoley_ui.widgets.parts import combo_box, decimal, fill, push_button, quiet, tool_button

# Solver steps relative to the model's own number.
QUALITIES = {"draft": 0.4, "standard": 1.0, "fine": 2.0}
# The largest seed that a QSpinBox holds.
MAX_SEED = 2**31 - 1
MAX_TAKES, MAX_HANDLES = 20, 500


class MakingForm(QWidget):
    """``requested`` carries the task and the settings, without a caption: each shot has its own."""

    requested = Signal(str, object)
    regenerate_requested = Signal()
    spot_requested = Signal()
    caption_edited = Signal(list, str)

    def __init__(self) -> None:
        super().__init__()
        self._shots: list[ListedShot] = []
        self._models: tuple[ModelInfo, ...] = ()
        self._reachable = False
        self._preferred_model = ""

        self.caption = _Caption()
        self.caption.setToolTip(self.tr("Caption of the selected shots: what their next takes are generated from"))
        self.caption.edited.connect(self._caption_edited)
        self.negative = QLineEdit(maxLength=2000)
        self._negative_label = self._label(self.tr("&Negative prompt"), self.negative)
        self.model = combo_box((), 5)
        self.model.setPlaceholderText(self.tr("waiting for the engine…"))
        self.model.currentIndexChanged.connect(self._model_chosen)
        qualities = (self.tr("Draft"), "draft"), (self.tr("Standard"), "standard"), (self.tr("Fine"), "fine")
        self.quality = combo_box(qualities, 5)
        self.quality.setCurrentIndex(1)
        self.seed = QSpinBox(maximum=MAX_SEED)
        lock = self.tr("Lock the seed; unlocked, each run draws a new one")
        self.seed_locked = tool_button("locked", lock, checkable=True)
        self.new_seed = tool_button("new-seed", self.tr("New random seed"), self.draw_seed)
        self.takes = QSpinBox(minimum=1, maximum=MAX_TAKES, value=2)
        self.handles = QSpinBox(maximum=MAX_HANDLES, suffix=self.tr(" fr"))
        beside = self.tr("Frames of extra sound before and after the shot, as far as its source media reaches")
        self.handles.setToolTip(beside)
        self.length = quiet(QLabel())
        # The mouse wheel scrolls the form and changes no field of it.
        self._no_wheel = _NoWheel(self)
        for field in (self.model, self.quality, self.seed, self.takes, self.handles):
            field.setMinimumWidth(60)
            field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            field.installEventFilter(self._no_wheel)

        self.buttons = {
            name: push_button(task.button(), lambda _=False, name=name: self._pressed(name))
            for name, task in TASKS.items()
        }
        next(iter(self.buttons.values())).setDefault(True)
        self.regenerate = push_button(self.tr("Regenerate changed"), self.regenerate_requested)
        self.spot = push_button(self.tr("Spot events"), self._spot)
        self.spot.setToolTip(self.tr("Mark what begins to sound in the selected shots, and when"))
        buttons = *self.buttons.values(), self.regenerate, self.spot
        for button in buttons:
            button.hide()
        self.hint = quiet(QLabel(wordWrap=True))
        self.tab_stops: list[QWidget] = [
            *(self.caption, self.negative, self.model, self.quality),
            *(self.seed, self.new_seed, self.seed_locked, self.takes, self.handles, *buttons),
        ]
        self._lay_out()
        self._update()

    @property
    def choices(self) -> MakingChoices:
        return MakingChoices(
            negative_caption=self.negative.text(),
            model=self.model.currentData() or self._preferred_model,
            quality=self.quality.currentData(),
            seed=self.seed.value(),
            seed_locked=self.seed_locked.isChecked(),
            takes=self.takes.value(),
            handles=self.handles.value(),
        )

    def set_choices(self, choices: MakingChoices) -> None:
        self.negative.setText(choices.negative_caption)
        self._prefer_model(choices.model)
        self.quality.setCurrentIndex(max(0, self.quality.findData(choices.quality)))
        self.seed.setValue(min(choices.seed, MAX_SEED))
        self.seed_locked.setChecked(choices.seed_locked)
        self.takes.setValue(choices.takes)
        self.handles.setValue(choices.handles)

    def load_settings(self, settings: Settings) -> None:
        """Sets the form to what a take was generated with, its seed locked."""
        info = self._info(settings.model)
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
                handles=getattr(settings, "handles", self.handles.value()),
            )
        )

    def set_engine(self, models: Sequence[ModelInfo], reachable: bool) -> None:
        """Offers what the engine's models can do."""
        self._reachable = reachable
        if tuple(models) != self._models:
            self._models = tuple(models)
            preferred = self._preferred_model or self.model.currentData() or ""
            rows = self.model.model()
            assert isinstance(rows, QStandardItemModel)
            with QSignalBlocker(self.model):
                self.model.clear()
                for at, model in enumerate(self._models):
                    self.model.addItem(model.title, model.name)
                    tip = f"{model.title}: {describe(model.tasks)}"
                    self.model.setItemData(at, tip, Qt.ItemDataRole.ToolTipRole)
                    rows.item(at).setEnabled(bool(supported(model.tasks)))
                # With a placeholder, a combo box selects nothing by itself.
                usable = (at for at, model in enumerate(self._models) if supported(model.tasks))
                self.model.setCurrentIndex(next(usable, -1))
            self._prefer_model(preferred)
        self._update()

    def set_shots(self, shots: Sequence[ListedShot], changed: int) -> None:
        """The selected shots, the current one first, and how many on the timeline are changed."""
        before = [shot.id for shot in self._shots]
        self._shots = list(shots)
        captions = {shot.caption for shot in self._shots}
        self.caption.show_text(captions.pop() if len(captions) == 1 else "", keep=before == [s.id for s in self._shots])
        task = first_task(self._shots)
        several = self.tr("several captions; text entered here replaces them all")
        self.caption.setPlaceholderText(several if captions else task.caption_hint())
        self.negative.setPlaceholderText(task.negative_hint())
        self.negative.setToolTip(task.negative_hint())
        self.regenerate.setVisible(changed > 0)
        self.regenerate.setText(self.tr("Regenerate changed (%n)", "", changed))
        self._update()

    def draw_seed(self) -> None:
        self.seed.setValue(secrets.randbelow(MAX_SEED))

    def request_first(self) -> None:
        """As if the first button was pressed that can be."""
        any(map(self.request, self.buttons))

    def request(self, task: str) -> bool:
        """As if the task's button was pressed; False if it is not there or disabled."""
        button = self.buttons[task]
        possible = button.isVisibleTo(self) and button.isEnabled()
        if possible:
            self._request(task)
        return possible

    def _pressed(self, task: str) -> None:
        field = self.focusWidget()
        if isinstance(field, QLineEdit | QPlainTextEdit) and field.hasFocus():
            # What is typed next is for the player.
            field.clearFocus()
        self._request(task)

    def _request(self, task: str) -> None:
        self.caption.commit()
        if not self.seed_locked.isChecked():
            self.draw_seed()
        info, quality, settings = self._model_for(task), self.quality.currentData(), TASKS[task].settings
        assert info is not None
        reads_negatives = "negative_caption" in info.controls
        entered: dict[str, Any] = {
            "negative_caption": self.negative.text().strip() if reads_negatives else "",
            "seed": self.seed.value(),
            "takes": self.takes.value(),
            "model": info.name,
            "steps": None if quality == "standard" else _steps(info, quality),
            "handles": self.handles.value(),
        }
        known = {field.name for field in fields(settings)}
        self.requested.emit(task, settings(**{name: value for name, value in entered.items() if name in known}))

    def _spot(self) -> None:
        # Events are named after the caption.
        self.caption.commit()
        self.spot_requested.emit()

    def _info(self, name: str | None) -> ModelInfo | None:
        return next((model for model in self._models if model.name == name), None)

    def _model_for(self, task: str) -> ModelInfo | None:
        """The chosen model if it does the task, or the first that does."""
        able = (model for model in self._models if task in model.tasks)
        return min(able, key=lambda model: model.name != self.model.currentData(), default=None)

    def _caption_edited(self, text: str) -> None:
        if self._shots:
            self.caption_edited.emit([shot.id for shot in self._shots], text)

    def _prefer_model(self, name: str) -> None:
        self._preferred_model = name
        at = self.model.findData(name)
        if at >= 0 and supported(self._models[at].tasks):
            self.model.setCurrentIndex(at)
        self._model_chosen()

    def _model_chosen(self) -> None:
        info = self._info(self.model.currentData())
        if info is not None:
            self._preferred_model = info.name
            self.model.setToolTip(self.model.currentData(Qt.ItemDataRole.ToolTipRole))
            for at in range(self.quality.count()):
                steps = _steps(info, self.quality.itemData(at))
                self.quality.setItemData(at, self.tr("%n solver step(s)", "", steps), Qt.ItemDataRole.ToolTipRole)
        self._update()

    def _update(self) -> None:
        with_other = self.tr("With {0}: the selected model cannot do this")
        for name, button in self.buttons.items():
            model = self._model_for(name)
            button.setVisible(model is not None)
            button.setEnabled(self._reachable and any(map(TASKS[name].applies_to, self._shots)))
            chosen = model is None or model.name == self.model.currentData()
            button.setToolTip("" if model is None or chosen else with_other.format(model.title))
        self.regenerate.setEnabled(self._reachable)
        self.spot.setVisible(self._model_for("spot") is not None)
        self.spot.setEnabled(self._reachable and any(shot.picture is not None for shot in self._shots))
        seconds = decimal(sum(float(shot.seconds) for shot in self._shots), 2)
        length = self.tr("%n shot(s), {0} s", "", len(self._shots)).format(seconds)
        self.length.setText(length if self._shots else "–")
        self.caption.setEnabled(bool(self._shots))
        chosen_model = self._info(self.model.currentData())
        controls = None if chosen_model is None else chosen_model.controls
        for widget in (self.negative, self._negative_label):
            widget.setVisible(controls is None or "negative_caption" in controls)
        hint = ""
        if not self._shots:
            hint = self.tr("Select the shots to generate sound for.")
        elif any(shot.state is ShotState.CHANGED for shot in self._shots):
            hint = self.tr("The caption has changed since the take in use was generated.")
        elif controls is not None and "caption" not in controls:
            hint = self.tr("The selected model makes sound for the picture alone. It does not read captions.")
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))

    def _lay_out(self) -> None:
        form = QFormLayout(horizontalSpacing=8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        handles = self._label(self.tr("&Handles"), self.handles)
        seed = fill(QHBoxLayout(), self.seed, self.new_seed, self.seed_locked, spacing=4)
        takes = fill(QHBoxLayout(), self.takes, handles, self.handles, spacing=4)
        form.addRow(self._label(self.tr("&Caption"), self.caption), self.caption)
        form.addRow(self._negative_label)
        form.addRow(self.negative)
        form.addRow(self._label(self.tr("&Model"), self.model), self.model)
        form.addRow(self._label(self.tr("&Quality"), self.quality), self.quality)
        form.addRow(self._label(self.tr("&Seed"), self.seed), seed)
        form.addRow(self._label(self.tr("&Takes"), self.takes), takes)
        form.addRow(self._label(self.tr("Length"), self.length), self.length)
        buttons = fill(QHBoxLayout(), *self.buttons.values())
        fill(QVBoxLayout(self), form, self.hint, buttons, self.regenerate, self.spot)

    def _label(self, text: str, field: QWidget) -> QLabel:
        label = QLabel(text)
        # Underlined for its key, a text is wider than it is measured.
        label.setMinimumWidth(label.sizeHint().width() + 4)
        label.setBuddy(field)
        field.setAccessibleName(text.replace("&", ""))
        return label


class _Caption(QPlainTextEdit):
    """A few lines of text; ``edited`` when the user pauses or leaves the field."""

    edited = Signal(str)

    def __init__(self) -> None:
        super().__init__(tabChangesFocus=True)
        line = self.fontMetrics().lineSpacing()
        self.setMinimumHeight(2 * line + 14)
        self.setMaximumHeight(4 * line + 14)
        self._shown = ""
        self._pause = delayed(self, 1200, self.commit)
        self.textChanged.connect(self._pause.start)

    def show_text(self, text: str, *, keep: bool) -> None:
        """Shows another text; with `keep`, what is being typed stays."""
        if not keep:
            self.commit()
        elif self.hasFocus() and self.toPlainText() != self._shown:
            return
        self._shown = text
        if self.toPlainText().strip() != text:
            with QSignalBlocker(self):
                self.setPlainText(text)
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


class _NoWheel(QObject):
    """Keeps the mouse wheel from changing a field that has not the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def _steps(model: ModelInfo, quality: str) -> int:
    return max(1, round((model.default_steps or 1) * QUALITIES[quality]))
