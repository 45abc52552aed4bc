"""The real panel, on an engine of its own with a fake model, and a small timeline of real files."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6 cannot be loaded here", exc_type=ImportError)
pytest.importorskip("PySide6.QtMultimedia", reason="PySide6's sound cannot be loaded here", exc_type=ImportError)
pytest.importorskip("avfoley_ui", reason="this PySide6 crashes with this Python", exc_type=ImportError)

from avfoley_ui.app import spare_the_gui_thread
from avfoley_ui.controller import Controller
from avfoley_ui.playback.output import SilentOutput
from avfoley_ui.settings import PanelSettings
from avfoley_ui.window import PanelWindow
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QSettings
from PySide6.QtWidgets import QApplication

from avfoley_plugin.engine_client import LocalEngine
from support.engine import Engine, engine_command
from support.panel import PATIENCE, wait
from support.timelines import write_cut

# Whatever language this machine speaks.
QLocale.setDefault(QLocale("en"))


@pytest.fixture
def panel_engine(engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The folder of the engine that the panel starts; it is stopped after the test."""
    monkeypatch.setenv("FAKE_STEP_SECONDS", "0.02")
    engine = Engine(engine_home)
    yield engine
    engine.end()


@pytest.fixture
def settings(tmp_path: Path) -> PanelSettings:
    return PanelSettings(QSettings(str(tmp_path / "panel.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def open_panel(
    qtbot: Any, qapp: QApplication, panel_engine: Engine, settings: PanelSettings
) -> Iterator[Callable[..., PanelWindow]]:
    """Opens the panel as the program does: ``open_panel(timeline)``. What is still open at the end is closed."""
    windows: list[PanelWindow] = []

    def start(path: Path | None = None, engine: Callable[[], LocalEngine] | None = None) -> PanelWindow:
        spare_the_gui_thread(qapp)
        controller = Controller(
            engine or (lambda: LocalEngine(command=engine_command())), lambda: LocalEngine(command=None)
        )
        window = PanelWindow(controller, settings, SilentOutput())
        windows.append(window)
        window.resize(1300, 800)
        window.show()
        window.activateWindow()
        wait(qtbot, window.isActiveWindow)
        if path is not None:
            window.open(path)
            wait(qtbot, lambda: controller.contents is not None)
        return window

    yield start
    for window in windows:
        window.hide()
        window.close()
        # Now, and not while a later test runs: it would hear what that one's application says.
        window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def cut(make_media: Callable[..., Path]) -> Path:
    """Four shots of one second each, named shot0 to shot3, whose frames differ in brightness."""
    pictures = [np.full((36, 64, 3), 2 * number, np.uint8) for number in range(100)]
    return write_cut(make_media("clip.mp4", pictures, rate=Fraction(25)), shots=4, media_frames=100)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + PATIENCE
    while left := [thread.name for thread in threading.enumerate() if thread not in before]:
        assert time.monotonic() < deadline, f"threads that are left: {left}"
        time.sleep(0.05)
    # Here, in the GUI thread, and not in that of a later test.
    gc.unfreeze()
    gc.collect()
    gc.enable()
