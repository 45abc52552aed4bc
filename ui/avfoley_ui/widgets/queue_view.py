"""The queue: progress and time left of each shot and over all, and how to stop."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from avfoley_ui.icons import icon
from avfoley_ui.queue_model import QueueModel, QueueRole, QueueRow, duration
from avfoley_ui.shots_model import Index
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.item_painter import ItemList, paint_ground, paint_line, paint_progress
from avfoley_ui.widgets.parts import bold, fill, push_button, quiet

_PAD = 6
_BUTTON = 18


class QueueView(QWidget):
    """``cancel_requested`` names the rows to stop, ``cancel_all_requested`` means all."""

    cancel_requested = Signal(list)
    cancel_all_requested = Signal()

    def __init__(self, model: QueueModel) -> None:
        super().__init__()
        self._model = model
        self.summary = quiet(QLabel(wordWrap=True))
        self.total = QProgressBar(maximum=1000, textVisible=False)
        self.total.setFixedHeight(8)
        self.total.setAccessibleName(self.tr("Overall progress"))
        self.cancel_all = push_button(self.tr("Cancel all"), self.cancel_all_requested)
        self.cancel_all.setAccessibleDescription(self.tr("Cancels everything that is not finished"))
        self.list = _Rows()
        self.list.setModel(model)
        self.list.setItemDelegate(_RowDelegate(model, self.list))
        self.list.setAccessibleName(self.tr("Queue"))
        self.list.stop_requested.connect(self._stop)
        self.tab_stops: list[QWidget] = [self.cancel_all, self.list]
        top = fill(QHBoxLayout(), bold(QLabel(self.tr("Queue"))), None, self.cancel_all)
        fill(QVBoxLayout(self), top, self.summary, self.total, self.list, stretch=self.list)
        model.totals_changed.connect(self._show_totals)
        self._show_totals()

    def _stop(self, rows: list[int]) -> None:
        going = [self._model.rows[row] for row in rows if self._model.rows[row].state != "failed"]
        self._model.dismiss(rows)
        if going:
            self.cancel_requested.emit(going)

    def _show_totals(self) -> None:
        active = self._model.active
        failed = len(self._model.rows) - len(active)
        self.cancel_all.setEnabled(bool(active))
        self.total.setVisible(bool(active))
        self.total.setValue(round(1000 * self._model.total_progress))
        parts = []
        if active:
            parts.append(self.tr("%n shot(s) to go", "", len(active)))
            if (eta := self._model.total_eta_seconds) is not None:
                parts.append(self.tr("about {0} left").format(duration(eta)))
        if failed:
            parts.append(self.tr("%n failed", "", failed))
        self.summary.setText(", ".join(parts) or self.tr("The queue is empty."))
        self.list.setVisible(bool(self._model.rows))
        self.list.updateGeometry()


class _Rows(ItemList):
    stop_requested = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def sizeHint(self) -> QSize:  # noqa: N802
        rows = min(self.model().rowCount(), 4) if self.model() else 0
        return QSize(200, sum(map(self.sizeHintForRow, range(rows))) + 2 * self.frameWidth())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, min(self.sizeHint().height(), 60))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.stop_requested.emit(sorted(index.row() for index in self.selectionModel().selectedRows()))
        else:
            super().keyPressEvent(event)


class _RowDelegate(QStyledItemDelegate):
    """Name, how it is, a bar, and a cross that stops it or takes it off the list."""

    def __init__(self, model: QueueModel, parent: _Rows) -> None:
        super().__init__(parent)
        self._model = model
        self._list = parent

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        row: QueueRow = index.data(QueueRole.ROW)
        metrics = QFontMetrics(option.font)
        below = metrics.height() + 4
        if row.state == "failed":
            area = QRect(0, 0, max(60, self._list.viewport().width() - 3 * _PAD - _BUTTON), 1000)
            text = self._model.state_text(row)
            below = metrics.boundingRect(area, int(Qt.TextFlag.TextWordWrap), text).height()
        return QSize(120, metrics.height() + below + 6 + 2 * _PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: QueueRow = index.data(QueueRole.ROW)
        palette: QPalette = option.palette
        painter.save()
        paint_ground(painter, option)
        area = option.rect.adjusted(_PAD, _PAD, -2 * _PAD - _BUTTON, -_PAD)
        line = QFontMetrics(option.font).height()
        top = QRect(area.left(), area.top(), area.width(), line)
        bold_font = QFont(option.font)
        bold_font.setBold(True)
        painter.setFont(bold_font)
        paint_line(painter, top, row.name, palette.color(QPalette.ColorRole.Text), Qt.TextElideMode.ElideMiddle)
        painter.setFont(option.font)
        if row.state == "failed":
            painter.setPen(state_colour("failed", palette))
            text = area.adjusted(0, line + 2, 0, 0)
            painter.drawText(text, int(Qt.TextFlag.TextWordWrap), self._model.state_text(row))
        else:
            colour = state_colour("working" if row.state == "running" else "quiet", palette)
            paint_line(painter, top.translated(0, line + 2), self._model.state_text(row), colour)
            bar = QRect(area.left(), area.bottom() - 3, area.width(), 4)
            paint_progress(painter, bar, palette.color(QPalette.ColorRole.Mid), row.done, palette)
        icon("cancel").paint(painter, self._cross(option.rect))
        painter.restore()

    def editorEvent(  # noqa: N802
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        released = event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent)
        if released and self._cross(option.rect).contains(event.position().toPoint()):  # type: ignore[attr-defined]
            self._list.stop_requested.emit([index.row()])
            return True
        return False

    def _cross(self, rect: QRect) -> QRect:
        return QRect(rect.right() - _BUTTON - _PAD, rect.center().y() - _BUTTON // 2, _BUTTON, _BUTTON)
