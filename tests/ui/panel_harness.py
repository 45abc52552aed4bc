"""What the panel's tests do again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avfoley_ui.window import PanelWindow
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from avfoley_plugin.workspace import ListedShot

#: Seconds; a machine that is busy elsewhere takes its time.
PATIENCE = 120


def wait(qtbot: Any, until: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Lets the panel work until something holds."""
    qtbot.waitUntil(lambda: bool(until()), timeout=round(seconds * 1000))


def ready(window: PanelWindow) -> bool:
    """Whether the engine can work, and nothing is being read or written."""
    return window.controller.engine.phase == "idle" and window.controller.idle


def select(window: PanelWindow, *names: str) -> list[str]:
    """Selects shots by name; returns their ids."""
    ids = {shot.shot.name: shot.id for shot in window.controller.shots.shots}
    window.shots.select([ids[name] for name in names])
    return [ids[name] for name in names]


def shot(window: PanelWindow, name: str) -> ListedShot:
    return next(found for found in window.controller.shots.shots if found.shot.name == name)


def click(qtbot: Any, button: QWidget) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
