"""Foley and pictures over a timeline, from reading to writing: the verbs of shell and panel.

A verb returns a `Run`; iterating over it does the work and yields typed updates. Whatever happens
on the way, the takes that were finished by then are placed, and the timeline is written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import opentimelineio as otio
from avfoley_engine.protocol import FileRequest, FileResult, MediaProbe

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import AVFoleyError, ChangedError, SelectionError, TimelineError
from avfoley_plugin.hosts import Host
from avfoley_plugin.hosts.saving import replace_file
from avfoley_plugin.making import Assignment, TakeDone, TakeRun, TakeUpdate, copy_take, file_stem
from avfoley_plugin.settings import FoleySettings, Order, VisualizeSettings
from avfoley_plugin.timeline import ambience as ambiences
from avfoley_plugin.timeline.captions import captions, edit_caption, edited, write_caption
from avfoley_plugin.timeline.cue_sheet import cue_sheet
from avfoley_plugin.timeline.media import Problem
from avfoley_plugin.timeline.placing import AMBIENCE, PICTURE, Placement, has_ours, place_takes, placed, remove_all
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot, read_shots
from avfoley_plugin.timeline.sounds import SoundClip, all_sounds, read_sounds, sound_of
from avfoley_plugin.timeline.stretch import Stretch
from avfoley_plugin.timeline.takes import PlacedTake, Take


@dataclass(frozen=True)
class Planned:
    """The timeline was read. ``problems`` are the clips that nothing can be made for."""

    orders: tuple[Order, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Written:
    """The timeline was written, with these takes on it."""

    timeline: Path
    cue_sheet: Path
    takes: tuple[Take, ...]
    #: Shots whose takes have files but no place, because the timeline was changed meanwhile.
    unplaced: tuple[Stretch, ...] = ()


#: A timeline that keeps changing is read and written again so often.
_WRITE_TRIES = 5
_GONE = "it is no longer on the timeline like that"

Update = Planned | TakeUpdate | Written

Plan = Callable[[otio.schema.Timeline], tuple[list[Order], list[Problem]]]


def foley(
    host: Host,
    engine: EngineClient,
    settings: FoleySettings = FoleySettings(),  # noqa: B008 (immutable)
    selection: Selection | None = Selection(),  # noqa: B008 (immutable)
) -> Run:
    """Makes foley for the selected shots; `selection` None: what is selected in the host."""

    def plan(timeline: otio.schema.Timeline) -> tuple[list[Order], list[Problem]]:
        chosen = host.selection() if selection is None else selection
        shots, problems = read_shots(timeline, chosen, folder=host.folder, probe=engine.probe, caption=settings.caption)
        return [settings.order(shot) for shot in shots], problems

    return Run(host, engine, plan)


def foley_shots(host: Host, engine: EngineClient, settings: FoleySettings, shots: Collection[str]) -> Run:
    """Makes foley for the shots and ambiences of those ids.

    A take that is in use stays so beside its new alternatives, unless another caption made it.
    """

    def plan(timeline: otio.schema.Timeline) -> tuple[list[Order], list[Problem]]:
        found = {shot.id: shot for shot in all_shots(timeline, host, engine.probe)[0]}
        orders = [settings.order(found[shot]) for shot in shots if shot in found]
        return orders, [Problem(shot, 0, "", _GONE) for shot in shots if shot not in found]

    return Run(host, engine, plan, keeps_used=True)


def all_shots(
    timeline: otio.schema.Timeline, host: Host, probe: Callable[[Path], MediaProbe] | None
) -> tuple[list[Shot], list[Problem]]:
    """All shots and ambiences of a timeline, in record order, and the clips that cannot be one.

    Without `probe` the timeline alone tells, and no engine is needed.
    """
    shots: list[Shot] = []
    problems: list[Problem] = []
    # A timeline without any picture has no shots, but may have ambiences.
    with contextlib.suppress(SelectionError):
        shots, problems = read_shots(timeline, folder=host.folder, probe=probe)
    beds = {take.shot_id: take for take in placed(timeline) if take.layer == AMBIENCE}
    shots.extend(ambiences.placed_ambience(timeline, take) for take in beds.values())
    return sorted(shots, key=lambda shot: (shot.record_start, shot.layer)), problems


def ambience(host: Host, engine: EngineClient, settings: FoleySettings, record_range: str) -> Run:
    """Makes one sound from words alone over a record range ("IN-OUT", see `Selection`).

    An ambience that is there gets further takes, and keeps its caption if `settings` have none.
    """

    def plan(timeline: otio.schema.Timeline) -> tuple[list[Order], list[Problem]]:
        shot = ambiences.ambience(timeline, record_range)
        if not (shot.caption if settings.caption is None else settings.caption).strip():
            raise SelectionError(f"an ambience is made from words alone; give the one over {record_range} a caption")
        return [settings.order(shot)], []

    return Run(host, engine, plan)


def visualize(
    host: Host,
    engine: EngineClient,
    settings: VisualizeSettings = VisualizeSettings(),  # noqa: B008 (immutable)
    selection: Selection | None = Selection(),  # noqa: B008 (immutable)
) -> Run:
    """Makes pictures that move with the selected sounds, on a video track of ours.

    `selection` None: for those that are selected in the host. If none is, it raises SelectionError,
    unlike `foley`: few want a picture of every sound.
    """

    def plan(timeline: otio.schema.Timeline) -> tuple[list[Order], list[Problem]]:
        chosen = host.selection() if selection is None else selection
        if selection is None and chosen == Selection():
            raise SelectionError(f"nothing is selected in {host.name}; name a clip with a sound, or give a range")
        sounds, problems = read_sounds(timeline, chosen, folder=host.folder, probe=engine.probe)
        return [settings.order(sound) for sound in sounds], problems

    return Run(host, engine, plan)


def visualize_chosen(host: Host, engine: EngineClient, settings: VisualizeSettings, chosen: Collection[str]) -> Run:
    """Makes pictures for the sounds of those ids, and for the sounds of the shots of those ids.

    A sound without caption takes its shot's. A take that is in use stays so, as for `foley_shots`.
    """

    def plan(timeline: otio.schema.Timeline) -> tuple[list[Order], list[Problem]]:
        sounds = all_sounds(timeline, folder=host.folder, probe=engine.probe)
        known = {sound.id: sound for sound in sounds}
        shots = {shot.id: shot for shot in all_shots(timeline, host, engine.probe)[0]}
        orders: dict[str, Order] = {}
        problems = []
        for wanted in chosen:
            sound, shot = known.get(wanted), shots.get(wanted)
            if sound is None and shot is not None:
                sound = sound_of(timeline, shot, sounds)
                if sound is None:
                    reason = "it has no sound to make a picture for; lay one under it"
                    problems.append(Problem(shot.name, shot.track_index or 0, shot.track_name, reason))
                    continue
                sound = replace(sound, caption=sound.caption or shot.caption)
            if sound is None:
                problems.append(Problem(wanted, 0, "", _GONE))
            else:
                orders[sound.id] = settings.order(sound)
        return list(orders.values()), problems

    return Run(host, engine, plan, keeps_used=True)


def regenerate(host: Host, engine: EngineClient) -> Run:
    """Makes another take of each shot with an edited caption, with its present take's settings."""

    def plan(timeline: otio.schema.Timeline) -> tuple[list[Order], list[Problem]]:
        orders, problems = [], []
        present = {take.shot_id: take for take in placed(timeline) if take.active}
        for edit in edited(timeline):
            take = present.get(edit.shot_id)
            if take is None:
                problems.append(Problem(edit.new, 0, "captions", "it has no take on the timeline"))
                continue
            verb = VERBS[take.identity.request.task]
            found = verb.find(timeline, take, host, engine)
            if found is None:
                reason = f"its {verb.made_from} is no longer on the timeline like that"
                problems.append(Problem(take.shot_name, 0, "captions", reason))
            else:
                orders.append(replace(settings_of(take), caption=edit.new).order(found))
        return orders, problems

    return Run(host, engine, plan)


