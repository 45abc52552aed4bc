"""The takes of a shot side by side: each a lane with its waveform, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyqtgraph.functions import arrayToQPolygonF
from PySide6.QtCore import QMimeData, QPoint, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDrag,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from avfoley_plugin.workspace import ListedTake
from avfoley_ui.icons import icon
from avfoley_ui.playback.sound import Sound
from avfoley_ui.tasks import task_of
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.parts import FactsLabel, bold, decimal, fill, fix_order, scroll_vertically, tool_button
from avfoley_ui.widgets.time_axis import TimeAxis

_WAVE_HEIGHT = 34
_READY_LANES = 4
# Takes that are visible at once, where there is room.
_COMFORTABLE_LANES = 3


class TakeLanes(QScrollArea):
    """All lanes. The signals name a take by its id, and its shot where the timeline changes."""

    chosen = Signal(str)
    use_requested = Signal(str, str)
    star_requested = Signal(str, str, bool)
    delete_requested = Signal(str, str)
    settings_requested = Signal(object)
    scrubbed = Signal(float)
    # How many pixels at the right edge the scroll bar takes.
    edge_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Takes"))
        self.setMinimumHeight(90)
        self._shot = ""
        self.lanes: list[TakeLane] = []
        self._spare: list[TakeLane] = []
        self._playhead = 0.0
        self._inner = QWidget()
        self.empty = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self.empty.hide()
        self._layout = fill(QVBoxLayout(self._inner), self.empty, None, spacing=3)
        scroll_vertically(self._inner, self)
        # Building a lane takes longer than filling one. The last spare one is used next.
        for _ in range(_READY_LANES):
            lane = self._new_lane()
            lane.hide()
            self._spare.insert(0, lane)

    @property
    def tab_stops(self) -> list[QWidget]:
        """The area itself, which the arrow keys scroll, then all lanes from above."""
        return [self, *(stop for lane in (*self.lanes, *reversed(self._spare)) for stop in lane.tab_stops)]

    @property
    def comfortable_height(self) -> int:
        """Room for `_COMFORTABLE_LANES` takes."""
        lane = (self.lanes or self._spare)[0]
        return _COMFORTABLE_LANES * (lane.sizeHint().height() + self._layout.spacing())

    def lane(self, take_id: str) -> TakeLane | None:
        return next((lane for lane in self.lanes if lane.take.id == take_id), None)

    def set_takes(self, shot: str, takes: tuple[ListedTake, ...], current: str | None) -> None:
        """Shows these takes; lanes are used again, so that a new take costs one lane."""
        self._shot = shot
        while len(self.lanes) > len(takes):
            self._spare.append(self.lanes.pop())
            self._spare[-1].hide()
        while len(self.lanes) < len(takes):
            self.lanes.append(self._spare.pop() if self._spare else self._new_lane())
        for number, (lane, take) in enumerate(zip(self.lanes, takes, strict=True), 1):
            lane.show_take(take, number)
            lane.wave.set_playhead(self._playhead)
            lane.show()
        self.empty.setVisible(not takes)
        self.set_current(current)

    def set_current(self, take_id: str | None) -> None:
        for lane in self.lanes:
            lane.set_current(lane.take.id == take_id)
            if lane.take.id == take_id:
                self.ensureWidgetVisible(lane, 0, 4)

    def set_sound(self, take_id: str, sound: Sound | None) -> None:
        if (lane := self.lane(take_id)) is not None:
            lane.wave.set_sound(sound)

    def set_stills(self, take_id: str, images: Sequence[QImage]) -> None:
        """Shows frames of a take that is a picture, from its first to its last."""
        if (lane := self.lane(take_id)) is not None:
            lane.wave.set_stills(images)

    def set_span(self, start: float, end: float) -> None:
        for lane in self.lanes + self._spare:
            lane.wave.set_span(start, end)

    def set_playhead(self, seconds: float) -> None:
        self._playhead = seconds
        for lane in self.lanes:
            lane.wave.set_playhead(seconds)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.edge_changed.emit(self.width() - self.viewport().width())

    def _press(self, lane: TakeLane, seconds: float) -> None:
        self.chosen.emit(lane.take.id)
        self.scrubbed.emit(seconds)

    def _new_lane(self) -> TakeLane:
        lane = TakeLane()
        lane.listen.clicked.connect(lambda: self.chosen.emit(lane.take.id))
        lane.wave.pressed.connect(lambda seconds: self._press(lane, seconds))
        lane.use.clicked.connect(lambda: self.use_requested.emit(self._shot, lane.take.id))
        lane.star.clicked.connect(lambda starred: self.star_requested.emit(self._shot, lane.take.id, starred))
        lane.delete.clicked.connect(lambda: self.delete_requested.emit(self._shot, lane.take.id))
        lane.settings.clicked.connect(lambda: self.settings_requested.emit(lane.take.settings))
        self._layout.insertWidget(self._layout.count() - 1, lane)
        if self.lanes:
            # Qt puts what comes later at the end of the whole window's order.
            fix_order(self.lanes[-1].tab_stops[-1], *lane.tab_stops)
        return lane


class TakeLane(QFrame):
    """One take."""

    def __init__(self) -> None:
        # No frame: the waveforms of all lanes lie under those above them.
        super().__init__(frameShape=QFrame.Shape.NoFrame)
        self.take: ListedTake
        self._shown: tuple[ListedTake, int] | None = None
        self._current = False
        self.listen = QToolButton()
        self.listen.setCheckable(True)
        self.listen.setFixedWidth(30)
        self.listen.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.name = FactsLabel()
        self.star = tool_button("star", self.tr("Star"), checkable=True)
        self.use = tool_button("use", self.tr("Use this take"), checkable=True)
        self.settings = tool_button("settings", self.tr("Load this take's seed and settings into the form"))
        self.delete = tool_button("delete", self.tr("Delete this take"))
        self.grip = _Grip(self)
        self.wave = LaneWave()
        buttons = self.star, self.use, self.settings, self.delete
        for button in buttons:
            button.setIconSize(QSize(16, 16))
        self.tab_stops: list[QWidget] = [self.listen, *buttons]
        line = fill(QHBoxLayout(), self.listen, 4, self.name, *buttons, self.grip, spacing=1, stretch=self.name)
        fill(QVBoxLayout(self), line, self.wave, spacing=1).setContentsMargins(0, 2, 0, 2)

    def show_take(self, take: ListedTake, number: int) -> None:
        if self._shown == (take, number):
            return
        if self._shown is None or self._shown[0].id != take.id:
            self.wave.set_sound(None)
            self.wave.set_stills(())
        self._shown = take, number
        self.take = take
        self.listen.setText(str(number))
        self.listen.setAccessibleName(self.tr("Play take {0}").format(number))
        self.listen.setToolTip(self.tr("Play take {0} from the playhead ({1})").format(number, number))
        facts = [self.tr("seed {0}").format(take.settings.seed), take.settings.model]
        known = task_of(take) is not None
        self.settings.setEnabled(known)
        if not known:
            facts.insert(0, self.tr("not supported by this panel"))
        if take.active:
            facts.insert(0, self.tr("in use"))
        self.name.set_facts(facts)
        bold(self.name, take.active)
        self.star.setChecked(take.starred)
        self.star.setAccessibleDescription(self.tr("starred") if take.starred else "")
        self.use.setChecked(take.active)
        self.use.setEnabled(not take.active)
        levels = [(take.loudness_lufs, "LUFS"), (take.peak_dbtp, "dBTP")]
        level = ", ".join(f"{decimal(value, 1)} {unit}" for value, unit in levels if value is not None)
        self.setToolTip("\n".join(filter(None, (take.settings.caption, level))))
        self.setAccessibleName(self.tr("Take {0}, {1}").format(number, ", ".join(facts)))
        self.update()

    def set_current(self, current: bool) -> None:
        self._current = current
        self.listen.setChecked(current)
        self.wave.set_current(current)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in (self.use, self.star, self.settings, self.delete):
            action = menu.addAction(button.icon(), button.accessibleName())
            action.setEnabled(button.isEnabled())
            action.triggered.connect(button.click)
        menu.popup(event.globalPos())


class LaneWave(TimeAxis):
    """A small waveform, or a picture's frames; a press plays the take from there."""

    pressed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._sound: Sound | None = None
        self.stills: tuple[QImage, ...] = ()
        self._current = False
        self._outline: tuple[tuple[object, ...], QPolygonF] | None = None
        self.setFixedHeight(_WAVE_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_sound(self, sound: Sound | None) -> None:
        self._sound = sound
        self._outline = None
        self.update()

    def set_stills(self, images: Sequence[QImage]) -> None:
        self.stills = tuple(images)
        self.update()

    def set_current(self, current: bool) -> None:
        self._current = current
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self.stills:
            self._paint_stills(painter)
        else:
            colour = QColor(state_colour("wave" if self._current else "quiet", self.palette()))
            painter.setPen(QPen(colour, 1))
            painter.setBrush(colour)
            painter.drawPolygon(self._polygon())
        self._paint_playhead(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit(self._seconds(event.position().x()))

    def _paint_stills(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(1.0 if self._current else 0.6)
        cell = self.width() / len(self.stills)
        for number, image in enumerate(self.stills):
            size = image.size().scaled(QSize(round(cell), self.height()), Qt.AspectRatioMode.KeepAspectRatio)
            left = number * cell + (cell - size.width()) / 2
            painter.drawImage(QRectF(left, (self.height() - size.height()) / 2, size.width(), size.height()), image)
        painter.setOpacity(1.0)

    def _polygon(self) -> QPolygonF:
        key = (id(self._sound), self._span, self.width(), self.height())
        if self._outline is None or self._outline[0] != key:
            self._outline = key, self._traced()
        return self._outline[1]

    def _traced(self) -> QPolygonF:
        """The outline of the sound, one pair of points a pixel."""
        if self._sound is None:
            return QPolygonF()
        columns, low, high = self._sound.outline(*self._span, max(1, self.width()))
        if not len(columns):
            return QPolygonF()
        middle = self.height() / 2
        scale = (middle - 2) / self._sound.loudest
        xs = np.concatenate([columns, columns[::-1]]).astype(float)
        ys = middle - scale * np.concatenate([high, low[::-1]])
        return arrayToQPolygonF(xs, ys)


class _Grip(QWidget):
    """Where a take is taken hold of, to be dropped as a file elsewhere."""

    def __init__(self, lane: TakeLane) -> None:
        super().__init__()
        self._lane = lane
        self._from: QPoint | None = None
        self.setFixedSize(20, 24)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip(self.tr("Drag this take out as a file; Ctrl+C copies the current take"))
        self.setAccessibleName(self.tr("Drag this take out as a file"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        icon("drag").paint(QPainter(self), self.rect().adjusted(1, 3, -1, -3))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._from = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        far = QApplication.startDragDistance()
        if self._from is not None and (event.position().toPoint() - self._from).manhattanLength() >= far:
            self._from = None
            drag = QDrag(self)
            drag.setMimeData(file_data(self._lane.take))
            drag.exec(Qt.DropAction.CopyAction)


def file_data(take: ListedTake) -> QMimeData:
    """A take as what is dropped in another program: its file."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(take.path))])
    return data
