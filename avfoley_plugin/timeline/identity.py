"""How we know our own: the ``metadata["avfoley"]`` that everything we put on a timeline carries."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, Literal, Protocol, TypeVar

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE, FileRequest, FileResult, FoleyResult, VisualizeResult
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
    model_validator,
)

from avfoley_plugin.errors import TimelineError

METADATA_KEY = "avfoley"
#: A clip's metadata key for what its host knows it by while it is open; not kept in files.
HOST_ID = "avfoley_host_id"

_RATIO = re.compile(r"-?\d{1,40}(/\d{1,40})?")
#: The tasks whose results a timeline can hold.
_RESULTS: dict[str, type[FileResult]] = {"foley": FoleyResult, "visualize": VisualizeResult}


def _ratio(value: Any) -> Any:
    # Python would take "1e999999999" for a ratio, and compute it.
    if isinstance(value, str) and not _RATIO.fullmatch(value):
        raise ValueError(f"{value[:80]!r} is not a ratio")
    return value


_Rate = Annotated[Fraction, BeforeValidator(_ratio), Field(gt=0, le=1000)]
_Frames = Annotated[int, Field(strict=True, ge=0, lt=2**31)]


class Identity(BaseModel):
    """What a thing of ours says of itself. Flags are only written where they are set.

    Reading checks what is relied on, as anything may have edited the timeline, and keeps the rest.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    version: int = 1

    @model_validator(mode="before")
    @classmethod
    def _as_plain(cls, written: Any) -> Any:
        return plain(written)

    @model_serializer(mode="wrap")
    def _written(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not False}


class TrackIdentity(Identity):
    """A track of ours: for foley, unless it is one for ambiences or pictures."""

    kind: Literal["foley_track"] = "foley_track"
    id: str
    ambience: bool = False
    picture: bool = False


class ClipIdentity(Identity):
    """A clip of ours: the shot or sound that its takes are for, and where that was when placed."""

    kind: Literal["foley"] = "foley"
    id: str
    layer: str
    track: str
    record_start: Annotated[int, Field(strict=True, gt=-(2**31), lt=2**31)]
    frames: _Frames
    record_rate: _Rate
    source: Any = None


class CaptionIdentity(Identity):
    """A shot's caption marker, and its text as we wrote it. ``cleared``: it shall be empty."""

    kind: Literal["caption"] = "caption"
    id: str
    caption: str
    cleared: bool = False


class EventIdentity(Identity):
    """A marker on the event ``number``, from 0, that was spotted in the shot ``id`` of ``layer``.

    ``confidence`` is the model's own estimate, from 0 to 1.
    """

    kind: Literal["event"] = "event"
    id: str
    layer: str = ""
    number: Annotated[int, Field(ge=0)]
    confidence: Annotated[float, Field(ge=0, le=1)]


class TimelineIdentity(Identity):
    """A timeline that was written from another file, its ``source``."""

    kind: Literal["timeline"] = "timeline"
    source: str


class TakeIdentity(Identity):
    """A take: what was asked for, and what came out. Its media reference says where its file is.

    Raises TimelineError, and no ValidationError, for the take of a task that is not known here.
    """

    kind: Literal["take"] = "take"
    version: int = 2
    id: str
    request: FileRequest
    result: FileResult
    starred: bool = False

    @model_validator(mode="before")
    @classmethod
    def _known(cls, written: Any) -> Any:
        if not isinstance(written, Mapping) or isinstance(written.get("request"), BaseModel):
            return written
        told = plain(written)
        if "request" not in told:
            told = _from_version_1(told)
        request, result = told["request"], told.get("result")
        if not (isinstance(request, dict) and isinstance(result, dict) and isinstance(request.get("task"), str)):
            raise ValueError("a take says what was asked for and what came out")
        task = request["task"]
        if task not in _RESULTS:
            raise TimelineError(f"This take was made by a newer version (task {task!r}). Update AVFoley.")
        told["request"] = {name: _here(part) if isinstance(part, dict) else part for name, part in request.items()}
        _ratio(request.get("record_rate"))
        told["result"] = _RESULTS[task].model_validate({**result, "path": "."})
        return told

    @field_serializer("result")
    def _without_path(self, result: FileResult) -> dict[str, Any]:
        return result.model_dump(mode="json", exclude={"path"})

    @property
    def asked_again(self) -> FileRequest:
        """The request that makes it again, with the model's defaults of that time."""
        left_open = [name for name, value in self.request if value is None and hasattr(self.result, name)]
        return self.request.model_copy(update={name: getattr(self.result, name) for name in left_open})

    @property
    def sound(self) -> FoleyResult | None:
        """What came out, if it is sound."""
        return self.result if isinstance(self.result, FoleyResult) else None

    @property
    def head_samples(self) -> int:
        """Its head handle; only sounds have one."""
        return 0 if self.sound is None else self.sound.head_samples


