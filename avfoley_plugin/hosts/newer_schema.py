"""Timelines written by a newer OpenTimelineIO than ours, which refuses what it does not know.
``Marker.3`` (after 0.18) differs from ``Marker.2`` only in its colour, an RGBA object instead of a
name, so it is read as the older and written back as it came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import opentimelineio as otio

_COLOR = "avfoley_marker_3_color"
_DEFAULT_COLOR = "RED"
_NAMED_COLORS = ("PINK", "RED", "ORANGE", "YELLOW", "GREEN", "CYAN", "BLUE", "PURPLE", "MAGENTA", "BLACK", "WHITE")


def read_document(text: str) -> Any:
    """What a document in OpenTimelineIO's JSON holds; newer markers keep their colours as metadata.
    Raises OTIOError, or ValueError for no JSON, too deep nesting and gaps of no length.
    """
    try:
        root = json.loads(text)
    except RecursionError as error:
        raise ValueError("its objects are nested too deep for a timeline") from error
    for node in _objects(root):
        if str(node.get("OTIO_SCHEMA", "")).startswith("Gap.") and node.get("source_range") is None:
            raise ValueError("a gap in it does not say how long it is")
    return otio.adapters.read_from_string(_rewritten(text, "Marker.3", _to_marker_2), "otio_json")


def as_it_came(text: str) -> str:
    """The JSON of a timeline with the markers that ``read_document`` changed as they came."""
    return _rewritten(text, _COLOR, _to_marker_3)


def _rewritten(text: str, trace: str, change: Callable[[dict[str, Any]], None]) -> str:
    if f'"{trace}"' not in text:
        return text
    root = json.loads(text)
    for node in _objects(root):
        change(node)
    return json.dumps(root, indent=4)


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            yield current
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


def _to_marker_2(node: dict[str, Any]) -> None:
    if node.get("OTIO_SCHEMA") != "Marker.3":
        return
    color = node.get("color")
    name = color.get("name", "") if isinstance(color, dict) else color
    node["OTIO_SCHEMA"] = "Marker.2"
    node["metadata"] = {**(node.get("metadata") or {}), _COLOR: json.dumps(color)}
    node["color"] = name.upper() if isinstance(name, str) and name.upper() in _NAMED_COLORS else _DEFAULT_COLOR


def _to_marker_3(node: dict[str, Any]) -> None:
    metadata = node.get("metadata")
    if node.get("OTIO_SCHEMA") != "Marker.2" or not isinstance(metadata, dict) or _COLOR not in metadata:
        return
    node["OTIO_SCHEMA"] = "Marker.3"
    node["color"] = json.loads(metadata.pop(_COLOR))
