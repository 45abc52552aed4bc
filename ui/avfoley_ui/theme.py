"""Colours: the dark and the light palette, and those of states."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

Appearance = Literal["system", "dark", "light"]

# The palette's colours, dark and light.
_PALETTE = {
    QPalette.ColorRole.Window: ("#26282b", "#f0f1f2"),
    QPalette.ColorRole.WindowText: ("#e4e5e7", "#1d1f21"),
    QPalette.ColorRole.Base: ("#1c1e20", "#ffffff"),
    QPalette.ColorRole.AlternateBase: ("#232527", "#f6f7f8"),
    QPalette.ColorRole.Text: ("#e4e5e7", "#1d1f21"),
    QPalette.ColorRole.Button: ("#34373b", "#e4e6e8"),
    QPalette.ColorRole.ButtonText: ("#e4e5e7", "#1d1f21"),
    QPalette.ColorRole.BrightText: ("#ffffff", "#ffffff"),
    QPalette.ColorRole.ToolTipBase: ("#34373b", "#ffffff"),
    QPalette.ColorRole.ToolTipText: ("#e4e5e7", "#1d1f21"),
    QPalette.ColorRole.PlaceholderText: ("#8d9299", "#5f646a"),
    QPalette.ColorRole.Highlight: ("#2f6fb0", "#2f6fb0"),
    QPalette.ColorRole.HighlightedText: ("#ffffff", "#ffffff"),
    QPalette.ColorRole.Accent: ("#4c9be8", "#2f6fb0"),
    QPalette.ColorRole.Link: ("#6cb0f5", "#1f5f9f"),
    QPalette.ColorRole.Light: ("#4a4e53", "#ffffff"),
    QPalette.ColorRole.Midlight: ("#3f4347", "#eceef0"),
    QPalette.ColorRole.Mid: ("#2c2f32", "#c8cbce"),
    QPalette.ColorRole.Dark: ("#191b1d", "#a9adb1"),
    QPalette.ColorRole.Shadow: ("#0e0f10", "#6e7276"),
}
_TEXT_ROLES = (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText)

# Colours of states, on dark and on light; their contrast is at least 4.5 : 1.
_STATES = {
    "made": ("#6fcf97", "#1a6e41"),
    "changed": ("#f2c14e", "#7a5400"),
    "working": ("#6cb0f5", "#1f5f9f"),
    "failed": ("#ff8a80", "#b3261e"),
    "quiet": ("#a4a9af", "#5b6066"),
    "onset": ("#f2994a", "#b8560a"),
    "event": ("#ffe066", "#ffe066"),
    "playhead": ("#ff5f56", "#d0342c"),
    "wave": ("#5aa9f2", "#2f6fb0"),
}


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
    for role, colours in _PALETTE.items():
        made.setColor(role, QColor(colours[0 if dark else 1]))
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
    return QColor(_STATES[name][0 if is_dark(of) else 1])
