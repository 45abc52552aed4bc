"""The panel on an editing program's own timeline: placing through its host, and what is selected there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from avfoley_ui.window import PanelWindow

from avfoley_plugin.hosts import open_host
from avfoley_plugin.timeline.placing import placed
from support.kdenlive_projects import FILM, LENGTH, project
from support.panel import click, ready, wait


@pytest.fixture
def write_project(make_media: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Writes a project of two shots, at record frames 0 to 30 and 37 to 77."""
    make_media(FILM, [np.full((36, 64, 3), 2 * number, np.uint8) for number in range(LENGTH)])

    def write(**more: object) -> Path:
        path = tmp_path / "the cut.kdenlive"
        path.write_text(project(FILM, sequences=True, **more), encoding="utf-8")
        return path

    return write


def test_takes_are_placed_in_a_kdenlive_project_and_taken_back(
    qtbot: Any, open_panel: Callable[..., PanelWindow], write_project: Callable[..., Path]
) -> None:
    path = write_project()
    untouched = path.read_bytes()
    window = open_panel(path)
    wait(qtbot, lambda: ready(window))
    shots = window.controller.shots.shots
    assert [shot.shot.record_start for shot in shots] == [0, 37]
    window.shots.select([shots[1].id])
    window.form.caption.setPlainText("a flash")
    click(qtbot, window.form.buttons["foley"])
    wait(qtbot, lambda: len(window.controller.shots.shots[1].takes) == 2 and window.controller.idle)

    def on_file() -> list[tuple[int, bool]]:
        return [(take.record_start, take.active) for take in placed(open_host(path).read())]

    assert on_file() == [(37, True), (37, False)]
    click(qtbot, window.listening.lanes.lanes[1].use)
    wait(qtbot, lambda: on_file() == [(37, False), (37, True)] and window.controller.idle)
    for _ in range(3):
        click(qtbot, window.undo_button)
        wait(qtbot, lambda: window.controller.idle)
    assert not window.undo_button.isEnabled()
    assert path.read_bytes() == untouched


def test_what_is_selected_in_the_editing_program_is_selected_here(
    qtbot: Any, open_panel: Callable[..., PanelWindow], write_project: Callable[..., Path]
) -> None:
    path = write_project()
    window = open_panel(path)
    wait(qtbot, lambda: ready(window))
    # Nobody has set a zone yet.
    assert window.shots.in_host.isVisible()
    before = window.shots.selected
    click(qtbot, window.shots.in_host)
    wait(qtbot, lambda: not window.notice.isHidden())
    assert "zone" in window.notice.text.text()
    assert window.shots.selected == before
    write_project(zone=(40, 60))
    click(qtbot, window.shots.in_host)
    second = window.controller.shots.shots[1].id
    wait(qtbot, lambda: window.shots.selected == [second])
    write_project(zone=(0, 76))
    click(qtbot, window.shots.in_host)
    wait(qtbot, lambda: len(window.shots.selected) == 2)


def test_a_file_tells_no_selection(qtbot: Any, open_panel: Callable[..., PanelWindow], cut: Path) -> None:
    window = open_panel(cut)
    assert window.shots.in_host.isHidden()
