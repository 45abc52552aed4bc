"""A timeline that stays open: what is on it for the panel to show, edits of it, and their undo.

Nothing is held in memory that the timeline does not hold: every operation reads it anew through its
host and writes it back, so that an editor can go on cutting, and closing loses nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import MediaProbe, PictureRange, SoundRange

from avfoley_plugin.engine_client import EngineClient
from avfoley_plugin.errors import SelectionError
from avfoley_plugin.hosts import Host, open_host
from avfoley_plugin.settings import FoleySettings, VisualizeSettings
from avfoley_plugin.spotting import SpotSettings, Spotting
from avfoley_plugin.timeline import placing
from avfoley_plugin.timeline.captions import captions, edit_caption, edited, write_caption
from avfoley_plugin.timeline.events import Event, events_by_shot
from avfoley_plugin.timeline.history import Change, snapshot
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.placing import PICTURE, placed
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Problem, Shot, read_shots
from avfoley_plugin.timeline.sounds import SoundClip, all_sounds, is_on_audio_track, read_sounds
from avfoley_plugin.timeline.takes import PlacedTake
from avfoley_plugin.timeline.timing import format_timecode, samples
from avfoley_plugin.workflows import VERBS, Run, all_shots, regenerate, settings_of

Probe = Callable[[Path], MediaProbe]
Edit = Callable[[otio.schema.Timeline], None]
Settings = FoleySettings | VisualizeSettings

#: How many writings can be taken back.
_UNDO_DEPTH = 100


class ShotState(StrEnum):
    """``CHANGED``: its caption no longer reads as the take in use was made from."""

    NEW = "new"
    MADE = "made"
    CHANGED = "changed"


@dataclass(frozen=True)
class ListedTake:
    """A take on the timeline, or one that is about to be placed. Times are in samples at 48 kHz.

    ``settings`` make it again. A picture is as long as its sound, without handles, onsets or level.
    """

    id: str
    key: str
    path: Path
    active: bool
    starred: bool
    samples: int
    shot_samples: int
    head_samples: int
    onsets: tuple[int, ...]
    settings: Settings
    revision: str
    peak_dbtp: float | None
    loudness_lufs: float | None


@dataclass(frozen=True)
class ListedShot:
    """A shot, or a sound that may get a picture: its takes as made, what the next is made from."""

    shot: Shot | SoundClip
    state: ShotState
    caption: str
    takes: tuple[ListedTake, ...]
    events: tuple[Event, ...] = ()

    @property
    def timecode(self) -> str:
        """Where it begins."""
        return self.timecode_at(0)

    @property
    def id(self) -> str:
        return self.shot.id

    def timecode_at(self, frame: int) -> str:
        """The edit's timecode at a frame counted from the shot's first."""
        return format_timecode(self.shot.record_start_timecode + frame, self.shot.record_rate)

    @property
    def sound(self) -> SoundRange | None:
        """What a sound plays; None for a shot."""
        return self.shot.sound if isinstance(self.shot, SoundClip) else None

    @property
    def picture(self) -> PictureRange | None:
        """What a shot shows; None for one without picture, and for a sound."""
        return None if isinstance(self.shot, SoundClip) else self.shot.picture

    @property
    def is_sound(self) -> bool:
        """Whether its takes are pictures."""
        return self.sound is not None

    @property
    def media(self) -> Path | None:
        """The file that its takes are made from."""
        return self.shot.sound.media if isinstance(self.shot, SoundClip) else self.shot.media

    @property
    def active_take(self) -> ListedTake | None:
        return next((take for take in self.takes if take.active), None)

    @property
    def seconds(self) -> Fraction:
        return self.shot.frames / self.shot.record_rate


@dataclass(frozen=True)
class Contents:
    """What is on the timeline.

    ``selected``: the ids of what is selected in the editing program, None if it does not tell.
    """

    name: str
    output: Path
    shots: tuple[ListedShot, ...]
    problems: tuple[Problem, ...]
    selected: frozenset[str] | None


class CachedProbe:
    """What media files hold, asked of an engine once a file and version. For any thread."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, int, int], MediaProbe] = {}

    def __call__(self, path: Path) -> MediaProbe:
        """Raises EngineError if the engine cannot be reached, or cannot read the file."""
        with self._lock:
            try:
                stat = path.stat()
            except OSError:
                return self._engine.probe(path)
            key = path, stat.st_mtime_ns, stat.st_size
            if key not in self._known:
                self._known[key] = self._engine.probe(path)
            return self._known[key]


