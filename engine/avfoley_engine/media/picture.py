"""The picture of a media file, sampled by timestamp and brought to a model's size.

Framing: the picture is scaled, its pixel aspect respected, until it covers the model's frame, and the centre is kept.
Nothing is squashed and no bars are added, because the models learn from undistorted 16:9 pictures without bars; a 4:3
picture loses an eighth of its height at the top and as much at the bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

import av.error
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from avfoley_engine.errors import MediaError
from avfoley_engine.media.container import open_media, picture_stream
from avfoley_engine.media.deinterlace import Deinterlacer
from avfoley_engine.media.orientation import Orientation

# Decoding this far ahead costs about as much as a seek and the way from its keyframe.
_SEEK_AHEAD = Fraction(5)
# A seek may land on a keyframe that is shown only after the wanted time; then it is tried again from ever earlier.
_SEEK_MARGINS = (Fraction(0), Fraction(2), Fraction(10), Fraction(40))
# How late a timestamp may come, in seconds and in frames, and still count as in time: Matroska rounds to milliseconds,
# and a file made at 29.97 drifts against 30000/1001.
_ROUNDING_SECONDS, _ROUNDING_FRAMES = Fraction(2, 1000), Fraction(1, 8)


def read_frames(path: Path, times: Sequence[Fraction], size: tuple[int, int]) -> np.ndarray:
    """Reads the frame on display at each of `times`: (T, h, w, 3) uint8, RGB, at `size` = (h, w).

    `times` are seconds from the first picture frame. They may come in any order and repeat (reverse playback, a
    freeze). Before the first frame it is the first, after the last frame the last. Interlaced frames are deinterlaced,
    display rotation is applied, transparency lies over black. Decodes in a stream, a frame or two in memory at a time,
    and seeks over what nobody asked for. Raises `MediaError` where there is no picture or none of it decodes.
    """
    if not times:
        return np.zeros((0, *size, 3), np.uint8)
    order = sorted(set(times))
    images: dict[Fraction, np.ndarray] = {}
    with Picture(path) as picture:
        previous = None
        for time, frame in zip(order, picture.frames_at(order), strict=True):
            if previous is None or frame is not previous[0]:
                previous = frame, picture.scaled(frame, size)
            images[time] = previous[1]
    return np.stack([images[time] for time in times])


class TimedFrame(NamedTuple):
    """A decoded frame and the second, from the first picture frame, at which it comes on display."""

    time: Fraction
    frame: VideoFrame


class Picture:
    """An open file's first picture stream, decoded in display order. A context manager.

    Raises `MediaError` on entering.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # One for all frames: a frame's own would make its filters anew for each.
        self._reformatter = VideoReformatter()

    def __enter__(self) -> Self:
        self._files = ExitStack()
        try:
            self._open()
            decoded = self._decoded()
            first = next(decoded, None)
            if first is None:
                raise MediaError(
                    f"{self.path}: no frame of its picture can be decoded; copy or transcode the file again"
                )
        except BaseException:
            self._files.close()
            raise
        self._first_time = first.time
        self._unread: Iterator[TimedFrame] | None = chain([first], decoded)
        self.orientation = Orientation.of(first.frame)
        self.stored_size = first.frame.height, first.frame.width
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is left to read refers to this object, which would keep its frames until a garbage collection.
        self._unread = None
        self._files.close()

    @property
    def displayed_size(self) -> tuple[int, int]:
        """(height, width) in stored pixels, after rotation."""
        height, width = self.stored_size
        return (width, height) if self.orientation.transposed else (height, width)

    def frames_at(self, times: Sequence[Fraction]) -> Iterator[VideoFrame]:
        """Yields the frame on display at each of `times`, which must ascend."""
        frames = self._frames_from(times[0])
        shown, upcoming = next(frames), next(frames, None)
        for time in times:
            if upcoming is not None and time - upcoming.time > _SEEK_AHEAD:
                frames = self._frames_from(time)
                shown, upcoming = next(frames), next(frames, None)
            while upcoming is not None and upcoming.time <= time + self._rounding:
                shown, upcoming = upcoming, next(frames, None)
            yield shown.frame

    def scaled(self, frame: VideoFrame, size: tuple[int, int]) -> np.ndarray:
        """Scales a frame to cover `size` = (h, w), crops the centre and turns it upright: (h, w, 3) uint8 RGB."""
        height, width = reversed(size) if self.orientation.transposed else size
        if any(component.is_alpha for component in frame.format.components):
            frame = _over_black(frame)
        shown_width = frame.width * self._pixel_aspect
        scale = max(width / shown_width, Fraction(height, frame.height))
        cover_width, cover_height = max(width, round(shown_width * scale)), max(height, round(frame.height * scale))
        image = self._reformatter.reformat(
            frame, cover_width, cover_height, "rgb24", interpolation="AREA" if scale < 1 else "BILINEAR"
        ).to_ndarray()
        top, left = (cover_height - height) // 2, (cover_width - width) // 2
        return self.orientation.apply(image[top : top + height, left : left + width])

    def _open(self) -> None:
        self._files.close()
        self._container = self._files.enter_context(open_media(self.path))
        stream = picture_stream(self._container)
        if stream is None:
            raise MediaError(
                f"{self.path}: has no picture, only sound; "
                "choose a clip with picture, or give a caption alone to make sound from words"
            )
        self._stream = stream
        stream.thread_type = "AUTO"
        self._decoder = _decoder(stream)
        self._pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
        self._frame_duration = 1 / (stream.average_rate or stream.guessed_rate or Fraction(25))
        self._rounding = min(_ROUNDING_SECONDS, self._frame_duration * _ROUNDING_FRAMES)

    def _frames_from(self, time: Fraction) -> Iterator[TimedFrame]:
        """Decodes from a keyframe at or before `time`, else from the file's start; yields at least one frame."""
        for margin in _SEEK_MARGINS:
            if time - margin < _SEEK_AHEAD or not self._seek(time - margin):
                break
            frames = self._timed(self._decoded())
            landed = next(frames, None)
            if landed is not None and landed.time <= time + self._rounding:
                return chain([landed], frames)
        if self._unread is None:
            # Opened again, not sought: some files can be read from the start but not be sought in.
            self._open()
            return self._timed(self._decoded())
        unread, self._unread = self._unread, None
        return self._timed(unread)

    def _seek(self, time: Fraction) -> bool:
        time_base = self._stream.time_base
        if time_base is None:
            return False
        self._unread = None
        try:
            self._container.seek(int((time + self._first_time) / time_base), stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return False
        self._decoder.flush_buffers()
        return True

    def _timed(self, decoded: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
        """The same frames, their times counted from the first picture frame."""
        for time, frame in decoded:
            yield TimedFrame(time - self._first_time, frame)

    def _decoded(self) -> Iterator[TimedFrame]:
        """Decodes from where the file stands; times are the file's own."""
        time = None
        for frame in Deinterlacer().all(self._decoded_fields()):
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is not None and frame.time_base is not None:
                time = stamp * frame.time_base
            else:
                time = Fraction(0) if time is None else time + self._frame_duration
            yield TimedFrame(time, frame)

    def _decoded_fields(self) -> Iterator[VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                frames = self._decoder.decode(packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                # A damaged packet: what comes after it may decode. After damage to the container the iterator is spent
                # and gives None.
                continue
            yield from frames
            if packet is None:
                return


def _decoder(stream: VideoStream) -> VideoCodecContext:
    if stream.metadata.get("alpha_mode") == "1" and stream.codec_context.name in ("vp8", "vp9"):
        # FFmpeg's own decoders of VP8 and VP9 leave the alpha channel out.
        name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}[stream.codec_context.name]
        decoder = cast(VideoCodecContext, VideoCodecContext.create(name, "r"))
        decoder.extradata = stream.codec_context.extradata
        return decoder
    return stream.codec_context


def _over_black(frame: VideoFrame) -> VideoFrame:
    """Lays a frame with straight alpha over black."""
    pixels = frame.to_ndarray(format="rgba").astype(np.uint16)
    return VideoFrame.from_ndarray(((pixels[..., :3] * pixels[..., 3:] + 127) // 255).astype(np.uint8), format="rgb24")
