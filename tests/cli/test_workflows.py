from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
from engine_harness import Engine
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.hosts import OtioFile
from avfoley_plugin.timeline.shots import Selection
from avfoley_plugin.timeline.takes import placed
from avfoley_plugin.workflows import TakeDone, Written, foley


def shots(path: Path) -> list[tuple[str, int]]:
    return [(take.shot_name, take.record_start) for take in placed(otio.adapters.read_from_file(str(path)))]


def test_takes_follow_an_editor_who_goes_on_cutting(engine: Engine, timeline: Path) -> None:
    run = foley(OtioFile(timeline), LocalEngine(command=None), selection=Selection(("shot1", "shot2", "shot3")))
    updates = []
    for update in run:
        updates.append(update)
        if isinstance(update, TakeDone) and update.shot.name == "shot2":
            cut = otio.adapters.read_from_file(str(timeline))
            del cut.tracks[0][3]
            cut.tracks[0].insert(0, otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), RationalTime(7, 25))))
            otio.adapters.write_to_file(cut, str(timeline))
    assert shots(timeline) == [("shot1", 32), ("shot2", 57)]
    written = updates[-1]
    assert isinstance(written, Written)
    assert [shot.name for shot in written.unplaced] == ["shot3"]
    # Its sound is there all the same.
    assert len(list(timeline.with_name("cut.avfoley").glob("shot3_*.wav"))) == 1


def test_leaving_early_writes_what_is_finished_and_cancels_the_rest(slow_engine: Engine, timeline: Path) -> None:
    run = foley(OtioFile(timeline), LocalEngine(command=None))
    updates = iter(run)
    while not isinstance(next(updates), TakeDone):
        pass
    updates.close()  # type: ignore[attr-defined]
    assert shots(timeline) == [("shot0", 0)]
    assert run.written is not None
    jobs = slow_engine.http.get("/v1/jobs").json()
    assert {job["state"] for job in jobs[3:]} == {"cancelled"}


def test_cancelled_before_it_began(engine: Engine, timeline: Path) -> None:
    content = timeline.read_bytes()
    run = foley(OtioFile(timeline), LocalEngine(command=None))
    run.cancel()
    assert not any(isinstance(update, TakeDone) for update in run)
    assert timeline.read_bytes() == content
    assert engine.http.get("/v1/jobs").json() == []
