"""The panel's parts: what they offer, in which words, at which sizes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import avfoley_ui
import pytest
from avfoley_ui import engine_watch, theme
from avfoley_ui.app import spare_the_gui_thread
from avfoley_ui.controller import Controller
from avfoley_ui.engine_watch import EngineView
from avfoley_ui.playback.output import SilentOutput
from avfoley_ui.queue_model import QueueModel
from avfoley_ui.settings import MakingChoices, PanelSettings
from avfoley_ui.shots_model import Role, ShotsFilter, ShotsModel
from avfoley_ui.widgets.engine_bar import EngineBar
from avfoley_ui.widgets.making_form import MakingForm
from avfoley_ui.widgets.models_dialog import ModelsDialog
from avfoley_ui.widgets.parts import FactsLabel, decimal
from avfoley_ui.widgets.queue_view import QueueView
from avfoley_ui.window import PanelWindow
from PySide6.QtCore import QCoreApplication, QLocale, QPoint, QRect, QSettings, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from avfoley_plugin import workflows
from avfoley_plugin.engine_client import EngineClient, EngineStatus, ModelInfo, Pull
from avfoley_plugin.errors import EngineError
from avfoley_plugin.making import TakeDone, TakeFailed, TakeProgress
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.workflows import Order, Planned
from avfoley_plugin.workspace import ListedShot, ShotState
from support.messages import model_info
from support.panel import ready, select, shot, speaking, wait

UI = Path(avfoley_ui.__file__).parent
Open = Callable[..., PanelWindow]


def listed(
    name: str, caption: str = "", frames: int = 25, state: ShotState = ShotState.NEW, start: int = 0
) -> ListedShot:
    made = Shot(
        id=f"id-{name}",
        name=name,
        track_index=0,
        track_name="V1",
        layer="0",
        clip=None,
        media=None,
        picture=None,
        frames=frames,
        record_rate=Fraction(25),
        record_start=start,
        record_start_timecode=start,
        head_available=None,
        tail_available=None,
        caption=caption,
    )
    return ListedShot(made, state, caption, ())


def model(name: str, *tasks: str, **changes: Any) -> ModelInfo:
    return model_info(name, *tasks, **{"title": name.title(), "size_bytes": 12_300_000, **changes})


def names(proxy: ShotsFilter) -> list[str]:
    return [proxy.index(row, 0).data() for row in range(proxy.rowCount())]


def test_shots_are_filtered_and_sorted(qtbot: Any) -> None:
    shots = ShotsModel()
    shots.set_shots(
        [
            listed("b", "a door", 50, ShotState.MADE),
            listed("a", "boots on gravel", 25, ShotState.CHANGED, 50),
            listed("c", "boots", 75, ShotState.NEW, 75),
        ]
    )
    proxy = ShotsFilter()
    proxy.setSourceModel(shots)
    assert names(proxy) == ["b", "a", "c"]
    for key, expected in (("name", "abc"), ("length", "abc"), ("state", "acb"), ("caption", "bca"), ("record", "bac")):
        proxy.set_key(key)
        assert "".join(names(proxy)) == expected, key
    proxy.set_terms("BOOTS gra")
    assert names(proxy) == ["a"]
    proxy.set_terms("")
    proxy.set_state("new")
    assert names(proxy) == ["c"]


def test_new_contents_of_the_same_shots_leave_the_list_in_place(qtbot: Any) -> None:
    shots = ShotsModel()
    shots.set_shots([listed("a"), listed("b")])
    with qtbot.assertNotEmitted(shots.modelReset), qtbot.waitSignal(shots.dataChanged) as changed:
        shots.set_shots([listed("a"), listed("b", "a door")])
    assert changed.args[0].row() == 1


def test_buttons_follow_from_the_tasks_that_the_engine_reports(qtbot: Any) -> None:
    form = MakingForm()
    qtbot.addWidget(form)
    form.set_shots([listed("a")], 0)
    form.show()

    def offered() -> list[str]:
        return [task for task, button in form.buttons.items() if button.isVisible()]

    assert offered() == []
    form.set_engine([model("nano", "foley")], True)
    assert offered() == ["foley"]
    # A task that the panel does not know is no button either.
    form.set_engine([model("nano", "foley", "caption")], True)
    assert offered() == ["foley"]
    form.set_engine([model("nano", "foley", "visualize")], True)
    assert offered() == ["foley", "visualize"]
    with qtbot.waitSignal(form.requested) as wanted:
        form.buttons["visualize"].click()
    assert wanted.args[0] == "visualize"
    assert isinstance(wanted.args[1], workflows.VisualizeSettings)
    form.set_engine([model("nano", "foley")], False)
    assert not form.buttons["foley"].isEnabled()


def test_a_task_that_the_panel_does_not_know_is_named_and_left_alone(qtbot: Any) -> None:
    form, dialog = MakingForm(), ModelsDialog()
    qtbot.addWidget(form)
    qtbot.addWidget(dialog)
    models = [model("listener", "caption"), model("nano", "foley"), model("artist", "visualize", "caption")]
    form.set_engine(models, True)
    form.set_shots([listed("a")], 0)
    # A model that does nothing else is listed, and cannot be chosen.
    assert [form.model.itemText(at) for at in range(3)] == ["Listener", "Nano", "Artist"]
    assert form.model.currentText() == "Nano"
    form.set_choices(MakingChoices(model="listener"))
    assert form.model.currentText() == "Nano"
    assert "caption (not supported by this panel)" in form.model.itemData(0, Qt.ItemDataRole.ToolTipRole)
    dialog.show_engine(EngineView("idle", models=tuple(models)))
    assert "caption (not supported by this panel)" in dialog._rows["listener"]._facts.text()
    assert "picture for a sound, caption (not supported" in dialog._rows["artist"]._facts.text()
    # A task of another model than the chosen one is done by that one, and the button says so.
    assert form.buttons["foley"].toolTip() == ""
    assert "Artist" in form.buttons["visualize"].toolTip()
    with qtbot.waitSignal(form.requested) as requested:
        form.buttons["visualize"].click()
    assert requested.args[1].model == "artist"


def test_what_the_form_asks_for(qtbot: Any) -> None:
    form = MakingForm()
    qtbot.addWidget(form)
    assert form.model.currentText() == ""
    form.set_engine([model("nano", "foley"), model("paper", "foley", default_steps=50)], True)
    assert form.model.currentText() == "Nano"
    form.set_shots([listed("a"), listed("b")], 0)
    form.set_choices(MakingChoices("music", "paper", "draft", 5, True, 3, 12))
    with qtbot.waitSignal(form.requested) as wanted:
        form.buttons["foley"].click()
    task, settings = wanted.args
    assert task == "foley"
    assert settings == workflows.FoleySettings(
        negative_caption="music", seed=5, takes=3, model="paper", steps=20, handles=12
    )
    form.seed_locked.setChecked(False)
    seeds = set()
    for _ in range(3):
        with qtbot.waitSignal(form.requested) as wanted:
            form.buttons["foley"].click()
        seeds.add(wanted.args[1].seed)
    assert len(seeds) == 3


def test_what_a_model_does_not_read_is_not_asked_for(qtbot: Any) -> None:
    form = MakingForm()
    qtbot.addWidget(form)
    form.show()
    form.set_engine([model("nano", "foley"), model("sight", "foley", controls=["steps"])], True)
    form.set_shots([listed("a")], 0)
    form.negative.setText("music")
    assert form.negative.isVisible()
    for name, said in (("sight", "music"), ("nano", "music")):
        form.set_choices(MakingChoices(said, name, "standard", 5, True, 1, 0))
        assert form.negative.isVisible() == (name == "nano")
        assert ("does not read captions" in form.hint.text()) == (name == "sight")
        with qtbot.waitSignal(form.requested) as wanted:
            form.buttons["foley"].click()
        assert wanted.args[1].negative_caption == ("music" if name == "nano" else "")


def test_one_caption_for_several_shots(qtbot: Any) -> None:
    form = MakingForm()
    qtbot.addWidget(form)
    form.set_shots([listed("a", "boots"), listed("b", "a door")], 0)
    assert form.caption.toPlainText() == ""
    assert "several" in form.caption.placeholderText()
    form.caption.setPlainText("steps\non snow ")
    with qtbot.waitSignal(form.caption_edited) as edited:
        form.caption.commit()
    assert edited.args == [["id-a", "id-b"], "steps on snow"]
    form.set_shots([listed("c", "rain")], 0)
    assert form.caption.toPlainText() == "rain"


def planned(*shots: ListedShot, takes: int = 1) -> Planned:
    return Planned(tuple(Order(found.shot, (SimpleNamespace(),) * takes) for found in shots), ())  # type: ignore[misc]


def test_the_queue_counts_what_is_left(qtbot: Any) -> None:
    queue = QueueModel()
    a, b = listed("a"), listed("b", frames=75)
    queue.plan(1, planned(a, b, takes=2))
    assert queue.total_progress == 0
    queue.update(1, TakeProgress(a.shot, 0, "running", 0.5, 4.0, None))  # type: ignore[arg-type]
    assert queue.rows[0].done == 0.25
    # One second of sound takes eight; there are 7.5 left.
    assert queue.total_eta_seconds == pytest.approx(7.5 * 8)
    assert queue.eta_seconds(queue.rows[0]) == pytest.approx(4 + 8)
    assert queue.state_text(queue.rows[0]).startswith("25%, 12 s")
    queue.update(1, TakeDone(a.shot, 0, SimpleNamespace()))  # type: ignore[arg-type]
    queue.update(1, TakeDone(a.shot, 1, SimpleNamespace()))  # type: ignore[arg-type]
    assert [row.name for row in queue.rows] == ["b"]
    assert queue.total_progress == pytest.approx(0.25)
    queue.update(1, TakeFailed(b.shot, 0, "out of memory"))
    queue.update(1, TakeDone(b.shot, 1, SimpleNamespace()))  # type: ignore[arg-type]
    assert [(row.name, row.state, row.reasons) for row in queue.rows] == [("b", "failed", ["out of memory"])]
    queue.dismiss([0])
    assert queue.rows == []


def test_a_run_that_broke_off_says_so_at_what_it_has_not_made(qtbot: Any) -> None:
    queue = QueueModel()
    queue.plan(1, planned(listed("a"), listed("b")))
    queue.end_run(1, "the disk is full")
    assert {(row.state, *row.reasons) for row in queue.rows} == {("failed", "the disk is full")}


def test_models_are_pulled_with_progress(qtbot: Any) -> None:
    dialog = ModelsDialog()
    qtbot.addWidget(dialog)
    away = model("paper", "foley", local=False, size_bytes=4_000_000_000, licence="MIT")
    dialog.show_engine(EngineView("idle", models=(model("nano", "foley"), away)))
    dialog.show()
    row = dialog._rows["paper"]
    assert not dialog._rows["nano"].pull.isVisible()
    with qtbot.waitSignal(dialog.pull_requested) as wanted:
        row.pull.click()
    assert wanted.args == ["paper"]
    going = Pull(model="paper", state="running", received=1_000_000_000, total=4_000_000_000)
    dialog.show_engine(EngineView("idle", models=(away,), pulls=(going,)))
    assert row.bar.isVisible()
    assert row.bar.value() / row.bar.maximum() == pytest.approx(0.25, abs=0.001)
    with qtbot.waitSignal(dialog.stop_requested):
        row.stop.click()
    stopped = going.model_copy(update={"state": "stopped"})
    dialog.show_engine(EngineView("idle", models=(away,), pulls=(stopped,)))
    assert row.pull.text() == "Resume download"
    failed = going.model_copy(update={"state": "failed", "error": "Check the network."})
    dialog.show_engine(EngineView("idle", models=(away,), pulls=(failed,)))
    assert row._error.text() == "Check the network."


class Pulling(EngineClient):
    """An engine whose model comes ten per cent with every look, as far as it may, and keeps what came when stopped."""

    def __init__(self) -> None:
        self.away = model("paper", "foley", local=False, size_bytes=4_000_000_000)
        self.received, self.step, self.limit = 0, 400_000_000, 1_200_000_000
        self.state: str | None = None

    def status(self) -> EngineStatus:
        return EngineStatus(
            version="1",
            pid=1,
            device="cpu",
            worker="idle",
            worker_pid=2,
            model=None,
            memory_bytes=None,
            queued=0,
            running=0,
        )

    def models(self) -> list[ModelInfo]:
        return [self.away.model_copy(update={"local": self.state == "done"})]

    def pull(self, model: str) -> Pull:
        self.state = "running"
        return self.pulls()[0]

    def pulls(self) -> list[Pull]:
        if self.state is None:
            return []
        if self.state == "running":
            self.received = min(self.received + self.step, self.limit)
            self.state = "running" if self.received < 4_000_000_000 else "done"
        return [
            Pull.model_validate(
                {"model": "paper", "state": self.state, "received": self.received, "total": 4_000_000_000}
            )
        ]

    def stop_pull(self, model: str) -> None:
        self.state = "stopped"

    def probe(self, path: Path) -> Any:
        raise EngineError("not asked for here")

    def submit(self, requests: Any) -> Any:
        raise EngineError("not asked for here")

    def follow(self, jobs: Any) -> Any:
        raise EngineError("not asked for here")

    def cancel(self, jobs: Any) -> None: ...

    def give_up(self) -> None: ...

    def close(self) -> None: ...

    def end_started(self) -> None: ...


def test_a_model_is_pulled_stopped_and_goes_on(qtbot: Any, settings: PanelSettings, monkeypatch: Any) -> None:
    monkeypatch.setattr(engine_watch, "BUSY_INTERVAL", 0.02)
    monkeypatch.setattr(engine_watch, "CALM_INTERVAL", 0.02)
    engine = Pulling()
    window = PanelWindow(Controller(lambda: engine, lambda: engine), settings, SilentOutput())
    qtbot.addWidget(window)
    try:
        window.show()
        wait(qtbot, lambda: "paper" in window.models._rows)
        qtbot.mouseClick(window.engine.models, Qt.MouseButton.LeftButton)
        row = window.models._rows["paper"]
        assert "4.0 GB" in row._facts.text()
        assert "Apache-2.0" in row._facts.text()
        assert "not downloaded" in row._facts.text()
        qtbot.mouseClick(row.pull, Qt.MouseButton.LeftButton)
        wait(qtbot, lambda: row.bar.isVisible() and row.bar.value() > 0)
        qtbot.mouseClick(row.stop, Qt.MouseButton.LeftButton)
        wait(qtbot, lambda: row.pull.isVisible())
        stopped = engine.received
        assert row.pull.text() == "Resume download"
        assert 0 < stopped < 4_000_000_000
        # The rest comes before anybody looks.
        engine.step = engine.limit = 4_000_000_000
        qtbot.mouseClick(row.pull, Qt.MouseButton.LeftButton)
        wait(qtbot, lambda: "on this machine" in row._facts.text())
        assert row.pull.isHidden()
        assert row.bar.isHidden()
    finally:
        window.hide()
        window.close()


@pytest.mark.parametrize(
    ("view", "told", "remedy"),
    [
        (EngineView(), "Starting the engine", ""),
        (EngineView("idle", "cuda", "nano", 4_100_000_000), "Ready  ·  CUDA  ·  nano  ·  4.1 GB", ""),
        (EngineView("busy", "cpu", "nano", 12_000_000), "Working  ·  CPU  ·  nano  ·  12.0 MB", ""),
        (EngineView("failed", error="Update the driver."), "Engine failed", "Update the driver."),
        (EngineView("asleep"), "Engine stopped; starts when needed", ""),
        (EngineView("unreachable", error="Install it."), "Engine unavailable", "Install it."),
    ],
)
def test_how_the_engine_is_stands_in_one_place(qtbot: Any, view: EngineView, told: str, remedy: str) -> None:
    bar = EngineBar()
    qtbot.addWidget(bar)
    bar.show()
    bar.show_engine(view)
    assert bar.text.text() == told
    assert (bar.error.text(), bar.error.isVisible()) == (remedy, bool(remedy))
    assert told.split("  ·  ")[0] in bar.accessibleName()


def test_facts_that_have_no_room_are_left_out_whole(qtbot: Any) -> None:
    label = FactsLabel()
    qtbot.addWidget(label)
    facts = ["Working", "CPU", "avlink-nano", "909.2 MB"]
    label.set_facts(facts)
    label.show()
    seen = set()
    for width in range(500, 20, -3):
        label.resize(width, 20)
        assert label.fontMetrics().horizontalAdvance(label.shown) <= width
        seen.add(label.shown)
        assert bool(label.toolTip()) == (label.shown != label.text())
    assert {"  ·  ".join(facts[:count]) for count in range(1, 5)} <= seen
    assert all("…" not in text for text in seen if "·" in text)


def test_numbers_are_written_as_the_language_does(qtbot: Any) -> None:
    before = QLocale()
    try:
        QLocale.setDefault(QLocale("de"))
        assert decimal(4.834, 2) == "4,83"
        QLocale.setDefault(QLocale("en"))
        assert decimal(4.834, 2) == "4.83"
    finally:
        QLocale.setDefault(before)


def test_the_queue_says_how_long_it_takes(qtbot: Any) -> None:
    queue = QueueModel()
    view = QueueView(queue)
    qtbot.addWidget(view)
    view.show()
    assert not view.cancel_all.isEnabled()
    a, b = listed("a"), listed("b", frames=75)
    queue.plan(1, planned(a, b))
    queue.update(1, TakeProgress(a.shot, 0, "running", 0.5, 4.0, None))  # type: ignore[arg-type]
    assert view.summary.text().endswith("to go, about 28 s left")
    assert view.total.value() == pytest.approx(125, abs=1)
    assert view.cancel_all.isEnabled()
    spoken = [queue.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)]
    assert spoken == ["a, 50%, 4 s left", "b, waiting"]
    queue.update(1, TakeFailed(a.shot, 0, "out of memory"))
    queue.update(1, TakeDone(b.shot, 0, SimpleNamespace()))  # type: ignore[arg-type]
    assert view.summary.text().endswith("failed")
    assert view.total.isHidden()


def test_choices_survive_and_nonsense_does_not(tmp_path: Path) -> None:
    store = QSettings(str(tmp_path / "a.ini"), QSettings.Format.IniFormat)
    settings = PanelSettings(store)
    chosen = MakingChoices("music", "paper", "draft", 5, True, 3, 12)
    settings.making = chosen
    assert PanelSettings(store).making == chosen
    store.setValue("making", '{"takes": "many", "seed": 9}')
    assert settings.making == MakingChoices(seed=9)
    store.setValue("making", "[")
    assert settings.making == MakingChoices()


def test_widgets_are_destroyed_in_the_gui_thread_only(qtbot: Any, qapp: QApplication) -> None:
    class Circle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            destroyed_in.append(threading.current_thread())

    def make_many() -> None:
        for _ in range(30_000):
            Circle()

    destroyed_in: list[threading.Thread] = []
    spare_the_gui_thread(qapp)
    thread = threading.Thread(target=make_many)
    thread.start()
    thread.join()
    wait(qtbot, lambda: len(destroyed_in) == 30_000)
    assert set(destroyed_in) == {threading.main_thread()}


def test_the_panel_remembers_its_state(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    window.shots.order.setCurrentIndex(window.shots.order.findData("name"))
    window.listening.player.set_looping(False)
    window.form.takes.setValue(7)
    window.resize(1210, 777)
    wait(qtbot, lambda: window.controller.idle)
    window.close()
    again = open_panel()
    assert again.shots.order.currentData() == "name"
    assert not again.listening.player.looping
    assert again.form.takes.value() == 7
    assert again._settings.recent == [cut]


@pytest.mark.parametrize("dark", [True, False])
def test_what_is_written_can_be_read(qtbot: Any, dark: bool) -> None:
    palette = theme.palette(dark)
    ground = palette.color(QPalette.ColorRole.Window)
    for colour in (
        palette.color(QPalette.ColorRole.WindowText),
        palette.color(QPalette.ColorRole.PlaceholderText),
        *(theme.state_colour(name, palette) for name in ("made", "changed", "working", "failed", "quiet")),
    ):
        assert contrast(colour, ground) >= 4.5, colour.name()


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2's contrast ratio."""

    def luminance(colour: QColor) -> float:
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_is_cut_or_overlaps_at_any_width(qtbot: Any, open_panel: Open, cut: Path, language: str) -> None:
    with speaking(language):
        window = open_panel(cut)
        wait(qtbot, lambda: ready(window))
        select(window, "shot0")
        window.form.request("foley")
        wait(qtbot, lambda: len(shot(window, "shot0").takes) == 2 and window.controller.idle)
        window.controller.set_caption([shot(window, "shot0").id], "other words")
        wait(qtbot, lambda: window.controller.idle and window.form.regenerate.isVisibleTo(window.form))
        for width, columns in ((360, 1), (700, 2), (900, 2), (1200, 3), (1600, 3)):
            window.resize(width, 800)
            for part in range(3 if columns == 1 else 1):
                window.columns.show_part(part)
                qtbot.wait(50)
                assert (window.width(), window.columns.count) == (width, columns)
                assert troubles(window) == []


