"""Small parts that several views share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from PySide6.QtCore import QLocale, QSize, Qt, SignalInstance
from PySide6.QtGui import QFontMetrics, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QBoxLayout,
    QComboBox,
    QFrame,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from avfoley_ui.icons import icon

# What a button does.
Pressed = Callable[..., object] | SignalInstance
L = TypeVar("L", bound=QBoxLayout)
B = TypeVar("B", bound=QAbstractButton)
# Between facts on one line.
DOT = "  ·  "


def tool_button(name: str, text: str = "", pressed: Pressed | None = None, *, checkable: bool = False) -> QToolButton:
    """A button with an icon alone: `text` is its tooltip and its accessible name."""
    button = _by_tab(QToolButton(autoRaise=True), pressed)
    button.setIcon(icon(name))
    button.setIconSize(QSize(18, 18))
    button.setCheckable(checkable)
    name_button(button, text)
    return button


def push_button(text: str, pressed: Pressed) -> QPushButton:
    return _by_tab(QPushButton(text), pressed)


def _by_tab(button: B, pressed: Pressed | None) -> B:
    # A click gives it no focus: then Space, which presses the button that has it, goes on playing.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if pressed is not None:
        button.clicked.connect(pressed)
    return button


def name_button(button: QToolButton, text: str, shortcut: str = "") -> None:
    keys = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    button.setAccessibleName(text)
    button.setToolTip(f"{text} ({keys})" if keys else text)


class ElidedLabel(QLabel):
    """One line, cut with an ellipsis where there is no room; its tooltip has all of it."""

    def __init__(self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__(text)
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(24, QFontMetrics(self.font()).height() + 2)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(QFontMetrics(self.font()).horizontalAdvance(self.text()), self.minimumSizeHint().height())

    def setText(self, text: str) -> None:  # noqa: N802
        super().setText(text)
        self._update_tooltip()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._update_tooltip()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment()) | int(Qt.TextFlag.TextSingleLine), self.shown)

    @property
    def shown(self) -> str:
        """As much of the text as there is room for."""
        return self.fontMetrics().elidedText(self.text(), self._mode, self.width())

    def _update_tooltip(self) -> None:
        fits = self.fontMetrics().horizontalAdvance(self.text()) <= self.width()
        self.setToolTip("" if fits else self.text())


class FactsLabel(ElidedLabel):
    """Facts in a row. Where there is no room, the last are left out; the tooltip has all."""

    def __init__(self) -> None:
        super().__init__()
        self._facts: tuple[str, ...] = ()

    def set_facts(self, facts: Sequence[str]) -> None:
        """Shows these, what matters most first."""
        self._facts = tuple(facts)
        self.setText(DOT.join(facts))

    @property
    def shown(self) -> str:
        metrics = self.fontMetrics()
        rows = (DOT.join(self._facts[:count]) for count in range(len(self._facts), 1, -1))
        first = self._facts[0] if self._facts else ""
        fitting = (row for row in rows if metrics.horizontalAdvance(row) <= self.width())
        return next(fitting, metrics.elidedText(first, Qt.TextElideMode.ElideRight, self.width()))


def decimal(value: float, digits: int) -> str:
    """A number as the user's language writes it: 4.83, 4,83."""
    return QLocale().toString(float(value), "f", digits)


def quiet(label: QLabel) -> QLabel:
    """A label in the colour of what is less important."""
    label.setForegroundRole(label.palette().ColorRole.PlaceholderText)
    return label


def bold(label: QLabel, on: bool = True) -> QLabel:
    """The label in bold, or not."""
    font = label.font()
    font.setBold(on)
    label.setFont(font)
    return label


def combo_box(items: Iterable[tuple[str, str]], least: int) -> QComboBox:
    """A choice of texts with their data, which shrinks to `least` characters."""
    combo = QComboBox()
    for text, data in items:
        combo.addItem(text, data)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(least)
    return combo


def fill(layout: L, *items: QWidget | QLayout | int | None, spacing: int = 6, stretch: QWidget | None = None) -> L:
    """Adds widgets, layouts, gaps in pixels and room to spare (None) to a layout without margins.

    stretch: the widget that gets what room is left.
    """
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QWidget):
            layout.addWidget(item, int(item is stretch))
        else:
            layout.addLayout(item)
    return layout


def scroll_vertically(inner: QWidget, area: QScrollArea | None = None) -> QScrollArea:
    """An area around `inner`, or that one, without a frame, which scrolls down and not sideways."""
    area = area or QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    return area


def fix_order(*widgets: QWidget) -> None:
    """Tab goes through the widgets in this order."""
    for before, after in pairwise(widgets):
        QWidget.setTabOrder(before, after)
