"""What one expects of any desktop program: the keyboard, the mouse, files dragged in and out, and a state that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from avfoley_ui import theme
from avfoley_ui.icons import icon
from avfoley_ui.shots_model import Role
from avfoley_ui.widgets import take_lanes
from avfoley_ui.window import PanelWindow
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QGuiApplication, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox, QTabBar, QWidget

from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import placed
from support.panel import click, ready, select, shot, speaking, wait

Open = Callable[..., PanelWindow]
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """A key, for whatever has the keyboard."""
    QTest.keyClick(QApplication.focusWidget() or QApplication.activeWindow(), key, modifiers)


def write(text: str) -> None:
    QTest.keyClicks(QApplication.focusWidget(), text)


@pytest.fixture
def english(qapp: QApplication) -> Iterator[None]:
    """Plurals as the program has them."""
    with speaking("en"):
        yield


@pytest.fixture
def made(qtbot: Any, open_panel: Open, cut: Path) -> PanelWindow:
    """The panel on the four shots, with two takes of shot0, which is selected."""
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0")
    window.form.takes.setValue(2)
    window.form.request("foley")
    wait(qtbot, lambda: len(shot(window, "shot0").takes) == 2 and window.controller.idle)
    wait(qtbot, lambda: window.listening.idle and window.listening.sound is not None)
    return window


def test_a_session_without_a_mouse(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    listening, player = window.listening, window.listening.player

    # A caption in the list, one in the form, takes for two shots.
    press(Qt.Key.Key_1, CONTROL)
    press(Qt.Key.Key_Home)
    press(Qt.Key.Key_F2)
    assert isinstance(QApplication.focusWidget(), QLineEdit)
    write("jokes")
    press(Qt.Key.Key_Return)
    wait(qtbot, lambda: shot(window, "shot0").caption == "jokes" and window.controller.idle)
    press(Qt.Key.Key_1, CONTROL)
    press(Qt.Key.Key_Down, SHIFT)
    press(Qt.Key.Key_3, CONTROL)
    # Letters that are keys of the player are letters in a text.
    write("J K L, box 12")
    press(Qt.Key.Key_Return, CONTROL)
    wait(qtbot, lambda: [len(shot(window, name).takes) for name in ("shot0", "shot1")] == [2, 2])
    wait(qtbot, lambda: window.controller.idle and listening.idle)
    assert {shot(window, name).caption for name in ("shot0", "shot1")} == {"J K L, box 12"}
    assert not player.playing

    # Playing.
    press(Qt.Key.Key_1, CONTROL)
    press(Qt.Key.Key_Home)
    wait(qtbot, lambda: listening.shot is not None and listening.shot.shot.name == "shot0" and listening.idle)
    speeds = []
    for key in (Qt.Key.Key_Space, Qt.Key.Key_L, Qt.Key.Key_L, Qt.Key.Key_J, Qt.Key.Key_J, Qt.Key.Key_K):
        press(key)
        speeds.append(player.speed)
    assert speeds == [1, 2, 4, -1, -2, 0]
    press(Qt.Key.Key_Home, ALT)
    press(Qt.Key.Key_Right, ALT)
    press(Qt.Key.Key_Right, ALT)
    press(Qt.Key.Key_Left, ALT)
    assert player.position == 48_000 // 25
    assert listening.transport.timecode.text() == "00:00:00:01"
    press(Qt.Key.Key_O)
    assert not player.looping

    # Choosing.
    press(Qt.Key.Key_2)
    assert listening.current_take is not None
    assert listening.current_take.key == "take 2"
    press(Qt.Key.Key_X)
    assert listening.current_take.key == "take 1"
    press(Qt.Key.Key_X)
    press(Qt.Key.Key_U)
    press(Qt.Key.Key_S)
    wait(qtbot, lambda: [(t.active, t.starred) for t in shot(window, "shot0").takes] == [(False, False), (True, True)])
    press(Qt.Key.Key_C, CONTROL)
    (url,) = QGuiApplication.clipboard().mimeData().urls()
    assert Path(url.toLocalFile()) == listening.current_take.path
    # What is left there when Python ends, the offscreen platform deletes after it.
    QGuiApplication.clipboard().clear()
    press(Qt.Key.Key_1)
    wait(qtbot, lambda: window.controller.idle)
    press(Qt.Key.Key_Backspace, CONTROL)
    wait(qtbot, lambda: len(shot(window, "shot0").takes) == 1 and window.controller.idle)
    press(Qt.Key.Key_Z, CONTROL)
    wait(qtbot, lambda: len(shot(window, "shot0").takes) == 2 and window.controller.idle)
    press(Qt.Key.Key_Z, CONTROL | SHIFT)
    wait(qtbot, lambda: len(shot(window, "shot0").takes) == 1 and window.controller.idle)

    # Another caption, and its shot again.
    press(Qt.Key.Key_Down, ALT)
    wait(qtbot, lambda: listening.shot is not None and listening.shot.shot.name == "shot1")
    press(Qt.Key.Key_F2)
    write("boots")
    press(Qt.Key.Key_Return)
    wait(qtbot, lambda: shot(window, "shot1").state == "changed" and window.form.regenerate.isVisible())
    press(Qt.Key.Key_R, CONTROL)
    wait(qtbot, lambda: len(shot(window, "shot1").takes) == 3 and window.controller.idle)
    assert set(captions(otio.adapters.read_from_file(str(cut))).values()) == {"boots", "J K L, box 12"}

    # Finding, and what else has a key.
    press(Qt.Key.Key_F, CONTROL)
    write("SHOT3")
    assert window.shots.list.model().rowCount() == 1
    press(Qt.Key.Key_Escape)
    wait(qtbot, lambda: window.shots.list.model().rowCount() == 4)
    press(Qt.Key.Key_2, CONTROL)
    assert listening.transport.play.hasFocus()
    before = listening.view.span
    press(Qt.Key.Key_Plus, CONTROL)
    start, end = listening.view.span
    assert end - start == pytest.approx((before[1] - before[0]) / 1.5)
    press(Qt.Key.Key_0, CONTROL)
    assert listening.view.span == pytest.approx(before)
    press(Qt.Key.Key_F1)
    (keys,) = window.findChildren(QMessageBox)
    assert "Alt+Shift+Left" in keys.text()
    keys.close()


def test_every_key_is_in_the_documentation(qtbot: Any, open_panel: Open) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "panel.md").read_text(encoding="utf-8")
    told = docs[docs.index("## Keys") : docs.index("## How it is built")]
    aliases = {"Ctrl+2": "2", "Ctrl+3": "3"}
    for keys, words, _ in open_panel().shortcuts.table:
        spelled = aliases.get(keys, keys)
        assert spelled in told, f"{keys}: {words}"


def test_escape_cancels_nothing_that_is_being_made(
    qtbot: Any, open_panel: Open, cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_STEP_SECONDS", "0.1")
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot0", "shot1")
    window.form.caption.setPlainText("slow")
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: any(row.state == "running" for row in window.controller.queue.rows))
    # The first dismisses what was said.
    window.notice.show_message("something", True)
    for _ in range(3):
        press(Qt.Key.Key_Escape)
    assert window.notice.isHidden()
    qtbot.wait(200)
    assert {row.state for row in window.controller.queue.rows} <= {"running", "waiting"}
    press(Qt.Key.Key_Escape, SHIFT)
    wait(qtbot, lambda: not window.controller.making)
    assert placed(otio.adapters.read_from_file(str(cut))) == []


def test_space_plays_whatever_was_clicked_before(qtbot: Any, made: PanelWindow) -> None:
    window, player = made, made.listening.player
    lane = window.listening.lanes.lanes[0]
    window.form.caption.setFocus()
    for clicked in (
        lane.star,
        lane.listen,
        window.listening.transport.loop,
        lane.wave,
        window.listening.strip,
        window.queue,
    ):
        if clicked is window.queue:
            window.form.caption.setFocus()
            clicked = window.form.buttons["foley"]
        qtbot.mouseClick(clicked, Qt.MouseButton.LeftButton)
        press(Qt.Key.Key_Space)
        assert player.playing, clicked
        press(Qt.Key.Key_Space)
        assert not player.playing, clicked
    assert " " not in window.form.caption.toPlainText()
    wait(qtbot, lambda: not window.controller.making and window.controller.idle)
    # A button that Tab went to is pressed.
    lane.star.setFocus(Qt.FocusReason.TabFocusReason)
    starred = lane.star.isChecked()
    press(Qt.Key.Key_Space)
    assert lane.star.isChecked() != starred
    assert not player.playing
    wait(qtbot, lambda: window.controller.idle)


def test_tab_goes_through_the_panel_as_one_reads_it(qtbot: Any, made: PanelWindow) -> None:
    window = made
    window.controller.set_caption([shot(window, "shot0").id], "other words")
    wait(qtbot, lambda: window.form.regenerate.isVisible() and window.controller.idle)
    # More takes than lanes were ready.
    window.form.takes.setValue(4)
    window.form.request("foley")
    wait(qtbot, lambda: len(shot(window, "shot0").takes) == 6 and window.controller.idle)
    shots, listening, form = window.shots, window.listening, window.form
    lanes = [
        part
        for lane in listening.lanes.lanes
        for part in (lane.listen, lane.star, lane.use, lane.settings, lane.delete)
    ]
    expected = [
        *(window.open_button, window.undo_button, window.redo_button, window.menu_button),
        *(shots.search, shots.states, shots.order, shots.in_host, shots.list),
        *(
            listening.transport.to_start,
            listening.transport.play,
            listening.transport.loop,
            listening.transport.compare,
            listening.lanes,
            *lanes,
        ),
        *(form.caption, form.negative, form.model, form.quality, form.seed, form.new_seed, form.seed_locked),
        *(form.takes, form.handles, *form.buttons.values(), form.regenerate),
        *(window.queue.cancel_all, window.queue.list, window.notice.dismiss, window.engine.models),
    ]
    for width, part in ((1300, 0), (800, 0), (400, 0), (400, 1), (400, 2)):
        window.resize(width, 900)
        window.columns.show_part(part)
        qtbot.wait(50)
        window.open_button.setFocus(Qt.FocusReason.TabFocusReason)
        order = []
        while (widget := QApplication.focusWidget()) is not None and widget not in order:
            order.append(widget)
            press(Qt.Key.Key_Tab)
        # Between them there are the tabs, in the narrow panel.
        met = [_named(widget) for widget in order if not isinstance(widget, QTabBar)]
        assert met == [_named(widget) for widget in expected if widget.isVisible() and widget.isEnabled()], (
            width,
            part,
        )


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.accessibleName() or getattr(widget, 'text', str)()}"


def test_shots_are_chosen_with_the_mouse_and_made_together(
    qtbot: Any, qapp: QApplication, open_panel: Open, cut: Path, english: None
) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    rows = [window.shots.list.visualRect(window.shots.list.model().index(row, 0)).center() for row in range(4)]
    viewport = window.shots.list.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=rows[0])
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, CONTROL, pos=rows[2])
    assert window.form.length.text() == "2 shots, 2.00 s"
    window.form.takes.setValue(1)
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: window.controller.idle and shot(window, "shot2").takes)
    assert {take.shot_name for take in placed(otio.adapters.read_from_file(str(cut)))} == {"shot0", "shot2"}
    # What the list tells to those who hear it.
    index = window.shots.list.model().index(0, 0)
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    model = index.data(Role.SHOT).active_take.settings.model
    assert spoken == f"shot0, 1 take, no caption, 00:00:00:00, 25 frames, {model}"
    # Finding, and showing some states only.
    window.shots.search.setText("shot")
    window.shots.states.setCurrentIndex(window.shots.states.findData("made"))
    assert [window.shots.list.model().index(row, 0).data() for row in range(2)] == ["shot0", "shot2"]
    assert window.shots.list.model().rowCount() == 2


def dropped(on: QWidget, files: list[Path]) -> bool:
    """Drags files over a widget as the system does, and drops them; whether somebody took them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    data.setText("\n".join(map(str, files)))
    where, copy, left = QPoint(4, 4), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(where, copy, data, left, none)
    QApplication.sendEvent(on, entered)
    moved = QDragMoveEvent(where, copy, data, left, none)
    moved.setDropAction(copy)
    moved.accept()
    QApplication.sendEvent(on, moved)
    if not (entered.isAccepted() and moved.isAccepted()):
        return False
    drop = QDropEvent(QPointF(where), copy, data, left, none)
    QApplication.sendEvent(on, drop)
    return drop.isAccepted()


