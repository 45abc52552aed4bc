"""Captions for silent shots: a model proposes them, and markers carry them on the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import CaptionRequest, CaptionResult, Result

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import ChangedError, EngineError
from avfoley_plugin.hosts import Host
from avfoley_plugin.making import Assignment, CaptionsDone, TakeRun, TakeUpdate
from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.media import Problem
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot, read_shots

#: How often a timeline that keeps changing is read and written again.
_WRITE_TRIES = 5


@dataclass(frozen=True)
class CaptionSettings:
    """What the user may say about captions.

    model: None for the first that offers the task. proposals: captions per shot, the likeliest of
    which is written. overwrite: also replace captions that AVFoley wrote; what a person wrote stays.
    """

    model: str | None = None
    proposals: int = 3
    overwrite: bool = False
    seed: int = 0


@dataclass(frozen=True)
class CaptionsPlanned:
    """The timeline was read: the shots to caption, and the clips that no shot can be made of."""

    shots: tuple[Shot, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class CaptionsWritten:
    """The timeline was written, with these captions by shot id."""

    timeline: Path
    captions: dict[str, str]


class Captioning(TakeRun):
    """Proposes a caption for every selected shot that has none, and writes the likeliest as a marker.

    A shot that the model is not sure about gets none. Iterate over it once; `cancel` it from any
    thread. Without `selection` it works on what is selected in the host.
    """

    def __init__(
        self, host: Host, engine: EngineClient, settings: CaptionSettings, selection: Selection | None = None
    ) -> None:
        super().__init__(engine)
        self.host = host
        self.written: CaptionsWritten | None = None
        self._settings = settings
        self._selection = selection

    def __iter__(self) -> Iterator[CaptionsPlanned | TakeUpdate | CaptionsWritten]:
        model = self._settings.model or self._first_model()
        timeline = self.host.read()
        shots, problems = self._shots(timeline)
        yield CaptionsPlanned(tuple(shots), tuple(problems))
        proposed: dict[str, str] = {}
        try:
            for update in self._make_takes([self._assignment(shot, model) for shot in shots]):
                if isinstance(update, CaptionsDone) and update.result.proposals:
                    proposed[update.subject.id] = update.result.proposals[0].text
                yield update
        finally:
            try:
                self._cancel_pending()
            finally:
                if proposed:
                    self.written = self._write(timeline, proposed)
        if self.written is not None:
            yield self.written

    def _first_model(self) -> str:
        offering = [model.name for model in self._engine.models() if "caption" in model.tasks]
        if not offering:
            raise EngineError("No installed model proposes captions; see `avfoley models`.")
        return offering[0]

    def _shots(self, timeline: otio.schema.Timeline) -> tuple[list[Shot], list[Problem]]:
        """The selected shots that may be given a caption."""
        selection = self.host.selection() if self._selection is None else self._selection
        shots, problems = read_shots(timeline, selection, folder=self.host.folder, probe=self._engine.probe)
        by_hand = {edit.shot_id for edit in edited(timeline)}
        replaceable = set(captions(timeline)) - by_hand if self._settings.overwrite else set()
        wanted = [shot for shot in shots if not shot.caption.strip() or shot.id in replaceable]
        return [shot for shot in wanted if shot.picture is not None], problems

    def _assignment(self, shot: Shot, model: str) -> Assignment:
        assert shot.picture is not None
        request = CaptionRequest(
            picture=shot.picture,
            frames=shot.frames,
            record_rate=shot.record_rate,
            proposals=self._settings.proposals,
            model=model,
            seed=self._settings.seed,
        )
        return Assignment(shot, 0, request)

    def _done(self, assignment: Assignment, result: Result) -> TakeUpdate:
        assert isinstance(result, CaptionResult)
        return CaptionsDone(assignment.subject, result)

    def _write(self, timeline: otio.schema.Timeline, proposed: dict[str, str]) -> CaptionsWritten:
        """Writes the captions of those shots that still may have one."""
        for tries_left in reversed(range(_WRITE_TRIES)):
            shots = [shot for shot in self._shots(timeline)[0] if shot.id in proposed]
            for shot in shots:
                write_caption(timeline, shot, proposed[shot.id])
            try:
                path = self.host.write(timeline)
                return CaptionsWritten(path, {shot.id: proposed[shot.id] for shot in shots})
            except ChangedError:
                if not tries_left:
                    raise
            timeline = self.host.read()
        raise AssertionError
