"""The sound of a media file, as samples."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
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
    with open_media(path) as container:
        stream = sound_stream(container)
        if stream is None:
            raise MediaError(f"{path}: has no sound; choose a file with sound")
        resampler = AudioResampler(format="fltp", layout=_LAYOUTS[channels], rate=sample_rate)
        blocks: list[np.ndarray] = []
        start: Fraction | None = None
        for frame in _decoded(container, stream):
            if not blocks and frame.pts is not None and frame.time_base is not None:
                start = frame.pts * frame.time_base
            blocks += (block.to_ndarray() for block in resampler.resample(frame))
        if not blocks:
            raise MediaError(f"{path}: none of its sound can be decoded; copy or transcode the file again")
        blocks += (block.to_ndarray() for block in resampler.resample(None))
    samples = np.concatenate(blocks, axis=1)
    origin = _picture_start(path)
    if origin is None or start is None:
        return samples
    late = round((start - origin) * sample_rate)
    return np.pad(samples, ((0, 0), (late, 0))) if late > 0 else samples[:, -late:]


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