def troubles(window: QWidget) -> list[str]:
    """Visible widgets that are smaller than they need, outside what holds them, or over a sibling."""
    found = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or widget.isWindow() or widget.width() == 0:
            continue
        name = f"{type(widget).__name__} {widget.accessibleName() or getattr(widget, 'text', str)()}"
        needed = widget.minimumSizeHint()
        inner = isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
        labelled = isinstance(widget, QAbstractButton | QAbstractSpinBox | QComboBox | QLineEdit) and not inner
        if labelled and (widget.width() < needed.width() or widget.height() < needed.height()):
            found.append(f"{name} is {widget.width()} x {widget.height()}, needs {needed.width()} x {needed.height()}")
        scrolled = any(isinstance(area, QScrollArea) and area.isAncestorOf(widget) for area in _areas(window))
        area = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        if not scrolled and not window.rect().contains(area):
            found.append(f"{name} is outside the window")
        if scrolled and (area.left() < 0 or area.right() > window.width()):
            found.append(f"{name} is wider than the window")
    for holder in window.findChildren(QWidget):
        layout = holder.layout()
        if layout is None or not holder.isVisible():
            continue
        items = [item for n in range(layout.count()) if (item := layout.itemAt(n)).widget() is not None]
        shown = [item.widget() for item in items if item.widget().isVisible()]
        for n, one in enumerate(shown):
            for other in shown[n + 1 :]:
                if one.geometry().intersects(other.geometry()):
                    found.append(f"{type(one).__name__} overlaps {type(other).__name__} in {type(holder).__name__}")
    return found


