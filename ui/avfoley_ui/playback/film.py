"""The picture of a shot by record frame, with its retimes, decoded off the GUI thread.

QMediaPlayer has neither retimes nor a clock in common with the mixer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage, QTransform

from avfoley_ui.background import Background

# Frames kept for going back and forth, in bytes: some ten seconds of them.
_KEPT_BYTES = 256 << 20
# Decoding this far ahead costs less than a seek, in seconds.
_SEEK_AHEAD = 5


@dataclass(frozen=True)
class Footage:
    """What a shot shows: record frame n is at ``start + n * step`` seconds of the media."""

    media: Path
    start: Fraction
    step: Fraction
    rate: Fraction
    frames: int

    def time(self, frame: int) -> Fraction:
        """The media's second that a record frame shows."""
        return max(self.start + frame * self.step, Fraction(0))


# What a frame is known by: where it is from, its number, and how wide the picture may be.
_Key = tuple[Footage, int, int]


class Film:
    """An open media file whose frames are read by time, for one thread.

    Raises av.error.FFmpegError and OSError.
    """

    def __init__(self, media: Path) -> None:
        self._container = av.open(str(media))
        if not self._container.streams.video:
            raise OSError(f"{media} has no picture")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._base = self._stream.time_base or Fraction(1, 90_000)
        self._origin = (self._stream.start_time or 0) * self._base
        # How wide a pixel is for its height.
        self.pixel_aspect = float(self._stream.sample_aspect_ratio or 1)
        self._frames: Iterator[av.VideoFrame] | None = None
        self._last: tuple[Fraction, av.VideoFrame] | None = None
        self._next: tuple[Fraction, av.VideoFrame] | None = None

    def at(self, time: Fraction) -> av.VideoFrame | None:
        """The frame on display at a second from the first frame; the last one after the end."""
        *_, last = [None, *self.until(time)]
        return None if last is None else last[1]

    def until(self, time: Fraction) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """The frames decoded on the way to that on display at `time`, which is the last."""
        known = self._last
        if known is None or time < known[0] or time > known[0] + _SEEK_AHEAD:
            self._seek(time)
        elif self._next is not None and known[0] <= time < self._next[0]:
            yield known
            return
        while True:
            upcoming = self._next or self._decode()
            self._next = None
            if upcoming is None:
                if self._last is not None:
                    yield self._last
                return
            if upcoming[0] > time and self._last is not None:
                self._next = upcoming
                yield self._last
                return
            self._last = upcoming
            yield upcoming

    def close(self) -> None:
        self._container.close()

    def _seek(self, time: Fraction) -> None:
        target = int((time + self._origin) / self._base)
        self._container.seek(max(target, 0), stream=self._stream, backward=True)
        self._frames = self._container.decode(self._stream)
        self._last = self._next = None

    def _decode(self) -> tuple[Fraction, av.VideoFrame] | None:
        assert self._frames is not None
        for frame in self._frames:
            if frame.pts is not None:
                return frame.pts * self._base - self._origin, frame
        return None


def to_image(frame: av.VideoFrame, size: QSize, pixel_aspect: float = 1.0) -> QImage:
    """A frame upright, with square pixels, as large as fits into `size`."""
    aspect = frame.width / frame.height * pixel_aspect
    turned = frame.rotation % 180 == 90
    room = size.transposed() if turned else size
    width = max(2, min(room.width(), round(room.height() * aspect)))
    height = max(2, round(width / aspect))
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).copy()
    return image.transformed(QTransform().rotate(-frame.rotation)) if frame.rotation else image


class FilmReader(QObject):
    """Decodes the frame asked for last: ``ready`` (footage, record frame, QImage)."""

    ready = Signal(object, int, QImage)
    failed = Signal(object, str)

    def __init__(self, size: QSize) -> None:
        super().__init__()
        self._size = size
        self._kept_bytes = 0
        self._closing = False
        self._known: OrderedDict[_Key, QImage] = OrderedDict()
        # The file that is open, for the thread alone.
        self._open: tuple[Path, Film] | None = None
        self._thread = Background("film", keep=1)

    def set_size(self, size: QSize) -> None:
        """Sets how large the next frames are decoded."""
        self._size = size

    def ask(self, footage: Footage, frame: int) -> None:
        """Asks for a frame, in place of one asked for before that has not been decoded yet."""
        size, frame = self._size, min(max(frame, 0), max(footage.frames - 1, 0))

        def decoded(image: QImage | None) -> None:
            if image is not None:
                self.ready.emit(footage, frame, image)

        if (known := self._known.get(_key(footage, frame, size))) is not None:
            decoded(known)
        else:
            self._thread.submit(
                lambda: self._decode(footage, frame, size), decoded, lambda error: self.failed.emit(footage, str(error))
            )

    def close(self) -> None:
        self._closing = True
        self._thread.close()
        self._close_film()

    def _close_film(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None

    def _decode(self, footage: Footage, frame: int, size: QSize) -> QImage | None:
        try:
            if self._open is None or self._open[0] != footage.media:
                self._close_film()
                self._open = footage.media, Film(footage.media)
            return self._read(self._open[1], footage, frame, size)
        except Exception:
            self._close_film()
            raise

    def _read(self, film: Film, footage: Footage, frame: int, size: QSize) -> QImage | None:
        time = footage.time(frame)
        # Played backwards, all frames of a group are kept on the way to its last.
        keep_all = footage.step * footage.rate < 0 or self._goes_back(footage, frame, size)
        last: av.VideoFrame | None = None
        for shown, decoded in film.until(time):
            last = decoded
            if keep_all and footage.step:
                number = round((shown - footage.start) / footage.step)
                key = _key(footage, number, size)
                if 0 <= number < footage.frames and key not in self._known:
                    self._keep(key, to_image(decoded, size, film.pixel_aspect))
            if self._closing:
                return None
        if last is None:
            return None
        key = _key(footage, frame, size)
        image = self._known.get(key) or to_image(last, size, film.pixel_aspect)
        self._keep(key, image)
        return image

    def _goes_back(self, footage: Footage, frame: int, size: QSize) -> bool:
        after, before = (_key(footage, number, size) for number in (frame + 1, frame - 1))
        return after in self._known and before not in self._known

    def _keep(self, key: _Key, image: QImage) -> None:
        if key not in self._known:
            self._kept_bytes += image.sizeInBytes()
        self._known[key] = image
        while self._kept_bytes > _KEPT_BYTES and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._kept_bytes -= oldest.sizeInBytes()


def _key(footage: Footage, frame: int, size: QSize) -> _Key:
    return footage, frame, size.width()


def stills(footage: Footage, frames: list[int], size: QSize) -> dict[int, QImage]:
    """Small pictures of some record frames in the media's order, as many as can be read."""
    made: dict[int, QImage] = {}
    with suppress(OSError, av.error.FFmpegError, ValueError), closing(Film(footage.media)) as film:
        for number in sorted(frames, key=footage.time):
            found = film.at(footage.time(number))
            if found is not None:
                made[number] = to_image(found, size, film.pixel_aspect)
    return made
