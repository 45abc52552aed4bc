"""How we know our own: the ``metadata["avfoley"]`` that everything we put on a timeline carries."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol

METADATA_KEY = "avfoley"
METADATA_VERSION = 1
#: A clip's metadata key for what its host knows it by, while the timeline is open; not kept in files.
HOST_ID = "avfoley_host_id"


class Kind(StrEnum):
    """What a thing of ours on a timeline is."""

    TRACK = "foley_track"
    CLIP = "foley"
    TAKE = "take"
    CAPTION = "caption"
    #: A timeline that was written from another file, its ``source``.
    TIMELINE = "timeline"


class _HasMetadata(Protocol):
    @property
    def metadata(self) -> Any: ...


def mark(thing: _HasMetadata, kind: Kind, **identity: Any) -> None:
    """Writes the identity of one of our own; values are JSON's."""
    thing.metadata[METADATA_KEY] = {"kind": str(kind), "version": METADATA_VERSION, **identity}


def identity(thing: _HasMetadata, kind: Kind) -> dict[str, Any] | None:
    """The identity of a thing of ours of this kind; None if it is somebody else's, or damaged."""
    ours = thing.metadata.get(METADATA_KEY)
    if not isinstance(ours, Mapping) or ours.get("kind") != kind:
        return None
    if not all(name in ours and fits(ours[name]) for name, fits in _NEEDED[kind].items()):
        return None
    if not all(fits(ours[name]) for name, fits in _OPTIONAL.items() if name in ours):
        return None
    return dict(ours)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**48


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_measure(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_rate(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) < 40 and 0 < Fraction(value) <= 1000
    except (ValueError, ZeroDivisionError):
        return False


#: What is relied on wherever an identity is read; a file may have been edited by anything.
_NEEDED: dict[Kind, dict[str, Callable[[Any], bool]]] = {
    Kind.TRACK: {"id": _is_text},
    Kind.CLIP: {
        "id": _is_text,
        "layer": _is_text,
        "track": _is_text,
        "record_start": _is_count,
        "frames": _is_count,
        "record_rate": _is_rate,
    },
    Kind.TAKE: {
        "id": _is_text,
        "model": _is_text,
        "seed": _is_seed,
        "caption": _is_text,
        "negative_caption": _is_text,
        "steps": _is_count,
        "guidance_scale": _is_number,
        "record_rate": _is_rate,
    },
    Kind.CAPTION: {"id": _is_text, "caption": _is_text},
    Kind.TIMELINE: {"source": _is_text},
}
_OPTIONAL: dict[str, Callable[[Any], bool]] = {
    "samples": _is_count,
    "head_samples": _is_count,
    "channels": lambda value: value in (1, 2),
    "loudness_lufs": _is_measure,
    "peak_dbtp": _is_measure,
    "codec": _is_text,
}
