"""Listening: the takes of a shot in sync with its picture, over one time axis."""

from __future__ import annotations

from fractions import Fraction

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from avfoley_plugin.workspace import ListedShot, ListedTake
from avfoley_ui.background import Background
from avfoley_ui.playback.film import FilmReader, Footage, stills
from avfoley_ui.playback.output import Output
from avfoley_ui.playback.player import Player
from avfoley_ui.playback.sound import SAMPLE_RATE, Sound
from avfoley_ui.playback.take_files import Key, TakeFiles, footage_of, span
from avfoley_ui.tasks import first_task
from avfoley_ui.widgets.film_strip import HEIGHT, FilmStrip
from avfoley_ui.widgets.parts import ElidedLabel, bold, fill
from avfoley_ui.widgets.picture import Picture
from avfoley_ui.widgets.sound_view import SoundView
from avfoley_ui.widgets.take_lanes import TakeLanes, file_data
from avfoley_ui.widgets.transport import Transport

# How large the picture is decoded: the first of these that is as wide as it is shown.
_PREVIEWS = (QSize(640, 360), QSize(960, 540), QSize(1280, 720))
# In a narrower panel the time is shown as timecode only.
_ROOM_FOR_SECONDS = 400
# The picture's least share of the height, before takes have to be scrolled.
_LEAST_PICTURE = 0.36