class Workspace:
    """One timeline that is open. For any thread; whoever comes second waits.

    probe: asks what a media file holds, from any thread; needed to open a video file. Methods raise
    `HostError` if the timeline cannot be read or written, `ChangedError` if it changed just then.
    """

    def __init__(self, path: Path, output: Path | None = None, probe: Probe | None = None) -> None:
        self.path = path
        self._output = output
        self._probe = probe
        self._lock = threading.RLock()
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._last_written: str | None = None

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def read(self, *, check_media: bool = False, with_sounds: bool = False) -> Contents:
        """What the timeline holds now. check_media: with what its media files tell.

        Only then it lists sounds: those that have pictures, and `with_sounds` all on audio tracks.
        """
        probe = self._probe if check_media else None
        with self._lock:
            host = self._host()
            timeline = host.read()
        shots, problems = all_shots(timeline, host, probe)
        changed = {edit.shot_id for edit in edited(timeline)}
        written = captions(timeline)
        by_shot: dict[str, list[ListedTake]] = {}
        for take in placed(timeline):
            by_shot.setdefault(take.shot_id, []).append(_listed(take, host.folder))
        found: list[Shot | SoundClip] = [*shots, *_sounds(timeline, host, probe, with_sounds, by_shot.keys())]
        found.sort(key=lambda shot: (shot.record_start, shot.layer))
        events = events_by_shot(timeline, found)
        listed = []
        for shot in found:
            takes = tuple(by_shot.get(shot.id, ()))
            state = ShotState.CHANGED if shot.id in changed else ShotState.MADE
            caption = written.get(shot.id, shot.caption)
            listed.append(ListedShot(shot, state if takes else ShotState.NEW, caption, takes, tuple(events[shot.id])))
        selected = _selected(timeline, host, shots, probe)
        return Contents(host.name, host.output, tuple(listed), tuple(problems), selected)

    def make(self, verb: str, engine: EngineClient, settings: Settings, shots: Collection[str]) -> Run:
        """A run of that verb (see `workflows.VERBS`) over those shots, for undo."""
        return VERBS[verb].run(_Recorded(self._host(), self), engine, settings, shots)

    def regenerate(self, engine: EngineClient) -> Run:
        """A run over the shots whose captions were changed; see `workflows.regenerate`."""
        return regenerate(_Recorded(self._host(), self), engine)

    def spot(self, engine: EngineClient, shots: Collection[str]) -> Spotting:
        """A run that marks the events in those shots; what it writes can be undone."""
        host = _Recorded(self._host(), self)
        return Spotting(host, engine, SpotSettings(), Selection(), shots)

    def set_caption(self, shots: Collection[Shot | SoundClip], caption: str) -> None:
        """Changes what the next takes of these shots are made from."""

        def change(timeline: otio.schema.Timeline) -> None:
            made = {take.shot_id for take in placed(timeline)}
            for shot in shots:
                (edit_caption if shot.id in made else write_caption)(timeline, shot, caption)

        self._edit(change)

    def use(self, shot: str, take: str) -> None:
        """Makes a take the one that the timeline plays."""
        self._edit(lambda timeline: placing.use_take(timeline, shot, take))

    def star(self, shot: str, take: str, starred: bool) -> None:
        """Marks a take as one to keep in mind, or no more."""
        self._edit(lambda timeline: placing.star_take(timeline, shot, take, starred))

    def delete(self, shot: str, take: str) -> None:
        """Takes a take off the timeline; its sound file stays, for undo."""
        self._edit(lambda timeline: placing.delete_take(timeline, shot, take))

    def undo(self) -> bool:
        """Takes back what was last written here. Returns whether there was anything."""
        return self._move(self._done, self._undone, Change.take_back)

    def redo(self) -> bool:
        """Does again what was last taken back. Returns whether there was anything."""
        return self._move(self._undone, self._done, Change.do_again)

    def _host(self) -> Host:
        return open_host(self.path, self._output, self._probe)

    def _edit(self, change: Edit) -> None:
        with self._lock:
            host = _Recorded(self._host(), self)
            timeline = host.read()
            change(timeline)
            host.write(timeline)

    def _move(
        self, source: list[Change], target: list[Change], apply: Callable[[Change, otio.schema.Timeline], None]
    ) -> bool:
        with self._lock:
            if not source:
                return False
            host = self._host()
            timeline = host.read()
            apply(source[-1], timeline)
            self._write(host, timeline)
            target.append(source.pop())
            return True

    def _write(self, host: Host, timeline: otio.schema.Timeline) -> Path:
        # Each editor's version is backed up once, and not every step that was taken from it here.
        host.keeps_backup = self._last_written is None or _digest(host.output) != self._last_written
        path = host.write(timeline)
        self._last_written = _digest(path)
        return path

    def _note(self, change: Change) -> None:
        if change.shots:
            self._done.append(change)
            del self._done[:-_UNDO_DEPTH]
            self._undone.clear()


