"""The list of shots: a card each, filtered, sorted, captions edited in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QAbstractItemModel, QItemSelection, QItemSelectionModel, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QImage, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from avfoley_plugin.workspace import ListedShot, ShotState
from avfoley_ui.background import delayed
from avfoley_ui.icons import icon
from avfoley_ui.shots_model import Index, Role, ShotsFilter, ShotsModel
from avfoley_ui.tasks import first_task
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.item_painter import ItemList, paint_ground, paint_image, paint_line, paint_progress
from avfoley_ui.widgets.parts import combo_box, decimal, fill, tool_button

THUMBNAIL = QSize(96, 54)
_MARGIN = 6


class ShotsView(QWidget):
    """``chosen`` carries the ids of the selected shots, the current one first."""

    chosen = Signal(list)
    thumbnails_requested = Signal(list)
    host_selection_requested = Signal()

    def __init__(self, model: ShotsModel) -> None:
        super().__init__()
        self._model = model
        self._filter = ShotsFilter(self)
        self._filter.setSourceModel(model)
        self._kept: list[str] = []
        self._quiet = False

        self.search = QLineEdit(placeholderText=self.tr("Search names and captions"), clearButtonEnabled=True)
        self.search.setAccessibleName(self.tr("Search shots"))
        self.search.textChanged.connect(self._filter.set_terms)
        states = (
            (self.tr("All shots"), "all"),
            (self.tr("New"), "new"),
            (self.tr("Changed"), "changed"),
            (self.tr("Done"), "made"),
        )
        orders = (
            (self.tr("By timecode"), "record"),
            (self.tr("By name"), "name"),
            (self.tr("By length"), "length"),
            (self.tr("By state"), "state"),
            (self.tr("By caption"), "caption"),
        )
        self.states = combo_box(states, 6)
        self.states.setAccessibleName(self.tr("Filter by state"))
        self.states.currentIndexChanged.connect(lambda: self._filter.set_state(self.states.currentData()))
        self.order = combo_box(orders, 6)
        self.order.setAccessibleName(self.tr("Sort shots"))
        self.order.currentIndexChanged.connect(lambda: self._filter.set_key(self.order.currentData()))
        selection = self.tr("Use the editing program's selection")
        self.in_host = tool_button("host", selection, self.host_selection_requested)
        self.in_host.hide()

        self.list = _List()
        self.list.setModel(self._filter)
        self.list.setItemDelegate(_Card(model, self.list))
        self.list.setAccessibleName(self.tr("Shots"))
        self.list.selectionModel().selectionChanged.connect(self._emit_chosen)
        self.list.selectionModel().currentChanged.connect(self._emit_chosen)
        self.list.visible_changed.connect(self._request_thumbnails)
        model.modelAboutToBeReset.connect(self._keep_selection)
        model.modelReset.connect(self._restore_selection)

        self.tab_stops: list[QWidget] = [self.search, self.states, self.order, self.in_host, self.list]
        row = fill(QHBoxLayout(), self.states, self.order, self.in_host)
        row.setStretch(0, 1)
        row.setStretch(1, 1)
        fill(QVBoxLayout(self), self.search, row, self.list, stretch=self.list)

    @property
    def selected(self) -> list[str]:
        """The ids of the selected shots in the order of the list, the current one first."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedRows())
        current = self.current
        return sorted((self._shot(row).id for row in rows), key=lambda shot_id: shot_id != current)

    @property
    def current(self) -> str | None:
        index = self.list.currentIndex()
        return index.data(Role.SHOT).id if index.isValid() else None

    def select(self, shot_ids: Iterable[str]) -> None:
        """Selects these shots, as far as they are listed, and shows the first."""
        wanted = set(shot_ids)
        found = [self._filter.index(row, 0) for row in range(self._filter.rowCount()) if self._shot(row).id in wanted]
        selection, chooser = QItemSelection(), self.list.selectionModel()
        for index in found:
            selection.select(index, index)
        self._quiet = True
        if found:
            chooser.setCurrentIndex(found[0], QItemSelectionModel.SelectionFlag.NoUpdate)
        chooser.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._quiet = False
        if found:
            self.list.scrollTo(found[0])
        self._emit_chosen()

    def select_first(self) -> None:
        if self._filter.rowCount():
            self.select([self._shot(0).id])

    def _shot(self, row: int) -> ListedShot:
        shot: ListedShot = self._filter.index(row, 0).data(Role.SHOT)
        return shot

    def offer_sounds(self, offered: bool) -> None:
        """Whether there are sounds in the list, to be shown alone."""
        at = self.states.findData("sound")
        if offered and at < 0:
            self.states.addItem(self.tr("Sounds"), "sound")
        elif not offered and at >= 0:
            self.states.removeItem(at)

    def edit_caption(self) -> None:
        """Opens the current shot's caption for editing."""
        if self.list.currentIndex().isValid():
            self.list.setFocus()
            self.list.edit(self.list.currentIndex())

    def step(self, by: int) -> None:
        """Goes to the next or the previous shot of the list."""
        count = self._filter.rowCount()
        if count:
            row = min(max(self.list.currentIndex().row() + by, 0), count - 1)
            self.list.setCurrentIndex(self._filter.index(row, 0))

    def _emit_chosen(self) -> None:
        if not self._quiet:
            self.chosen.emit(self.selected)

    def _request_thumbnails(self, rows: Sequence[int]) -> None:
        missing = [shot for shot in map(self._shot, rows) if not self._model.has_thumbnail(shot.id)]
        if missing:
            self.thumbnails_requested.emit(missing)

    def _keep_selection(self) -> None:
        self._kept = self.selected
        self._quiet = True

    def _restore_selection(self) -> None:
        self._quiet = False
        self.select(self._kept)


