"""The base of the runs that write markers: what a model says of every selected shot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import opentimelineio as otio
from avfoley_engine.protocol import CaptionRequest, SpotRequest

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import ChangedError, EngineError
from avfoley_plugin.hosts import Host
from avfoley_plugin.making import Assignment, TakeRun, TakeUpdate
from avfoley_plugin.timeline.media import Problem
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot, read_shots

#: How often a timeline that keeps changing is read and written again.
_WRITE_TRIES = 5


@dataclass(frozen=True)
class ShotsPlanned:
    """The timeline was read: the shots to look at, and the clips that no shot can be made of."""

    shots: tuple[Shot, ...]
    problems: tuple[Problem, ...]


Said = TypeVar("Said")
MarkersWritten = TypeVar("MarkersWritten")


class MarkerRun(TakeRun, Generic[Said, MarkersWritten]):
    """Asks a model about every selected shot, and writes what it says as markers.

    Iterate over it once; `cancel` it from any thread: what is known by then is written. `selection`
    None: what is selected in the host. `model` None: the first that offers the task. `asked`: what
    else the requests say.
    """

    #: The task, its request, and what the models that offer it do.
    task: ClassVar[str]
    request: ClassVar[type[CaptionRequest | SpotRequest]]
    does: ClassVar[str]

    def __init__(
        self, host: Host, engine: EngineClient, model: str | None, selection: Selection | None, **asked: Any
    ) -> None:
        super().__init__(engine)
        self.host = host
        self.written: MarkersWritten | None = None
        self._model, self._selection, self._asked = model, selection, asked
        #: By shot id.
        self._said: dict[str, Said] = {}

    def __iter__(self) -> Iterator[ShotsPlanned | TakeUpdate | MarkersWritten]:
        model = self._model or self._first_model()
        timeline = self.host.read()
        shots, problems = self._shots(timeline)
        yield ShotsPlanned(tuple(shots), tuple(problems))
        try:
            for update in self._make_takes([self._assignment(shot, model) for shot in shots]):
                self._keep(update)
                yield update
        finally:
            try:
                self._cancel_pending()
            finally:
                if self._said:
                    self.written = self._write(timeline)
        if self.written is not None:
            yield self.written

    @abstractmethod
    def _keep(self, update: TakeUpdate) -> None:
        """Puts what a finished job says of its shot into `_said`."""

    @abstractmethod
    def _mark(self, timeline: otio.schema.Timeline, shot: Shot, said: Said) -> None:
        """Writes the markers of a shot."""

    @abstractmethod
    def _done_writing(self, path: Path, timeline: otio.schema.Timeline, shots: list[Shot]) -> MarkersWritten:
        """What was written."""

    def _wanted(self, timeline: otio.schema.Timeline, shots: list[Shot]) -> list[Shot]:
        """Those of the selected shots that may be marked; all of them, unless overridden."""
        return shots

    def _assignment(self, shot: Shot, model: str) -> Assignment:
        assert shot.picture is not None
        about: dict[str, Any] = {"picture": shot.picture, "frames": shot.frames, "record_rate": shot.record_rate}
        return Assignment(shot, 0, self.request(**about, model=model, **self._asked))

    def _first_model(self) -> str:
        offering = [model.name for model in self._engine.models() if self.task in model.tasks]
        if not offering:
            raise EngineError(f"No installed model {self.does}; see `avfoley models`.")
        return offering[0]

    def _shots(self, timeline: otio.schema.Timeline) -> tuple[list[Shot], list[Problem]]:
        selection = self.host.selection() if self._selection is None else self._selection
        shots, problems = read_shots(timeline, selection, folder=self.host.folder, probe=self._engine.probe)
        return [shot for shot in self._wanted(timeline, shots) if shot.picture is not None], problems

    def _write(self, timeline: otio.schema.Timeline) -> MarkersWritten:
        """Marks those shots that are still there."""
        for tries_left in reversed(range(_WRITE_TRIES)):
            shots = [shot for shot in self._shots(timeline)[0] if shot.id in self._said]
            for shot in shots:
                self._mark(timeline, shot, self._said[shot.id])
            try:
                return self._done_writing(self.host.write(timeline), timeline, shots)
            except ChangedError:
                if not tries_left:
                    raise
            timeline = self.host.read()
        raise AssertionError
