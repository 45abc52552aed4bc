"""What is being generated, waits or failed: one row per shot and run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, Signal

from avfoley_plugin.making import TakeCancelled, TakeDone, TakeFailed, TakeProgress
from avfoley_plugin.workflows import Planned
from avfoley_ui.shots_model import Index

RowState = Literal["waiting", "running", "cancelling", "failed"]


class QueueRole(IntEnum):
    ROW = Qt.ItemDataRole.UserRole


@dataclass
class QueueRow:
    """A shot's takes in one run: ``progress`` of each, by number; ``seconds`` of all together."""

    run: int
    shot_id: str
    name: str
    takes: int
    seconds: float
    state: RowState = "waiting"
    progress: dict[int, float] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    eta_seconds: float | None = None
    message: str | None = None
    reasons: list[str] = field(default_factory=list)

    @property
    def done(self) -> float:
        """The share of its takes that is made, 0 to 1."""
        return (len(self.ended) + sum(self.progress.values())) / self.takes

    @property
    def left(self) -> float:
        """Seconds of sound that are still to be made."""
        return self.seconds * (1 - self.done)


class QueueModel(QAbstractListModel):
    """The queue. What is made leaves it; what failed stays until it is dismissed."""

    totals_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[QueueRow] = []
        self._planned_seconds = 0.0
        self._pace: float | None = None
        self._began: dict[tuple[int, str, int], float] = {}

    @property
    def active(self) -> list[QueueRow]:
        return [row for row in self.rows if row.state != "failed"]

    @property
    def total_progress(self) -> float:
        """The share of all that was asked for since the queue was last empty, 0 to 1."""
        left = sum(row.left for row in self.active)
        return 1 - left / self._planned_seconds if self._planned_seconds else 0.0

    @property
    def total_eta_seconds(self) -> float | None:
        """Seconds until all is done, estimated from the takes so far; None if unknown."""
        pace = self._present_pace()
        if pace is None:
            return None
        # A running job's own estimate is best.
        running = [row for row in self.active if row.eta_seconds is not None]
        running_seconds = sum(row.eta_seconds or 0.0 for row in running)
        making = sum(row.seconds / row.takes * (1 - max(row.progress.values(), default=0.0)) for row in running)
        return running_seconds + (sum(row.left for row in self.active) - making) * pace

    def eta_seconds(self, row: QueueRow) -> float | None:
        """Seconds until all takes of a row are done, the current one and those after it."""
        pace = self._present_pace()
        if pace is None:
            return row.eta_seconds
        waiting = row.takes - len(row.ended) - (row.eta_seconds is not None)
        return (row.eta_seconds or 0.0) + waiting * row.seconds / row.takes * pace

    def _present_pace(self) -> float | None:
        """Seconds for a second of sound: of finished takes, or by the first one's estimate."""
        if self._pace is not None:
            return self._pace
        for row in self.active:
            share = next((value for value in row.progress.values() if value > 0), 0.0)
            if row.eta_seconds is not None and 0 < share < 1:
                return row.eta_seconds / (1 - share) / (row.seconds / row.takes)
        return None

    def progress_by_shot(self) -> dict[str, float]:
        return {row.shot_id: row.done for row in self.active}

    def holds(self, run: int) -> bool:
        """Whether there is anything of a run in the queue."""
        return any(row.run == run for row in self.rows)

    def plan(self, run: int, planned: Planned) -> None:
        """Adds what a run is going to make, and the clips that it cannot."""
        if not self.active:
            self._planned_seconds = 0.0
        new = [
            QueueRow(run, shot.id, shot.name, takes, float(shot.frames / shot.record_rate) * takes)
            for shot, takes in ((order.shot, len(order.requests)) for order in planned.orders)
            if takes
        ]
        new += [
            QueueRow(run, "", problem.name or self.tr("unnamed clip"), 1, 0.0, "failed", reasons=[problem.reason])
            for problem in planned.problems
        ]
        self._planned_seconds += sum(row.seconds for row in new)
        if new:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(new) - 1)
            self.rows.extend(new)
            self.endInsertRows()
        self.totals_changed.emit()

    def update(self, run: int, update: TakeProgress | TakeDone | TakeFailed | TakeCancelled) -> None:
        """One take of a run went on, or ended."""
        at = next((i for i, row in enumerate(self.rows) if (row.run, row.shot_id) == (run, update.subject.id)), None)
        if at is None:
            return
        row = self.rows[at]
        key = (run, row.shot_id, update.number)
        if isinstance(update, TakeProgress):
            row.progress[update.number] = update.progress
            row.eta_seconds, row.message = update.eta_seconds, update.message
            if row.state != "cancelling":
                row.state = "running" if update.state == "running" else "waiting"
            if update.state == "running":
                self._began.setdefault(key, time.monotonic())
        else:
            row.progress.pop(update.number, None)
            row.ended.add(update.number)
            row.eta_seconds, row.message = None, None
            began = self._began.pop(key, None)
            if isinstance(update, TakeDone) and began is not None and row.seconds:
                pace = (time.monotonic() - began) / (row.seconds / row.takes)
                self._pace = pace if self._pace is None else 0.7 * self._pace + 0.3 * pace
            if isinstance(update, TakeFailed):
                row.reasons.append(update.reason)
            if len(row.ended) == row.takes:
                self._end(at)
                return
        self.dataChanged.emit(self.index(at), self.index(at))
        self.totals_changed.emit()

    def cancelling(self, run: int, shot_id: str | None = None) -> None:
        """Marks these rows as being cancelled."""
        for at, row in enumerate(self.rows):
            if row.run == run and shot_id in (None, row.shot_id) and row.state != "failed":
                row.state = "cancelling"
                self.dataChanged.emit(self.index(at), self.index(at))

    def end_run(self, run: int, error: str | None) -> None:
        """Ends a run. What it has not made stays as failed if there was an error."""
        for at in range(len(self.rows) - 1, -1, -1):
            row = self.rows[at]
            if row.run == run and row.state != "failed":
                if error is not None:
                    row.reasons.append(error)
                self._end(at)
        self.totals_changed.emit()

    def dismiss(self, rows: Iterable[int]) -> None:
        """Takes failed rows off the list."""
        for at in sorted(rows, reverse=True):
            if self.rows[at].state == "failed":
                self._remove(at)
        self.totals_changed.emit()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.name
            case QueueRole.ROW:
                return row
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join([row.name, *row.reasons])
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{row.name}, {self.state_text(row)}"
        return None

    def state_text(self, row: QueueRow) -> str:
        """The row's state, for the user."""
        match row.state:
            case "waiting":
                return row.message or self.tr("waiting")
            case "cancelling":
                return self.tr("cancelling")
            case "failed":
                return " ".join(dict.fromkeys(row.reasons))
        if row.message:
            return row.message
        eta = self.eta_seconds(row)
        if eta is None:
            return self.tr("{0}%").format(round(100 * row.done))
        return self.tr("{0}%, {1} left").format(round(100 * row.done), duration(eta))

    def _end(self, at: int) -> None:
        row = self.rows[at]
        if row.reasons:
            row.state = "failed"
            self.dataChanged.emit(self.index(at), self.index(at))
        else:
            self._remove(at)
        self.totals_changed.emit()

    def _remove(self, at: int) -> None:
        self.beginRemoveRows(QModelIndex(), at, at)
        del self.rows[at]
        self.endRemoveRows()


def duration(seconds: float) -> str:
    """A length of time as one reads it: 8 s, 1:05."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"
