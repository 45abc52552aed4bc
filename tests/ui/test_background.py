"""Work off the GUI thread: when it counts as done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from avfoley_ui.background import Background

from support.panel import wait


@pytest.fixture
def background(qtbot: Any) -> Iterator[Background]:
    background = Background("test")
    yield background
    background.close()


def test_it_is_idle_only_when_what_came_back_was_told(qtbot: Any, background: Background) -> None:
    told: list[str] = []
    second_begun = threading.Event()
    background.submit(lambda: "first", told.append)
    background.submit(second_begun.set, lambda result: told.append("second"))
    # The thread is past the first, whose result waits for this thread to look.
    assert second_begun.wait(30)
    assert told == []
    assert not background.idle
    wait(qtbot, lambda: background.idle)
    assert told == ["first", "second"]


def test_an_error_comes_back_and_one_that_nobody_asked_for_does_not_keep_it_busy(
    qtbot: Any, background: Background
) -> None:
    errors: list[Exception] = []

    def fail() -> None:
        raise ValueError("no such thing")

    background.submit(fail, lambda result: None)
    background.submit(fail, lambda result: None, errors.append)
    wait(qtbot, lambda: errors)
    assert str(errors[0]) == "no such thing"
    wait(qtbot, lambda: background.idle)
