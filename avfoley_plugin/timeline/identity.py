"""How we know our own: the ``metadata["avfoley"]`` that everything we put on a timeline carries."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
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
    """The identity of a thing of ours of this kind; None if it is somebody else's."""
    ours = thing.metadata.get(METADATA_KEY)
    if not isinstance(ours, Mapping) or ours.get("kind") != kind:
        return None
    return dict(ours)
