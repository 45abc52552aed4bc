"""The panel's window: it connects the controller with the parts, and keeps the panel's state."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QGraphicsView,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.hosts import TIMELINE_SUFFIXES
from avfoley_plugin.workspace import Contents, ListedShot, Settings
from avfoley_ui import theme
from avfoley_ui.background import delayed
from avfoley_ui.controller import Controller
from avfoley_ui.engine_watch import EngineView
from avfoley_ui.playback.output import Output
from avfoley_ui.settings import PanelSettings
from avfoley_ui.shortcuts import Shortcuts
from avfoley_ui.theme import Appearance
from avfoley_ui.widgets.columns import Columns
from avfoley_ui.widgets.engine_bar import EngineBar
from avfoley_ui.widgets.listening import Listening
from avfoley_ui.widgets.making_form import MakingForm
from avfoley_ui.widgets.models_dialog import ModelsDialog
from avfoley_ui.widgets.notice import Notice
from avfoley_ui.widgets.parts import ElidedLabel, fill, fix_order, tool_button
from avfoley_ui.widgets.queue_view import QueueView
from avfoley_ui.widgets.shots_view import ShotsView
from avfoley_ui.widgets.welcome import Welcome

NARROWEST = 340
_VIDEOS = "*.mp4 *.mov *.mkv *.webm *.avi *.mxf *.m4v *.mpg *.ts"


class PanelWindow(QWidget):
    """All of the panel. `settings` keep its state; `output` plays (None: the system's device)."""

    def __init__(self, controller: Controller, settings: PanelSettings, output: Output | None = None) -> None:
        super().__init__()
        self.controller = controller
        self._settings = settings
        self._path: Path | None = None
        self._listen_soon = delayed(self, 0, self._listen)
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
        self.columns = Columns(self.shots, self.listening, self.form, self.queue, settings)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.columns)
        parts = self._header(), self.pages, self.notice, self.engine
        fill(QVBoxLayout(self), *parts, stretch=self.pages).setContentsMargins(8, 6, 8, 6)

        self._connect()
        self.shortcuts = Shortcuts(self)
        self._restore()
        self._arrange()
        self._leave_drops_to_the_window()
        # The last child is destroyed last: what it emits reaches all others while they exist.
        controller.setParent(self)

    def open(self, path: Path, output: Path | None = None) -> None:
        self.controller.open(path, output)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(1200, 800)

    def _header(self) -> QHBoxLayout:
        self.open_button = tool_button("open", pressed=self.choose_file)
        self.undo_button = tool_button("undo", pressed=self.controller.undo)
        self.redo_button = tool_button("redo", pressed=self.controller.redo)
        self.name = ElidedLabel("AVFoley", Qt.TextElideMode.ElideMiddle)
        self.menu_button = tool_button("menu", self.tr("Menu"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMenu(self._menu())
        self.menu_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        buttons = self.open_button, self.undo_button, self.redo_button
        return fill(QHBoxLayout(), *buttons, 6, self.name, self.menu_button, spacing=2, stretch=self.name)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(self.tr("Open…"), self.choose_file)
        self._recent_menu = menu.addMenu(self.tr("Open recent"))
        self._recent_menu.aboutToShow.connect(self._fill_recent)
        menu.addSeparator()
        menu.addAction(self.engine.models.text(), self.show_models)
        appearance = menu.addMenu(self.tr("Appearance"))
        group = QActionGroup(self)
        choices: list[tuple[str, Appearance]] = [
            (self.tr("Follow the system"), "system"),
            (self.tr("Dark"), "dark"),
            (self.tr("Light"), "light"),
        ]
        for text, value in choices:
            action = QAction(text, group, checkable=True, checked=self._settings.appearance == value)
            action.triggered.connect(lambda _=False, value=value: self.set_appearance(value))
            appearance.addAction(action)
        menu.addSeparator()
        menu.addAction(self.tr("Keyboard shortcuts"), lambda: self.shortcuts.show())
        return menu

    def _connect(self) -> None:
        it = self.controller
        it.opening.connect(self._opening)
        it.opened.connect(self._opened)
        it.contents_changed.connect(self._contents_changed)
        it.engine_changed.connect(self._engine_changed)
        it.message.connect(self.notice.show_message)
        it.host_selection.connect(self.shots.select)
        it.queue.totals_changed.connect(lambda: self.listening.set_progress(it.queue.progress_by_shot()))
        self.shots.chosen.connect(self._chosen)
        self.shots.thumbnails_requested.connect(it.load_thumbnails)
        self.shots.host_selection_requested.connect(it.select_in_host)
        self.form.requested.connect(lambda task, settings: it.generate(task, settings, self.shots.selected))
        self.form.regenerate_requested.connect(it.regenerate)
        self.form.spot_requested.connect(lambda: it.spot(self.shots.selected))
        self.form.caption_edited.connect(it.set_caption)
        self.queue.cancel_requested.connect(it.cancel)
        self.queue.cancel_all_requested.connect(it.cancel_all)
        lanes = self.listening.lanes
        lanes.use_requested.connect(it.use)
        lanes.star_requested.connect(it.star)
        lanes.delete_requested.connect(it.delete)
        lanes.settings_requested.connect(self._load_settings)
        self.listening.message.connect(self.notice.show_message)
        self.engine.models_requested.connect(self.show_models)
        self.models.pull_requested.connect(it.pull)
        self.models.stop_requested.connect(it.stop_pull)
        self.welcome.open_requested.connect(self.choose_file)
        self.welcome.recent_requested.connect(self.open)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.applicationStateChanged.connect(self._watch)
        app.styleHints().colorSchemeChanged.connect(self._system_changed)

    def show_models(self) -> None:
        self.models.show()
        self.models.raise_()

    def set_appearance(self, appearance: Appearance) -> None:
        self._settings.set("appearance", appearance)
        theme.apply(appearance)

    def choose_file(self) -> None:
        dialog = QFileDialog(self, self.open_button.accessibleName())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        known = f"{' '.join(f'*{suffix}' for suffix in TIMELINE_SUFFIXES)} {_VIDEOS}"
        dialog.setNameFilters([f"{self.tr('Timelines and videos')} ({known})", f"{self.tr('All files')} (*)"])
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
        self._save_state()
        self.hide()
        self.models.close()
        self.form.caption.commit()
        self.listening.close_files()
        self.controller.close()
        super().closeEvent(event)

    def _may_cancel(self) -> bool:
        """Asks whether takes that are being generated may be given up."""
        if not self.isVisible():
            return True
        answer = QMessageBox.question(
            self,
            self.tr("Close the panel?"),
            self.tr("Takes are still being generated. Finished takes are kept; the rest are cancelled."),
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Close

    def _arrange(self) -> None:
        if self.columns.arrange(self.size()):
            fix_order(
                *(self.open_button, self.undo_button, self.redo_button, self.menu_button),
                *(stop for part in (self.shots, self.listening, self.form, self.queue) for stop in part.tab_stops),
                *(self.notice.dismiss, self.engine.models),
            )

    def _opening(self, path: Path) -> None:
        self._save_place()
        self.welcome.show_opening(path)

    def _opened(self, path: Path | None) -> None:
        self.welcome.show_opening(None)
        if path is None:
            return
        self._path = path
        self._settings.opened(path)
        self.pages.setCurrentWidget(self.columns)
        place = self._settings.place(path)
        if self.controller.shots.shot(place) is not None:
            self.shots.select([place])
        elif not self.shots.selected:
            self.shots.select_first()
        self.shots.list.setFocus()
        self.shots.list.report_visible()

    def _contents_changed(self, contents: Contents) -> None:
        self.name.setText(contents.name)
        self.setWindowTitle(f"{contents.name} – AVFoley")
        self.shots.in_host.setVisible(contents.selected is not None)
        self.shots.offer_sounds(any(shot.is_sound for shot in contents.shots))
        self.undo_button.setEnabled(self.controller.can_undo)
        self.redo_button.setEnabled(self.controller.can_redo)
        self._chosen()

    @property
    def _selected(self) -> list[ListedShot]:
        """The selected shots, the current one first."""
        return [shot for shot_id in self.shots.selected if (shot := self.controller.shots.shot(shot_id))]

    def _chosen(self) -> None:
        self.form.set_shots(self._selected, len(self.controller.changed_shots))
        # In a turn of its own: both together are more than a frame's work.
        self._listen_soon.start()

    def _listen(self) -> None:
        current = None if self.shots.current is None else self.controller.shots.shot(self.shots.current)
        self.listening.set_shot(current or next(iter(self._selected), None))

    def _engine_changed(self, view: EngineView) -> None:
        self.engine.show_engine(view)
        self.models.show_engine(view)
        self.form.set_engine(view.models, view.phase != "unreachable" and bool(view.models))

    def _load_settings(self, settings: Settings) -> None:
        self.form.load_settings(settings)
        self.notice.show_message(self.tr("Loaded the take's seed and settings into the form."), False)

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

    def _save_place(self) -> None:
        if self._path is not None and self.shots.current is not None:
            self._settings.set_place(self._path, self.shots.current)

    def _save_state(self) -> None:
        self.columns.save_state()
        self._save_place()
        self._settings.making = self.form.choices
        self._settings.set("geometry", self.saveGeometry())
        self._settings.set("listening", self.listening.save_state())
        self._settings.set("loop", self.listening.player.looping)
        self._settings.set("order", self.shots.order.currentData())

    def _restore(self) -> None:
        self.resize(self.sizeHint())
        self.restoreGeometry(self._settings.get("geometry", QByteArray()))
        self.listening.restore_state(self._settings.get("listening", QByteArray()))
        self.listening.player.set_looping(self._settings.get("loop", True))
        self.shots.order.setCurrentIndex(max(0, self.shots.order.findData(self._settings.get("order", "record"))))
        self.form.set_choices(self._settings.making)
        self.welcome.show_recent(self._settings.recent)
        self.undo_button.setEnabled(False)
        self.redo_button.setEnabled(False)

    def _leave_drops_to_the_window(self) -> None:
        # Otherwise a text field takes a dropped file as its name, and the waveform ignores it.
        for widget in self.findChildren(QWidget):
            if isinstance(widget, QLineEdit | QPlainTextEdit | QGraphicsView):
                widget.setAcceptDrops(False)
            if isinstance(widget, QPlainTextEdit | QGraphicsView):
                widget.viewport().setAcceptDrops(False)
