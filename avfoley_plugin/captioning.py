"""Captions for silent shots: a model proposes them, and markers carry them on the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import CaptionRequest

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.hosts import Host
from avfoley_plugin.making import CaptionsDone, TakeUpdate
from avfoley_plugin.marking import MarkerRun
from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot


@dataclass(frozen=True)
class CaptionSettings:
    """What the user may say about captions.

    model: None for the first that offers the task. proposals: captions per shot; the likeliest is
    written. overwrite: also replace captions that AVFoley wrote; what a person wrote stays.
    """

    model: str | None = None
    proposals: int = 3
    overwrite: bool = False
    seed: int = 0


@dataclass(frozen=True)
class CaptionsWritten:
    """The timeline was written, with these captions by shot id."""

    timeline: Path
    captions: dict[str, str]


class Captioning(MarkerRun[str, CaptionsWritten]):
    """Writes the likeliest caption of every selected shot that has none as a marker.

    A shot that the model is not sure about gets none. See `MarkerRun`.
    """

    task, request, does = "caption", CaptionRequest, "proposes captions"

    def __init__(
        self, host: Host, engine: EngineClient, settings: CaptionSettings, selection: Selection | None = None
    ) -> None:
        asked = {"proposals": settings.proposals, "seed": settings.seed}
        super().__init__(host, engine, settings.model, selection, **asked)
        self._settings = settings

    def _wanted(self, timeline: otio.schema.Timeline, shots: list[Shot]) -> list[Shot]:
        by_hand = {edit.shot_id for edit in edited(timeline)}
        replaceable = set(captions(timeline)) - by_hand if self._settings.overwrite else set()
        return [shot for shot in shots if not shot.caption.strip() or shot.id in replaceable]

    def _keep(self, update: TakeUpdate) -> None:
        if isinstance(update, CaptionsDone) and update.result.proposals:
            self._said[update.subject.id] = update.result.proposals[0].text

    def _mark(self, timeline: otio.schema.Timeline, shot: Shot, said: str) -> None:
        write_caption(timeline, shot, said)

    def _done_writing(self, path: Path, timeline: otio.schema.Timeline, shots: list[Shot]) -> CaptionsWritten:
        return CaptionsWritten(path, {shot.id: self._said[shot.id] for shot in shots})