class _Recorded(Host):
    """A host for one operation, whose writings are noted for undo, no two at once."""

    def __init__(self, host: Host, workspace: Workspace) -> None:
        self._host = host
        self._workspace = workspace
        self._before = snapshot(otio.schema.Timeline())

    @property
    def name(self) -> str:
        return self._host.name

    @property
    def folder(self) -> Path:
        return self._host.folder

    @property
    def output(self) -> Path:
        return self._host.output

    def selection(self) -> Selection:
        return self._host.selection()

    def read(self) -> otio.schema.Timeline:
        with self._workspace._lock:
            timeline = self._host.read()
        self._before = snapshot(timeline)
        return timeline

    def write(self, timeline: otio.schema.Timeline) -> Path:
        with self._workspace._lock:
            path = self._workspace._write(self._host, timeline)
            self._workspace._note(Change(self._before, snapshot(timeline)))
        return path


def _sounds(
    timeline: otio.schema.Timeline, host: Host, probe: Probe | None, with_all: bool, made: Collection[str]
) -> list[SoundClip]:
    if probe is None or not (with_all or any(take.layer.startswith(PICTURE) for take in placed(timeline))):
        return []
    sounds = all_sounds(timeline, folder=host.folder, probe=probe)
    return [sound for sound in sounds if sound.id in made or (with_all and is_on_audio_track(timeline, sound))]


def _listed(take: PlacedTake, folder: Path) -> ListedTake:
    its, sound = take.identity, take.identity.sound
    length = samples(its.request.frames, its.request.record_rate)
    return ListedTake(
        id=its.id,
        key=take.key,
        path=resolve_media(take.url, folder) or Path(take.url),
        active=take.active,
        starred=its.starred,
        samples=length if sound is None else sound.samples,
        shot_samples=length if sound is None else sound.shot_samples,
        head_samples=its.head_samples,
        onsets=() if sound is None else tuple(sound.onsets),
        settings=settings_of(take),
        revision=its.result.revision,
        peak_dbtp=None if sound is None else sound.peak_dbtp,
        loudness_lufs=None if sound is None else sound.loudness_lufs,
    )


def _selected(
    timeline: otio.schema.Timeline, host: Host, shots: list[Shot], probe: Probe | None
) -> frozenset[str] | None:
    """The shots that the host's selection touches, and the sounds that are selected."""
    if not host.tells_selection:
        return None
    selection = host.selection()
    if selection == Selection():
        return frozenset()
    chosen: list[Shot] = []
    sounds: list[SoundClip] = []
    with contextlib.suppress(SelectionError):
        chosen = read_shots(timeline, selection, folder=host.folder, probe=probe)[0]
    if probe is not None and selection.chooses_clips:
        with contextlib.suppress(SelectionError):
            sounds = read_sounds(timeline, selection, folder=host.folder, probe=probe)[0]
    return frozenset(sound.id for sound in sounds) | frozenset(
        shot.id
        for shot in shots
        for other in chosen
        if shot.layer == other.layer and shot.record_start < other.record_end and other.record_start < shot.record_end
    )


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
