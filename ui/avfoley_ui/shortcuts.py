"""The panel's keyboard shortcuts: what each does, and the list of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QMessageBox, QToolButton, QWidget

from avfoley_ui.widgets.parts import name_button

if TYPE_CHECKING:
    from avfoley_ui.window import PanelWindow

# How much a key press zooms.
_ZOOM = 1.5


class Shortcuts(QObject):
    """``table``: keys, a description, and what to call, or the button to press and to name."""

    def __init__(self, window: PanelWindow) -> None:
        super().__init__(window)
        self._window = window
        it, shots, form = window.listening, window.shots, window.form
        player, controller = it.player, window.controller
        self.table: list[tuple[str, str, Callable[[], object] | QToolButton]] = [
            ("Ctrl+O", self.tr("Open a video or timeline"), window.open_button),
            ("Ctrl+F", self.tr("Search shots"), lambda: self._go_to(0, shots.search)),
            ("Ctrl+1", self.tr("Go to Shots"), lambda: self._go_to(0, shots.list)),
            ("Ctrl+2", self.tr("Go to Listen"), lambda: self._go_to(1, it.transport.play)),
            ("Ctrl+3", self.tr("Go to Generate"), lambda: self._go_to(2, form.caption)),
            ("F2", self.tr("Edit the caption in the list"), self._edit_caption),
            ("Ctrl+Return", self.tr("Generate takes for the selection"), form.request_first),
            ("Ctrl+R", self.tr("Regenerate the changed shots"), form.regenerate.click),
            ("Ctrl+E", self.tr("Spot events in the selection"), form.spot.click),
            ("Ctrl+Z", self.tr("Undo"), window.undo_button),
            ("Ctrl+Shift+Z", self.tr("Redo"), window.redo_button),
            ("Space", self.tr("Play / pause"), self._space),
            ("J", self.tr("Play backwards; press again for faster"), lambda: player.shuttle(-1)),
            ("K", self.tr("Pause"), player.pause),
            ("L", self.tr("Play forwards; press again for faster"), lambda: player.shuttle(1)),
            ("Alt+Left", self.tr("Previous frame"), lambda: it.step(-1)),
            ("Alt+Right", self.tr("Next frame"), lambda: it.step(1)),
            ("Alt+Shift+Left", self.tr("Previous onset"), lambda: it.to_onset(-1)),
            ("Alt+Shift+Right", self.tr("Next onset"), lambda: it.to_onset(1)),
            ("Alt+Home", self.tr("Go to start"), it.transport.to_start),
            ("Alt+Up", self.tr("Previous shot"), lambda: shots.step(-1)),
            ("Alt+Down", self.tr("Next shot"), lambda: shots.step(1)),
            ("O", self.tr("Loop"), it.transport.loop),
            ("X", self.tr("A/B: switch to the previous take"), it.transport.compare),
            ("U", self.tr("Use the current take"), lambda: self._press("use")),
            ("S", self.tr("Star the current take"), lambda: self._press("star")),
            ("Ctrl+Backspace", self.tr("Delete the current take"), lambda: self._press("delete")),
            ("Ctrl+C", self.tr("Copy the current take as a file"), it.copy_current),
            ("Ctrl++", self.tr("Zoom in at the playhead"), lambda: it.zoom(1 / _ZOOM)),
            ("Ctrl+-", self.tr("Zoom out"), lambda: it.zoom(_ZOOM)),
            ("Ctrl+0", self.tr("Zoom to the whole shot"), it.view.show_all),
            ("Esc", self.tr("Dismiss the message, or leave the field"), self._escape),
            ("Shift+Esc", self.tr("Cancel everything in the queue"), controller.cancel_all),
            ("F1", self.tr("Keyboard shortcuts"), self.show),
        ]
        for keys, text, action in self.table:
            if isinstance(action, QToolButton):
                name_button(action, text, keys)
                action = action.click
            QShortcut(QKeySequence(keys), window).activated.connect(action)
        # Where + is above =, one does not press Shift for it.
        QShortcut(QKeySequence("Ctrl+="), window).activated.connect(lambda: it.zoom(1 / _ZOOM))
        for number in range(1, 10):
            shortcut = QShortcut(QKeySequence(str(number)), window)
            shortcut.activated.connect(lambda number=number: it.switch_to_number(number))

    def show(self) -> None:
        """Lists all keys."""
        native = QKeySequence.SequenceFormat.NativeText
        rows = [(QKeySequence(keys).toString(native), text) for keys, text, _ in self.table]
        rows.append(("1 – 9", self.tr("Play the take with that number")))
        cells = "".join(f"<tr><td><b>{keys}</b>&nbsp;&nbsp;</td><td>{text}</td></tr>" for keys, text in rows)
        box = QMessageBox(self._window, text=f"<table>{cells}</table>", textFormat=Qt.TextFormat.RichText)
        box.setWindowTitle(self.tr("Keyboard shortcuts"))
        box.setWindowModality(Qt.WindowModality.NonModal)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.show()

    def _go_to(self, part: int, widget: QWidget) -> None:
        self._window.columns.show_part(part)
        widget.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _edit_caption(self) -> None:
        self._window.columns.show_part(0)
        self._window.shots.edit_caption()

    def _press(self, name: str) -> None:
        """Presses a button of the current take."""
        listening = self._window.listening
        if (take := listening.current_take) is not None:
            getattr(listening.lanes.lane(take.id), name).click()

    def _space(self) -> None:
        # Space presses the button that has the focus, as everywhere.
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton) and focus is not self._window.listening.transport.play:
            focus.click()
        elif isinstance(focus, QComboBox):
            focus.showPopup()
        else:
            self._window.listening.player.toggle()

    def _escape(self) -> None:
        """Takes back what is least, and never what is being generated."""
        window = self._window
        if window.shots.search.hasFocus() and window.shots.search.text():
            window.shots.search.clear()
        elif not window.notice.isHidden():
            window.notice.hide()
        elif (focus := QApplication.focusWidget()) is not None:
            focus.clearFocus()