def _areas(window: QWidget) -> list[QScrollArea]:
    return window.findChildren(QScrollArea)


def test_everything_that_takes_the_keyboard_has_a_name(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0")
    window.form.request("foley")
    wait(qtbot, lambda: len(shot(window, "shot0").takes) == 2 and window.controller.idle)
    nameless = []
    for widget in window.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and not widget.isWindow():
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            inner = isinstance(widget.parent(), QComboBox) or widget.objectName().startswith("qt_")
            if not (widget.accessibleName() or text or inner):
                nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []


def test_german_is_complete() -> None:
    for file in ("avfoley_de.ts", "avfoley_en.ts"):
        for message in ET.parse(UI / "i18n" / file).getroot().iter("message"):
            translation = message.find("translation")
            assert translation is not None
            texts = [form.text for form in translation.findall("numerusform")] or [translation.text]
            assert translation.get("type") is None, message.findtext("source")
            assert all(texts), message.findtext("source")


def test_every_text_of_the_panel_is_in_the_translation(tmp_path: Path) -> None:
    lupdate = Path(sys.executable).with_name("pyside6-lupdate")
    if not lupdate.exists():
        pytest.skip("pyside6-lupdate is not installed beside Python")
    fresh = tmp_path / "fresh.ts"
    sources = sorted(map(str, UI.rglob("*.py")))
    subprocess.run([lupdate, *sources, "-ts", fresh], check=True, capture_output=True)

    def texts(path: Path) -> set[tuple[str | None, str | None]]:
        contexts = ET.parse(path).getroot().findall("context")
        return {(c.findtext("name"), m.findtext("source")) for c in contexts for m in c.findall("message")}

    assert texts(fresh) == texts(UI / "i18n" / "avfoley_de.ts")


def test_the_compiled_german_speaks(qtbot: Any) -> None:
    with speaking("de_AT"):
        assert QCoreApplication.translate("Task", "Generate") == "Erzeugen"
        assert QCoreApplication.translate("ShotsModel", "%n take(s)", "", 1) == "1 Take"
        root = ET.parse(UI / "i18n" / "avfoley_de.ts").getroot()
        contexts = {message: found.findtext("name") or "" for found in root for message in found.iter("message")}
        for message in root.iter("message"):
            source = message.findtext("source") or ""
            translation = message.find("translation")
            assert translation is not None
            if not translation.findall("numerusform"):
                # As it was compiled, and not as it was when somebody last did so.
                context = contexts[message]
                assert QCoreApplication.translate(context, source) == translation.text, source
            # What is filled in is there in both.
            for text in [form.text for form in translation.findall("numerusform")] or [translation.text]:
                for mark in ("{0}", "{1}", "%n"):
                    assert (mark in source) == (mark in (text or "")), source


def test_thumbnails_of_what_is_seen(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: all(window.controller.shots.index(row).data(Role.THUMBNAIL) for row in range(4)))
    shades = [window.controller.shots.index(row).data(Role.THUMBNAIL).pixelColor(5, 5).lightness() for row in range(4)]
    assert shades == sorted(shades)
    assert shades[3] > shades[0] + 80
