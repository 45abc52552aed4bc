"""Reports of a run: progress bars for people, JSON lines for programs."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

from avfoley_engine.protocol import JobState
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from avfoley_plugin.captioning import CaptionsWritten
from avfoley_plugin.generation import GenerationUpdate, Saved, SoundPlanned
from avfoley_plugin.making import CaptionsDone, EventsDone, Subject, TakeCancelled, TakeDone, TakeFailed, TakeProgress
from avfoley_plugin.marking import ShotsPlanned
from avfoley_plugin.spotting import EventsWritten
from avfoley_plugin.timeline.media import Problem
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.sounds import SoundClip
from avfoley_plugin.timeline.takes import Take
from avfoley_plugin.workflows import Planned, Update, Written

ShownUpdate = Update | GenerationUpdate | ShotsPlanned | CaptionsWritten | EventsWritten
WhatWasWritten = Written | Saved | CaptionsWritten | EventsWritten | None


class Report(ABC):
    """Shows the updates of a run and counts failed clips and takes."""

    def __init__(self) -> None:
        self.failures = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def show(self, update: ShownUpdate) -> None:
        """Shows one update."""
        match update:
            case Planned() | ShotsPlanned():
                self.failures += len(update.problems)
            case TakeFailed():
                self.failures += 1
            case Written():
                self.failures += len(update.unplaced)

    @abstractmethod
    def cancelling(self) -> None:
        """Reports that the run is being cancelled."""

    @abstractmethod
    def finish(self, written: WhatWasWritten, code: int, error: str | None = None) -> None:
        """Reports what the run wrote, and its exit code."""


class ProgressReport(Report):
    """Bars with the time left of each running take and of all, and a line for each finished."""

    def __init__(self, out: Console | None = None) -> None:
        super().__init__()
        self._out = out or Console()
        self._err = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._out,
        )
        self._bars: dict[tuple[str, int], TaskID] = {}
        self._all: TaskID | None = None
        self._waiting: TaskID | None = None
        self._takes = 1

    def __enter__(self) -> Self:
        # The first run starts the engine, which takes a while.
        self._waiting = self._progress.add_task("starting", total=None, left="")
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        for bar in self._bars.values():
            self._progress.remove_task(bar)
        self._end_waiting()
        if self._all is not None:
            self._progress.remove_task(self._all)
        self._progress.stop()

    def show(self, update: ShownUpdate) -> None:
        super().show(update)
        match update:
            case Planned():
                self._plan([len(order.requests) for order in update.orders], update.problems)
            case SoundPlanned():
                self._plan([len(update.requests)])
            case ShotsPlanned():
                self._plan([1] * len(update.shots), update.problems)
            case TakeProgress():
                self._move(update)
            case CaptionsDone():
                self._end(update.subject, 0, _caption_line(update))
            case EventsDone():
                count = len(update.result.events)
                self._end(update.subject, 0, f"{count} event{'' if count == 1 else 's'}")
            case TakeDone():
                self._end(update.subject, update.number, f"done: {update.take.path}")
            case TakeFailed():
                self._end(update.subject, update.number, f"failed: {update.reason}")
            case TakeCancelled():
                self._end(update.subject, update.number, None)

    def refresh(self) -> None:
        """Redraws the bars at once."""
        self._progress.refresh()

    def cancelling(self) -> None:
        self._say("Cancelling; finished takes are kept. Press Ctrl-C again to abort.")

    def finish(self, written: WhatWasWritten, code: int, error: str | None = None) -> None:
        if error is not None:
            self._err.print(f"avfoley: {error}", markup=False, highlight=False, soft_wrap=True)
        if isinstance(written, Written):
            for shot in written.unplaced:
                self._say(f"not placed, because the timeline was changed meanwhile: {shot.name}")
            self._say(f"Timeline:  {written.timeline}")
            self._say(f"Cue sheet: {written.cue_sheet}")
        elif isinstance(written, CaptionsWritten | EventsWritten):
            self._say(f"Timeline: {written.timeline}")
            if isinstance(written, EventsWritten) and written.csv is not None:
                self._say(f"List:     {written.csv}")
        elif written is None and error is None:
            self._say("Nothing was written.")

    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._progress.remove_task(self._waiting)
            self._waiting = None

    def _plan(self, takes: list[int], problems: Iterable[Problem] = ()) -> None:
        self._end_waiting()
        for problem in problems:
            self._say(f"skipped: {problem}")
        total, self._takes = sum(takes), max(takes, default=1)
        if total:
            self._all = self._progress.add_task(f"{total} takes" if total > 1 else "1 take", total=total, left="")
        else:
            self._say("There is nothing to make.")

    def _move(self, update: TakeProgress) -> None:
        if update.state is not JobState.RUNNING:
            return
        key = (update.subject.id, update.number)
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(self._name(update.subject, update.number), total=1.0, left="")
        left = update.message or ("" if update.eta_seconds is None else f"{_duration(update.eta_seconds)} left")
        self._progress.update(self._bars[key], completed=update.progress, left=left)

    def _end(self, subject: Subject, number: int, line: str | None) -> None:
        bar = self._bars.pop((subject.id, number), None)
        if bar is not None:
            self._progress.remove_task(bar)
        if self._all is not None:
            self._progress.advance(self._all)
        if line is not None:
            self._say(f"{self._name(subject, number)} {line}")

    def _name(self, subject: Subject, number: int) -> str:
        return subject.name if self._takes == 1 else f"{subject.name} take {number + 1}"

    def _say(self, line: str) -> None:
        # File names are not markup, and terminals only recognise links that are not wrapped.
        self._out.print(line, markup=False, highlight=False, soft_wrap=True)


class JsonReport(Report):
    """One JSON object per line, an update each; the last one's ``event`` is "finished"."""

    def show(self, update: ShownUpdate) -> None:
        super().show(update)
        match update:
            case Planned():
                shots = [
                    {**_subject(order.shot), "frames": order.shot.frames, "takes": len(order.requests)}
                    for order in update.orders
                ]
                self._print("planned", shots=shots, problems=_problems(update.problems))
            case SoundPlanned():
                sound = {"samples": update.sound.samples, "takes": len(update.requests)}
                self._print("planned", sounds=[_subject(update.sound) | sound])
            case ShotsPlanned():
                shots = [_subject(shot) for shot in update.shots]
                self._print("planned", shots=shots, problems=_problems(update.problems))
            case CaptionsDone():
                proposals = [proposal.model_dump() for proposal in update.result.proposals]
                self._print("captions", **_subject(update.subject), proposals=proposals)
            case EventsDone():
                events = [event.model_dump() for event in update.result.events]
                self._print("events", **_subject(update.subject), events=events, threshold=update.result.threshold)
            case TakeProgress():
                told = {name: getattr(update, name) for name in ("state", "progress", "eta_seconds", "message")}
                self._print("progress", **_subject(update.subject), take=update.number, **told)
            case TakeDone():
                self._print("done", **_subject(update.subject), take=update.number, **_take(update.take))
            case TakeFailed():
                self._print("failed", **_subject(update.subject), take=update.number, reason=update.reason)
            case TakeCancelled():
                self._print("cancelled", **_subject(update.subject), take=update.number)

    def cancelling(self) -> None:
        return None

    def finish(self, written: WhatWasWritten, code: int, error: str | None = None) -> None:
        placed = written if isinstance(written, Written) else None
        timeline = written.timeline if isinstance(written, Written | CaptionsWritten | EventsWritten) else None
        self._print(
            "finished",
            exit_code=int(code),
            error=error,
            timeline=None if timeline is None else str(timeline),
            cue_sheet=None if placed is None else str(placed.cue_sheet),
            csv=str(written.csv) if isinstance(written, EventsWritten) and written.csv is not None else None,
            takes=[_take(take) for take in written.takes] if isinstance(written, Written | Saved) else [],
            unplaced=[] if placed is None else [_subject(shot) for shot in placed.unplaced],
        )

    def _print(self, event: str, **fields: Any) -> None:
        print(json.dumps({"event": event, **fields}), flush=True)


def _subject(subject: Subject) -> dict[str, Any]:
    if isinstance(subject, Shot | SoundClip):
        return {"shot": subject.name, "shot_id": subject.id}
    return {"sound": subject.name}


def _problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [{"clip": it.name, "track": it.track_name, "reason": it.reason} for it in problems]


def _caption_line(update: CaptionsDone) -> str:
    if not update.result.proposals:
        return "no caption: the model is not sure of any"
    best = update.result.proposals[0]
    return f"captioned: {best.text} ({best.confidence:.0%})"


def _take(take: Take) -> dict[str, Any]:
    result = take.result.model_dump(mode="json", exclude={"path"})
    return {"path": str(take.path), "result": result}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"
