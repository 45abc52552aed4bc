"""What the user may say about takes, and the requests that this comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from avfoley_engine.protocol import FileRequest, VideoCodec

from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.sounds import SoundClip


@dataclass(frozen=True)
class Order:
    """What is to be made for one shot or sound: one request a take."""

    shot: Shot | SoundClip
    requests: tuple[FileRequest, ...]


@dataclass(frozen=True)
class _Settings:
    """What the user may say about the takes of all selected shots or sounds.

    caption: for all of them, None for each one's own. takes: their seeds count up from `seed`.
    """

    caption: str | None = None
    negative_caption: str = ""
    seed: int = 0
    takes: int = 1
    model: str = "avlink-nano"
    steps: int | None = None
    guidance_scale: float | None = None

    @classmethod
    def of(cls, request: FileRequest) -> Self:
        """The settings that a request was made with."""
        own = {field.name for field in fields(cls)} & type(request).model_fields.keys()
        return cls(**{name: getattr(request, name) for name in own})

    def asked(self) -> Iterator[dict[str, Any]]:
        """What the request for each take says of them."""
        names = ("caption", "negative_caption", "model", "steps", "guidance_scale")
        for number in range(self.takes):
            yield {**{name: getattr(self, name) for name in names}, "seed": self.seed + number}


@dataclass(frozen=True)
class FoleySettings(_Settings):
    """What the user may say about foley.

    handles: frames of sound before and after each shot, as far as its picture reaches. channels: 1
    for mono, 2 for a stereo spread, None for what suits: ambiences and loops wide, all else mono.
    """

    handles: int = 0
    channels: Literal[1, 2] | None = None

    @classmethod
    def of(cls, request: FileRequest) -> Self:
        handles = [getattr(request, name, 0) for name in ("head_handle", "tail_handle")]
        return replace(super().of(request), handles=max(handles))

    def order(self, shot: Shot) -> Order:
        """What is to be made for a shot."""
        channels = self.channels or (2 if shot.is_ambience else 1)
        more: dict[str, Any] = {"head_handle": self.handles, "tail_handle": self.handles, "channels": channels}
        return Order(shot, tuple(shot.request(**asked, **more) for asked in self.asked()))


@dataclass(frozen=True)
class VisualizeSettings(_Settings):
    """What the user may say about pictures."""

    codec: VideoCodec = "h264"

    def order(self, sound: SoundClip) -> Order:
        """What is to be made for a sound."""
        return Order(sound, tuple(sound.request(**asked, codec=self.codec) for asked in self.asked()))