class _List(ItemList):
    """Reports which rows are visible."""

    visible_changed = Signal(list)

    def __init__(self) -> None:
        super().__init__(self.EditTrigger.DoubleClicked | self.EditTrigger.EditKeyPressed)
        self.setUniformItemSizes(True)
        self.setMinimumWidth(200)
        self._pause = delayed(self, 60, self._report_visible)
        self.verticalScrollBar().valueChanged.connect(self.report_visible)

    def setModel(self, model: QAbstractItemModel | None) -> None:  # noqa: N802
        super().setModel(model)
        if model is not None:
            for changed in (model.modelReset, model.layoutChanged, model.rowsInserted, model.rowsRemoved):
                changed.connect(self.report_visible)
            model.dataChanged.connect(self._changed)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.report_visible()

    def report_visible(self) -> None:
        """Reports once scrolling pauses, so that rows that only fly by are left out."""
        self._pause.start()

    def _changed(self, first: Index, last: Index, roles: Sequence[int]) -> None:
        if not roles:
            # Other contents may look different.
            self.report_visible()

    def _report_visible(self) -> None:
        first = self.indexAt(self.viewport().rect().topLeft())
        if not first.isValid():
            return
        height = max(1, self.sizeHintForRow(first.row()))
        count = self.viewport().height() // height + 2
        self.visible_changed.emit(list(range(first.row(), min(first.row() + count, self.model().rowCount()))))


