"""Spotting events in the panel, against a real engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.film_strip import HEIGHT, FilmStrip
from avfoley_ui.window import PanelWindow
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from avfoley_plugin.engine_client import LocalEngine
from support.engine import engine_command
from support.panel import click, ready, select, shot, wait

Open = Callable[..., PanelWindow]


def marked(path: Path) -> list[tuple[str, float]]:
    markers = otio.adapters.read_from_file(str(path)).tracks.markers
    return [(marker.comment, marker.marked_range.start_time.value) for marker in markers]


def test_events_of_the_selection_are_marked_shown_and_undone(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut, lambda: LocalEngine(command=engine_command("spotting_worker")))
    wait(qtbot, lambda: ready(window) and window.form.spot.isVisible())
    select(window, "shot1", "shot3")
    wait(qtbot, window.form.spot.isEnabled)
    click(qtbot, window.form.spot)
    wait(qtbot, lambda: bool(shot(window, "shot3").events) and window.controller.idle)
    assert [(event.frame, event.confidence) for event in shot(window, "shot1").events] == [(8, 0.9), (20, 0.55)]
    assert not shot(window, "shot2").events
    assert sorted(marked(cut)) == [("55%", 45), ("55%", 95), ("90%", 33), ("90%", 83)]
    assert "4 event" in window.notice.text.text()
    wait(qtbot, lambda: len(window.listening.strip.events) == 2)
    assert [round(time, 2) for time, _ in window.listening.strip.events] == [0.32, 0.8]

    # Again: none is marked twice. Undo takes them off.
    click(qtbot, window.form.spot)
    wait(qtbot, lambda: not window.controller.making and window.controller.idle)
    assert len(marked(cut)) == 4
    click(qtbot, window.undo_button)
    wait(qtbot, lambda: window.controller.idle)
    click(qtbot, window.undo_button)
    wait(qtbot, lambda: marked(cut) == [] and not shot(window, "shot1").events)


def test_without_a_model_that_spots_there_is_no_button(qtbot: Any, open_panel: Open, cut: Path) -> None:
    window = open_panel(cut)
    wait(qtbot, lambda: ready(window))
    select(window, "shot1")
    wait(qtbot, window.form.buttons["foley"].isEnabled)
    assert not window.form.spot.isVisible()


def test_a_shot_that_cannot_be_seen_says_why(qtbot: Any, open_panel: Open, cut: Path) -> None:
    film = cut.parent / "clip.mp4"
    film.rename(film.with_name("unreadable.mp4"))
    cut.write_text(cut.read_text().replace("clip.mp4", "unreadable.mp4"))
    window = open_panel(cut, lambda: LocalEngine(command=engine_command("spotting_worker")))
    wait(qtbot, lambda: ready(window))
    select(window, "shot1")
    wait(qtbot, window.form.spot.isEnabled)
    click(qtbot, window.form.spot)
    wait(qtbot, lambda: "the picture is unreadable" in window.notice.text.text())
    assert marked(cut) == []


def test_an_event_is_a_line_over_the_film_that_says_how_sure_it_is(qtbot: Any, qapp: QApplication) -> None:
    strip = FilmStrip()
    qtbot.addWidget(strip)
    strip.resize(400, strip.height())
    strip.set_shot(4.0)
    strip.set_span(0.0, 4.0)
    strip.set_events(((1.0, 1.0), (3.0, 0.5)))
    strip.show()
    drawn = strip.grab().toImage()
    mark = state_colour("event", strip.palette())
    middle = [drawn.pixelColor(x, HEIGHT // 2) for x in range(drawn.width())]
    assert [x for x, colour in enumerate(middle) if colour == mark] == [99, 100]

    assert (strip.tip_at(302), strip.tip_at(97)) == ("Event, 50 % sure", "Event, 100 % sure")
    assert strip.tip_at(200) == ""
    qapp.sendEvent(strip, QHelpEvent(QEvent.Type.ToolTip, QPoint(99, 20), strip.mapToGlobal(QPoint(99, 20))))
    assert QToolTip.text() == "Event, 100 % sure"
