"""What a media file holds: read from its header, and from its first frame."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av.error
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from avfoley_engine.errors import MediaError
from avfoley_engine.media.container import open_media, picture_stream, sound_stream
from avfoley_engine.media.picture import Picture
from avfoley_engine.media.rates import standard_rate, timecode_frames
from avfoley_engine.protocol import MediaProbe

_CLOCK = re.compile(r"(\d+):(\d{2}):(\d{2}(?:\.\d+)?)")


def probe(path: Path) -> MediaProbe:
    """Probes a media file. Raises `MediaError` where it is missing, unreadable, or has no stream.

    `rate` is the standard rate that the stream's average approximates, or with a variable frame
    rate the one the file names (of sound alone its sample rate); `frames` is the duration at that
    rate. An MP4 cut short counts what is there. `width` and `height` are of the rotated picture.
    """
    with open_media(path) as container:
        picture, sound = picture_stream(container), sound_stream(container)
        if picture is None and sound is None:
            raise MediaError(f"{path}: has neither picture nor sound; choose another file")
        if picture is None:
            assert sound is not None
            return MediaProbe(
                path=path,
                frames=0,
                rate=Fraction(sound.rate),
                start_timecode=int(container.metadata.get("time_reference", 0)),
                has_picture=False,
                has_sound=True,
                duration=_duration(container, sound, path),
            )
        rate = _rate(picture)
        start_timecode = _start_timecode(container, rate)
        duration = _duration(container, picture, path)
    with Picture(path) as shown:
        height, width = shown.displayed_size
    return MediaProbe(
        path=path,
        frames=max(1, round(duration * rate)),
        rate=rate,
        start_timecode=start_timecode,
        has_picture=True,
        has_sound=sound is not None,
        width=width,
        height=height,
        duration=duration,
    )


def _rate(picture: VideoStream) -> Fraction:
    average, guessed = picture.average_rate, picture.guessed_rate
    for rate in (average, guessed):
        if rate and (standard := standard_rate(rate)):
            return standard
    return (average or guessed or Fraction(25)).limit_denominator(1001)


def _start_timecode(container: InputContainer, rate: Fraction) -> int:
    """The media's own timecode: QuickTime keeps it on a data track, MXF and Matroska on the file or the picture."""
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        if timecode := metadata.get("timecode"):
            try:
                return timecode_frames(timecode, rate)
            except ValueError:
                continue
    return 0


def _duration(container: InputContainer, stream: Stream, path: Path) -> Fraction:
    """Seconds of the stream that are in the file."""
    time_base = stream.time_base or Fraction(1, 1_000_000)
    if cut := _cut_short(stream, path):
        return cut * time_base
    if stream.duration:
        return stream.duration * time_base
    if clock := _CLOCK.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
    return _scanned_duration(container, stream, time_base)


def _cut_short(stream: Stream, path: Path) -> int | None:
    """Where the file's index points beyond its end: the time, in the stream's time base, up to which all is there."""
    entries = stream.index_entries
    size = path.stat().st_size
    if len(entries) == 0 or entries[-1].pos + entries[-1].size <= size:
        return None
    return next(entry.timestamp for entry in entries if entry.pos + entry.size > size) - entries[0].timestamp


def _scanned_duration(container: InputContainer, stream: Stream, time_base: Fraction) -> Fraction:
    """Reads all packets, undecoded: the way of files whose header does not say, such as a browser's recordings."""
    begin, end = None, None
    try:
        for packet in container.demux(stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None:
                begin = stamp if begin is None else min(begin, stamp)
                end = max(stamp + (packet.duration or 0), end or 0)
    except av.error.FFmpegError:
        pass
    return Fraction(0) if begin is None or end is None else (end - begin) * time_base
