"""The row under the picture: play, loop, compare; timecode, time and speed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from avfoley_plugin.workspace import ListedShot
from avfoley_ui.icons import icon
from avfoley_ui.playback.player import Player
from avfoley_ui.playback.sound import SAMPLE_RATE
from avfoley_ui.widgets.parts import decimal, fill, name_button, quiet, tool_button


class Transport(QWidget):
    """Works the player and shows how it is."""

    def __init__(self, player: Player) -> None:
        super().__init__()
        self._player = player
        self.to_start = tool_button("to-start", pressed=lambda: player.seek(0))
        self.play = tool_button("play", pressed=player.toggle)
        self.loop = tool_button("loop", checkable=True)
        self.loop.setChecked(True)
        self.loop.toggled.connect(player.set_looping)
        self.compare = tool_button("loop")
        self.compare.setIcon(QIcon())
        self.compare.setText("A/B")
        self.tab_stops: list[QWidget] = [self.to_start, self.play, self.loop, self.compare]
        self.timecode = QLabel()
        self.timecode.setToolTip(self.tr("Timeline timecode at the playhead"))
        self.time = quiet(QLabel())
        self.time.setToolTip(self.tr("Time from the start of the shot / length of the shot"))
        for label in (self.timecode, self.time):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.speed = QLabel()
        labels = 6, self.timecode, 8, self.time, None, self.speed
        fill(QHBoxLayout(self), *self.tab_stops, *labels, spacing=2)
        player.state_changed.connect(self._show_state)
        self._show_state()

    def show_position(self, shot: ListedShot | None, frame: int, position: int) -> None:
        """The playhead: a record frame counted from the shot's first, and a sample."""
        timecode = time = ""
        if shot is not None:
            timecode = shot.timecode_at(frame)
            time = f"{decimal(position / SAMPLE_RATE, 2)} / {decimal(float(shot.seconds), 2)} s"
        for label, text in ((self.timecode, timecode), (self.time, time)):
            if text != label.text():
                label.setText(text)

    def _show_state(self) -> None:
        playing, speed = self._player.playing, self._player.speed
        name_button(self.play, self.tr("Pause") if playing else self.tr("Play"), "Space")
        self.play.setIcon(icon("pause" if playing else "play"))
        self.speed.setText("" if speed in (0.0, 1.0) else f"{speed:g} ×")
        self.loop.setChecked(self._player.looping)