class Listening(QWidget):
    """One shot at a time."""

    # A line for the user, and whether it is an error.
    message = Signal(str, bool)

    def __init__(self, output: Output | None = None) -> None:
        super().__init__()
        self.shot: ListedShot | None = None
        self._current: str | None = None
        self._previous: str | None = None
        self._progress: dict[str, float] = {}
        # Sound and onsets as the views show them.
        self._applied: tuple[Sound | None, tuple[float, ...]] | None = None
        # What the strip's frames are of.
        self._filmed: Footage | None = None
        self._files = TakeFiles()
        self._files.sound_loaded.connect(self._sound_loaded)
        self._files.failed.connect(lambda text: self.message.emit(text, True))
        self._stills = Background("stills", newest_first=True, keep=2)
        # A click anywhere here takes the keyboard away from a text field: then Space plays.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._film = FilmReader(_PREVIEWS[0])
        self._film.ready.connect(self._show_frame)
        self._film.failed.connect(self._show_film_error)
        self.player = Player(output, self)
        self.player.moved.connect(self._moved)

        self.title = ElidedLabel()
        bold(self.title)
        self.picture = Picture()
        self.transport = Transport(self.player)
        self.transport.compare.clicked.connect(self.toggle_compared)
        self.strip = FilmStrip()
        self.strip.scrubbed.connect(self._scrub)
        self.strip.stills_requested.connect(self._read_stills)
        self.view = SoundView()
        self.view.scrubbed.connect(self._scrub)
        self.view.span_changed.connect(self._set_span)
        self.lanes = TakeLanes()
        self.lanes.chosen.connect(self.switch_to)
        self.lanes.scrubbed.connect(self._scrub)
        self._files.stills_loaded.connect(self.lanes.set_stills)

        self._upper = QWidget()
        self._strip_row = fill(QHBoxLayout(), self.strip)
        rows = self.title, self.picture, self.transport, self._strip_row
        fill(QVBoxLayout(self._upper), *rows, spacing=3, stretch=self.picture)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        for widget in (self._upper, self.view, self.lanes):
            self.splitter.addWidget(widget)
        self._by_hand = False
        self.splitter.splitterMoved.connect(self._moved_by_hand)
        self.lanes.edge_changed.connect(self._leave_edge)
        fill(QVBoxLayout(self), self.splitter)
        self.set_shot(None)

    @property
    def tab_stops(self) -> list[QWidget]:
        return [*self.transport.tab_stops, *self.lanes.tab_stops]

    @property
    def takes(self) -> tuple[ListedTake, ...]:
        return () if self.shot is None else self.shot.takes

    @property
    def current_take(self) -> ListedTake | None:
        """The take that is played."""
        return next((take for take in self.takes if take.id == self._current), None)

    @property
    def sound(self) -> Sound | None:
        """What is audible, as soon as it is read."""
        return None if self._applied is None else self._applied[0]

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return self._files.idle and self._stills.idle

    def set_shot(self, shot: ListedShot | None) -> None:
        """Shows a shot; for the same shot again, only what is new about it, and plays on."""
        same = shot is not None and self.shot is not None and shot.id == self.shot.id
        before, self.shot = self.takes, shot
        self.title.setText("" if shot is None else shot.shot.name)
        self.splitter.setEnabled(shot is not None)
        takes = self.takes
        self.transport.compare.setEnabled(len(takes) > 1)
        if not same:
            self._previous = self._applied = None
            self.player.set_shot(0 if shot is None else round(shot.seconds * SAMPLE_RATE))
            self.strip.set_shot(1.0 if shot is None else float(shot.seconds))
            self.picture.show_text(self.tr("Select a shot.") if shot is None else "")
        rate = 1 if shot is None else shot.shot.record_rate
        events = () if shot is None else shot.events
        self.strip.set_events(tuple((float(event.frame / rate), event.confidence) for event in events))
        spans = [span(take) for take in takes] or [(0.0, 0.0)]
        known = [span(take) for take in before] or [(0.0, 0.0)]
        if shot is not None and (not same or spans != known):
            seconds = float(shot.seconds)
            start, end = min(start for start, _ in spans), max(seconds, *(end for _, end in spans))
            self.view.set_shot(start, seconds, end)
            self._applied = None
            self._set_span(start, end)
        if not same or self.current_take is None:
            active = None if shot is None else shot.active_take or (takes[-1] if takes else None)
            self._current = None if active is None else active.id
        elif len(takes) > len(before) > 0 and takes[-1].active:
            # A new take that came into use is the one to listen to.
            self._previous, self._current = self._current, takes[-1].id
        self.lanes.set_takes(self._shot_id, takes, self._current)
        self._show_progress()
        if shot is not None:
            self._files.load_clip(shot)
            for take in takes:
                lane = self.lanes.lane(take.id)
                if lane is not None and not lane.wave.stills:
                    self._files.load_take(shot, take, QSize(2 * HEIGHT, HEIGHT) * self.devicePixelRatioF())
        self._apply_sound()
        if not same:
            self._filmed = self._footage()
            self._moved(self.player.position, force=True)
            self.strip.ask()
        else:
            self._apply_footage()

    def set_progress(self, progress: dict[str, float]) -> None:
        """How far the takes are that are being generated, by shot."""
        self._progress = dict(progress)
        self._show_progress()

    def _show_progress(self) -> None:
        """Shows a text in place of takes."""
        done = self._progress.get(self._shot_id)
        text = first_task([] if self.shot is None else [self.shot]).no_takes()
        if done is not None:
            text = self.tr("Generating: {0}%").format(round(100 * done))
        self.lanes.empty.setText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.transport.time.setVisible(self.width() >= _ROOM_FOR_SECONDS)
        self._balance()
        needed = self.width() * self.devicePixelRatioF()
        self._film.set_size(next((size for size in _PREVIEWS if size.width() >= needed), _PREVIEWS[-1]))
        self._ask_frame()

    def save_state(self) -> QByteArray:
        """Where the user put the splitter; empty if nowhere."""
        return self.splitter.saveState() if self._by_hand else QByteArray()

    def restore_state(self, state: QByteArray) -> None:
        self._by_hand = not state.isEmpty() and self.splitter.restoreState(state)

    def _balance(self) -> None:
        """Gives the picture the height it needs while three takes fit below."""
        if self._by_hand:
            return
        room = self.splitter.height()
        besides = self._upper.sizeHint().height() - self.picture.sizeHint().height()
        view = min(max(round(0.18 * room), self.view.minimumHeight()), 220)
        spare = room - besides - view - self.lanes.comfortable_height - 2 * self.splitter.handleWidth()
        picture = min(self.width() / self.picture.aspect, 0.5 * room, max(spare, _LEAST_PICTURE * room))
        upper = round(picture) + besides
        self.splitter.setSizes([upper, view, max(room - upper - view, 60)])

    def _moved_by_hand(self) -> None:
        self._by_hand = True

    def _leave_edge(self, pixels: int) -> None:
        """Keeps the right edge free above the lanes, so that all have one time axis."""
        self._strip_row.setContentsMargins(0, 0, pixels, 0)
        self.view.setContentsMargins(0, 0, pixels, 0)

    def switch_to(self, take_id: str) -> None:
        """Plays another take of the shot from the playhead on, without a gap."""
        if self.shot is None or take_id == self._current:
            self.lanes.set_current(self._current)
            return
        self._previous, self._current = self._current, take_id
        self.lanes.set_current(take_id)
        self._apply_sound()
        self._apply_footage()

    def switch_to_number(self, number: int) -> None:
        """Plays the take of that number, counted from 1."""
        if 1 <= number <= len(self.takes):
            self.switch_to(self.takes[number - 1].id)

    def toggle_compared(self) -> None:
        """A/B: plays the previous take, or the next one if there is none."""
        takes = [take.id for take in self.takes]
        if len(takes) < 2:
            return
        if self._previous not in takes or self._previous == self._current:
            at = takes.index(self._current) if self._current in takes else 0
            self._previous = takes[(at + 1) % len(takes)]
        assert self._previous is not None
        self.switch_to(self._previous)

    def step(self, frames: int) -> None:
        """Pauses and moves the playhead by frames."""
        if self.shot is not None:
            self.player.pause()
            a_frame = SAMPLE_RATE / self.shot.shot.record_rate
            frame = int((self.player.position + 0.5) / a_frame) + frames
            self.player.seek(-int(-frame * a_frame // 1) if frame > 0 else 0)

    def to_onset(self, direction: int) -> None:
        """Pauses at the current take's onset before the playhead (-1) or after it (1)."""
        take, here = self.current_take, self.player.position
        there = [] if take is None else [onset for onset in take.onsets if (onset - here) * direction > 0]
        if there:
            self.player.pause()
            self.player.seek(min(there, key=lambda onset: abs(onset - here)))

    def zoom(self, factor: float) -> None:
        """Shows a stretch of time `factor` times as long about the playhead."""
        self.view.zoom(factor, self.player.position / SAMPLE_RATE)

    def copy_current(self) -> None:
        """Copies the current take to the clipboard as a file."""
        take = self.current_take
        if take is not None:
            QGuiApplication.clipboard().setMimeData(file_data(take))
            self.message.emit(self.tr("Copied {0} to the clipboard.").format(take.path.name), False)

    def close_files(self) -> None:
        """Stops playing and ends the threads."""
        self.player.close()
        self._film.close()
        self._files.close()
        self._stills.close()

    @property
    def _shot_id(self) -> str:
        return "" if self.shot is None else self.shot.id

    def _sound_loaded(self, key: Key, sound: Sound) -> None:
        self.lanes.set_sound(key[0], sound)
        if key == self._files.audible(self.shot, self.current_take):
            self._apply_sound()

    def _apply_sound(self) -> None:
        take = self.current_take
        sound = self._files.sound(self._files.audible(self.shot, take))
        onsets = () if take is None else tuple(onset / SAMPLE_RATE for onset in take.onsets)
        if self._applied is None or self._applied[0] is not sound or self._applied[1] != onsets:
            self._applied = sound, onsets
            self.player.set_sound(sound)
            self.view.set_sound(sound, onsets)
            self.strip.set_onsets(onsets)

    def _apply_footage(self) -> None:
        """Shows the frames of another picture of the same sound."""
        footage = self._footage()
        if self.shot is None or footage == self._filmed:
            return
        self._filmed = footage
        self.strip.set_shot(float(self.shot.seconds))
        self.strip.ask()
        self._moved(self.player.position, force=True)

    def _read_stills(self, times: list[float]) -> None:
        footage = self._footage()
        if footage is None:
            return
        frames = {min(int(Fraction(time) * footage.rate), footage.frames - 1): time for time in times}
        size = QSize(4 * HEIGHT, HEIGHT) * self.devicePixelRatioF()

        def loaded(images: dict[int, QImage]) -> None:
            if footage == self._footage():
                self.strip.add_stills({frames[frame]: image for frame, image in images.items()})

        self._stills.submit(lambda: stills(footage, list(frames), size), loaded)

    def _scrub(self, seconds: float) -> None:
        self.player.seek(round(seconds * SAMPLE_RATE))

    def _set_span(self, start: float, end: float) -> None:
        self.strip.set_span(start, end)
        self.lanes.set_span(start, end)

    def _moved(self, position: int, force: bool = False) -> None:
        seconds = position / SAMPLE_RATE
        self.view.set_playhead(seconds)
        self.lanes.set_playhead(seconds)
        self.strip.set_playhead(seconds)
        if self.player.playing:
            self.view.follow(seconds)
        self.transport.show_position(self.shot, self._frame, position)
        if not self._ask_frame() and force and self.shot is not None:
            alone = self.tr("No picture: this sound is generated from its caption alone.")
            self.picture.show_text(self.tr("This sound has no picture yet.") if self.shot.is_sound else alone)

    @property
    def _frame(self) -> int:
        """The record frame at the playhead, counted from the shot's first."""
        if self.shot is None:
            return 0
        frame = int(self.player.position * self.shot.shot.record_rate / SAMPLE_RATE)
        return min(frame, max(self.shot.shot.frames - 1, 0))

    def _ask_frame(self) -> bool:
        """Asks for the picture at the playhead; whether there is one."""
        footage = self._footage()
        if footage is not None:
            self._film.ask(footage, self._frame)
        return footage is not None

    def _footage(self) -> Footage | None:
        return None if self.shot is None else footage_of(self.shot, self.current_take)

    def _show_frame(self, footage: Footage, frame: int, image: QImage) -> None:
        if footage == self._footage():
            before = self.picture.aspect
            self.picture.show_image(image)
            if abs(self.picture.aspect - before) > 0.01:
                self._balance()

    def _show_film_error(self, footage: Footage, reason: str) -> None:
        if footage == self._footage():
            self.picture.show_text(self.tr("Cannot show the picture: {0}").format(reason))
