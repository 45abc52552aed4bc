"""What of a timeline in Resolve is ours, as it records it itself: a caption's marker carries all
that is known of its shot's clip and takes, in its custom data, the only text of the API's that
nobody sees or edits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from avfoley_plugin.timeline.identity import CaptionIdentity, ClipIdentity, EventIdentity, TakeIdentity


class StoredTake(BaseModel):
    """One take: the key that its clip knows it by, its file, the sample its file begins at, and its identity."""

    key: Annotated[str, Field(min_length=1)]
    path: str
    start: Annotated[int, Field(gt=-(2**48), lt=2**48)]
    identity: TakeIdentity

    @property
    def file(self) -> Path:
        return Path(self.path)


class Record(BaseModel):
    """What one marker's custom data says: a caption, or an event. ``clip`` is None for a shot that has a caption, but no clip."""

    app: Literal["avfoley"] = "avfoley"
    version: Literal[1] = 1
    caption: CaptionIdentity | EventIdentity
    clip: ClipIdentity | None = None
    name: str = ""
    takes: list[StoredTake] = []


def stored(custom_data: str) -> Record | None:
    """The record that a marker's custom data holds; None if the marker is none of ours."""
    try:
        return Record.model_validate_json(custom_data) if custom_data else None
    except ValidationError:
        return None