def settings_of(take: PlacedTake) -> Any:
    """The settings that make a take again: `FoleySettings`, or those of another task."""
    request = take.identity.asked_again
    return VERBS[request.task].settings.of(request)


def remove(host: Host) -> Path | None:
    """Takes everything of ours off the host's timeline; files of takes stay.

    Returns where it was written, None if nothing of ours was there.
    """
    timeline = host.read()
    if not has_ours(timeline):
        return None
    remove_all(timeline)
    return host.write(timeline)


class Run(TakeRun):
    """One verb carried out over one timeline. Iterate over it once; `cancel` it from any thread.

    keeps_used: a take that is in use stays so, unless another caption than the new one made it.
    """

    #: What is finished is written every so many seconds; None: all at the end.
    write_interval: float | None = None

    def __init__(self, host: Host, engine: EngineClient, plan: Plan, *, keeps_used: bool = False) -> None:
        super().__init__(engine)
        self.host = host
        self._keeps_used = keeps_used
        #: What was written, also when the iteration ended with an error.
        self.written: Written | None = None
        self._plan = plan

    def __iter__(self) -> Iterator[Update]:
        # An engine that cannot run at all is one error, and not a problem of every shot's media.
        self._engine.status()
        timeline = self.host.read()
        orders, problems = self._plan(timeline)
        yield Planned(tuple(orders), tuple(problems))
        shots = {order.shot.id: order.shot for order in orders}
        finished = _Finished()
        work = [Assignment(o.shot, number, request) for o in orders for number, request in enumerate(o.requests)]
        last_written = time.monotonic()
        try:
            for update in self._make_takes(work):
                if isinstance(update, TakeDone):
                    finished.takes[update.subject.id, update.number] = update.take
                    finished.shots[update.subject.id] = shots[update.subject.id]
                yield update
                due = self.write_interval is not None and time.monotonic() - last_written >= self.write_interval
                if due and finished.takes:
                    batch, finished = finished, _Finished()
                    self.written = self._write(timeline, batch)
                    timeline = self.host.read()
                    last_written = time.monotonic()
                    yield self.written
        finally:
            try:
                self._cancel_pending()
            finally:
                if finished.takes:
                    self.written = self._write(timeline, finished)
        if finished.takes and self.written is not None:
            yield self.written

    def _import_take(self, assignment: Assignment, result: FileResult) -> Take:
        request = cast(FileRequest, assignment.request)
        take = Take(request, result, self._folder)
        # A clip is often named by its file.
        name = assignment.subject.name.removesuffix("" if request.media is None else request.media.suffix)
        kind = VERBS[request.task].file_name
        path = self._folder / f"{file_stem(name, 'shot')}_{kind}_{take.id}{request.suffix}"
        copy_take(result, path)
        return replace(take, path=path)

    @property
    def _folder(self) -> Path:
        output = self.host.output
        return output.with_name(f"{output.stem}.avfoley")

    def _write(self, timeline: otio.schema.Timeline, finished: _Finished) -> Written:
        current = self._all_shots(timeline)
        unplaced: list[Stretch] = []
        known = {shot.id: shot.caption for shot in finished.shots.values()}
        self._place(timeline, finished, current, known)
        for tries_left in reversed(range(_WRITE_TRIES)):
            try:
                path = self.host.write(timeline)
                break
            except ChangedError:
                if not tries_left:
                    raise
            # The editor went on cutting: the takes go to where their shots are now.
            timeline = self.host.read()
            current = self._all_shots(timeline)
            still: dict[str, Stretch] = {shot.id: shot for shot in [*current, *self._planned_shots(timeline)]}
            unplaced = [shot for shot in finished.shots.values() if shot.id not in still]
            self._place(timeline, finished.only(still), current, known)
        sheet = self._folder / f"{self.host.output.stem} cues.csv"
        replace_file(sheet, cue_sheet(timeline).encode(), backup=False)
        return Written(path, sheet, tuple(finished.takes.values()), tuple(unplaced))

    def _place(
        self, timeline: otio.schema.Timeline, finished: _Finished, current: Iterable[Stretch], known: Mapping[str, str]
    ) -> None:
        """Places the finished takes; `known` are the captions that their shots had at first."""
        used = {take.shot_id: take.identity.request.caption.strip() for take in placed(timeline) if take.active}
        placements = []
        for shot, takes in finished.by_shot():
            keeps = self._keeps_used and used.get(shot.id) == takes[0].request.caption.strip()
            placements.append(Placement(shot, takes, keeps_active=keeps))
        place_takes(timeline, placements, current=current)
        present = captions(timeline)
        for placement in placements:
            shot, made_from = placement.shot, placement.takes[0].request.caption
            meant = present.get(shot.id, known[shot.id])
            write_caption(timeline, shot, made_from)
            if meant not in (known[shot.id], made_from):
                # Somebody went on writing while the take was made.
                edit_caption(timeline, shot, meant)

    def _all_shots(self, timeline: otio.schema.Timeline) -> list[Stretch]:
        found: list[Stretch] = []
        # A timeline that has lost all its picture meanwhile has no shots, which is no error here.
        with contextlib.suppress(TimelineError):
            found += read_shots(timeline, folder=self.host.folder, probe=self._engine.probe)[0]
        if any(take.layer.startswith(PICTURE) for take in placed(timeline)):
            with contextlib.suppress(TimelineError):
                found += all_sounds(timeline, folder=self.host.folder, probe=self._engine.probe)
        return found

    def _planned_shots(self, timeline: otio.schema.Timeline) -> list[Shot | SoundClip]:
        """The run's shots as they are now; those that a range trimmed are not among all."""
        with contextlib.suppress(TimelineError):
            return [order.shot for order in self._plan(timeline)[0]]
        return []


