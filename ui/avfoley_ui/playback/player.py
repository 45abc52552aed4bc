"""Plays a shot's takes: one playhead for all of them, in samples from the shot's first frame."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from avfoley_ui.playback.mixer import Mixer
from avfoley_ui.playback.output import Output, best_output
from avfoley_ui.playback.sound import SAMPLE_RATE, Sound

_TICK_MS = 15
# The playhead is shown this often, in seconds.
_SHOW_SECONDS = 0.028
# What J and L go through, each way.
SHUTTLE = (1.0, 2.0, 4.0, 8.0)


class Player(QObject):
    """``moved`` carries the audible position; ``state_changed``: speed, loop or sound changed."""

    moved = Signal(int)
    state_changed = Signal()

    def __init__(self, output: Output | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mixer = Mixer()
        self._output = output
        # The audible position in samples.
        self.position = 0
        self._last_shown = 0.0
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=_TICK_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def speed(self) -> float:
        return self._mixer.speed

    @property
    def playing(self) -> bool:
        return self._mixer.speed != 0

    @property
    def looping(self) -> bool:
        return self._mixer.looping

    @property
    def range(self) -> tuple[int, int]:
        return self._mixer.start, self._mixer.end

    def set_shot(self, samples: int) -> None:
        """Another shot, so many samples long; without any sound yet, and stopped at its start."""
        self.pause()
        self._mixer.set_sound(None)
        self._mixer.set_range(0, samples)
        self.seek(0)

    def set_sound(self, sound: Sound | None) -> None:
        """Plays another take from the same playhead on."""
        if sound is None:
            self._mixer.set_sound(None)
        else:
            self._mixer.set_sound(sound.samples, sound.head)
        self.state_changed.emit()

    def set_looping(self, looping: bool) -> None:
        self._mixer.looping = looping
        self.state_changed.emit()

    def toggle(self) -> None:
        """Space: plays, or stands still."""
        self.set_speed(0.0 if self.playing else 1.0)

    def pause(self) -> None:
        """K."""
        self.set_speed(0.0)

    def shuttle(self, direction: int) -> None:
        """J (-1) and L (+1): plays that way, and faster with every further press."""
        speed = max(self.speed * direction, 0.0)
        self.set_speed(direction * next((faster for faster in SHUTTLE if faster > speed), SHUTTLE[-1]))

    def set_speed(self, speed: float) -> None:
        if speed == self._mixer.speed:
            return
        # What is buffered is rendered again at the new speed.
        self._stop_output()
        self._mixer.speed = speed
        if speed:
            if self._mixer.at_end:
                self._mixer.position = float(self._mixer.start if speed > 0 else self._mixer.end)
                self._show(round(self._mixer.position))
            if self._output is None:
                self._output = best_output()
            self._output.start(self._mixer.render)
            self._timer.start()
        self.state_changed.emit()

    def seek(self, position: int) -> None:
        """Puts the playhead to a sample, playing on if it plays."""
        speed = self.speed
        self._stop_output()
        start, end = self.range
        self._mixer.position = float(min(max(position, start), end))
        if speed and self._output is not None:
            self._output.start(self._mixer.render)
            self._timer.start()
        self._show(round(self._mixer.position))

    def close(self) -> None:
        self._stop_output()

    def _tick(self) -> None:
        if self._output is None:
            return
        self._output.feed()
        now = time.monotonic()
        if now - self._last_shown >= _SHOW_SECONDS:
            self._last_shown = now
            self._show(round(self._audible(self._output)))
        if self._mixer.at_end and self._output.buffered * abs(self.speed) < SAMPLE_RATE / 100:
            self.pause()
            self._show(round(self._mixer.position))

    def _stop_output(self) -> None:
        self._timer.stop()
        if self._output is not None and self.playing:
            audible = self._audible(self._output)
            self._output.stop()
            self._mixer.position = audible

    def _audible(self, output: Output) -> float:
        """The position that is audible: the mixer's, less what the output still buffers."""
        position = self._mixer.position - output.buffered * self.speed
        start, end = self.range
        if self._mixer.looping and end > start:
            position = start + (position - start) % (end - start)
        return min(max(position, float(start)), float(end))

    def _show(self, position: int) -> None:
        if position != self.position:
            self.position = position
            self.moved.emit(position)
