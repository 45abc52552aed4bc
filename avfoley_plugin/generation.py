"""Text-to-audio: sound from a caption alone, written to files outside any timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from avfoley_engine.protocol import SAMPLE_RATE, FileResult, FoleyRequest

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import HostError
from avfoley_plugin.making import Assignment, TakeDone, TakeRun, TakeUpdate, copy_take, file_stem, is_take
from avfoley_plugin.settings import FoleySettings
from avfoley_plugin.timeline.takes import Take
from avfoley_plugin.timeline.timing import round_half_up


@dataclass(frozen=True)
class Sound:
    """A sound outside any timeline, ``samples`` long at 48 kHz. ``loop``: it repeats seamlessly."""

    caption: str
    samples: int
    loop: bool = False

    @property
    def id(self) -> str:
        return f"{self.samples}|{self.loop}|{self.caption}"

    @property
    def name(self) -> str:
        return self.caption if len(self.caption) <= 40 else f"{self.caption[:39]}…"

    def requests(self, settings: FoleySettings) -> tuple[FoleyRequest, ...]:
        """The request for each of its takes."""
        its: dict[str, Any] = {"picture": None, "frames": self.samples, "record_rate": Fraction(SAMPLE_RATE)}
        its |= {"loop": self.loop, "channels": settings.channels or (2 if self.loop else 1)}
        return tuple(FoleyRequest(**{**asked, "caption": self.caption}, **its) for asked in settings.asked())


@dataclass(frozen=True)
class SoundPlanned:
    """The requests are planned, one per take."""

    sound: Sound
    requests: tuple[FoleyRequest, ...]


@dataclass(frozen=True)
class Saved:
    """The takes are in their files."""

    takes: tuple[Take, ...]


GenerationUpdate = SoundPlanned | TakeUpdate | Saved


def generate(
    engine: EngineClient, settings: FoleySettings, seconds: Fraction, *, loop: bool = False, output: Path | None = None
) -> Generation:
    """Makes sound from the caption of `settings`, `seconds` long to the nearest sample.

    `output` is a folder (by default the current one), in which the caption names the files, or the
    name of a file, to which several takes append their numbers. No other file is overwritten: a
    name from the caption gets a number, one of the user's that is taken raises HostError.
    """
    sound = Sound((settings.caption or "").strip(), round_half_up(seconds * SAMPLE_RATE), loop)
    return Generation(engine, sound, settings, output)


class Generation(TakeRun):
    """A run for one sound. Iterate over it once for its updates; `cancel` it from any thread."""

    def __init__(self, engine: EngineClient, sound: Sound, settings: FoleySettings, output: Path | None) -> None:
        super().__init__(engine)
        #: What was written, also when the iteration ended with an error.
        self.written: Saved | None = None
        self._sound = sound
        self._requests = sound.requests(settings)
        output = Path.cwd() if output is None else output.absolute()
        #: None where the caption names the file.
        self._file = None if output.is_dir() else output
        self._folder = output if self._file is None else output.parent

    def __iter__(self) -> Iterator[GenerationUpdate]:
        self._engine.status()
        # Before the work, not after it.
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HostError(f"{self._folder} cannot be created ({error.strerror}); choose another output") from error
        yield SoundPlanned(self._sound, self._requests)
        work = [Assignment(self._sound, number, request) for number, request in enumerate(self._requests)]
        takes: list[Take] = []
        try:
            for update in self._make_takes(work):
                if isinstance(update, TakeDone):
                    takes.append(update.take)
                    self.written = Saved(tuple(takes))
                yield update
        finally:
            self._cancel_pending()
        if self.written is not None:
            yield self.written

    def _import_take(self, assignment: Assignment, result: FileResult) -> Take:
        path = self._path(assignment.number, result)
        copy_take(result, path)
        return Take(cast(FoleyRequest, assignment.request), result, path)

    def _path(self, number: int, result: FileResult) -> Path:
        """The file for a take: a free name, or a file that already is this take."""
        suffix = f"_take{number + 1}" if len(self._requests) > 1 else ""
        if self._file is not None:
            path = self._file.with_name(f"{self._file.stem}{suffix}{self._file.suffix}")
            if path.exists() and not is_take(path, result):
                raise HostError(
                    f"{path} already exists with other content; choose another output and run again. "
                    "The engine keeps the take, so this is fast."
                )
            return path
        stem = file_stem(self._sound.caption.lower(), "sound") + suffix
        path, further = self._folder / f"{stem}.wav", 2
        while path.exists() and not is_take(path, result):
            path, further = self._folder / f"{stem}_{further}.wav", further + 1
        return path
