"""What the panel remembers from one time to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from PySide6.QtCore import QSettings

from avfoley_ui.theme import Appearance

T = TypeVar("T")
_RECENT, _PLACES = 8, 50


@dataclass(frozen=True)
class MakingChoices:
    """What the form holds beside captions. ``quality`` is a key of `making_form.QUALITIES`."""

    negative_caption: str = ""
    model: str = ""
    quality: str = "standard"
    seed: int = 0
    seed_locked: bool = False
    takes: int = 2
    handles: int = 0


class PanelSettings:
    """QSettings with types. What cannot be read is as if it had never been saved."""

    def __init__(self, store: QSettings | None = None) -> None:
        self._store = store or QSettings("AVFoley", "Panel")

    def get(self, name: str, default: T) -> T:
        """The value of that name, of the default's type."""
        return cast(T, self._store.value(name, default, type(default)))

    def set(self, name: str, value: object) -> None:
        self._store.setValue(name, value)

    @property
    def appearance(self) -> Appearance:
        value = self.get("appearance", "system")
        return cast(Appearance, value) if value in ("dark", "light") else "system"

    @property
    def making(self) -> MakingChoices:
        usual, found = MakingChoices(), self._json("making", dict)
        known: dict[str, Any] = {
            name: value for name, value in found.items() if type(value) is type(getattr(usual, name, None))
        }
        return replace(usual, **known)

    @making.setter
    def making(self, value: MakingChoices) -> None:
        self.set("making", json.dumps(asdict(value)))

    @property
    def recent(self) -> list[Path]:
        """The timelines and videos opened last that still exist, newest first."""
        return [path for path in map(Path, map(str, self._json("recent", list))) if path.exists()]

    def opened(self, path: Path) -> None:
        known = [str(other) for other in self.recent if other != path]
        self.set("recent", json.dumps([str(path), *known][:_RECENT]))

    def place(self, path: Path) -> str:
        """The id of the shot viewed last in that timeline or video, empty if none was."""
        return str(self._json("places", dict).get(str(path), ""))

    def set_place(self, path: Path, shot: str) -> None:
        known = self._json("places", dict)
        known.pop(str(path), None)
        self.set("places", json.dumps(dict([*known.items(), (str(path), shot)][-_PLACES:])))

    def _json(self, name: str, kind: type[T]) -> T:
        try:
            found = json.loads(self.get(name, ""))
        except ValueError:
            return kind()
        return found if isinstance(found, kind) else kind()
