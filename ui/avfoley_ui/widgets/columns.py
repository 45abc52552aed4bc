"""The panel's three parts in one, two or three columns, as wide as the panel is."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtWidgets import QApplication, QSizePolicy, QSplitter, QTabBar, QTabWidget, QVBoxLayout, QWidget

from avfoley_ui.settings import PanelSettings
from avfoley_ui.widgets.listening import Listening
from avfoley_ui.widgets.making_form import MakingForm
from avfoley_ui.widgets.parts import fill, scroll_vertically
from avfoley_ui.widgets.queue_view import QueueView
from avfoley_ui.widgets.shots_view import ShotsView

# From this width of the window on there are two columns, and three.
TWO_COLUMNS, THREE_COLUMNS = 680, 1180
# The height of what the window has beside the columns.
_BESIDES = 110


class Columns(QWidget):
    """Shots, listening, and the form above the queue. In one column they are in tabs.

    settings: remembers the part in front, and where the user put the splitters.
    """

    def __init__(
        self, shots: ShotsView, listening: Listening, form: MakingForm, queue: QueueView, settings: PanelSettings
    ) -> None:
        super().__init__()
        self._settings = settings
        self._making = QWidget()
        fill(QVBoxLayout(self._making), form, queue, None, spacing=10).setContentsMargins(0, 0, 4, 0)
        making = scroll_vertically(self._making)
        making.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        making.setMinimumWidth(250)
        making.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._parts: tuple[QWidget, ...] = (shots, listening, making)
        part = settings.get("part", "0")
        # The part in front: 0, 1 or 2.
        self.part = int(part) if part in ("0", "1", "2") else 0
        self.count = 0
        self._arranged: QSplitter | QTabWidget | None = None
        self._layout = fill(QVBoxLayout(self))

    def arrange(self, window: QSize) -> bool:
        """Uses as many columns as the window has room for. Returns whether their number changed."""
        count = 3 if window.width() >= THREE_COLUMNS else 2 if window.width() >= TWO_COLUMNS else 1
        if count == self.count:
            return False
        self.save_state()
        focus, old = QApplication.focusWidget(), self._arranged
        if isinstance(old, QTabWidget):
            # What leaves it is no choice of the user's.
            old.currentChanged.disconnect(self._part_shown)
        self.count = count
        for number, part in enumerate(self._parts):
            if focus is not None and part.isAncestorOf(focus):
                self.part = number
        self._arranged = self._tabs() if count == 1 else self._splitter(window.height())
        self._layout.addWidget(self._arranged)
        if isinstance(self._arranged, QTabWidget):
            self._arranged.setCurrentIndex(self.part)
            self._arranged.currentChanged.connect(self._part_shown)
        else:
            # One that came out of a tab may be hidden.
            for part in self._parts:
                part.show()
        if old is not None:
            old.setParent(None)
            old.deleteLater()
        if focus is not None and self.isAncestorOf(focus):
            focus.setFocus()
        return True

    def show_part(self, number: int) -> None:
        """Brings a part to the front in tabs: shots (0), listening (1) or the form (2)."""
        if isinstance(self._arranged, QTabWidget):
            self._arranged.setCurrentIndex(number)

    def save_state(self) -> None:
        self._settings.set("part", str(self.part))
        if isinstance(self._arranged, QSplitter):
            self._settings.set(f"splitter-{self.count}", self._arranged.saveState())

    def _tabs(self) -> QTabWidget:
        tabs = QTabWidget()
        # First: a bar of one's own undoes the document mode.
        tabs.setTabBar(_Tabs())
        tabs.setDocumentMode(True)
        for part, name in zip(self._parts, (self.tr("Shots"), self.tr("Listen"), self.tr("Generate")), strict=True):
            page = QWidget()
            fill(QVBoxLayout(page), part).setContentsMargins(0, 6, 0, 0)
            tabs.addTab(page, name)
        return tabs

    def _splitter(self, height: int) -> QSplitter:
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        shots, listening, making = self._parts
        if self.count == 2:
            left = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
            left.addWidget(shots)
            left.addWidget(making)
            left.setStretchFactor(0, 1)
            needed = self._making.sizeHint().height() + 4
            left.setSizes([max(height - _BESIDES - needed, 200), needed])
            splitter.addWidget(left)
            splitter.addWidget(listening)
            splitter.setSizes([360, 540])
        else:
            for part in self._parts:
                splitter.addWidget(part)
            splitter.setSizes([380, 820, 340])
        splitter.setStretchFactor(1, 1)
        splitter.restoreState(self._settings.get(f"splitter-{self.count}", QByteArray()))
        return splitter

    def _part_shown(self, number: int) -> None:
        self.part = number


class _Tabs(QTabBar):
    """Fusion cuts the feet of letters off in tabs that are not in front."""

    def tabSizeHint(self, index: int) -> QSize:  # noqa: N802
        return super().tabSizeHint(index) + QSize(0, 4)
