"""An editor's way through the panel, against a real engine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import EngineStatus
from avfoley_ui.shots_model import Role
from avfoley_ui.window import PanelWindow
from PySide6.QtCore import QMimeData, QPointF, Qt, QThread, QTimer, QUrl
from PySide6.QtGui import QDropEvent

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.timeline.captions import captions, edited
from avfoley_plugin.timeline.placing import placed
from support.engine import Engine
from support.messages import foley_request
from support.panel import Watchdog, click, ready, select, shot, wait

Open = Callable[..., PanelWindow]


def on_file(path: Path) -> list[tuple[str, str, bool, bool]]:
    timeline = otio.adapters.read_from_file(str(path))
    return [(take.shot_name, take.key, take.active, take.identity.starred) for take in placed(timeline)]


def shown(window: PanelWindow) -> list[object]:
    """The takes that the panel lists."""
    return [take for found in window.controller.shots.shots for take in found.takes]


def test_from_opening_to_opening_again(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    assert [found.shot.name for found in window.controller.shots.shots] == ["shot0", "shot1", "shot2", "shot3"]

    # Captions, then takes for two shots.
    select(window, "shot1", "shot2")
    window.form.caption.setPlainText("boots on gravel")
    window.form.takes.setValue(2)
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: len(shown(window)) == 4 and window.controller.idle)
    assert on_file(cut) == [
        ("shot1", "take 1", True, False),
        ("shot1", "take 2", False, False),
        ("shot2", "take 1", True, False),
        ("shot2", "take 2", False, False),
    ]
    assert set(captions(otio.adapters.read_from_file(str(cut))).values()) == {"boots on gravel"}
    lanes = window.listening.lanes.lanes
    assert [lane.listen.text() for lane in sorted(lanes, key=lambda lane: lane.y())] == ["1", "2"]

    # Playing moves the playhead and the picture.
    listening = window.listening
    wait(qtbot, lambda: listening.idle and listening.picture.image is not None)
    first = listening.picture.image.pixelColor(5, 5).lightness()
    window.shots.list.setFocus()
    qtbot.keyClick(window.shots.list, Qt.Key.Key_Space)
    assert listening.player.playing
    wait(qtbot, lambda: listening.player.position > 24_000)
    wait(qtbot, lambda: listening.picture.image.pixelColor(5, 5).lightness() > first + 10)
    qtbot.keyClick(window.shots.list, Qt.Key.Key_K)
    assert not listening.player.playing

    # A/B at the same playhead; then the other take is the one to use, and starred.
    at = listening.player.position
    qtbot.keyClick(window.shots.list, Qt.Key.Key_2)
    assert listening.current_take is not None
    assert (listening.current_take.key, listening.player.position) == ("take 2", at)
    click(qtbot, listening.lanes.lanes[1].use)
    click(qtbot, listening.lanes.lanes[1].star)
    wait(qtbot, lambda: ("shot1", "take 2", True, True) in on_file(cut))

    # A caption edited in the list marks its shot; only that one is made again.
    wait(qtbot, lambda: window.controller.idle)
    model = window.controller.shots
    row = [found.shot.name for found in model.shots].index("shot2")
    model.setData(model.index(row), "boots on tin", Qt.ItemDataRole.EditRole)
    wait(qtbot, lambda: shot(window, "shot2").state == "changed")
    assert [edit.new for edit in edited(otio.adapters.read_from_file(str(cut)))] == ["boots on tin"]
    wait(qtbot, lambda: window.form.regenerate.isVisible() and window.form.regenerate.isEnabled())
    click(qtbot, window.form.regenerate)
    wait(qtbot, lambda: shot(window, "shot2").state == "made" and window.controller.idle)
    assert len(on_file(cut)) == 5
    assert shot(window, "shot2").active_take.settings.caption == "boots on tin"

    held = [(found.shot.name, found.state, found.caption, found.takes) for found in model.shots]
    window.close()
    again = open_panel(cut)
    wait(qtbot, lambda: ready(again))
    assert [
        (found.shot.name, found.state, found.caption, found.takes) for found in again.controller.shots.shots
    ] == held
    select(again, "shot1")
    wait(qtbot, lambda: again.listening.lanes.lanes and again.listening.idle)
    assert [lane.take.starred for lane in again.listening.lanes.lanes] == [False, True]
    assert again.listening.current_take.key == "take 2"


def test_undo_takes_the_written_timeline_back(qtbot: Any, open_panel: Open, cut: Path) -> None:
    untouched = cut.read_text()
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0")
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: len(shown(window)) == 2 and window.controller.idle)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, lambda: cut.read_text() == untouched)
    wait(qtbot, lambda: window.redo_button.isEnabled() and not window.undo_button.isEnabled())
    click(qtbot, window.redo_button)
    wait(qtbot, lambda: len(on_file(cut)) == 2 and len(shot(window, "shot0").takes) == 2)


def test_seed_and_settings_of_a_take_are_put_back(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0")
    form = window.form
    form.negative.setText("music")
    form.takes.setValue(1)
    form.seed.setValue(77)
    form.seed_locked.setChecked(True)
    form.quality.setCurrentIndex(form.quality.findData("fine"))
    click(qtbot, form.buttons["foley"])
    wait(qtbot, lambda: len(shown(window)) == 1 and window.controller.idle)
    form.negative.clear()
    form.quality.setCurrentIndex(0)
    form.seed_locked.setChecked(False)
    form.draw_seed()
    click(qtbot, window.listening.lanes.lanes[0].settings)
    assert (form.negative.text(), form.seed.value(), form.seed_locked.isChecked()) == ("music", 77, True)
    assert form.quality.currentData() == "fine"
    # The same request is the same take: nothing is added.
    click(qtbot, form.buttons["foley"])
    wait(qtbot, lambda: not window.controller.making and window.controller.idle)
    assert len(on_file(cut)) == 1


def test_an_engine_killed_in_the_middle_of_a_job_comes_back(
    qtbot: Any, open_panel: Open, cut: Path, panel_engine: Engine
) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0", "shot1")
    window.form.caption.setPlainText("slow")
    window.form.takes.setValue(1)
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: any(row.state == "running" for row in window.controller.queue.rows))
    seen: list[str] = []
    window.controller.engine_changed.connect(lambda view: seen.append(view.phase))
    endpoint = panel_engine.endpoint()
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGKILL)
    wait(qtbot, lambda: "restarting" in seen)
    assert "restarting" in window.engine.text.text()
    wait(qtbot, lambda: len(on_file(cut)) == 2 and not window.controller.making)
    wait(qtbot, lambda: window.controller.engine.phase == "idle")
    assert window.controller.queue.rows == []
    assert window.notice.isHidden()


def test_one_is_cancelled_then_all(qtbot: Any, open_panel: Open, cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STEP_SECONDS", "0.1")
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0", "shot1", "shot2")
    window.form.caption.setPlainText("slow")
    window.form.takes.setValue(1)
    click(qtbot, window.form.buttons["foley"])
    queue = window.controller.queue
    wait(qtbot, lambda: len(queue.rows) == 3 and queue.rows[0].state == "running")
    window.queue.list.setCurrentIndex(queue.index(1))
    qtbot.keyClick(window.queue.list, Qt.Key.Key_Delete)
    wait(qtbot, lambda: [row.name for row in queue.rows] == ["shot0", "shot2"])
    # Told with the first step of the first take, which may not be made yet.
    wait(qtbot, lambda: queue.total_eta_seconds is not None)
    click(qtbot, window.queue.cancel_all)
    wait(qtbot, lambda: not window.controller.making and queue.rows == [])
    assert on_file(cut) == []


def test_what_failed_says_why_and_stays_until_dismissed(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0")
    window.form.caption.setPlainText("broken")
    click(qtbot, window.form.buttons["foley"])
    queue = window.controller.queue
    wait(qtbot, lambda: not window.controller.making and len(queue.rows) == 1)
    assert queue.state_text(queue.rows[0]) == "the weights are broken; fetch them again"
    window.queue.list.setCurrentIndex(queue.index(0))
    qtbot.keyClick(window.queue.list, Qt.Key.Key_Delete)
    assert queue.rows == []


def test_the_gui_thread_is_never_blocked_while_takes_are_made(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0", "shot1")
    wait(qtbot, lambda: window.listening.idle and window.controller.idle)
    window.form.takes.setValue(3)
    with Watchdog() as watchdog:
        click(qtbot, window.form.buttons["foley"])
        window.listening.player.toggle()
        wait(qtbot, lambda: len(shown(window)) == 6 and window.controller.idle and window.listening.idle)
    assert len(watchdog.gaps) > 10
    assert watchdog.longest < 0.05, f"{sorted(watchdog.gaps)[-5:]}"


def test_the_watchdog_sees_what_blocks(qtbot: Any) -> None:
    with Watchdog() as watchdog:
        QTimer.singleShot(50, lambda: time.sleep(0.2))
        qtbot.wait(400)
    assert watchdog.longest > 0.05


def test_closing_leaves_no_thread_and_no_process(qtbot: Any, open_panel: Open, cut: Path, panel_engine: Engine) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0", "shot1", "shot2")
    window.form.caption.setPlainText("slow")
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: any(row.state == "running" for row in window.controller.queue.rows))
    status = panel_engine_status()
    window.hide()
    window.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("avfoley")] == []
    assert [child for child in window.findChildren(QThread) if child.isRunning()] == []
    assert [pid for pid in (status.pid, status.worker_pid) if _is_alive(pid)] == []
    states = {job["state"] for job in _jobs(panel_engine)}
    assert states <= {"done", "cancelled"}
    assert "cancelled" in states


def test_closing_leaves_an_engine_alone_that_works_for_somebody_else(
    qtbot: Any, open_panel: Open, cut: Path, panel_engine: Engine
) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    with contextlib.closing(LocalEngine(command=None)) as shell:
        (job,) = shell.submit([foley_request(caption="slow", steps=1000)])
        wait(qtbot, lambda: window.controller.engine.phase == "busy")
        window.close()
        assert not shell.job(job.id).state.final
        assert _is_alive(shell.status().pid)


def test_closing_at_once_leaves_no_engine_that_was_just_starting(
    qtbot: Any, open_panel: Open, panel_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **options: started.append(popen(*a, **options)) or started[-1])
    window = open_panel()
    wait(qtbot, lambda: started)
    window.close()
    assert [process.pid for process in started if process.poll() is None] == []


def panel_engine_status() -> EngineStatus:
    with contextlib.closing(LocalEngine(command=None)) as engine:
        return engine.status()


def _is_alive(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return pid is not None


def _jobs(engine: Engine) -> list[dict[str, Any]]:
    from contextlib import closing

    from avfoley_engine.jobs.store import JobStore

    deadline = time.monotonic() + 30
    with closing(JobStore(engine.folder / "jobs.sqlite")) as store:
        while any(not job.state.final for job in store.jobs()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return [{"state": str(job.state)} for job in store.jobs()]


def test_a_video_dropped_on_the_panel_is_opened(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel()
    assert window.pages.currentWidget() is window.welcome
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(cut.with_name("clip.mp4")))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, left, none))
    wait(qtbot, lambda: window.controller.contents is not None)
    assert [found.shot.frames for found in window.controller.shots.shots] == [100]
    index = window.controller.shots.index(0)
    wait(qtbot, lambda: index.data(Role.THUMBNAIL) is not None)


def test_a_take_is_dragged_out_as_its_file(qtbot: Any, open_panel: Open, cut: Path) -> None:
    from avfoley_ui.widgets.take_lanes import file_data

    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0")
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: len(shown(window)) == 2 and window.controller.idle)
    (url,) = file_data(window.listening.lanes.lanes[0].take).urls()
    path = Path(url.toLocalFile())
    assert path.is_file()
    assert path.parent.name == "cut.avfoley"


def test_what_another_program_writes_is_shown(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    chosen = select(window, "shot3")
    timeline = otio.adapters.read_from_file(str(cut))
    del timeline.tracks[0][0]
    otio.adapters.write_to_file(timeline, str(cut))
    wait(qtbot, lambda: [found.shot.name for found in window.controller.shots.shots] == ["shot1", "shot2", "shot3"])
    assert window.shots.selected == chosen


def test_a_file_that_is_no_timeline_is_explained(qtbot: Any, open_panel: Open, tmp_path: Path) -> None:
    path = tmp_path / "bad.otio"
    path.write_text("{")
    window = open_panel()
    window.open(path)
    wait(qtbot, lambda: not window.notice.isHidden())
    assert "bad.otio" in window.notice.text.text()
    assert window.pages.currentWidget() is window.welcome
