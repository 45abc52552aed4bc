"""Changing items of a JSON array in its text, so that the others stay as they are written: Kdenlive
keeps guides, markers, guide categories and groups so in properties.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from avfoley_plugin.errors import HostError

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Item(NamedTuple):
    """An item of an array, and the characters of the text that it takes."""

    value: Any
    start: int
    end: int


Edit = tuple[int, int, str]
"""Characters of a text, from and to, and what takes their place."""


def items(text: str, name: str) -> list[Item]:
    """The items of the array in `text`, none if it is empty. Raises HostError, naming it `name`, if it holds none."""
    if not text.strip():
        return []
    try:
        return _items(text)
    except (ValueError, IndexError, RecursionError) as error:
        raise HostError(f"its {name} are no list in JSON: {error}; open the project in Kdenlive and save it") from error


def changed(text: str, name: str, drop: Container[int] = (), add: Sequence[Any] = ()) -> list[Edit]:
    """The edits that drop items, by number, and add others at the end; dropping undoes adding."""
    present = items(text, name)
    added = [json.dumps(value, indent=4, ensure_ascii=False).replace("\n", "\n    ") for value in add]
    if not text.strip():
        return [(0, len(text), "[\n    " + ",\n    ".join(added) + "\n]\n")] if added else []
    edits: list[Edit] = []
    at, kept = text.index("[") + 1, False
    for number, item in enumerate(present):
        end = item.end
        if number not in drop:
            kept = True
        else:
            # The first item that stays has no comma before it.
            end = end if kept or item is present[-1] else text.index(",", end) + 1
            edits.append((at, end, ""))
        at = end
    for value in added:
        edits.append((at, at, f"{',' if kept else ''}\n    {value}"))
        kept = True
    return edits


def _items(text: str) -> list[Item]:
    found: list[Item] = []
    at = _skip(text, 0)
    if text[at] != "[":
        raise ValueError("it does not begin with '['")
    at = _skip(text, at + 1)
    while text[at] != "]":
        if found:
            if text[at] != ",":
                raise ValueError(f"no comma at character {at}")
            at = _skip(text, at + 1)
        value, end = _DECODER.raw_decode(text, at)
        found.append(Item(value, at, end))
        at = _skip(text, end)
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
