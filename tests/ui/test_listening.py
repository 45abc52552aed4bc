"""Listening: what the views show of a take, scrubbing, and picture and sound at one playhead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from avfoley_engine.protocol import PictureRange
from avfoley_ui.playback.output import Output, Render, SilentOutput
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.listening import Listening
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from avfoley_plugin.settings import FoleySettings
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.workspace import ListedShot, ListedTake, ShotState
from support.panel import wait

SECOND = 48_000
#: Where the takes strike, in seconds.
ONSETS = (0.5, 1.5)


@pytest.fixture
def shot(make_media: Callable[..., Path]) -> ListedShot:
    """Two seconds whose frames' brightness tells their number, from one hour on; two takes that strike twice."""
    film = make_media("film.mp4", [np.full((36, 64, 3), 5 * number, np.uint8) for number in range(50)])
    takes = []
    for number in range(2):
        sound = np.zeros((1, 2 * SECOND), np.float32)
        for onset in ONSETS:
            at = round(onset * SECOND)
            sound[0, at : at + 4800] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4800) / SECOND)
        takes.append(
            ListedTake(
                id=f"take-{number}",
                key=f"take {number + 1}",
                path=make_media(f"take{number}.wav", None, sound=sound),
                active=number == 0,
                starred=False,
                samples=2 * SECOND,
                shot_samples=2 * SECOND,
                head_samples=0,
                onsets=tuple(round(onset * SECOND) for onset in ONSETS),
                settings=FoleySettings(seed=number),
                revision="r1",
                peak_dbtp=-6.0,
                loudness_lufs=None,
            )
        )
    made = Shot(
        id="id",
        name="shot",
        track_index=0,
        track_name="V1",
        layer="0",
        clip=None,
        media=film,
        picture=PictureRange(media=film, source_start=Fraction(0), source_rate=Fraction(25)),
        frames=50,
        record_rate=Fraction(25),
        record_start=0,
        record_start_timecode=25 * 3600,
        head_available=None,
        tail_available=None,
        caption="",
    )
    return ListedShot(made, ShotState.MADE, "", tuple(takes))


@pytest.fixture
def listening(qtbot: Any, shot: ListedShot) -> Iterator[Listening]:
    view = Listening(SilentOutput())
    qtbot.addWidget(view)
    view.resize(800, 800)
    view.show()
    view.set_shot(shot)
    wait(qtbot, lambda: view.idle and view.sound is not None and view.picture.image is not None)
    yield view
    view.close_files()


def number(image: QImage) -> int:
    """Which frame a picture is of."""
    return round(image.pixelColor(10, 10).red() / 5)


class SteppedOutput(Output):
    """A device that plays as far as the test says, and holds a tenth of a second that is yet to be heard."""

    def __init__(self) -> None:
        self.due = 0
        self._render: Render | None = None

    def start(self, render: Render) -> None:
        self._render = render
        render(self.buffered)

    def stop(self) -> None:
        self._render = None

    def feed(self) -> None:
        if self._render is not None:
            self._render(self.due)
            self.due = 0

    @property
    def buffered(self) -> int:
        return 0 if self._render is None else SECOND // 10


