"""How the panel is started: from the shell, and by the editing programs' launchers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from avfoley_engine.protocol import ENDPOINT_FILE, Endpoint
from avfoley_ui.window import PanelWindow

from support.panel import PATIENCE, wait


def test_the_shell_opens_the_panel_and_ctrl_c_ends_it_with_its_engine(cut: Path, engine_home: Path) -> None:
    command = [sys.executable, "-m", "avfoley_plugin.cli", "panel", str(cut)]
    panel = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (engine_home / ENDPOINT_FILE).exists():
            assert panel.poll() is None, panel.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        engine = Endpoint.model_validate_json((engine_home / ENDPOINT_FILE).read_text())
        panel.send_signal(signal.SIGINT)
        assert panel.wait(PATIENCE) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(engine.pid, 0)
    finally:
        panel.kill()
        panel.communicate()


def test_a_launcher_without_its_program_says_how_to_start_it(
    qtbot: Any, open_panel: Callable[..., PanelWindow], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AVFOLEY_RESOLVE", raising=False)
    monkeypatch.setenv("RESOLVE_SCRIPT_API", str(tmp_path))
    window = open_panel()
    window.open(Path("resolve:"))
    wait(qtbot, lambda: not window.notice.isHidden())
    assert "DaVinci Resolve" in window.notice.text.text()
