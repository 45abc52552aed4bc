"""Spotting: a model sees when something in the selected shots begins to sound; markers say so."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SpotRequest

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts import Host
from avfoley_plugin.hosts.saving import replace_file
from avfoley_plugin.making import EventsDone, TakeUpdate
from avfoley_plugin.marking import MarkerRun
from avfoley_plugin.timeline.events import Event, write_events
from avfoley_plugin.timeline.media import Problem
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.timing import format_timecode, record_clock

COLUMNS = ("shot", "timecode", "seconds", "frame", "confidence", "name")
#: The name of an event in a shot that has no caption.
UNNAMED = "event"


@dataclass(frozen=True)
class SpotSettings:
    """What the user may say about spotting.

    model: None for the first that offers the task. threshold: the least confidence of an event, 0
    to 1; None for the model's own. csv: a file for the list of events.
    """

    model: str | None = None
    threshold: float | None = None
    csv: Path | None = None


@dataclass(frozen=True)
class EventsWritten:
    """The timeline was written, with this many events by shot id, and `csv`, if asked for."""

    timeline: Path
    events: dict[str, int]
    csv: Path | None


class Spotting(MarkerRun[list[Event], EventsWritten]):
    """Writes a marker at each event that is seen in a selected shot, in place of an earlier run's.

    A marker has the name of the shot's caption, and the confidence as its comment. `shots`: ids of
    the selected shots to spot in; None for all. Other shots are then no problem of the run.
    """

    task, request, does = "spot", SpotRequest, "spots events"

    def __init__(
        self,
        host: Host,
        engine: EngineClient,
        settings: SpotSettings,
        selection: Selection | None = None,
        shots: Collection[str] | None = None,
    ) -> None:
        super().__init__(host, engine, settings.model, selection, threshold=settings.threshold)
        self._only, self._csv = shots, settings.csv

    def _wanted(self, timeline: otio.schema.Timeline, shots: list[Shot]) -> list[Shot]:
        return [shot for shot in shots if self._only is None or shot.id in self._only]

    def _shots(self, timeline: otio.schema.Timeline) -> tuple[list[Shot], list[Problem]]:
        shots, problems = super()._shots(timeline)
        return shots, problems if self._only is None else []

    def _keep(self, update: TakeUpdate) -> None:
        if isinstance(update, EventsDone):
            self._said[update.subject.id] = [Event(e.frame, e.confidence) for e in update.result.events]

    def _mark(self, timeline: otio.schema.Timeline, shot: Shot, said: list[Event]) -> None:
        write_events(timeline, shot, _name(shot), said)

    def _done_writing(self, path: Path, timeline: otio.schema.Timeline, shots: list[Shot]) -> EventsWritten:
        if self._csv is not None:
            write_list(self._csv, timeline, [(shot, self._said[shot.id]) for shot in shots])
        return EventsWritten(path, {shot.id: len(self._said[shot.id]) for shot in shots}, self._csv)


def write_list(path: Path, timeline: otio.schema.Timeline, spotted: Iterable[tuple[Shot, list[Event]]]) -> None:
    """Writes a CSV (RFC 4180) of events in record order; an existing file is kept as a backup.

    "timecode" is the timeline's, "frame" and "seconds" count from its start. Raises HostError.
    """
    rows = []
    for shot, events in spotted:
        clock = record_clock(timeline, shot.record_rate)
        for event in events:
            frame = shot.record_start + event.frame
            timecode = format_timecode(clock.absolute(frame), clock.rate)
            seconds, confidence = f"{float(frame / clock.rate):.3f}", f"{event.confidence:.3f}"
            rows.append((frame / clock.rate, (shot.name, timecode, seconds, frame, confidence, _name(shot))))
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *(row for _, row in sorted(rows, key=lambda row: row[0]))])
    if not path.absolute().parent.is_dir():
        raise HostError(f"{path} cannot be written: there is no such folder. Give --csv another place.")
    replace_file(path, text.getvalue().encode())


def _name(shot: Shot) -> str:
    return " ".join(shot.caption.split()) or UNNAMED
