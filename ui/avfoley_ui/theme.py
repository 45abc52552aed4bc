"""Colours: the dark and the light palette, and those of states."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

Appearance = Literal["system", "dark", "light"]

_TEXT_ROLES = (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText)
# Each as it is on dark and on light.
_COLOURS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def apply(appearance: Appearance) -> None:
    """Sets the application's palette. ``system``: as the system has it."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyle("Fusion")
    app.setPalette(palette(system_is_dark(app) if appearance == "system" else appearance == "dark"))


def system_is_dark(app: QApplication) -> bool:
    """Whether the system is dark. Leaves the application with the system's own palette."""
    # Or the answer would be about ours.
    app.setPalette(QPalette())
    known = QGuiApplication.styleHints().colorScheme()
    if known == Qt.ColorScheme.Unknown:
        # No platform theme speaks for the system: the palette it gave us is all there is.
        return is_dark(QGuiApplication.palette())
    return known == Qt.ColorScheme.Dark


def palette(dark: bool) -> QPalette:
    """The panel's palette; what is disabled is its text half faded."""
    made = QPalette()
    for role, colours in _COLOURS["palette"].items():
        made.setColor(QPalette.ColorRole[role], QColor(colours[0 if dark else 1]))
    for role in _TEXT_ROLES:
        faded = QColor(made.color(role))
        faded.setAlphaF(0.45)
        made.setColor(QPalette.ColorGroup.Disabled, role, faded)
    made.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, QColor("#555a60" if dark else "#b9bdc1"))
    return made


def is_dark(of: QPalette) -> bool:
    """Whether a palette is light on dark."""
    return of.color(QPalette.ColorRole.Window).lightness() < of.color(QPalette.ColorRole.WindowText).lightness()


def state_colour(name: str, of: QPalette) -> QColor:
    """What a state is painted in on the ground of that palette."""
    return QColor(_COLOURS["states"][name][0 if is_dark(of) else 1])
