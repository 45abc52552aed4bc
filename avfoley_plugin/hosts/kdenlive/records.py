"""What of a project is ours, as it records it itself. Kdenlive keeps properties of bin clips and of
the document, but none of tracks, guides or clips on tracks. So a take's identity is with its bin
clip, all else in one property of the document.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from avfoley_plugin.hosts.kdenlive.markup import Element
from avfoley_plugin.hosts.kdenlive.project import DOCUMENT, Project
from avfoley_plugin.timeline.identity import CaptionIdentity, ClipIdentity, EventIdentity, TakeIdentity

#: The property of a bin clip that makes it a take of ours.
TAKE_PROPERTY = "kdenlive:avfoley"
#: The property of the document that says what else is ours.
RECORD_PROPERTY = f"{DOCUMENT}avfoley"


_Frames = Annotated[int, Field(ge=0, lt=2**31)]
_Count = Annotated[float, Field(gt=0, lt=2**48, allow_inf_nan=False)]


class StoredTake(BaseModel):
    """The take that a bin clip is: of which shot, and under which key. Its file has ``length``
    units of ``rate``, samples or frames. ``picture``: it belongs on a video track.
    """

    name: str
    key: Annotated[str, Field(min_length=1)]
    length: _Count
    rate: _Count
    picture: bool = False
    clip: ClipIdentity
    take: TakeIdentity


class StoredTrack(BaseModel):
    """A track of ours, found again by its name. ``picture``: it is a video track; ``layer`` is what it is for."""

    id: str
    name: str
    picture: bool = False
    layer: str = ""


class StoredCaption(BaseModel):
    """A caption or an event, found again by the frame of its guide, else by its text."""

    frame: _Frames
    text: str
    name: str
    color: str
    frames: _Frames
    identity: CaptionIdentity | EventIdentity


class StoredTimeline(BaseModel):
    """What is ours on one sequence. ``added_guides``: it had no property for guides before."""

    tracks: list[StoredTrack] = []
    captions: list[StoredCaption] = []
    added_guides: bool = False

    @property
    def empty(self) -> bool:
        return not (self.tracks or self.captions)


class Record(BaseModel):
    """What is ours in a project, beside the takes; ``sequences`` by uuid. ``source`` is the project
    that this one was made from, relative to its folder. ``category`` is the type of our guides,
    ``folder`` our bin folder. ``added_categories``: the project did not say before which it has.
    """

    version: Literal[1] = 1
    source: str | None = None
    category: int | None = None
    folder: str | None = None
    added_categories: bool = False
    sequences: dict[str, StoredTimeline] = {}

    def on(self, sequence_id: str) -> StoredTimeline:
        return self.sequences.get(sequence_id, StoredTimeline())


def record(project: Project) -> Record:
    """What the project says is ours; nothing, where it says nothing that we understand."""
    try:
        return Record.model_validate_json(project.main_bin.properties.get(RECORD_PROPERTY, ""))
    except ValidationError:
        return Record()


def stored_take(clip: Element | None) -> StoredTake | None:
    """The take that a bin clip is; None if it is none of ours."""
    text = "" if clip is None else clip.properties.get(TAKE_PROPERTY, "")
    try:
        return StoredTake.model_validate_json(text) if text else None
    except ValidationError:
        return None


def stored_takes(project: Project) -> dict[str, StoredTake]:
    """All takes of ours in the bin, by the ``kdenlive:id`` of their clips."""
    takes = {bin_id: stored_take(clip) for bin_id, clip in project.bin_clips.items()}
    return {bin_id: take for bin_id, take in takes.items() if take is not None}