def test_the_picture_is_that_of_what_is_heard(qtbot: Any, shot: ListedShot) -> None:
    output = SteppedOutput()
    view = Listening(output)
    qtbot.addWidget(view)
    view.show()
    try:
        view.set_shot(shot)
        wait(qtbot, lambda: view.idle and view.sound is not None and view.picture.image is not None)
        view.player.toggle()
        # Once round and on, so that an error that grows would show.
        for step in range(70):
            output.due = SECOND // 25
            frame = (step + 1) % 50
            wait(qtbot, lambda frame=frame: output.due == 0 and view.player.position == frame * SECOND // 25)
            wait(qtbot, lambda frame=frame: number(view.picture.image) == frame)
        view.player.pause()
    finally:
        view.close_files()


def test_the_picture_keeps_up_with_the_clock(qtbot: Any, listening: Listening) -> None:
    behind: list[int] = []

    def shown(footage: object, frame: int, image: QImage) -> None:
        assert number(image) == frame
        behind.append((listening._frame - frame) % 50)

    listening._film.ready.connect(shown)
    listening.player.toggle()
    wait(qtbot, lambda: len(behind) > 40)
    listening.player.pause()
    # On a machine that has nothing else to do it is the frame itself; on any, a frame behind for good is none.
    assert median(behind) <= 4
    assert median(behind[-10:]) <= 4


def test_onsets_lie_where_the_waveform_begins(qtbot: Any, listening: Listening) -> None:
    assert listening.view.onsets == ONSETS
    listening.player.seek(SECOND)
    wait(qtbot, lambda: listening.idle)
    strip = listening.strip
    drawn = strip.grab().toImage()
    scale = drawn.devicePixelRatio()
    onset = state_colour("onset", strip.palette())
    row = [drawn.pixelColor(x, round((strip.height() - 3) * scale)) for x in range(drawn.width())]
    marked = [x / scale / strip.width() * 2 for x, colour in enumerate(row) if colour == onset]
    assert min(abs(x - ONSETS[0]) for x in marked) < 0.02
    assert min(abs(x - ONSETS[1]) for x in marked) < 0.02
    assert all(min(abs(x - at) for at in ONSETS) < 0.03 for x in marked)
    # The waveform of the lane on the same axis: quiet before each onset, loud after it.
    lane = listening.lanes.lanes[0].wave
    wave, line = lane.grab().toImage(), state_colour("wave", lane.palette())
    loud = [wave.pixelColor(x, wave.height() // 4) == line for x in range(wave.width())]
    begins = [x / wave.width() * 2 for x in range(1, wave.width()) if loud[x] and not any(loud[max(0, x - 60) : x])]
    assert begins == pytest.approx(ONSETS, abs=0.02)
    # Over the lanes, too; silence is a line.
    view = listening.view
    drawn = view.grab().toImage()
    middle = round(view._wave.getViewBox().sceneBoundingRect().center().y() * scale)
    line = state_colour("wave", view.palette())
    at = [x for x in range(drawn.width()) if any(_alike(drawn.pixelColor(x, middle + y), line) for y in (-1, 0, 1))]
    assert len(at) > 0.95 * drawn.width()
    # By key from one to the next.
    places = []
    for direction in (1, 1, -1, -1):
        listening.to_onset(direction)
        places.append(listening.player.position / SECOND)
    assert places == [1.5, 1.5, 0.5, 0.5]


def _alike(one: QColor, other: QColor) -> bool:
    return all(abs(a - b) < 60 for a, b in zip(one.getRgb(), other.getRgb(), strict=True))


def drag(widget: QWidget, first: QPoint, last: QPoint) -> None:
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=first)
    QTest.mouseMove(widget, last)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=last)


def test_it_is_scrubbed_on_every_view(qtbot: Any, listening: Listening) -> None:
    strip, player = listening.strip, listening.player
    drag(strip, QPoint(strip.width() // 4, 20), QPoint(strip.width() // 2, 20))
    assert player.position == pytest.approx(SECOND, abs=SECOND / 100)
    assert listening.transport.timecode.text() == "01:00:01:00"
    assert listening.transport.time.text() == "1.00 / 2.00 s"
    wait(qtbot, lambda: number(listening.picture.image) == 25)
    lane = listening.lanes.lanes[1].wave
    QTest.mouseClick(lane, Qt.MouseButton.LeftButton, pos=QPoint(lane.width() // 4, 10))
    assert listening.current_take is not None
    assert listening.current_take.key == "take 2"
    assert player.position == pytest.approx(SECOND / 2, abs=SECOND / 100)
    graphics = listening.view._graphics.viewport()
    QTest.mouseClick(graphics, Qt.MouseButton.LeftButton, pos=QPoint(graphics.width() * 3 // 4, 20))
    assert player.position == pytest.approx(SECOND * 3 / 2, abs=SECOND / 100)


def test_zoomed_in_all_views_keep_one_axis_and_the_page_turns(qtbot: Any, listening: Listening) -> None:
    player, view = listening.player, listening.view
    player.seek(SECOND // 2)
    for _ in range(4):
        listening.zoom(0.5)
    start, end = view.span
    assert end - start == pytest.approx(2 / 16)
    assert start < 0.5 < end
    for other in (listening.strip, *(lane.wave for lane in listening.lanes.lanes)):
        assert other._span == pytest.approx((start, end))
    assert QPointF(listening.strip._x(0.5), 0).x() == pytest.approx(listening.lanes.lanes[0].wave._x(0.5), abs=1)
    player.toggle()
    wait(qtbot, lambda: view.span[0] > start)
    player.pause()
    assert view.span[1] - view.span[0] == pytest.approx(2 / 16)
    view.show_all()
    assert view.span == pytest.approx((0, 2))


def test_three_takes_are_seen_at_once(qtbot: Any, listening: Listening, shot: ListedShot) -> None:
    third = ListedTake(**{**vars(shot.takes[0]), "id": "take-2", "key": "take 3", "active": False})
    listening.player.seek(SECOND)
    listening.set_shot(ListedShot(shot.shot, shot.state, "", (*shot.takes, third)))
    assert {lane.wave._playhead for lane in listening.lanes.lanes} == {1.0}
    for width, height in ((344, 700), (550, 700), (820, 850)):
        listening.resize(width, height)
        qtbot.wait(30)
        seen = listening.lanes.viewport().rect()
        lane = listening.lanes.lanes[2]
        assert seen.contains(lane.mapTo(listening.lanes.viewport(), lane.rect().center())), (width, height)
        assert listening.picture.height() >= min(0.3 * height, 0.95 * width / listening.picture.aspect)


@dataclass(frozen=True)
class _Unknown:
    """What a take of a task that the panel does not know was requested with."""

    caption: str = ""
    seed: int = 7
    model: str = "listener"


def test_a_take_of_an_unknown_task_is_shown_and_left_alone(listening: Listening, shot: ListedShot) -> None:
    messages: list[str] = []
    listening.message.connect(lambda text, error: messages.append(text))
    gone = replace(shot.takes[1], id="other", path=Path("/nowhere/it.srt"), settings=_Unknown())  # type: ignore[arg-type]
    listening.set_shot(replace(shot, takes=(shot.takes[0], gone)))
    lane = listening.lanes.lanes[1]
    assert "not supported" in lane.name.text()
    assert "listener" in lane.name.text()
    assert not lane.settings.isEnabled()
    assert listening.sound is not None
    listening.switch_to("other")
    # It is neither read nor taken for a picture: the shot's own goes on, in silence.
    assert listening.sound is None
    assert listening._footage().media == shot.media
    assert listening.idle
    assert messages == []
