"""What of a timeline in Resolve is ours, as the timeline itself records it.

Of all that the API can write, only the custom data of a marker holds a text that nobody sees or edits. So each caption
marker carries all that is known of its shot's clip and takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from avfoley_plugin.timeline.identity import Kind


def _a_rate(text: str) -> str:
    if Fraction(text) <= 0:
        raise ValueError("a rate is above 0")
    return text


class _Identity(BaseModel):
    """A ``metadata["avfoley"]``; what reading relies on is checked, the rest is kept as it is."""

    model_config = ConfigDict(extra="allow")
    id: str


class _CaptionIdentity(_Identity):
    kind: Literal[Kind.CAPTION]
    caption: str


class _ClipIdentity(_Identity):
    kind: Literal[Kind.CLIP]
    layer: str
    track: str
    record_start: int
    frames: int
    record_rate: Annotated[str, AfterValidator(_a_rate)]


class SoundIdentity(_Identity):
    """The identity of a take of foley."""

    kind: Literal[Kind.TAKE]
    samples: Annotated[int, Field(gt=0, lt=2**48)]
    head_samples: Annotated[int, Field(ge=0, lt=2**48)]
    channels: int


class PictureIdentity(_Identity):
    """The identity of a take of picture."""

    kind: Literal[Kind.TAKE]
    frames: Annotated[int, Field(gt=0, lt=2**31)]
    record_rate: Annotated[str, AfterValidator(_a_rate)]
    codec: str


class StoredTake(BaseModel):
    """One take: the key that its clip knows it by, its file, the sample its file begins at, and its identity."""

    key: Annotated[str, Field(min_length=1)]
    path: str
    start: int
    identity: SoundIdentity | PictureIdentity


class Record(BaseModel):
    """What one marker's custom data says. ``clip`` is None for a shot that has a caption, but no clip."""

    app: Literal["avfoley"] = "avfoley"
    version: Literal[1] = 1
    caption: _CaptionIdentity
    clip: _ClipIdentity | None = None
    name: str = ""
    takes: list[StoredTake] = []


def stored(custom_data: Any) -> Record | None:
    """The record that a marker's custom data holds; None if the marker is none of ours."""
    try:
        return Record.model_validate(json.loads(custom_data, parse_int=_stored_int)) if custom_data else None
    except (ValueError, TypeError, ZeroDivisionError, RecursionError):
        return None


def _stored_int(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError("OpenTimelineIO keeps no number that large")
    return number


def plain(value: Any) -> Any:
    """Metadata as Python's own types: OpenTimelineIO nests dictionaries and lists of its own."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def metadata_of(model: BaseModel) -> dict[str, Any]:
    """The metadata that an identity stands for."""
    return model.model_dump(mode="json")
