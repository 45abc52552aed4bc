"""The panel's window: its parts in one, two or three columns as wide as it is, its actions and its keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QFrame,
    QGraphicsView,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.hosts import TIMELINE_SUFFIXES
from avfoley_plugin.workspace import Settings
from avfoley_ui import theme
from avfoley_ui.controller import Controller
from avfoley_ui.engine_watch import EngineView
from avfoley_ui.playback.output import Output
from avfoley_ui.settings import PanelSettings
from avfoley_ui.theme import Appearance
from avfoley_ui.widgets.engine_bar import EngineBar
from avfoley_ui.widgets.listening import Listening
from avfoley_ui.widgets.making_form import MakingForm, NoWheel
from avfoley_ui.widgets.models_dialog import ModelsDialog
from avfoley_ui.widgets.notice import Notice
from avfoley_ui.widgets.parts import ElidedLabel, fix_order, tool_button
from avfoley_ui.widgets.queue_view import QueueView
from avfoley_ui.widgets.shots_view import ShotsView
from avfoley_ui.widgets.welcome import Welcome

#: From this width on there are two columns, and three.
TWO_COLUMNS, THREE_COLUMNS = 680, 1180
NARROWEST = 340
#: What a key press makes the stretch of time longer by, or shorter.
_ZOOM = 1.5
_VIDEOS = "*.mp4 *.mov *.mkv *.webm *.avi *.mxf *.m4v *.mpg *.ts"


class PanelWindow(QWidget):
    """All of the panel. `settings` remembers its state, `output` is what it plays on (the system's device if None)."""

    def __init__(self, controller: Controller, settings: PanelSettings, output: Output | None = None) -> None:
        super().__init__()
        self.controller = controller
        self._settings = settings
        self._columns = 0
        self._part = 0
        self._path: Path | None = None
        self._listen_soon = QTimer(self)
        self._listen_soon.setSingleShot(True)
        self._listen_soon.setInterval(0)
        self._listen_soon.timeout.connect(self._listen)
        self.setWindowTitle("AVFoley")
        self.setAcceptDrops(True)
        self.setMinimumSize(NARROWEST, 420)

        self.shots = ShotsView(controller.shots)
        self.form = MakingForm()
        self.queue = QueueView(controller.queue)
        self.listening = Listening(output)
        self.engine = EngineBar()
        self.notice = Notice()
        self.welcome = Welcome()
        self.models = ModelsDialog(self)
        self._wheel = NoWheel(self)
        for field in (self.form.seed, self.form.takes, self.form.handles, self.form.model, self.form.quality):
            field.installEventFilter(self._wheel)
        self._making_parts = _stacked(self.form, self.queue)
        self.making = _scrolled(self._making_parts)

        self._build_header()
        self._body = QVBoxLayout()
        self._work = QWidget()
        self._work.setLayout(self._body)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._arranged: QSplitter | QTabWidget | None = None
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self._work)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(6)
        layout.addLayout(self._header)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.notice)
        layout.addWidget(self.engine)

        self._connect()
        self._add_shortcuts()
        self._restore()
        self._arrange()
        self._leave_drops_to_the_window()
        # The last child goes last: what it tells is heard by all others as long as they are there, and no longer.
        controller.setParent(self)

    @property
    def columns(self) -> int:
        """In how many columns the parts stand; 1 is one after the other, in tabs."""
        return self._columns

    def open(self, path: Path, output: Path | None = None) -> None:
        self.controller.open(path, output)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(1200, 800)

    def _build_header(self) -> None:
        self.open_button = tool_button("open", self.tr("Open a video or a timeline"), "Ctrl+O")
        self.open_button.clicked.connect(self.choose_file)
        self.undo_button = tool_button("undo", self.tr("Undo"), "Ctrl+Z")
        self.undo_button.clicked.connect(self.controller.undo)
        self.redo_button = tool_button("redo", self.tr("Redo"), "Ctrl+Shift+Z")
        self.redo_button.clicked.connect(self.controller.redo)
        self.name = ElidedLabel("AVFoley", Qt.TextElideMode.ElideMiddle)
        self.menu_button = tool_button("menu", self.tr("Menu"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMenu(self._menu())
        self.menu_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self._header = QHBoxLayout()
        self._header.setSpacing(2)
        for button in (self.open_button, self.undo_button, self.redo_button):
            self._header.addWidget(button)
        self._header.addSpacing(6)
        self._header.addWidget(self.name, 1)
        self._header.addWidget(self.menu_button)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(self.tr("Open…"), self.choose_file)
        self._recent_menu = menu.addMenu(self.tr("Open again"))
        self._recent_menu.aboutToShow.connect(self._fill_recent)
        menu.addSeparator()
        menu.addAction(self.tr("Models…"), self.show_models)
        appearance = menu.addMenu(self.tr("Appearance"))
        group = QActionGroup(self)
        choices: list[tuple[str, Appearance]] = [
            (self.tr("As the system"), "system"),
            (self.tr("Dark"), "dark"),
            (self.tr("Light"), "light"),
        ]
        for text, value in choices:
            action = QAction(text, group)
            action.setCheckable(True)
            action.setChecked(self._settings.appearance == value)
            action.triggered.connect(lambda _=False, value=value: self.set_appearance(value))
            appearance.addAction(action)
        menu.addSeparator()
        menu.addAction(self.tr("Keys"), self.show_keys)
        return menu

    def _connect(self) -> None:
        it = self.controller
        it.opening.connect(self._opening)
        it.opened.connect(self._opened)
        it.contents_changed.connect(self._contents_changed)
        it.engine_changed.connect(self._engine_changed)
        it.said.connect(self.notice.say)
        it.host_selection.connect(self.shots.select)
        it.queue.totals_changed.connect(lambda: self.listening.set_progress(it.queue.progress_by_shot()))
        self.shots.chosen.connect(self._chosen)
        self.shots.thumbnails_wanted.connect(it.want_thumbnails)
        self.shots.host_selection_wanted.connect(it.select_in_host)
        self.form.wanted.connect(lambda task, settings: it.generate(task, settings, self.shots.selected))
        self.form.regenerate_wanted.connect(it.regenerate)
        self.form.caption_edited.connect(it.set_caption)
        self.queue.cancel_wanted.connect(it.cancel)
        self.queue.cancel_all_wanted.connect(it.cancel_all)
        self.listening.use_wanted.connect(it.use)
        self.listening.star_wanted.connect(it.star)
        self.listening.delete_wanted.connect(it.delete)
        self.listening.settings_wanted.connect(self._take_over)
        self.listening.problem.connect(lambda text: self.notice.say(text, True))
        self.listening.said.connect(lambda text: self.notice.say(text, False))
        self.engine.models_wanted.connect(self.show_models)
        self.models.pull_wanted.connect(it.pull)
        self.models.stop_wanted.connect(it.stop_pull)
        self.welcome.open_wanted.connect(self.choose_file)
        self.welcome.recent_wanted.connect(self.open)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.applicationStateChanged.connect(self._watch)
        app.styleHints().colorSchemeChanged.connect(self._system_changed)

    def _keys(self) -> list[tuple[str, str, Callable[[], object]]]:
        """All keys, what they do in words, and what they do."""
        player = self.listening.player
        return [
            ("Ctrl+O", self.tr("Open a video or a timeline"), self.choose_file),
            ("Ctrl+F", self.tr("Find shots"), lambda: self._go_to(0, self.shots.search)),
            ("Ctrl+1", self.tr("To the shots"), lambda: self._go_to(0, self.shots.list)),
            ("Ctrl+2", self.tr("To listening"), lambda: self._go_to(1, self.listening.play)),
            ("Ctrl+3", self.tr("To making"), lambda: self._go_to(2, self.form.caption)),
            ("F2", self.tr("Edit the shot's caption in the list"), self._edit_caption),
            ("Ctrl+Return", self.tr("Generate takes for what is selected"), self.form.want_first),
            ("Ctrl+R", self.tr("Regenerate the changed shots"), self.form.regenerate.click),
            ("Ctrl+Z", self.tr("Undo"), self.controller.undo),
            ("Ctrl+Shift+Z", self.tr("Redo"), self.controller.redo),
            ("Space", self.tr("Play, stop"), self._space),
            ("J", self.tr("Play backwards; again: faster"), lambda: player.shuttle(-1)),
            ("K", self.tr("Stop"), player.pause),
            ("L", self.tr("Play forwards; again: faster"), lambda: player.shuttle(1)),
            ("Alt+Left", self.tr("A frame back"), lambda: self.listening.step(-1)),
            ("Alt+Right", self.tr("A frame on"), lambda: self.listening.step(1)),
            ("Alt+Shift+Left", self.tr("The onset before"), lambda: self.listening.to_onset(-1)),
            ("Alt+Shift+Right", self.tr("The next onset"), lambda: self.listening.to_onset(1)),
            ("Alt+Home", self.tr("To the start"), lambda: player.seek(0)),
            ("Alt+Up", self.tr("The previous shot"), lambda: self.shots.step(-1)),
            ("Alt+Down", self.tr("The next shot"), lambda: self.shots.step(1)),
            ("O", self.tr("Loop"), self.listening.loop.toggle),
            ("X", self.tr("A/B: the take heard before"), self.listening.toggle_compared),
            ("U", self.tr("Use the take that is heard"), self.listening.use_heard),
            ("S", self.tr("Star the take that is heard"), self.listening.star_heard),
            ("Ctrl+Backspace", self.tr("Delete the take that is heard"), self.listening.delete_heard),
            ("Ctrl+C", self.tr("Copy the take that is heard, as a file"), self.listening.copy_heard),
            ("Ctrl++", self.tr("Zoom in on the playhead"), lambda: self.listening.zoom(1 / _ZOOM)),
            ("Ctrl+-", self.tr("Zoom out"), lambda: self.listening.zoom(_ZOOM)),
            ("Ctrl+0", self.tr("The whole shot"), self.listening.view.show_all),
            ("Esc", self.tr("Dismiss what was said, leave the field"), self._leave),
            ("Shift+Esc", self.tr("Cancel all that is being made"), self._cancel_all),
            ("F1", self.tr("These keys"), self.show_keys),
        ]

    def _add_shortcuts(self) -> None:
        for keys, _, do in self._keys():
            QShortcut(QKeySequence(keys), self).activated.connect(do)
        # Where + is above =, one does not press Shift for it.
        QShortcut(QKeySequence("Ctrl+="), self).activated.connect(lambda: self.listening.zoom(1 / _ZOOM))
        for number in range(1, 10):
            shortcut = QShortcut(QKeySequence(str(number)), self)
            shortcut.activated.connect(lambda number=number: self.listening.hear_number(number))

    def show_keys(self) -> None:
        """Lists all keys."""
        rows = "".join(
            f"<tr><td><b>{QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)}</b>&nbsp;&nbsp;</td>"
            f"<td>{words}</td></tr>"
            for keys, words, _ in self._keys()
        )
        words = self.tr("Hear the take of that number")
        rows += f"<tr><td><b>1 – 9</b></td><td>{words}</td></tr>"
        box = QMessageBox(self)
        box.setWindowTitle(self.tr("Keys"))
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(f"<table>{rows}</table>")
        box.setWindowModality(Qt.WindowModality.NonModal)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.show()

    def show_models(self) -> None:
        self.models.show()
        self.models.raise_()

    def set_appearance(self, appearance: Appearance) -> None:
        self._settings.appearance = appearance
        theme.apply(appearance)

    def choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Open a video or a timeline"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(
            [
                self.tr("Timelines and videos")
                + f" ({' '.join(f'*{suffix}' for suffix in TIMELINE_SUFFIXES)} {_VIDEOS})",
                self.tr("All files") + " (*)",
            ]
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.open(Path(name)))
        dialog.open()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._arrange()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.open(Path(url.toLocalFile()))
                return

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self._watch()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if self.controller.making and not self._may_cancel():
            event.ignore()
            return
        self._keep_state()
        self.hide()
        self.models.close()
        self.form.caption.commit()
        self.listening.close_files()
        self.controller.close()
        super().closeEvent(event)

    def _may_cancel(self) -> bool:
        """Whether takes that are being made may be given up."""
        if not self.isVisible():
            return True
        answer = QMessageBox.question(
            self,
            self.tr("Close the panel?"),
            self.tr("Takes are being made. Those that are finished are kept; the others are cancelled."),
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Close

    def _arrange(self) -> None:
        """Puts the parts into as many columns as there is room for."""
        columns = 3 if self.width() >= THREE_COLUMNS else 2 if self.width() >= TWO_COLUMNS else 1
        if columns == self._columns:
            return
        self._keep_columns()
        focus = QApplication.focusWidget()
        old = self._arranged
        if isinstance(old, QTabWidget):
            # What leaves it is no choice of the user's.
            old.currentChanged.disconnect(self._part_shown)
        self._columns = columns
        for part in (self.shots, self.listening, self.making):
            if focus is not None and part.isAncestorOf(focus):
                self._part = (self.shots, self.listening, self.making).index(part)
        if columns == 1:
            tabs = QTabWidget()
            tabs.setTabBar(_Tabs())
            tabs.setDocumentMode(True)
            for part, name in (
                (self.shots, self.tr("Shots")),
                (self.listening, self.tr("Listen")),
                (self.making, self.tr("Make")),
            ):
                page = QWidget()
                layout = QVBoxLayout(page)
                layout.setContentsMargins(0, 6, 0, 0)
                layout.addWidget(part)
                tabs.addTab(page, name)
            self._arranged = tabs
        else:
            splitter = QSplitter(Qt.Orientation.Horizontal)
            splitter.setChildrenCollapsible(False)
            if columns == 2:
                left = QSplitter(Qt.Orientation.Vertical)
                left.setChildrenCollapsible(False)
                left.addWidget(self.shots)
                left.addWidget(self.making)
                left.setStretchFactor(0, 1)
                needed = self._making_parts.sizeHint().height() + 4
                left.setSizes([max(self.height() - 110 - needed, 200), needed])
                splitter.addWidget(left)
                splitter.addWidget(self.listening)
                splitter.setSizes([360, 540])
            else:
                for part in (self.shots, self.listening, self.making):
                    splitter.addWidget(part)
                splitter.setSizes([380, 820, 340])
            splitter.setStretchFactor(1, 1)
            splitter.restoreState(self._settings.bytes(f"splitter-{columns}"))
            self._arranged = splitter
        self._body.addWidget(self._arranged)
        if isinstance(self._arranged, QTabWidget):
            self._arranged.setCurrentIndex(self._part)
            self._arranged.currentChanged.connect(self._part_shown)
        else:
            # One that came out of a tab may be hidden.
            for part in (self.shots, self.listening, self.making):
                part.show()
        if old is not None:
            old.setParent(None)
            old.deleteLater()
        fix_order(
            *(self.open_button, self.undo_button, self.redo_button, self.menu_button),
            *(stop for part in (self.shots, self.listening, self.form, self.queue) for stop in part.tab_stops),
            *(self.notice.dismiss, self.engine.models),
        )
        if focus is not None and self.isAncestorOf(focus):
            focus.setFocus()

    def _part_shown(self, number: int) -> None:
        self._part = number

    def show_part(self, number: int) -> None:
        """Shots (0), listening (1) or making (2): brings it to the front, where they are in tabs."""
        if isinstance(self._arranged, QTabWidget):
            self._arranged.setCurrentIndex(number)

    def _go_to(self, number: int, widget: QWidget | None = None) -> None:
        self.show_part(number)
        if widget is not None:
            widget.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _edit_caption(self) -> None:
        self._go_to(0)
        self.shots.edit_caption()

    def _space(self) -> None:
        # Space presses the button that has the focus, as everywhere.
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton) and focus is not self.listening.play:
            focus.click()
        elif isinstance(focus, QComboBox):
            focus.showPopup()
        else:
            self.listening.player.toggle()

    def _leave(self) -> None:
        """Esc: takes back what is least, and never what is being made."""
        if self.shots.search.hasFocus() and self.shots.search.text():
            self.shots.search.clear()
        elif not self.notice.isHidden():
            self.notice.hide()
        elif (focus := QApplication.focusWidget()) is not None:
            focus.clearFocus()

    def _cancel_all(self) -> None:
        if self.controller.making:
            self.controller.cancel_all()

    def _opening(self, path: Path) -> None:
        self._keep_place()
        self.welcome.show_opening(path)

    def _opened(self, path: Path | None) -> None:
        self.welcome.show_opening(None)
        if path is None:
            return
        self._path = path
        self._settings.opened(path)
        self.pages.setCurrentWidget(self._work)
        place = self._settings.place(path)
        if self.controller.shots.shot(place) is not None:
            self.shots.select([place])
        elif not self.shots.selected:
            self.shots.step(0)
            self.shots.list.selectionModel().select(
                self.shots.list.currentIndex(), self.shots.list.selectionModel().SelectionFlag.Select
            )
        self.shots.list.setFocus()
        self.shots.list.tell_seen()

    def _contents_changed(self) -> None:
        contents = self.controller.contents
        if contents is None:
            return
        self.name.setText(contents.name)
        self.setWindowTitle(f"{contents.name} – AVFoley")
        self.shots.in_host.setVisible(contents.selected is not None)
        self.shots.offer_sounds(any(shot.is_sound for shot in contents.shots))
        self.undo_button.setEnabled(self.controller.can_undo)
        self.redo_button.setEnabled(self.controller.can_redo)
        self._chosen()

    def _chosen(self) -> None:
        selected = [shot for shot_id in self.shots.selected if (shot := self.controller.shots.shot(shot_id))]
        self.form.set_shots(selected, len(self.controller.changed_shots))
        # In a turn of its own: both together are more than a frame's work.
        self._listen_soon.start()

    def _listen(self) -> None:
        selected = [shot for shot_id in self.shots.selected if (shot := self.controller.shots.shot(shot_id))]
        current = None if self.shots.current is None else self.controller.shots.shot(self.shots.current)
        self.listening.set_shot(current if current is not None else selected[0] if selected else None)

    def _engine_changed(self, view: EngineView) -> None:
        self.engine.show_engine(view)
        self.models.show_engine(view)
        self.form.set_engine(view.models, view.phase != "unreachable" and bool(view.models))

    def _take_over(self, settings: object) -> None:
        assert isinstance(settings, Settings)
        self.form.take_over(settings)
        self.notice.say(self.tr("Seed and settings of that take are in the form again."), False)

    def _fill_recent(self) -> None:
        self._recent_menu.clear()
        for path in self._settings.recent:
            action = self._recent_menu.addAction(path.name)
            action.triggered.connect(lambda _=False, path=path: self.open(path))

    def _watch(self) -> None:
        active = QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive
        self.controller.set_watching(active and not self.isMinimized())
        if active:
            self.controller.look_again()

    def _system_changed(self) -> None:
        if self._settings.appearance == "system":
            theme.apply("system")

    def _keep_columns(self) -> None:
        if isinstance(self._arranged, QSplitter):
            self._settings.set_bytes(f"splitter-{self._columns}", self._arranged.saveState())

    def _keep_place(self) -> None:
        if self._path is not None and self.shots.current is not None:
            self._settings.set_place(self._path, self.shots.current)

    def _keep_state(self) -> None:
        self._keep_columns()
        self._keep_place()
        self._settings.set_text("part", str(self._part))
        self._settings.making = self.form.choices
        self._settings.set_bytes("geometry", self.saveGeometry())
        self._settings.set_bytes("listening", self.listening.save_state())
        self._settings.set_flag("loop", self.listening.player.looping)
        self._settings.set_text("order", str(self.shots.order.currentData()))

    def _restore(self) -> None:
        self.resize(self.sizeHint())
        self.restoreGeometry(self._settings.bytes("geometry"))
        self.listening.restore_state(self._settings.bytes("listening"))
        self.listening.player.set_looping(self._settings.flag("loop", True))
        self.shots.order.setCurrentIndex(max(0, self.shots.order.findData(self._settings.text("order", "record"))))
        part = self._settings.text("part", "0")
        self._part = int(part) if part in ("0", "1", "2") else 0
        self.form.set_choices(self._settings.making)
        self.welcome.show_recent(self._settings.recent)
        self.undo_button.setEnabled(False)
        self.redo_button.setEnabled(False)

    def _leave_drops_to_the_window(self) -> None:
        # Else a file dropped on a text field would be its name, and one on the waveform nothing.
        for widget in self.findChildren(QWidget):
            if isinstance(widget, QLineEdit | QPlainTextEdit | QGraphicsView):
                widget.setAcceptDrops(False)
            if isinstance(widget, QPlainTextEdit | QGraphicsView):
                widget.viewport().setAcceptDrops(False)


class _Tabs(QTabBar):
    """Fusion cuts the feet of letters off in tabs that are not in front."""

    def tabSizeHint(self, index: int) -> QSize:  # noqa: N802
        return super().tabSizeHint(index) + QSize(0, 4)


def _stacked(*parts: QWidget) -> QWidget:
    inner = QWidget()
    layout = QVBoxLayout(inner)
    layout.setContentsMargins(0, 0, 4, 0)
    layout.setSpacing(10)
    for part in parts:
        layout.addWidget(part)
    layout.addStretch(1)
    return inner


def _scrolled(inner: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
    area.setMinimumWidth(250)
    area.setWidget(inner)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
