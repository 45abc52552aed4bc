"""Listening: the picture in sync with any of a shot's takes, over one time axis; or a sound with any of its pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QIcon, QImage, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from avfoley_plugin.workspace import ListedShot, ListedTake
from avfoley_ui.background import Background
from avfoley_ui.icons import icon
from avfoley_ui.playback.film import FilmReader, Footage, stills
from avfoley_ui.playback.output import Output
from avfoley_ui.playback.player import Player
from avfoley_ui.playback.sound import SAMPLE_RATE, Sound, load, load_stretch
from avfoley_ui.widgets.film_strip import HEIGHT, FilmStrip
from avfoley_ui.widgets.parts import ElidedLabel, decimal, name_button, quiet, tool_button
from avfoley_ui.widgets.picture import Picture
from avfoley_ui.widgets.sound_view import SoundView
from avfoley_ui.widgets.take_lanes import TakeLanes, file_data

#: How large the picture is decoded: the first of these that is as wide as it is shown.
_PREVIEWS = (QSize(640, 360), QSize(960, 540), QSize(1280, 720))
#: In a narrower panel the time is told as timecode only.
_ROOM_FOR_SECONDS = 400
#: The picture's least share of the height, before takes have to be scrolled.
_LEAST_PICTURE = 0.36
#: Sounds kept in memory.
_KEPT = 24
#: Frames in the lane of a take that is a picture.
_LANE_STILLS = 8


class Listening(QWidget):
    """One shot at a time. ``star_wanted`` and the others name shot and take."""

    use_wanted = Signal(str, str)
    star_wanted = Signal(str, str, bool)
    delete_wanted = Signal(str, str)
    settings_wanted = Signal(object)
    problem = Signal(str)
    said = Signal(str)

    def __init__(self, output: Output | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shot: ListedShot | None = None
        self._heard: str | None = None
        self._earlier: str | None = None
        self._progress: dict[str, float] = {}
        #: Sound and onsets as the views show them.
        self._applied: tuple[Sound | None, tuple[float, ...]] | None = None
        self._sounds: OrderedDict[tuple[str, str], Sound] = OrderedDict()
        self._loading: set[tuple[str, str]] = set()
        #: What the strip's frames are of.
        self._filmed: Footage | None = None
        self._files = Background("sounds")
        self._stills = Background("stills", newest_first=True, keep=2)
        # A click anywhere here takes the keyboard away from a text field: then Space plays.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._film = FilmReader(_PREVIEWS[0])
        self._film.ready.connect(self._show_frame)
        self._film.failed.connect(self._no_frame)
        self.player = Player(output, self)
        self.player.moved.connect(self._moved)
        self.player.state_changed.connect(self._show_transport)

        self.title = ElidedLabel()
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.picture = Picture()
        self.strip = FilmStrip()
        self.strip.scrubbed.connect(self._scrub)
        self.strip.stills_wanted.connect(self._read_stills)
        self.view = SoundView()
        self.view.scrubbed.connect(self._scrub)
        self.view.span_changed.connect(self._spread_span)
        self.lanes = TakeLanes()
        self.lanes.heard.connect(self.hear)
        self.lanes.scrubbed.connect(self._scrub)
        self.lanes.use_wanted.connect(lambda take: self._ask(self.use_wanted, take))
        self.lanes.star_wanted.connect(self._ask_star)
        self.lanes.delete_wanted.connect(lambda take: self._ask(self.delete_wanted, take))
        self.lanes.settings_wanted.connect(self._ask_settings)

        self.to_start = tool_button("to-start", self.tr("To the start"), "Home")
        self.to_start.clicked.connect(lambda: self.player.seek(0))
        self.play = tool_button("play", self.tr("Play"), "Space")
        self.play.clicked.connect(self.player.toggle)
        self.loop = tool_button("loop", self.tr("Loop"), "O", checkable=True)
        self.loop.setChecked(True)
        self.loop.toggled.connect(self.player.set_looping)
        self.compare = tool_button("loop", self.tr("A/B: the take heard before"), "X")
        self.compare.setIcon(QIcon())
        self.compare.setText("A/B")
        self.compare.clicked.connect(self.toggle_compared)
        self.timecode = QLabel()
        self.timecode.setToolTip(self.tr("Timecode of the edit at the playhead"))
        self.time = quiet(QLabel())
        self.time.setToolTip(self.tr("Time from the start of the shot, and its length"))
        for label in (self.timecode, self.time):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.speed = QLabel()
        transport = QHBoxLayout()
        transport.setSpacing(2)
        for button in (self.to_start, self.play, self.loop, self.compare):
            transport.addWidget(button)
        transport.addSpacing(6)
        transport.addWidget(self.timecode)
        transport.addSpacing(8)
        transport.addWidget(self.time)
        transport.addStretch(1)
        transport.addWidget(self.speed)

        self._upper = QWidget()
        above = QVBoxLayout(self._upper)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(3)
        above.addWidget(self.title)
        above.addWidget(self.picture, 1)
        above.addLayout(transport)
        self._strip_row = QHBoxLayout()
        self._strip_row.addWidget(self.strip)
        above.addLayout(self._strip_row)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        for widget in (self._upper, self.view, self.lanes):
            self.splitter.addWidget(widget)
        self._by_hand = False
        self.splitter.splitterMoved.connect(self._moved_by_hand)
        self.lanes.edge_changed.connect(self._leave_edge)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter, 1)
        self.set_shot(None)

    @property
    def tab_stops(self) -> list[QWidget]:
        return [self.to_start, self.play, self.loop, self.compare, *self.lanes.tab_stops]

    @property
    def shot(self) -> ListedShot | None:
        return self._shot

    @property
    def heard(self) -> ListedTake | None:
        """The take that is listened to."""
        takes = () if self._shot is None else self._shot.takes
        return next((take for take in takes if take.id == self._heard), None)

    @property
    def sound(self) -> Sound | None:
        """What is heard, as far as it is read."""
        return None if self._applied is None else self._applied[0]

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return self._files.idle and self._stills.idle

    def set_shot(self, shot: ListedShot | None) -> None:
        """Shows a shot; the same one again brings only what is new about it, and plays on."""
        same = shot is not None and self._shot is not None and shot.id == self._shot.id
        before = () if self._shot is None else self._shot.takes
        self._shot = shot
        self.title.setText("" if shot is None else shot.shot.name)
        self.splitter.setEnabled(shot is not None)
        takes = () if shot is None else shot.takes
        self.compare.setEnabled(len(takes) > 1)
        if not same:
            self._earlier = self._applied = None
            self.player.set_shot(0 if shot is None else round(shot.seconds * SAMPLE_RATE))
            self.strip.set_shot(1.0 if shot is None else float(shot.seconds))
            self.picture.show_text(self.tr("Select a shot.") if shot is None else "")
        spans = [_span(take) for take in takes] or [(0.0, 0.0)]
        known = [_span(take) for take in before] or [(0.0, 0.0)]
        if shot is not None and (not same or spans != known):
            seconds = float(shot.seconds)
            start, end = min(span[0] for span in spans), max(seconds, *(span[1] for span in spans))
            self.view.set_shot(start, seconds, end)
            self._applied = None
            self._spread_span(start, end)
        if not same or self.heard is None:
            active = None if shot is None else shot.active_take or (shot.takes[-1] if shot.takes else None)
            self._heard = None if active is None else active.id
        elif len(takes) > len(before) > 0 and takes[-1].active:
            # A take that came into use is what one wants to hear.
            self._earlier, self._heard = self._heard, takes[-1].id
        self.lanes.set_takes(takes, self._heard)
        self._show_progress()
        if shot is not None and shot.is_sound:
            self._want_stretch(shot)
            for take in takes:
                self._want_lane_stills(shot, take)
        else:
            for take in takes:
                self._want_sound(take)
        self._apply_heard()
        if not same:
            self._filmed = self._footage()
            self._moved(self.player.position, force=True)
            self.strip.ask()
        else:
            self._apply_footage()

    def set_progress(self, progress: dict[str, float]) -> None:
        """How far the takes are that are being made, by shot."""
        self._progress = dict(progress)
        self._show_progress()

    def _show_progress(self) -> None:
        """Says what there is in place of takes."""
        done = None if self._shot is None else self._progress.get(self._shot.id)
        if done is not None:
            self.lanes.empty.setText(self.tr("Being made: {0} %").format(round(100 * done)))
        elif self._shot is not None and self._shot.is_sound:
            self.lanes.empty.setText(self.tr("No picture yet. Press Visualize."))
        else:
            self.lanes.empty.setText(self.tr("No take yet. Write a caption and press Generate."))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.time.setVisible(self.width() >= _ROOM_FOR_SECONDS)
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
        """Gives the picture what its shape needs, as long as three takes fit below; and the takes the rest."""
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
        self._strip_row.setContentsMargins(0, 0, pixels, 0)
        self.view.leave_edge(pixels)

    def hear(self, take_id: str) -> None:
        """Changes to a take of the shot, at the playhead, without a gap."""
        if self._shot is None or take_id == self._heard:
            self.lanes.set_heard(self._heard)
            return
        self._earlier, self._heard = self._heard, take_id
        self.lanes.set_heard(take_id)
        self._apply_heard()
        self._apply_footage()

    def hear_number(self, number: int) -> None:
        """Changes to the take of that number, counted from 1."""
        if self._shot is not None and 1 <= number <= len(self._shot.takes):
            self.hear(self._shot.takes[number - 1].id)

    def toggle_compared(self) -> None:
        """A/B: back to the take heard before, else to the next one."""
        takes = [] if self._shot is None else [take.id for take in self._shot.takes]
        if len(takes) < 2:
            return
        if self._earlier not in takes or self._earlier == self._heard:
            at = takes.index(self._heard) if self._heard in takes else 0
            self._earlier = takes[(at + 1) % len(takes)]
        assert self._earlier is not None
        self.hear(self._earlier)

    def step(self, frames: int) -> None:
        """Stands still and goes a frame back or on."""
        if self._shot is not None:
            self.player.pause()
            a_frame = SAMPLE_RATE / self._shot.shot.record_rate
            frame = int((self.player.position + 0.5) / a_frame) + frames
            self.player.seek(-int(-frame * a_frame // 1) if frame > 0 else 0)

    def to_onset(self, direction: int) -> None:
        """Stands still at the onset before the playhead (-1) or after it (1) of the take that is heard."""
        take, here = self.heard, self.player.position
        if take is not None:
            there = [onset for onset in take.onsets if (onset - here) * direction > 0]
            if there:
                self.player.pause()
                self.player.seek(min(there, key=lambda onset: abs(onset - here)))

    def zoom(self, factor: float) -> None:
        """Shows a stretch of time `factor` times as long about the playhead."""
        self.view.zoom(factor, self.player.position / SAMPLE_RATE)

    def copy_heard(self) -> None:
        """Puts the file of the take that is heard on the clipboard, to be pasted in another program."""
        take = self.heard
        if take is not None:
            QGuiApplication.clipboard().setMimeData(file_data(take))
            self.said.emit(self.tr("{0} is on the clipboard.").format(take.path.name))

    def use_heard(self) -> None:
        take = self.heard
        if take is not None and not take.active:
            self._ask(self.use_wanted, take.id)

    def star_heard(self) -> None:
        take = self.heard
        if take is not None:
            self._ask_star(take.id, not take.starred)

    def delete_heard(self) -> None:
        take = self.heard
        if take is not None:
            self._ask(self.delete_wanted, take.id)

    def close_files(self) -> None:
        """Stops playing and ends the threads."""
        self.player.close()
        self._film.close()
        self._files.close()
        self._stills.close()

    def _ask(self, signal: object, take_id: str) -> None:
        if self._shot is not None:
            signal.emit(self._shot.id, take_id)  # type: ignore[attr-defined]

    def _ask_star(self, take_id: str, starred: bool) -> None:
        if self._shot is not None:
            self.star_wanted.emit(self._shot.id, take_id, starred)

    def _ask_settings(self, take_id: str) -> None:
        takes = () if self._shot is None else self._shot.takes
        for take in takes:
            if take.id == take_id:
                self.settings_wanted.emit(take.settings)

    def _want_sound(self, take: ListedTake) -> None:
        key = (take.id, str(take.path))
        known = self._sounds.get(key)
        if known is not None:
            self._sounds.move_to_end(key)
            self.lanes.set_sound(take.id, known)
            return
        path, head = take.path, take.head_samples
        self._load(key, lambda: load(path, head))

    def _want_stretch(self, shot: ListedShot) -> None:
        """Has the sound read that pictures are made for."""
        key, sound, samples = _stretch_key(shot), shot.sound, round(shot.seconds * SAMPLE_RATE)
        assert sound is not None
        if key in self._sounds:
            self._sounds.move_to_end(key)
        else:
            self._load(key, lambda: load_stretch(sound.media, sound.source_start, samples, sound.speed))

    def _want_lane_stills(self, shot: ListedShot, take: ListedTake) -> None:
        lane, footage = self.lanes.lane(take.id), footage_of(shot, take)
        key = (take.id, str(take.path))
        if lane is None or lane.wave.stills or footage is None or key in self._loading:
            return
        self._loading.add(key)
        numbers = [(2 * n + 1) * footage.frames // (2 * _LANE_STILLS) for n in range(_LANE_STILLS)]
        size = QSize(2 * HEIGHT, HEIGHT) * self.devicePixelRatioF()

        def came(images: dict[int, QImage]) -> None:
            self._loading.discard(key)
            self.lanes.set_stills(take.id, [images[number] for number in sorted(images)])

        self._files.submit(lambda: stills(footage, numbers, size), came)

    def _load(self, key: tuple[str, str], read: Callable[[], Sound]) -> None:
        if key in self._loading:
            return
        self._loading.add(key)

        def failed(error: Exception) -> None:
            self._loading.discard(key)
            self.problem.emit(str(error))

        self._files.submit(read, lambda sound: self._sound_came(key, sound), failed)

    def _sound_came(self, key: tuple[str, str], sound: Sound) -> None:
        self._loading.discard(key)
        self._sounds[key] = sound
        while len(self._sounds) > _KEPT:
            self._sounds.popitem(last=False)
        self.lanes.set_sound(key[0], sound)
        if key == self._heard_key():
            self._apply_heard()

    def _heard_key(self) -> tuple[str, str] | None:
        if self._shot is not None and self._shot.is_sound:
            return _stretch_key(self._shot)
        take = self.heard
        return None if take is None else (take.id, str(take.path))

    def _apply_heard(self) -> None:
        take, key = self.heard, self._heard_key()
        sound = None if key is None else self._sounds.get(key)
        onsets = () if take is None else tuple(onset / SAMPLE_RATE for onset in take.onsets)
        if self._applied is not None and self._applied[0] is sound and self._applied[1] == onsets:
            return
        self._applied = sound, onsets
        self.player.set_sound(sound)
        self.view.set_sound(sound, onsets)
        self.strip.set_onsets(onsets)

    def _apply_footage(self) -> None:
        """Shows the frames of another picture of the same sound."""
        footage = self._footage()
        if self._shot is None or footage == self._filmed:
            return
        self._filmed = footage
        self.strip.set_shot(float(self._shot.seconds))
        self.strip.ask()
        self._moved(self.player.position, force=True)

    def _read_stills(self, times: list[float]) -> None:
        footage = self._footage()
        if footage is None:
            return
        frames = {min(int(Fraction(time) * footage.rate), footage.frames - 1): time for time in times}
        ratio = self.devicePixelRatioF()
        size = QSize(round(4 * HEIGHT * ratio), round(HEIGHT * ratio))

        def came(images: dict[int, QImage]) -> None:
            if footage == self._footage():
                self.strip.add_stills({frames[frame]: image for frame, image in images.items()})

        self._stills.submit(lambda: stills(footage, list(frames), size), came)

    def _scrub(self, seconds: float) -> None:
        self.player.seek(round(seconds * SAMPLE_RATE))

    def _spread_span(self, start: float, end: float) -> None:
        self.strip.set_span(start, end)
        self.lanes.set_span(start, end)

    def _moved(self, position: int, force: bool = False) -> None:
        seconds = position / SAMPLE_RATE
        self.view.set_playhead(seconds)
        self.lanes.set_playhead(seconds)
        self.strip.set_playhead(seconds)
        if self.player.playing:
            self.view.follow(seconds)
        shot = self._shot
        if shot is None:
            self.timecode.setText("")
            self.time.setText("")
            return
        for label, text in (
            (self.timecode, shot.timecode_at(self._frame)),
            (self.time, f"{decimal(seconds, 2)} / {decimal(float(shot.seconds), 2)} s"),
        ):
            if text != label.text():
                label.setText(text)
        if self._footage() is not None:
            self._ask_frame()
        elif force and shot.is_sound:
            self.picture.show_text(self.tr("This sound has no picture yet."))
        elif force:
            self.picture.show_text(self.tr("This one has no picture: it is made from words alone."))

    @property
    def _frame(self) -> int:
        """The record frame at the playhead, counted from the shot's first."""
        if self._shot is None:
            return 0
        frame = int(self.player.position * self._shot.shot.record_rate / SAMPLE_RATE)
        return min(frame, max(self._shot.shot.frames - 1, 0))

    def _ask_frame(self) -> None:
        footage = self._footage()
        if footage is not None:
            self._film.ask(footage, self._frame)

    def _footage(self) -> Footage | None:
        return None if self._shot is None else footage_of(self._shot, self.heard)

    def _show_frame(self, footage: Footage, frame: int, image: QImage) -> None:
        if footage == self._footage():
            before = self.picture.aspect
            self.picture.show_image(image)
            if abs(self.picture.aspect - before) > 0.01:
                self._balance()

    def _no_frame(self, footage: Footage, reason: str) -> None:
        if footage == self._footage():
            self.picture.show_text(self.tr("The picture cannot be shown: {0}").format(reason))

    def _show_transport(self) -> None:
        playing = self.player.playing
        name_button(self.play, self.tr("Pause") if playing else self.tr("Play"), "Space")
        self.play.setIcon(icon("pause" if playing else "play"))
        speed = self.player.speed
        self.speed.setText("" if speed in (0.0, 1.0) else f"{speed:g} ×")
        if self.loop.isChecked() != self.player.looping:
            self.loop.setChecked(self.player.looping)


def footage_of(shot: ListedShot, take: ListedTake | None = None) -> Footage | None:
    """What a shot shows, or a sound with a take of it (with the one in use if None); None without picture."""
    if shot.is_sound:
        shown = take or shot.active_take
        if shown is None:
            return None
        return Footage(shown.path, Fraction(0), 1 / shot.shot.record_rate, shot.shot.record_rate, shot.shot.frames)
    picture = shot.picture
    if picture is None:
        return None
    return Footage(
        picture.media,
        picture.source_start / picture.source_rate,
        picture.speed / shot.shot.record_rate,
        shot.shot.record_rate,
        shot.shot.frames,
    )


def _stretch_key(shot: ListedShot) -> tuple[str, str]:
    return shot.id, str(shot.media)


def _span(take: ListedTake) -> tuple[float, float]:
    """Where a take's file begins and ends, in seconds from the shot's first frame."""
    return -take.head_samples / SAMPLE_RATE, (take.samples - take.head_samples) / SAMPLE_RATE
