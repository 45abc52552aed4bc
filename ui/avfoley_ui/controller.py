"""What the panel does: open a timeline, generate takes, edit them; all off the GUI thread."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, Signal
from PySide6.QtGui import QImage

from avfoley_plugin.engine_client import EngineClient, LocalEngine
from avfoley_plugin.hosts import RESOLVE
from avfoley_plugin.making import TakeCancelled, TakeDone, TakeFailed, TakeProgress
from avfoley_plugin.marking import ShotsPlanned
from avfoley_plugin.spotting import EventsWritten, Spotting
from avfoley_plugin.workflows import Planned, Run, Written
from avfoley_plugin.workspace import CachedProbe, Contents, ListedShot, Settings, ShotState, Workspace
from avfoley_ui.background import Background, delayed
from avfoley_ui.engine_watch import EngineView, EngineWatch
from avfoley_ui.playback.film import Footage, stills
from avfoley_ui.playback.take_files import footage_of
from avfoley_ui.queue_model import QueueModel, QueueRow
from avfoley_ui.runs import RunThread, explain
from avfoley_ui.shots_model import ShotsModel
from avfoley_ui.tasks import supported
from avfoley_ui.widgets.shots_view import THUMBNAIL

# How long a run may take to place what it has when the panel closes, in seconds.
_CLOSE_TIMEOUT = 60.0


class Controller(QObject):
    """One open timeline at a time. Everything comes back by signals, in the GUI thread.

    start: makes a client that starts an engine if none runs; look: one that never does.
    """

    opening = Signal(object)
    opened = Signal(object)
    contents_changed = Signal(object)
    engine_changed = Signal(object)
    host_selection = Signal(list)
    # A line for the user, and whether it is an error.
    message = Signal(str, bool)
    making_changed = Signal(bool)

    def __init__(
        self,
        start: Callable[[], EngineClient] = LocalEngine,
        look: Callable[[], EngineClient] = lambda: LocalEngine(command=None),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._clients: list[EngineClient] = []

        def started() -> EngineClient:
            self._clients.append(client := start())
            return client

        self._start = started
        self.shots = ShotsModel(self)
        self.queue = QueueModel(self)
        self.engine = EngineView()
        self.contents: Contents | None = None
        self._workspace: Workspace | None = None
        self._probe_engine = started()
        self._probe = CachedProbe(self._probe_engine)
        self._line = Background("timeline")
        self._thumbnails = Background("thumbnails", newest_first=True)
        self._runs: dict[int, RunThread] = {}
        self._numbers = itertools.count(1)
        self._media_checked = False
        self._files = QFileSystemWatcher(self)
        # A file that was replaced is no longer watched; reading again watches the new one.
        self._settle = delayed(self, 300, self.refresh)
        self._files.fileChanged.connect(lambda: self._settle.start())
        self.shots.caption_edited.connect(self.set_caption)
        self.queue.totals_changed.connect(lambda: self.shots.set_progress(self.queue.progress_by_shot()))
        self._pulling = Background("models")
        self._watch = EngineWatch(started, look)
        self._watch.changed.connect(self._engine_changed)
        self._watch.start()

    @property
    def making(self) -> bool:
        return bool(self._runs)

    @property
    def can_undo(self) -> bool:
        return self._workspace is not None and self._workspace.can_undo

    @property
    def can_redo(self) -> bool:
        return self._workspace is not None and self._workspace.can_redo

    @property
    def changed_shots(self) -> list[ListedShot]:
        return [shot for shot in self.shots.shots if shot.state is ShotState.CHANGED]

    @property
    def idle(self) -> bool:
        """Whether nothing is being read, written or generated."""
        return not self._runs and self._line.idle and self._thumbnails.idle

    def open(self, path: Path, output: Path | None = None) -> None:
        """Opens a timeline or video in place of the current one; ``resolve:`` is Resolve's."""
        path = path if str(path) == RESOLVE else path.absolute()
        workspace = Workspace(path, output, self._probe)
        self.opening.emit(path)

        def opened(contents: Contents) -> None:
            self._workspace = workspace
            self._media_checked = False
            self._show(contents)
            self.opened.emit(path)
            if self.engine.reachable:
                self._check_media()

        def failed(error: Exception) -> None:
            self._show_error(error)
            self.opened.emit(None)

        self._line.submit(workspace.read, opened, failed)

    def refresh(self) -> None:
        """Reads the timeline again."""
        self._change(lambda workspace: None)

    def look_again(self) -> None:
        """Reads the timeline again if no file tells of its changes."""
        if self._workspace is not None and not self._workspace.path.exists():
            self.refresh()

    def generate(self, task: str, settings: Settings, shots: Sequence[str]) -> None:
        """Generates takes of these shots."""
        if shots:
            self._run(lambda workspace, engine: workspace.make(task, engine, settings, list(shots)))

    def regenerate(self) -> None:
        """Generates the shots again whose captions were changed."""
        self._run(lambda workspace, engine: workspace.regenerate(engine))

    def spot(self, shots: Sequence[str]) -> None:
        """Marks the events that are seen in these shots."""
        if shots:
            self._run(lambda workspace, engine: workspace.spot(engine, list(shots)))

    def cancel(self, rows: Sequence[QueueRow]) -> None:
        """Stops these rows of the queue."""
        for row in rows:
            if (run := self._runs.get(row.run)) is not None:
                self.queue.cancelling(row.run, row.shot_id)
                run.cancel(row.shot_id)

    def cancel_all(self) -> None:
        for number, run in self._runs.items():
            self.queue.cancelling(number)
            run.cancel()

    def set_caption(self, shots: Collection[str], caption: str) -> None:
        listed = [found.shot for shot in shots if (found := self.shots.shot(shot)) is not None]
        if listed:
            self._change(lambda workspace: workspace.set_caption(listed, caption))

    def use(self, shot: str, take: str) -> None:
        self._change(lambda workspace: workspace.use(shot, take))

    def star(self, shot: str, take: str, starred: bool) -> None:
        self._change(lambda workspace: workspace.star(shot, take, starred))

    def delete(self, shot: str, take: str) -> None:
        self._change(lambda workspace: workspace.delete(shot, take), self.tr("Take deleted. Undo restores it."))

    def undo(self) -> None:
        self._change(lambda workspace: workspace.undo())

    def redo(self) -> None:
        self._change(lambda workspace: workspace.redo())

    def select_in_host(self) -> None:
        """Asks which shots are selected in the editing program, for `host_selection`."""

        def tell(contents: Contents) -> None:
            self._show(contents)
            none = self.tr(
                "Nothing is selected in the editing program. In Kdenlive, set the timeline zone with I and O."
            )
            if contents.selected:
                self.host_selection.emit(sorted(contents.selected))
            else:
                self.message.emit(none, False)

        if (workspace := self._workspace) is not None:
            self._line.submit(lambda: self._read(workspace), tell, self._show_error)

    def load_thumbnails(self, shots: Sequence[ListedShot]) -> None:
        """Reads the thumbnails of these shots, instead of those requested before."""
        self._thumbnails.drop_waiting()
        for shot in reversed(shots):
            if (footage := footage_of(shot)) is not None:
                self._read_thumbnail(shot.id, footage)

    def _read_thumbnail(self, shot: str, footage: Footage) -> None:
        def came(images: dict[int, QImage]) -> None:
            # Without one, a null image: what cannot be read is not tried again.
            self.shots.set_thumbnail(shot, next(iter(images.values()), QImage()))

        self._thumbnails.submit(lambda: stills(footage, [footage.frames // 2], THUMBNAIL * 2), came)

    def pull(self, model: str) -> None:
        self._with_engine(lambda engine: engine.pull(model))

    def stop_pull(self, model: str) -> None:
        self._with_engine(lambda engine: engine.stop_pull(model))

    def set_watching(self, watching: bool) -> None:
        """Whether the panel is in use; if it is not, an idle engine may end."""
        self._watch.set_watching(watching)

    def close(self) -> None:
        """Cancels what is unfinished, places what is finished, and ends all threads, and the engine
        if the panel started it and it works for nobody else.
        """
        self._settle.stop()
        self._probe_engine.give_up()
        for run in self._runs.values():
            run.cancel()
        for run in self._runs.values():
            run.join(_CLOSE_TIMEOUT)
        self._line.close(finish=True)
        self._thumbnails.close()
        self._pulling.close()
        self._watch.close()
        self._probe_engine.close()
        for client in self._clients:
            client.end_started()

    def _run(self, start: Callable[[Workspace, EngineClient], Run | Spotting]) -> None:
        """Starts a run once pending edits are written."""
        workspace = self._workspace
        if workspace is None:
            return

        def begin(_: object) -> None:
            number = next(self._numbers)
            run = self._runs[number] = RunThread(number, self._start, lambda engine: start(workspace, engine))
            run.updated.connect(self._updated)
            run.ended.connect(self._ended)
            self._watch.expect_engine(True)
            self.making_changed.emit(True)
            run.start()

        self._line.submit(lambda: None, begin)

    def _updated(self, number: int, update: object) -> None:
        match update:
            case Planned():
                self.queue.plan(number, update)
                if not update.orders and not update.problems:
                    self.message.emit(self.tr("Nothing to generate."), False)
            case ShotsPlanned():
                self.message.emit(self.tr("Looking for events in %n shot(s)…", "", len(update.shots)), False)
                for problem in update.problems:
                    self.message.emit(f"{problem.name}: {problem.reason}", True)
            case EventsWritten():
                self.refresh()
                self.message.emit(self.tr("%n event(s) marked.", "", sum(update.events.values())), False)
            case TakeFailed() if not self.queue.holds(number):
                self.message.emit(f"{update.subject.name}: {update.reason}", True)
            case TakeProgress() | TakeDone() | TakeFailed() | TakeCancelled():
                self.queue.update(number, update)
            case Written():
                self.refresh()
                gone = self.tr("{0} is no longer on the timeline. Its takes are in {1}.")
                for shot in update.unplaced:
                    self.message.emit(gone.format(shot.name, update.cue_sheet.parent), True)

    def _ended(self, number: int, error: str | None) -> None:
        run = self._runs.pop(number)
        run.join(5)
        run.deleteLater()
        self.queue.end_run(number, error)
        if error is not None:
            self.message.emit(error, True)
        self._watch.expect_engine(bool(self._runs))
        self.making_changed.emit(bool(self._runs))

    def _change(self, change: Callable[[Workspace], object], message: str | None = None) -> None:
        workspace = self._workspace
        if workspace is None:
            return

        def work() -> Contents:
            change(workspace)
            return self._read(workspace)

        def done(contents: Contents) -> None:
            if self._workspace is workspace:
                self._show(contents)
            if message is not None:
                self.message.emit(message, False)

        def failed(error: Exception) -> None:
            self._show_error(error)
            # What is shown may be what could not be written.
            self._line.submit(lambda: self._read(workspace), done, lambda _: None)

        self._line.submit(work, done, failed)

    def _read(self, workspace: Workspace) -> Contents:
        from_sounds = any(task.from_sounds for task in supported(self.engine.tasks))
        return workspace.read(check_media=self._media_checked, with_sounds=from_sounds)

    def _show(self, contents: Contents) -> None:
        self.contents = contents
        self.shots.set_shots(contents.shots)
        self._watch_files()
        self.contents_changed.emit(contents)

    def _check_media(self) -> None:
        """Reads the timeline again with what the engine finds in its media files."""
        if self._workspace is not None and not self._media_checked:
            self._media_checked = True
            self.refresh()

    def _engine_changed(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        self.engine_changed.emit(view)
        if view.reachable and not before.reachable:
            self._check_media()
        elif view.tasks != before.tasks and self._media_checked:
            # Sounds are listed as soon as a picture can be made for them.
            self.refresh()

    def _with_engine(self, do: Callable[[EngineClient], object]) -> None:
        def work() -> None:
            with closing(self._start()) as engine:
                do(engine)

        self._pulling.submit(work, lambda _: self._watch.set_watching(True), self._show_error)

    def _watch_files(self) -> None:
        workspace, contents = self._workspace, self.contents
        if workspace is None or contents is None:
            return
        wanted = {str(path) for path in (workspace.path, contents.output) if path.is_file()}
        present = set(self._files.files())
        # Of no paths, both would warn.
        if gone := sorted(present - wanted):
            self._files.removePaths(gone)
        if new := sorted(wanted - present):
            self._files.addPaths(new)

    def _show_error(self, error: Exception) -> None:
        self.message.emit(explain(error), True)