class _HasMetadata(Protocol):
    @property
    def metadata(self) -> Any: ...


_Of = TypeVar("_Of", bound=Identity)


def mark(thing: _HasMetadata, identity: Identity) -> None:
    """Makes a thing one of our own."""
    thing.metadata[METADATA_KEY] = identity.model_dump(mode="json")


def identity(thing: _HasMetadata, of: type[_Of]) -> _Of | None:
    """The identity of a thing of ours of that kind; None if it is somebody else's, or damaged.

    Raises TimelineError for the take of a task that is not known here.
    """
    ours = thing.metadata.get(METADATA_KEY)
    if not isinstance(ours, Mapping):
        return None
    try:
        return of.model_validate(ours)
    except (ValueError, RecursionError):
        return None


def marker_identity(marker: _HasMetadata) -> CaptionIdentity | EventIdentity | None:
    """The identity of a marker of ours, of either kind; None if it is somebody else's."""
    return identity(marker, CaptionIdentity) or identity(marker, EventIdentity)


def our_markers(timeline: otio.schema.Timeline, of: type[_Of]) -> list[tuple[otio.schema.Marker, _Of]]:
    """Our markers of a kind on a timeline."""
    markers = [(marker, identity(marker, of)) for marker in timeline.tracks.markers]
    return [(marker, ours) for marker, ours in markers if ours is not None]


def carry_markers(
    earlier: otio.schema.Timeline, timeline: otio.schema.Timeline, of: type[CaptionIdentity | EventIdentity]
) -> None:
    """Copies the markers of a kind of an earlier version, of the shots that have none here."""
    there = {ours.id for _, ours in our_markers(timeline, of)}
    missing = [marker for marker, ours in our_markers(earlier, of) if ours.id not in there]
    timeline.tracks.markers.extend(marker.deepcopy() for marker in missing)


def remove_markers(
    timeline: otio.schema.Timeline, of: type[_Of], which: Callable[[otio.schema.Marker, _Of], bool] = lambda *_: True
) -> None:
    """Takes our markers of a kind off the timeline: all, or those that `which` tells."""
    markers = [(marker, identity(marker, of)) for marker in timeline.tracks.markers]
    kept = [marker for marker, ours in markers if ours is None or not which(marker, ours)]
    if len(kept) != len(markers):
        timeline.tracks.markers[:] = kept


def plain(value: Any) -> Any:
    """Metadata as Python's own types. Raises ValueError for numbers that OTIO cannot keep."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if (isinstance(value, float) and not math.isfinite(value)) or (
        isinstance(value, int) and not -(2**63) <= value < 2**63
    ):
        raise ValueError("a timeline keeps no number that large")
    return value


def _here(part: dict[str, Any]) -> dict[str, Any]:
    """A picture or sound range from anywhere, with a path of its media that is absolute here."""
    told = {name: value if name == "media" else _ratio(value) for name, value in part.items()}
    if isinstance(told.get("media"), str) and not Path(told["media"]).is_absolute():
        told["media"] = str(Path.cwd().anchor / Path(PureWindowsPath(told["media"]).as_posix()))
    return told


def _from_version_1(told: dict[str, Any]) -> dict[str, Any]:
    """A take as version 1 wrote it, of foley or, without samples, of a picture."""
    try:
        frames, rate = told["frames"], Fraction(_ratio(told["record_rate"]))
        asked = {
            name: told[name] for name in ("model", "seed", "caption", "negative_caption", "steps", "guidance_scale")
        }
        came = {**asked, "revision": told["revision"], "sha256": told["sha256"], "seconds": 0.0}
        about = {**asked, "frames": frames, "record_rate": str(rate)}
        if "samples" in told:
            names = ("shot_samples", "head_samples", "tail_samples", "channels", "peak_dbtp", "loudness_lufs", "onsets")
            sound = {name: told[name] for name in ("samples", *names)}
            head, tail = (round(sound[name] * rate / SAMPLE_RATE) for name in ("head_samples", "tail_samples"))
            request = {**about, "task": "foley", "picture": told["source"], "channels": sound["channels"]}
            request |= {"head_handle": head, "tail_handle": tail}
            result = {**came, **sound}
        else:
            picture = {name: told[name] for name in ("width", "height", "codec", "upsampling")}
            request = {**about, "task": "visualize", "sound": told["source"], "codec": picture["codec"]}
            result = {**came, **picture, "frames": frames, "rate": str(rate)}
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"a take lacks {error}") from error
    starred = {"starred": True} if told.get("starred") else {}
    return {"kind": told.get("kind"), "id": told.get("id"), "request": request, "result": result, **starred}
