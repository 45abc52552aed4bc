"""What the panel remembers from one time to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QByteArray, QSettings

from avfoley_ui.theme import Appearance

_RECENT, _PLACES = 8, 50


@dataclass(frozen=True)
class MakingChoices:
    """What the making form holds beside the captions. ``quality`` is a key of `making_form.QUALITIES`."""

    negative_caption: str = ""
    model: str = ""
    quality: str = "standard"
    seed: int = 0
    seed_locked: bool = False
    takes: int = 2
    handles: int = 0


class PanelSettings:
    """A typed face of QSettings."""

    def __init__(self, store: QSettings | None = None) -> None:
        self._store = store or QSettings("AVFoley", "Panel")

    @property
    def appearance(self) -> Appearance:
        value = str(self._store.value("appearance", "system"))
        return cast(Appearance, value) if value in ("dark", "light") else "system"

    @appearance.setter
    def appearance(self, value: Appearance) -> None:
        self._store.setValue("appearance", value)

    @property
    def making(self) -> MakingChoices:
        return _read(MakingChoices, self._store.value("making", ""))

    @making.setter
    def making(self, value: MakingChoices) -> None:
        self._store.setValue("making", json.dumps(asdict(value)))

    @property
    def recent(self) -> list[Path]:
        """The timelines and videos opened last, newest first, as far as they are still there."""
        try:
            found = json.loads(str(self._store.value("recent", "[]")))
        except ValueError:
            return []
        return [path for path in map(Path, map(str, found)) if path.exists()]

    def opened(self, path: Path) -> None:
        known = [str(other) for other in self.recent if other != path]
        self._store.setValue("recent", json.dumps([str(path), *known][:_RECENT]))

    def place(self, path: Path) -> str:
        """The id of the shot that was looked at last in that timeline or video, empty if none was."""
        return self._places.get(str(path), "")

    def set_place(self, path: Path, shot: str) -> None:
        known = {other: place for other, place in self._places.items() if other != str(path)}
        kept = [*known.items(), (str(path), shot)][-_PLACES:]
        self._store.setValue("places", json.dumps(dict(kept)))

    @property
    def _places(self) -> dict[str, str]:
        try:
            found = json.loads(str(self._store.value("places", "{}")))
        except ValueError:
            return {}
        return {str(path): str(place) for path, place in found.items()} if isinstance(found, dict) else {}

    def bytes(self, name: str) -> QByteArray:
        """A widget's saved state, empty if there is none."""
        value = self._store.value(name, QByteArray())
        return value if isinstance(value, QByteArray) else QByteArray()

    def set_bytes(self, name: str, value: QByteArray) -> None:
        self._store.setValue(name, value)

    def flag(self, name: str, default: bool) -> bool:
        return str(self._store.value(name, default)).lower() == "true"

    def set_flag(self, name: str, value: bool) -> None:
        self._store.setValue(name, value)

    def text(self, name: str, default: str) -> str:
        return str(self._store.value(name, default))

    def set_text(self, name: str, value: str) -> None:
        self._store.setValue(name, value)


def _read(kind: type[MakingChoices], text: Any) -> MakingChoices:
    """Choices from JSON; what is missing or of another type is as it is by default."""
    try:
        found = json.loads(str(text))
    except ValueError:
        return kind()
    if not isinstance(found, dict):
        return kind()
    usual = kind()
    known: dict[str, Any] = {
        name: value for name, value in found.items() if type(value) is type(getattr(usual, name, None))
    }
    return replace(usual, **known)
