from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.hosts import OtioFile
from avfoley_plugin.making import TakeDone
from avfoley_plugin.timeline.placing import placed
from avfoley_plugin.timeline.shots import Selection
from avfoley_plugin.workflows import Written, foley
from support.engine import Engine


def shots(path: Path) -> list[tuple[str, int]]:
    return [(take.shot_name, take.record_start) for take in placed(otio.adapters.read_from_file(str(path)))]


def captions(path: Path) -> list[tuple[str, int]]:
    markers = otio.adapters.read_from_file(str(path)).tracks.markers
    return [(marker.name, round(marker.marked_range.start_time.value)) for marker in markers]


def test_takes_follow_an_editor_who_goes_on_cutting(engine: Engine, timeline: Path) -> None:
    run = foley(OtioFile(timeline), LocalEngine(command=None), selection=Selection(("shot1", "shot2", "shot3")))
    updates = []
    for update in run:
        updates.append(update)
        if isinstance(update, TakeDone) and update.subject.name == "shot2":
            cut = otio.adapters.read_from_file(str(timeline))
            del cut.tracks[0][3]
            cut.tracks[0].insert(0, otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), RationalTime(7, 25))))
            otio.adapters.write_to_file(cut, str(timeline))
    assert shots(timeline) == [("shot1", 32), ("shot2", 57)]
    assert captions(timeline) == [("shot1", 32), ("shot2", 57)]
    written = updates[-1]
    assert isinstance(written, Written)
    assert [shot.name for shot in written.unplaced] == ["shot3"]
    # Its sound is there all the same.
    assert len(list(timeline.with_name("cut.avfoley").glob("shot3_*.wav"))) == 1


def test_earlier_takes_and_captions_follow_their_shots_too(engine: Engine, timeline: Path) -> None:
    def make(name: str, meanwhile: int) -> None:
        """Makes foley for a shot, while `meanwhile` frames are put in before all shots."""
        for update in foley(OtioFile(timeline), LocalEngine(command=None), selection=Selection((name,))):
            if isinstance(update, TakeDone) and meanwhile:
                cut = otio.adapters.read_from_file(str(timeline))
                space = TimeRange(RationalTime(0, 25), RationalTime(meanwhile, 25))
                cut.tracks[0].insert(0, otio.schema.Gap(source_range=space))
                otio.adapters.write_to_file(cut, str(timeline))

    make("shot1", meanwhile=0)
    make("shot3", meanwhile=7)
    assert shots(timeline) == [("shot1", 32), ("shot3", 82)]
    assert captions(timeline) == [("shot1", 32), ("shot3", 82)]


def test_trimmed_and_covered_shots_are_found_again_in_a_changed_timeline(engine: Engine, timeline: Path) -> None:
    cut = otio.adapters.read_from_file(str(timeline))
    covering = otio.schema.Track("V2", kind=otio.schema.TrackKind.Video)
    covering.append(list(cut.find_clips())[5].deepcopy())
    covering[0].name = "cover"
    cut.tracks.append(covering)
    otio.adapters.write_to_file(cut, str(timeline))

    def retitle() -> None:
        changed = otio.adapters.read_from_file(str(timeline))
        changed.metadata["elsewhere"] = changed.metadata.get("elsewhere", 0) + 1
        otio.adapters.write_to_file(changed, str(timeline))

    # shot0 lies under "cover"; the range trims shot1 and shot2.
    for selection in (Selection(("shot0",)), Selection(record_range="30-60")):
        run = foley(OtioFile(timeline), LocalEngine(command=None), selection=selection)
        updates = iter(run)
        while not isinstance(next(updates), TakeDone):
            pass
        retitle()
        *_, written = updates
        assert isinstance(written, Written)
        assert written.unplaced == ()
    assert shots(timeline) == [("shot0", 0), ("shot1", 30), ("shot2", 50)]
    written_last = otio.adapters.read_from_file(str(timeline))
    assert written_last.metadata["elsewhere"] == 2


def test_a_timeline_emptied_meanwhile_loses_no_sound(engine: Engine, timeline: Path) -> None:
    run = foley(OtioFile(timeline), LocalEngine(command=None), selection=Selection(("shot1",)))
    for update in run:
        if isinstance(update, TakeDone):
            cut = otio.adapters.read_from_file(str(timeline))
            del cut.tracks[0][:]
            otio.adapters.write_to_file(cut, str(timeline))
    assert run.written is not None
    assert [shot.name for shot in run.written.unplaced] == ["shot1"]
    assert run.written.takes[0].path.is_file()


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
