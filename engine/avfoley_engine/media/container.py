"""Opening a media file and choosing the streams that an editing program would show and play."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from avfoley_engine.errors import MediaError

# A playlist or an SDP file may name other places; only local files may be opened, whatever the file asks for.
_LOCAL_ONLY = {"protocol_whitelist": "file"}


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Opens a local media file for reading. Raises `MediaError` where it is missing, not readable or no media file."""
    if not path.is_file():
        raise MediaError(f"{path}: there is no such file; relink the clip, or bring its drive back online")
    try:
        container = av.open(str(path), mode="r", options=_LOCAL_ONLY)
    except PermissionError as error:
        raise MediaError(f"{path}: may not be read; check the file's permissions") from error
    except av.error.FFmpegError as error:
        raise MediaError(
            f"{path}: is not a media file that can be opened ({error.strerror}); "
            "check that it plays, or copy or transcode it again"
        ) from error
    with container:
        yield container


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The first moving picture; cover art and thumbnails do not count."""
    for stream in container.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream
    return None


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The file's default sound stream, else its first."""
    streams = container.streams.audio
    return next(
        (stream for stream in streams if stream.disposition & Disposition.default), streams[0] if streams else None
    )
