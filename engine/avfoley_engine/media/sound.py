"""The sound of a media file, as samples."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from avfoley_engine.errors import MediaError
from avfoley_engine.media.container import open_media, picture_stream, sound_stream

_LAYOUTS = {1: "mono", 2: "stereo"}


def read_sound(path: Path, sample_rate: int, channels: int = 1) -> np.ndarray:
    """Reads the whole sound, resampled and mixed down (1 or 2 channels), as (channels, samples) float32.

    Sample 0 is the instant of the first picture frame where the file has picture, else the sound's first sample: what a
    player gives, with a late sound padded by silence and an early one cut. Raises `MediaError` where there is no sound
    or none of it decodes.
    """
    late, blocks = _read(path, sample_rate, channels)
    samples = np.concatenate(list(blocks), axis=1)
    return np.pad(samples, ((0, 0), (late, 0))) if late > 0 else samples[:, -late:]


def read_sound_range(path: Path, sample_rate: int, first: int, count: int) -> np.ndarray:
    """Reads the samples from number `first` on, mixed down to mono: (count,) float32; sample 0 as in `read_sound`.

    Beyond both ends of the sound there is silence. Memory holds the range alone. Raises `MediaError` like `read_sound`.
    """
    samples = np.zeros(count, np.float32)
    at, blocks = _read(path, sample_rate, 1)
    for block in blocks:
        begin, end = max(at, first), min(at + block.shape[1], first + count)
        if begin < end:
            samples[begin - first : end - first] = block[0, begin - at : end - at]
        at += block.shape[1]
        if at >= first + count:
            break
    return samples


def _read(path: Path, sample_rate: int, channels: int) -> tuple[int, Iterator[np.ndarray]]:
    """The number of the first sample that there is, and all samples from it on, in blocks (channels, samples)."""
    blocks = _blocks(path, sample_rate, channels)
    start, first = next(blocks)
    origin = _picture_start(path)
    late = 0 if origin is None or start is None else round((start - origin) * sample_rate)
    return late, chain([first], (block for _, block in blocks))


def _blocks(path: Path, sample_rate: int, channels: int) -> Iterator[tuple[Fraction | None, np.ndarray]]:
    """All that decodes, resampled, each block with the file's own time of the first; yields at least one."""
    with open_media(path) as container:
        stream = sound_stream(container)
        if stream is None:
            raise MediaError(f"{path}: has no sound; choose a file with sound")
        resampler = AudioResampler(format="fltp", layout=_LAYOUTS[channels], rate=sample_rate)
        start: Fraction | None = None
        found = False
        for frame in chain(_decoded(container, stream), [None]):
            if frame is not None and not found and frame.pts is not None and frame.time_base is not None:
                start = frame.pts * frame.time_base
            if frame is None and not found:
                raise MediaError(f"{path}: none of its sound can be decoded; copy or transcode the file again")
            for block in resampler.resample(frame):
                found = True
                yield start, block.to_ndarray()


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = stream.codec_context.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            # A damaged packet; what comes after it may decode.
            continue
        yield from frames
        if packet is None:
            return


def _picture_start(path: Path) -> Fraction | None:
    """The time of the first picture frame, on the file's own clock."""
    with open_media(path) as container:
        stream = picture_stream(container)
        if stream is None:
            return None
        try:
            frame = next(container.decode(stream), None)
        except av.error.FFmpegError:
            return None
        if frame is None or frame.pts is None or frame.time_base is None:
            return None
        return frame.pts * frame.time_base