@dataclass
class _Finished:
    """The takes so far, by shot id and number, and their shots."""

    takes: dict[tuple[str, int], Take] = field(default_factory=dict)
    shots: dict[str, Stretch] = field(default_factory=dict)

    def only(self, shots: Mapping[str, Stretch]) -> _Finished:
        takes = {key: take for key, take in self.takes.items() if key[0] in shots}
        return _Finished(takes, {shot_id: shots[shot_id] for shot_id in self.shots if shot_id in shots})

    def by_shot(self) -> Iterator[tuple[Stretch, list[Take]]]:
        for shot_id, shot in self.shots.items():
            yield shot, [take for (owner, _), take in sorted(self.takes.items()) if owner == shot_id]


def _find_sound(timeline: otio.schema.Timeline, take: PlacedTake, host: Host, engine: EngineClient) -> SoundClip | None:
    """The sound that a picture was made for; a trimmed one is found where its picture is."""
    name = (take.shot_name,)
    return _find(timeline, take, host, engine, read_sounds, (Selection(name), Selection(name, _place(take))))


def _find_shot(timeline: otio.schema.Timeline, take: PlacedTake, host: Host, engine: EngineClient) -> Shot | None:
    """The shot that a take was made for; ambiences and trimmed shots are found where takes are."""
    if take.layer == AMBIENCE:
        return ambiences.placed_ambience(timeline, take)
    return _find(timeline, take, host, engine, read_shots, (Selection(), Selection(record_range=_place(take))))


