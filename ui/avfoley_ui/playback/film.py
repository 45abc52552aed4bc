"""The picture of a shot by record frame, decoded off the GUI thread: retimes, reverse and freezes as the timeline has
them.

QMediaPlayer knows neither retimes nor a shared clock with our mixer; here every frame asked for is the frame shown.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage, QTransform

#: Frames kept for going back and forth, in bytes: some ten seconds of them.
_KEPT_BYTES = 256 << 20
#: Decoding this far ahead costs less than a seek, in seconds.
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


#: What a frame is known by: where it is from, its number, and how wide the picture may be.
_Key = tuple[Footage, int, int]


class Film:
    """An open media file whose frames are read by time. For one thread. Raises av.error.FFmpegError and OSError."""

    def __init__(self, media: Path) -> None:
        self._container = av.open(str(media))
        if not self._container.streams.video:
            raise OSError(f"{media} has no picture")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._base = self._stream.time_base or Fraction(1, 90_000)
        self._origin = (self._stream.start_time or 0) * self._base
        #: How wide a pixel is for its height.
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
    """Brings the frame that was asked for last: ``ready`` (footage, record frame, QImage)."""

    ready = Signal(object, int, QImage)
    failed = Signal(object, str)

    def __init__(self, size: QSize) -> None:
        super().__init__()
        self._size = size
        self._kept_bytes = 0
        self._changed = threading.Condition()
        self._wanted: tuple[Footage, int, QSize] | None = None
        self._closing = False
        self._known: OrderedDict[_Key, QImage] = OrderedDict()
        self._thread = threading.Thread(target=self._work, name="avfoley film", daemon=True)
        self._thread.start()

    def set_size(self, size: QSize) -> None:
        """How large the pictures are that are asked for from now on."""
        with self._changed:
            self._size = size

    def ask(self, footage: Footage, frame: int) -> None:
        """Asks for a frame; what was asked before and is not there yet is forgotten."""
        frame = min(max(frame, 0), max(footage.frames - 1, 0))
        known = self._known.get(_key(footage, frame, self._size))
        if known is not None:
            self.ready.emit(footage, frame, known)
            return
        with self._changed:
            self._wanted = footage, frame, self._size
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(10)

    def _work(self) -> None:
        film: Film | None = None
        media: Path | None = None
        while True:
            with self._changed:
                while self._wanted is None and not self._closing:
                    self._changed.wait()
                if self._closing:
                    if film is not None:
                        film.close()
                    return
                assert self._wanted is not None
                footage, frame, size = self._wanted
                self._wanted = None
            try:
                if film is None or media != footage.media:
                    if film is not None:
                        film.close()
                    film, media = Film(footage.media), footage.media
                self._read(film, footage, frame, size)
            except (OSError, av.error.FFmpegError, ValueError) as error:
                film = None
                self.failed.emit(footage, str(error))

    def _read(self, film: Film, footage: Footage, frame: int, size: QSize) -> None:
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
            with self._changed:
                if self._closing:
                    return
        if last is not None:
            key = _key(footage, frame, size)
            image = self._known.get(key) or to_image(last, size, film.pixel_aspect)
            self._keep(key, image)
            self.ready.emit(footage, frame, image)

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
    """Small pictures of some record frames, as many as can be read."""
    made: dict[int, QImage] = {}
    try:
        film = Film(footage.media)
    except (OSError, av.error.FFmpegError):
        return made
    try:
        for number in sorted(frames, key=footage.time):
            found = film.at(footage.time(number))
            if found is not None:
                made[number] = to_image(found, size, film.pixel_aspect)
    except (OSError, av.error.FFmpegError, ValueError):
        pass
    finally:
        film.close()
    return made
