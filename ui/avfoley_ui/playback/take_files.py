"""What is played of takes and shots: which file, and reading it off the GUI thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

from PySide6.QtCore import QObject, QSize, Signal

from avfoley_plugin.workspace import ListedShot, ListedTake
from avfoley_ui.background import Background
from avfoley_ui.playback.film import Footage, stills
from avfoley_ui.playback.sound import SAMPLE_RATE, Sound, load, load_stretch
from avfoley_ui.tasks import task_of

T = TypeVar("T")
# A take's or a sound clip's id, and its file.
Key = tuple[str, str]
# Sounds kept in memory.
_KEPT = 24
# Frames in the lane of a take that is a picture.
_LANE_STILLS = 8


def footage_of(shot: ListedShot, take: ListedTake | None = None) -> Footage | None:
    """What is shown with a take (None: the one in use): itself if it is a picture, or the shot's.

    None if there is no picture.
    """
    rate, frames = shot.shot.record_rate, shot.shot.frames
    shown, picture = take or shot.active_take, shot.picture
    task = task_of(shown)
    if shown is not None and task is not None and task.makes == "picture":
        return Footage(shown.path, Fraction(0), 1 / rate, rate, frames)
    if picture is None:
        return None
    return Footage(picture.media, picture.source_start / picture.source_rate, picture.speed / rate, rate, frames)


def span(take: ListedTake) -> tuple[float, float]:
    """Where a take's file begins and ends, in seconds from the shot's first frame."""
    return -take.head_samples / SAMPLE_RATE, (take.samples - take.head_samples) / SAMPLE_RATE


class TakeFiles(QObject):
    """Reads each file once. A take of a task that the panel does not know is not read at all."""

    sound_loaded = Signal(object, object)
    stills_loaded = Signal(str, list)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._sounds: OrderedDict[Key, Sound] = OrderedDict()
        self._loading: set[Key] = set()
        self._thread = Background("sounds")

    @property
    def idle(self) -> bool:
        return self._thread.idle

    def close(self) -> None:
        self._thread.close()

    def audible(self, shot: ListedShot | None, take: ListedTake | None) -> Key | None:
        """What is played with a take: itself if it is a sound, or what the sound clip plays."""
        task = task_of(take)
        if take is not None and task is not None and task.makes == "sound":
            return take.id, str(take.path)
        return None if shot is None or shot.sound is None else (shot.id, str(shot.media))

    def sound(self, key: Key | None) -> Sound | None:
        """A sound that has been read."""
        return None if key is None else self._sounds.get(key)

    def load_clip(self, shot: ListedShot) -> None:
        """Reads what a sound clip plays."""
        sound, samples = shot.sound, round(shot.seconds * SAMPLE_RATE)
        if sound is not None:
            self._load_sound(
                (shot.id, str(shot.media)), lambda: load_stretch(sound.media, sound.source_start, samples, sound.speed)
            )

    def load_take(self, shot: ListedShot, take: ListedTake, size: QSize) -> None:
        """Reads a take: its sound, or frames of `size` all along its picture."""
        task, key, footage = task_of(take), (take.id, str(take.path)), footage_of(shot, take)
        if task is None:
            return
        if task.makes == "sound":
            self._load_sound(key, lambda: load(take.path, take.head_samples))
        elif footage is not None:
            numbers = [(2 * n + 1) * footage.frames // (2 * _LANE_STILLS) for n in range(_LANE_STILLS)]
            self._load(
                key,
                lambda: stills(footage, numbers, size),
                lambda images: self.stills_loaded.emit(take.id, list(images.values())),
            )

    def _load_sound(self, key: Key, read: Callable[[], Sound]) -> None:
        if key in self._sounds:
            self._sounds.move_to_end(key)
            self.sound_loaded.emit(key, self._sounds[key])
        else:
            self._load(key, read, lambda sound: self._keep(key, sound))

    def _keep(self, key: Key, sound: Sound) -> None:
        self._sounds[key] = sound
        while len(self._sounds) > _KEPT:
            self._sounds.popitem(last=False)
        self.sound_loaded.emit(key, sound)

    def _load(self, key: Key, read: Callable[[], T], done: Callable[[T], None]) -> None:
        if key in self._loading:
            return
        self._loading.add(key)

        def loaded(value: T) -> None:
            self._loading.discard(key)
            done(value)

        def failed(error: Exception) -> None:
            self._loading.discard(key)
            self.failed.emit(str(error))

        self._thread.submit(read, loaded, failed)