def _find(
    timeline: otio.schema.Timeline,
    take: PlacedTake,
    host: Host,
    engine: EngineClient,
    read: Callable[..., tuple[list[Any], list[Problem]]],
    selections: Iterable[Selection],
) -> Any:
    for selection in selections:
        with contextlib.suppress(AVFoleyError):
            for found in read(timeline, selection, folder=host.folder, probe=engine.probe)[0]:
                if found.id == take.shot_id:
                    return found
    return None


def _place(take: PlacedTake) -> str:
    """The range of a take's clip, as `Selection` has it."""
    return f"{take.record_start}-{take.record_start + take.frames}"


@dataclass(frozen=True)
class Verb:
    """What one of the engine's tasks does to a timeline.

    ``run`` makes it for what was chosen, by ids, with its ``settings``. A take is made again from
    its ``made_from``, which `find` finds on the timeline. ``file_name`` is in its file's name.
    """

    run: Callable[[Host, EngineClient, Any, Collection[str]], Run]
    settings: type[FoleySettings | VisualizeSettings]
    find: Callable[[otio.schema.Timeline, PlacedTake, Host, EngineClient], Any]
    made_from: str
    file_name: str


#: By the names of the engine's tasks.
VERBS = {
    "foley": Verb(foley_shots, FoleySettings, _find_shot, "picture", "foley"),
    "visualize": Verb(visualize_chosen, VisualizeSettings, _find_sound, "sound", "picture"),
}