def test_a_file_is_opened_wherever_it_is_dropped(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    opened: list[Path] = []
    window.open = lambda path, output=None: opened.append(path)  # type: ignore[method-assign]
    clip = cut.with_name("clip.mp4")
    graphics = window.listening.view.findChildren(QWidget)
    places = [window, window.shots.search, window.shots.list.viewport(), window.form.caption.viewport()]
    places += [window.form.negative, window.listening.picture, window.listening.strip, window.form.seed, *graphics]
    for place in places:
        opened.clear()
        assert dropped(place, [clip]), place
        assert opened == [clip], place
    assert window.form.caption.toPlainText() == window.form.negative.text() == ""
    # Something that is no file is nobody's.
    words = QMimeData()
    words.setText("words")
    entered = QDragEnterEvent(
        QPoint(4, 4), Qt.DropAction.CopyAction, words, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    entered.ignore()
    QApplication.sendEvent(window, entered)
    assert not entered.isAccepted()


def test_a_take_is_dragged_out_with_the_mouse(qtbot: Any, made: PanelWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    dragged: list[Path] = []

    class Drag:
        def __init__(self, source: QWidget) -> None:
            self.data = QMimeData()

        def setMimeData(self, data: QMimeData) -> None:  # noqa: N802
            self.data = data

        def exec(self, actions: Qt.DropAction) -> None:
            assert actions == Qt.DropAction.CopyAction
            dragged.extend(Path(url.toLocalFile()) for url in self.data.urls())

    monkeypatch.setattr(take_lanes, "QDrag", Drag)
    lane = made.listening.lanes.lanes[1]
    qtbot.mousePress(lane.grip, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    qtbot.mouseMove(lane.grip, QPoint(6, 6))
    assert dragged == []
    qtbot.mouseMove(lane.grip, QPoint(5 + QApplication.startDragDistance(), 5))
    assert dragged == [lane.take.path]
    assert dragged[0].is_file()


@pytest.fixture
def system_colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Has the system say that it is dark, or light; a test's platform says neither."""

    def say(dark: bool) -> None:
        monkeypatch.setattr(theme, "system_is_dark", lambda app: dark)
        QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)

    yield say
    theme.apply("dark")


def test_dark_and_light_come_from_the_system(
    qtbot: Any, open_panel: Open, system_colours: Callable[[bool], None]
) -> None:
    window = open_panel()
    theme.apply(window._settings.appearance)

    def dark() -> bool:
        return theme.is_dark(window.palette())

    for said in (True, False, True):
        system_colours(said)
        wait(qtbot, lambda said=said: dark() == said)
    # Unless one wishes otherwise, and says so again.
    window.set_appearance("light")
    wait(qtbot, lambda: not dark())
    system_colours(False)
    system_colours(True)
    qtbot.wait(50)
    assert not dark()
    assert window._settings.appearance == "light"
    window.set_appearance("system")
    wait(qtbot, dark)
    ground = window.palette().color(QPalette.ColorRole.Window)
    assert window.grab().toImage().pixelColor(2, 2) == ground


def test_what_is_drawn_here_is_as_fine_as_the_screen(qtbot: Any, made: PanelWindow) -> None:
    drawn = icon("play").pixmap(QSize(18, 18), 2.0)
    assert (drawn.size(), drawn.devicePixelRatio()) == (QSize(36, 36), 2.0)
    edges = {drawn.toImage().pixelColor(x, 18).alpha() for x in range(36)}
    assert max(edges) == 255
    assert drawn.toImage().pixelColor(18, 18).alpha() == 255
    # The picture is decoded as wide as it is shown, not as wide as it was in the narrow panel.
    listening = made.listening
    for width, expected in ((360, 640), (1800, 1280)):
        made.resize(width, 900)
        made.columns.show_part(1)
        wait(qtbot, lambda expected=expected: listening.picture.image.width() == expected)


def test_it_opens_as_it_was_left(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    window.resize(400, 700)
    window.columns.show_part(1)
    select(window, "shot2")
    window.set_appearance("light")
    window.form.negative.setText("music")
    window.close()
    again = open_panel()
    again.resize(400, 700)
    again.open(cut)
    wait(qtbot, lambda: again.shots.current is not None)
    assert again.shots.selected == [shot(again, "shot2").id]
    assert again.columns.part == 1
    assert again._settings.appearance == "light"
    assert again.form.negative.text() == "music"
    # Another timeline begins at its first shot, and the place in this one is not forgotten.
    again.open(cut.with_name("clip.mp4"))
    wait(qtbot, lambda: len(again.controller.shots.shots) == 1 and again.shots.selected)
    again.open(cut)
    wait(qtbot, lambda: len(again.controller.shots.shots) == 4 and again.shots.selected)
    assert again.shots.selected == [shot(again, "shot2").id]


def test_the_first_run_says_what_to_do(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel()
    assert window.welcome.isVisible()
    assert window.welcome.open.isVisible()
    assert [button for button in window.form.buttons.values() if button.isVisible()] == []
    qtbot.mouseClick(window.welcome.open, Qt.MouseButton.LeftButton)
    (dialog,) = window.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(cut))
    dialog.close()
    window.activateWindow()
    wait(qtbot, lambda: ready(window) and window.form.buttons["foley"].isVisible())
    # The first shot is selected: what is left is to write and to press.
    assert window.shots.selected == [shot(window, "shot0").id]
    assert window.form.buttons["foley"].isEnabled()
    assert "Generate" in window.listening.lanes.empty.text()
