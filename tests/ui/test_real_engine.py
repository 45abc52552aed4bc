"""The panel against the real engine and the shipped model: from opening a timeline to opening it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from avfoley_ui.window import PanelWindow

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.timeline.placing import placed
from support.panel import Watchdog, click, select, shot, wait

#: Seconds for two takes on slow cores that have other work, the loading of the model among them.
A_TAKE = 400


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_opening_to_opening_again_with_the_shipped_model(
    qtbot: Any, open_panel: Callable[..., PanelWindow], cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVFOLEY_DEVICE", "cpu")
    try:
        window = open_panel(cut, LocalEngine)
        wait(qtbot, lambda: window.controller.engine.phase == "idle" and window.controller.idle, A_TAKE)
        assert "avlink-nano" in [model.name for model in window.controller.engine.models]
        select(window, "shot0", "shot2")
        window.form.caption.setPlainText("a hammer strikes an anvil")
        window.form.takes.setValue(1)
        window.form.quality.setCurrentIndex(window.form.quality.findData("draft"))
        with Watchdog() as watchdog:
            click(qtbot, window.form.buttons["foley"])
            window.listening.player.toggle()
            wait(qtbot, lambda: shot(window, "shot2").takes and window.controller.idle, A_TAKE)
            wait(qtbot, lambda: window.listening.idle)
        assert watchdog.longest < 0.05, f"{sorted(watchdog.gaps)[-5:]}"
        assert window.listening.sound is not None
        assert window.listening.player.position > 0
        window.listening.player.pause()

        # Another caption, its shot again, and then the older take after all.
        select(window, "shot2")
        window.controller.set_caption([shot(window, "shot2").id], "a door slams")
        wait(qtbot, lambda: shot(window, "shot2").state == "changed" and window.controller.idle)
        click(qtbot, window.form.regenerate)
        wait(qtbot, lambda: len(shot(window, "shot2").takes) == 2 and window.controller.idle, A_TAKE)
        wait(qtbot, lambda: len(window.listening.lanes.lanes) == 2)
        click(qtbot, window.listening.lanes.lanes[0].use)
        wait(qtbot, lambda: shot(window, "shot2").takes[0].active and window.controller.idle)
        held = [(found.shot.name, found.state, found.caption, found.takes) for found in window.controller.shots.shots]
        window.close()

        # What is on the timeline is there before any engine is.
        again = open_panel(cut, LocalEngine)
        wait(qtbot, lambda: again.controller.idle)
        shots = again.controller.shots.shots
        assert [(found.shot.name, found.state, found.caption, found.takes) for found in shots] == held
        takes = placed(otio.adapters.read_from_file(str(cut)))
        assert [(take.shot_name, take.active) for take in takes] == [("shot0", True), ("shot2", True), ("shot2", False)]
    finally:
        LocalEngine(command=None).shut_down()
