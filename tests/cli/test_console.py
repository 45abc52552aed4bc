from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import JobState, PictureRange
from rich.console import Console

from avfoley_plugin.console import ProgressReport
from avfoley_plugin.making import TakeFailed, TakeProgress
from avfoley_plugin.timeline.shots import Problem, Shot
from avfoley_plugin.workflows import Order, Planned


@pytest.fixture
def shot() -> Shot:
    media = Path("/media/a.mov")
    return Shot(
        id="1",
        name="[bold]A001",
        track_index=0,
        track_name="V1",
        layer="0",
        clip=otio.schema.Clip(),
        media=media,
        picture=PictureRange(media=media, source_start=Fraction(0), source_rate=Fraction(25)),
        frames=25,
        record_rate=Fraction(25),
        record_start=0,
        record_start_timecode=0,
        head_available=0,
        tail_available=0,
        caption="",
    )


def test_a_bar_a_take_with_the_time_left(shot: Shot) -> None:
    out = io.StringIO()
    report = ProgressReport(Console(file=out, force_terminal=True, width=120))
    with report:
        requests = (shot.request(), shot.request(seed=1))
        report.show(Planned((Order(shot, requests),), (Problem("B002", 0, "V1", "its media is offline"),)))
        report.show(TakeProgress(shot, 1, JobState.RUNNING, 0.5, 75.0, None))
        report.refresh()
        assert "[bold]A001 take 2" in out.getvalue()
        assert "50%" in out.getvalue()
        assert "1:15 left" in out.getvalue()
        report.show(TakeFailed(shot, 1, "the weights are broken"))
    assert "B002 (V1): its media is offline" in out.getvalue()
    assert "[bold]A001 take 2 failed: the weights are broken" in out.getvalue()
    assert report.failures == 2