class _Card(QStyledItemDelegate):
    """Thumbnail; name and state; timecode, length and model; caption."""

    def __init__(self, model: ShotsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._font_cache: tuple[str, tuple[QFont, QFont, QFontMetrics]] | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        text = 3 * self._line(option.font) + 4
        return QSize(200, max(text, THUMBNAIL.height()) + 2 * _MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shot: ListedShot = index.data(Role.SHOT)
        palette: QPalette = option.palette
        progress: float | None = index.data(Role.PROGRESS)
        painter.save()
        paint_ground(painter, option, framed=True)
        frame = QRect(option.rect.topLeft(), THUMBNAIL).translated(_MARGIN, _MARGIN)
        self._paint_thumbnail(painter, frame, shot, index.data(Role.THUMBNAIL))
        if progress is not None:
            bar = QRect(frame.left(), frame.bottom() - 3, frame.width(), 4)
            paint_progress(painter, bar, QColor(0, 0, 0, 160), progress, palette)
        self._paint_text(painter, option, shot, progress)
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        painter.restore()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:  # noqa: N802
        hint = first_task([index.data(Role.SHOT)]).caption_hint()
        editor = QLineEdit(parent, maxLength=2000, placeholderText=hint)
        # A file that is dropped on it is for the window.
        editor.setAcceptDrops(False)
        editor.setAccessibleName(self.tr("Caption"))
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        text, line = self._text_rect(option), self._line(option.font)
        area = QRect(text.left() - 5, text.top() + 2 * line, text.width() + 10, line)
        # Over the caption, a little higher than a line of text.
        above = max(0, editor.sizeHint().height() - line) // 2
        editor.setGeometry(area.adjusted(0, -above, 0, above))

    def _paint_thumbnail(self, painter: QPainter, frame: QRect, shot: ListedShot, image: QImage | None) -> None:
        painter.fillRect(frame, QColor("#101112"))
        if image is not None and not image.isNull():
            paint_image(painter, frame, image)
        if shot.is_sound:
            sign = QRect(0, 0, 22, 22)
            sign.moveBottomLeft(frame.bottomLeft())
            painter.fillRect(sign, QColor(16, 17, 18, 200))
            # On the thumbnail's dark ground, whatever the palette.
            icon("sound").paint(painter, sign.adjusted(2, 2, -2, -2), mode=QIcon.Mode.Selected)

    def _paint_text(
        self, painter: QPainter, option: QStyleOptionViewItem, shot: ListedShot, progress: float | None
    ) -> None:
        palette: QPalette = option.palette
        quiet, strong = state_colour("quiet", palette), palette.color(QPalette.ColorRole.Text)
        bold, italic, metrics = self._fonts(option.font)
        line = metrics.height() + 2
        state, colour = self._state(shot, progress)
        top = self._text_rect(option)
        top.setHeight(line)
        badge = min(metrics.horizontalAdvance(state) + 4, top.width() // 2)
        facts = [shot.timecode, self.tr("{0} s").format(decimal(float(shot.seconds), 2))]
        if shot.active_take is not None:
            facts.append(shot.active_take.settings.model)
        painter.setFont(option.font)
        right = top.adjusted(top.width() - badge, 0, 0, 0)
        paint_line(painter, right, state, state_colour(colour, palette), align=Qt.AlignmentFlag.AlignRight)
        paint_line(painter, top.translated(0, line), " · ".join(facts), quiet)
        painter.setFont(bold)
        name = top.adjusted(0, 0, -badge - 6, 0)
        paint_line(painter, name, shot.shot.name, strong, Qt.TextElideMode.ElideMiddle)
        painter.setFont(option.font if shot.caption else italic)
        text = self._model.caption_text(shot)
        paint_line(painter, top.translated(0, 2 * line), text, strong if shot.caption else quiet)

    def _state(self, shot: ListedShot, progress: float | None) -> tuple[str, str]:
        if progress is not None:
            return self.tr("{0}%").format(round(100 * progress)), "working"
        colours = {ShotState.NEW: "quiet", ShotState.CHANGED: "changed", ShotState.MADE: "made"}
        return self._model.state_text(shot), colours[shot.state]

    def _text_rect(self, option: QStyleOptionViewItem) -> QRect:
        left = THUMBNAIL.width() + 2 * _MARGIN + 2
        return option.rect.adjusted(left, _MARGIN, -_MARGIN - 2, -_MARGIN)

    def _line(self, font: QFont) -> int:
        return self._fonts(font)[2].height() + 2

    def _fonts(self, font: QFont) -> tuple[QFont, QFont, QFontMetrics]:
        """Bold, italic and metrics, kept: scrolling measures with them many times a second."""
        if self._font_cache is None or self._font_cache[0] != font.key():
            bold, italic = QFont(font), QFont(font)
            bold.setBold(True)
            italic.setItalic(True)
            self._font_cache = font.key(), (bold, italic, QFontMetrics(font))
        return self._font_cache[1]
