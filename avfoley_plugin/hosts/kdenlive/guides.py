"""Guides and clip markers: JSON arrays of ``{"pos", "comment", "type"}`` in properties, ``pos`` in frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import opentimelineio as otio

from avfoley_plugin.hosts.kdenlive.json_array import items

#: The OpenTimelineIO colours of Kdenlive's nine categories of guides, in their order.
_COLORS = ("PURPLE", "CYAN", "GREEN", "GREEN", "YELLOW", "ORANGE", "ORANGE", "RED", "RED")
_LATEST = 2**31 - 1


@dataclass(frozen=True)
class Guide:
    """A guide or a clip marker; ``index`` is its place in its array, ``type`` the number of its category."""

    index: int
    frame: int
    frames: int
    text: str
    type: int

    @property
    def color(self) -> str:
        return _COLORS[self.type] if 0 <= self.type < len(_COLORS) else str(otio.schema.MarkerColor.MAGENTA)

    @property
    def name_and_comment(self) -> tuple[str, str]:
        """A text "Foley: steps on gravel" is a marker "Foley" with the comment "steps on gravel"."""
        name, colon, comment = self.text.partition(":")
        if colon and name.strip().casefold() == "foley" and comment.strip():
            return name.strip(), comment.strip()
        return self.text, self.text


def guides(text: str, name: str) -> list[Guide]:
    """The guides in a property's text. Raises HostError, with its `name`, if it is no JSON list."""
    return [guide for index, item in enumerate(items(text, name)) if (guide := _guide(index, item.value)) is not None]


def _guide(index: int, value: Any) -> Guide | None:
    if not isinstance(value, dict):
        return None
    frame, kind, frames = (_integer(value.get(key, 0)) for key in ("pos", "type", "duration"))
    if frame is None or kind is None:
        return None
    return Guide(index, frame, frames or 0, str(value.get("comment", "")), kind)


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= _LATEST else None
