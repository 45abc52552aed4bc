"""The wire contract between host side and engine: pydantic models, nothing else.

The one module of the engine that the host side imports. Times are exact: a rate is a `Fraction` of
frames per second, picture is counted in frames, sound in samples. On the wire a `Fraction` is its
string, e.g. ``"24000/1001"``.
"""

from __future__ import annotations

import hashlib
import os
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

PROTOCOL_VERSION = 5
SAMPLE_RATE = 48_000

PositiveFraction = Annotated[Fraction, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Message(BaseModel):
    """Base of everything that crosses the wire: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _local(media: Path) -> Path:
    if not media.is_absolute() or "://" in str(media):
        raise ValueError(f"{media} is not an absolute path to a local file")
    return media


LocalFile = Annotated[Path, AfterValidator(_local)]


class PictureRange(Message):
    """The picture of one shot, as the record side plays it.

    Record frame n of the shot (0 is its first, negative n and n >= frames are handles) shows the
    media's frame ``source_start + n * speed * source_rate / record_rate``, counted from its first
    (its own start timecode is taken off). ``speed`` is source time per record time: 1 as shot, 1/2
    slow motion, -1 reversed, 0 a freeze.
    """

    media: LocalFile
    source_start: Fraction
    source_rate: PositiveFraction
    speed: Fraction = Fraction(1)


class SoundRange(Message):
    """The sound of one clip, as the record side plays it.

    Record frame n of the clip begins with the media's sound at ``source_start + n * speed /
    record_rate`` seconds, counted from the media's first picture frame, or its first sample where
    it has no picture. ``speed`` is source time per record time, and pitch follows it: 1 as
    recorded, -1 reversed.
    """

    media: LocalFile
    source_start: Fraction
    speed: Fraction = Fraction(1)

    @field_validator("speed")
    @classmethod
    def _moving(cls, speed: Fraction) -> Fraction:
        if speed == 0:
            raise ValueError("sound that stands still is not heard")
        return speed


class TakeRequest(Message):
    """Base of all requests: everything that decides the result, and so its identity."""

    task: str

    @property
    def media(self) -> Path | None:
        """The file that the result is made from, None from words alone."""
        source: PictureRange | SoundRange | None = getattr(self, "picture", None) or getattr(self, "sound", None)
        return None if source is None else source.media

    @property
    def suffix(self) -> str | None:
        """What the name of the result's file ends with; None where it is no file."""
        return None

    def settled(self, model: ModelInfo) -> Self:
        """The request with the model's defaults written out: equal values are the same take."""
        defaults = {"steps": model.default_steps, "guidance_scale": model.default_guidance_scale}
        missing = [name for name in defaults if name in type(self).model_fields and getattr(self, name) is None]
        return self.model_copy(update={name: defaults[name] for name in missing})

    def digest(self) -> str:
        """sha256 (hex) of the canonical request: with the model's revision, its identity."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class FoleyRequest(TakeRequest):
    """All that decides one take of foley: the same request on the same device gives the same bytes.

    ``picture`` is None for sound from words alone. ``frames`` at ``record_rate`` is the shot's
    exact length; the take lasts ``round(frames / record_rate * 48000)`` samples plus the handles. A
    sound that belongs to no timeline counts samples: its ``record_rate`` is 48000, and its file
    carries no timecode. Handles are asked for in frames and given only as far as the picture
    reaches; from words alone, all. ``record_start`` is the shot's first frame as timecode, in
    frames since midnight, for the file's bext TimeReference.

    ``loop``: the take's last sample runs into its first; from words alone, and without handles.
    ``channels``: 1, or 2 for a stereo spread whose sum is the mono take of the same request.
    """

    task: Literal["foley"] = "foley"
    picture: PictureRange | None
    frames: Annotated[int, Field(gt=0)]
    record_rate: PositiveFraction
    record_start: Annotated[int, Field(ge=0)] = 0
    head_handle: Annotated[int, Field(ge=0)] = 0
    tail_handle: Annotated[int, Field(ge=0)] = 0
    caption: Annotated[str, Field(max_length=2000)] = ""
    negative_caption: Annotated[str, Field(max_length=2000)] = ""
    model: Annotated[str, Field(min_length=1)] = "avlink-nano"
    seed: Seed = 0
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    loop: bool = False
    channels: Literal[1, 2] = 1

    @model_validator(mode="after")
    def _loops_stand_alone(self) -> Self:
        if self.loop and (self.picture is not None or self.head_handle or self.tail_handle):
            raise ValueError("a loop follows no picture and has no handles")
        return self

    @property
    def suffix(self) -> str:
        return ".wav"


VideoCodec = Literal["h264", "prores", "ffv1"]
_VIDEO_SUFFIXES: dict[VideoCodec, str] = {"h264": ".mp4", "prores": ".mov", "ffv1": ".mkv"}


class VisualizeRequest(TakeRequest):
    """All that decides one take of picture that moves with a sound, as `FoleyRequest` of foley.

    ``sound`` is None for a picture from words alone. The take has exactly ``frames`` frames at
    ``record_rate``. ``record_start`` is its first frame as timecode, in frames since midnight,
    which MP4 and QuickTime carry. ``codec``: H.264 in MP4, ProRes 422 in QuickTime, or FFV1 in
    Matroska, which loses nothing.
    """

    task: Literal["visualize"] = "visualize"
    sound: SoundRange | None
    frames: Annotated[int, Field(gt=0)]
    record_rate: Annotated[Fraction, Field(gt=0, le=1000)]
    record_start: Annotated[int, Field(ge=0)] = 0
    caption: Annotated[str, Field(max_length=2000)] = ""
    negative_caption: Annotated[str, Field(max_length=2000)] = ""
    model: Annotated[str, Field(min_length=1)] = "avlink-nano"
    seed: Seed = 0
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    codec: VideoCodec = "h264"

    @property
    def suffix(self) -> str:
        return _VIDEO_SUFFIXES[self.codec]


class CaptionRequest(TakeRequest):
    """All that decides the captions proposed for a shot: what its picture should sound like.

    ``frames`` at ``record_rate`` is the shot's length, ``proposals`` the most captions asked for.
    """

    task: Literal["caption"] = "caption"
    picture: PictureRange
    frames: Annotated[int, Field(gt=0)]
    record_rate: PositiveFraction
    proposals: Annotated[int, Field(ge=1, le=10)] = 3
    model: Annotated[str, Field(min_length=1)]
    seed: Seed = 0


class SpotRequest(TakeRequest):
    """All that decides the events spotted in a shot: when something in its picture begins to sound.

    ``frames`` at ``record_rate`` is the shot's length, ``threshold`` the least confidence of an
    event; None for the model's own.
    """

    task: Literal["spot"] = "spot"
    picture: PictureRange
    frames: Annotated[int, Field(gt=0)]
    record_rate: PositiveFraction
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    model: Annotated[str, Field(min_length=1)]


class TakeResult(Message):
    """Base of all results. ``seconds`` is how long it took to make."""

    task: str
    model: str
    revision: str
    seed: int
    seconds: float


class FileResult(TakeResult):
    """A result that is a file, and what it was made with."""

    path: Path
    sha256: str
    caption: str
    negative_caption: str
    steps: int
    guidance_scale: float


class FoleyResult(FileResult):
    """One finished take: a mono or stereo Broadcast Wave (``channels``), 48 kHz, 24-bit.

    ``samples`` counts the whole file; the shot begins at sample ``head_samples`` and its picture
    lasts ``shot_samples``. ``onsets`` are those detected, in samples from the shot's first frame.
    ``loudness_lufs`` is None under 0.4 s.
    """

    task: Literal["foley"] = "foley"
    samples: int
    shot_samples: int
    head_samples: int
    tail_samples: int
    channels: int
    peak_dbtp: float
    loudness_lufs: float | None
    onsets: list[int]


class VisualizeResult(FileResult):
    """One finished take of picture: a video file without sound, ``frames`` frames at ``rate``.

    ``upsampling`` says how the model's small frames became large: by its trained upsampler, or by
    interpolation, which adds no detail.
    """

    task: Literal["visualize"] = "visualize"
    frames: int
    rate: PositiveFraction
    width: int
    height: int
    codec: VideoCodec
    upsampling: Literal["latent flow", "interpolation"]


class ProposedCaption(Message):
    """``confidence`` is the model's own estimate that the caption is right, from 0 to 1."""

    text: Annotated[str, Field(min_length=1, max_length=2000)]
    confidence: Annotated[float, Field(ge=0, le=1)]


class CaptionResult(TakeResult):
    """Captions for a shot, the likeliest first; none where the model is not sure of any."""

    task: Literal["caption"] = "caption"
    proposals: list[ProposedCaption]


class SpottedEvent(Message):
    """An event in ``frame`` of the shot, at the record rate; ``confidence`` is the model's own."""

    frame: Annotated[int, Field(ge=0)]
    confidence: Annotated[float, Field(ge=0, le=1)]


class SpotResult(TakeResult):
    """The events seen in a shot, in order, each at least as sure as ``threshold``."""

    task: Literal["spot"] = "spot"
    events: list[SpottedEvent]
    threshold: float


#: What a take, a file on a timeline, is asked for with.
FileRequest = Annotated[FoleyRequest | VisualizeRequest, Field(discriminator="task")]
Request = Annotated[FoleyRequest | VisualizeRequest | CaptionRequest | SpotRequest, Field(discriminator="task")]
Result = Annotated[FoleyResult | VisualizeResult | CaptionResult | SpotResult, Field(discriminator="task")]


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Job(Message):
    """A request's way through the engine: ``progress`` from 0 to 1, ``error`` with the remedy."""

    id: str
    state: JobState
    request: Request
    progress: float = 0.0
    result: Result | None = None
    error: str | None = None
    created: float
    started: float | None = None
    finished: float | None = None


class Submission(Message):
    requests: Annotated[list[Request], Field(min_length=1, max_length=10_000)]


class JobEvent(Message):
    """A change of one job. ``id`` grows over the engine's whole life: it says where to resume."""

    id: int
    job_id: str
    state: JobState
    progress: float
    eta_seconds: float | None = None
    message: str | None = None


class ModelInfo(Message):
    """A registered model, as the host side may show it. What a model does not have is None.

    ``controls`` are the fields of a request that change what it makes, beside picture and seed.
    """

    name: str
    title: str
    tasks: list[str]
    revision: str
    licence: str
    size_bytes: int
    local: bool
    sample_rate: int | None
    window_seconds: Fraction | None
    default_steps: int | None
    default_guidance_scale: float | None
    controls: list[str] = ["caption", "negative_caption", "steps", "guidance_scale"]


class Pull(Message):
    """A model on its way here: bytes ``received`` and in ``total``, which is 0 where unknown."""

    model: str
    state: Literal["running", "done", "failed", "stopped"]
    received: int
    total: int
    error: str | None = None


class EngineStatus(Message):
    """``worker`` is the state of the process that owns the device."""

    version: str
    protocol: int = PROTOCOL_VERSION
    pid: int
    device: str | None
    worker: Literal["starting", "idle", "busy", "restarting", "failed"]
    worker_pid: int | None
    model: str | None
    memory_bytes: int | None
    queued: int
    running: int
    error: str | None = None


ENDPOINT_FILE = "engine.json"


def state_folder() -> Path:
    """Where queue, cache, logs and `Endpoint` are: $AVFOLEY_HOME, or the user's state folder."""
    if home := os.environ.get("AVFOLEY_HOME"):
        return Path(home).absolute()
    import platformdirs

    return Path(platformdirs.user_state_dir("avfoley", appauthor=False))


class Endpoint(Message):
    """What ``engine.json`` (0600) in the state folder says, for clients to find the engine."""

    pid: int
    port: int
    token: str
    version: str
    protocol: int = PROTOCOL_VERSION


class MediaProbe(Message):
    """What a media file holds.

    ``frames`` and ``rate`` describe its picture; ``start_timecode`` is its own, in frames since
    midnight, 0 if none. Without picture ``frames``, ``width`` and ``height`` are 0 and ``rate`` is
    nominal. ``duration`` is in seconds.
    """

    path: Path
    frames: Annotated[int, Field(ge=0)]
    rate: PositiveFraction
    start_timecode: Annotated[int, Field(ge=0)] = 0
    has_picture: bool
    has_sound: bool
    width: Annotated[int, Field(ge=0)] = 0
    height: Annotated[int, Field(ge=0)] = 0
    duration: Annotated[Fraction, Field(ge=0)]


class Problem(Message):
    """An error, RFC 9457 (problem details for HTTP APIs)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
