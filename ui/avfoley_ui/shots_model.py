"""The shots of the open timeline as a Qt list, and how it is filtered and sorted."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from operator import attrgetter
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage

from avfoley_plugin.workspace import ListedShot, ShotState
from avfoley_ui.playback.take_files import footage_of

Index = QModelIndex | QPersistentModelIndex
# What the list shows of a shot.
_SHOWN = attrgetter("state", "caption", "timecode", "takes", "shot.name")


class Role(IntEnum):
    SHOT = Qt.ItemDataRole.UserRole
    THUMBNAIL = Qt.ItemDataRole.UserRole + 1
    # Progress from 0 to 1 while its takes are being made, else None.
    PROGRESS = Qt.ItemDataRole.UserRole + 2


class ShotsModel(QAbstractListModel):
    """The shots in record order. An edited caption is emitted, and comes back with new contents."""

    caption_edited = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shots: list[ListedShot] = []
        self._rows: dict[str, int] = {}
        self._thumbnails: dict[str, QImage] = {}
        self._progress: dict[str, float] = {}

    def shot(self, shot_id: str) -> ListedShot | None:
        row = self._rows.get(shot_id)
        return None if row is None else self.shots[row]

    def set_shots(self, shots: Iterable[ListedShot]) -> None:
        """Shows new contents. Selection and scrolling stay if the shots are the same."""
        new = list(shots)
        before = self.shots
        if [shot.id for shot in new] != [shot.id for shot in before]:
            self.beginResetModel()
            self.shots = new
            self._rows = {shot.id: row for row, shot in enumerate(new)}
            self._drop_thumbnails(before)
            self.endResetModel()
            return
        changed = [row for row, (old, shot) in enumerate(zip(before, new, strict=True)) if _SHOWN(old) != _SHOWN(shot)]
        self.shots = new
        self._drop_thumbnails([before[row] for row in changed])
        for row in changed:
            self.dataChanged.emit(self.index(row), self.index(row))

    def _drop_thumbnails(self, before: Iterable[ListedShot]) -> None:
        """Forgets those of shots that are gone or show something else."""
        for old in before:
            new = self.shot(old.id)
            if new is None or footage_of(old) != footage_of(new):
                self._thumbnails.pop(old.id, None)

    def set_thumbnail(self, shot_id: str, image: QImage) -> None:
        if shot_id in self._rows:
            self._thumbnails[shot_id] = image
            self._notify(shot_id, Role.THUMBNAIL)

    def has_thumbnail(self, shot_id: str) -> bool:
        return shot_id in self._thumbnails

    def set_progress(self, progress: dict[str, float]) -> None:
        """The progress of shots whose takes are being generated."""
        touched = {shot for shot in {*progress, *self._progress} if progress.get(shot) != self._progress.get(shot)}
        self._progress = dict(progress)
        for shot_id in touched:
            self._notify(shot_id, Role.PROGRESS)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.shots)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        shot = self.shots[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return shot.shot.name
            case Qt.ItemDataRole.EditRole:
                return shot.caption
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(filter(None, (shot.shot.name, shot.caption, str(shot.media or ""))))
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(shot)
            case Role.SHOT:
                return shot
            case Role.THUMBNAIL:
                return self._thumbnails.get(shot.id)
            case Role.PROGRESS:
                return self._progress.get(shot.id)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        shot, caption = self.shots[index.row()], str(value).strip()
        if caption != shot.caption:
            self.caption_edited.emit([shot.id], caption)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def state_text(self, shot: ListedShot) -> str:
        """Its state in a word or two."""
        if shot.id in self._progress:
            return self.tr("generating")
        match shot.state:
            case ShotState.NEW:
                return self.tr("new")
            case ShotState.CHANGED:
                return self.tr("changed")
            case _:
                return self.tr("%n take(s)", "", len(shot.takes))

    def caption_text(self, shot: ListedShot) -> str:
        return shot.caption or self.tr("no caption")

    def _spoken(self, shot: ListedShot) -> str:
        take = shot.active_take
        model = "" if take is None else take.settings.model
        length = self.tr("%n frame(s)", "", shot.shot.frames)
        parts = (shot.shot.name, self.state_text(shot), self.caption_text(shot), shot.timecode, length, model)
        return ", ".join(filter(None, parts))

    def _notify(self, shot_id: str, role: Role) -> None:
        row = self._rows.get(shot_id)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row), [role])


class ShotsFilter(QSortFilterProxyModel):
    """The shots whose name or caption has all terms, in the chosen state and order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._terms: list[str] = []
        self._state: str = "all"
        self._key = "record"
        self.sort(0)

    def set_terms(self, text: str) -> None:
        self._terms = text.casefold().split()
        self.invalidateFilter()

    def set_state(self, state: str) -> None:
        """Only shots in that state; "all" for every one, "sound" for the sounds."""
        self._state = state
        self.invalidateFilter()

    def set_key(self, key: str) -> None:
        """What to sort by: record, name, length, state or caption."""
        self._key = key
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802
        shot = self.sourceModel().index(row, 0, parent).data(Role.SHOT)
        if not (self._state in ("all", shot.state) or (self._state == "sound" and shot.is_sound)):
            return False
        text = f"{shot.shot.name} {shot.caption}".casefold()
        return all(term in text for term in self._terms)

    def lessThan(self, left: Index, right: Index) -> bool:  # noqa: N802
        return bool(self._rank(left.data(Role.SHOT), left.row()) < self._rank(right.data(Role.SHOT), right.row()))

    def _rank(self, shot: ListedShot, row: int) -> tuple[Any, int]:
        ranks: dict[str, Any] = {
            "record": 0,
            "name": shot.shot.name.casefold(),
            "length": shot.seconds,
            "state": ("changed", "new", "made").index(shot.state),
            "caption": shot.caption.casefold(),
        }
        return ranks[self._key], row
