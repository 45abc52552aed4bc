"""A timeline that stays open: takes, stars, captions and undo, all of it in the file."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.making import TakeCancelled, TakeDone, TakeProgress
from avfoley_plugin.settings import FoleySettings
from avfoley_plugin.workflows import Run, Written
from avfoley_plugin.workspace import ListedShot, ShotState, Workspace
from support.engine import Engine


def run(workspace: Workspace, *shots: str, **settings: object) -> Run:
    ids = [shot.id for shot in workspace.read().shots if shot.shot.name in shots]
    return workspace.make("foley", LocalEngine(command=None), FoleySettings(model="fake", **settings), ids)


def listed(workspace: Workspace, name: str) -> ListedShot:
    return next(shot for shot in workspace.read(check_media=True).shots if shot.shot.name == name)


def seeds(workspace: Workspace, name: str) -> list[tuple[int | None, bool, bool]]:
    return [(take.settings.seed, take.active, take.starred) for take in listed(workspace, name).takes]


def test_everything_is_there_when_it_is_opened_again(engine: Engine, timeline: Path) -> None:
    workspace = Workspace(timeline)
    assert [shot.state for shot in workspace.read().shots] == [ShotState.NEW] * 10
    shots = [shot.shot for shot in workspace.read().shots]
    workspace.set_caption([shots[1], shots[2]], "boots on gravel")
    assert listed(workspace, "shot1").state is ShotState.NEW
    list(run(workspace, "shot1", "shot2", takes=2, seed=7, negative_caption="music"))

    takes = listed(workspace, "shot1").takes
    assert all(take.path.is_file() for take in takes)
    assert takes[1].settings.negative_caption == "music"
    workspace.use(shots[1].id, takes[1].id)
    workspace.star(shots[1].id, takes[0].id, True)
    workspace.delete(shots[2].id, listed(workspace, "shot2").takes[0].id)
    workspace.set_caption([shots[2]], "boots on tin")

    again = Workspace(timeline)
    assert seeds(again, "shot1") == [(7, False, True), (8, True, False)]
    assert seeds(again, "shot2") == [(8, True, False)]
    assert (listed(again, "shot1").state, listed(again, "shot2").state) == (ShotState.MADE, ShotState.CHANGED)
    assert listed(again, "shot2").caption == "boots on tin"
    # One version of the editor's, one backup; the steps after it can be undone instead.
    assert len(list(timeline.parent.glob("cut.otio.bak*"))) == 1


def test_every_step_can_be_taken_back_and_done_again(engine: Engine, timeline: Path) -> None:
    workspace = Workspace(timeline)
    untouched = timeline.read_text()
    list(run(workspace, "shot3", takes=2))
    shot = listed(workspace, "shot3")
    workspace.star(shot.id, shot.takes[1].id, True)
    starred = seeds(workspace, "shot3")
    assert workspace.undo()
    assert seeds(workspace, "shot3") == [(0, True, False), (1, False, False)]
    assert workspace.undo()
    assert not workspace.undo()
    assert timeline.read_text() == untouched
    assert workspace.redo()
    assert workspace.redo()
    assert not workspace.redo()
    assert seeds(workspace, "shot3") == starred
    assert all(take.path.is_file() for take in listed(workspace, "shot3").takes)


def test_a_take_in_use_stays_beside_alternatives_but_not_under_another_caption(engine: Engine, timeline: Path) -> None:
    workspace = Workspace(timeline)
    list(run(workspace, "shot1", seed=1))
    list(run(workspace, "shot1", seed=2))
    assert seeds(workspace, "shot1") == [(1, True, False), (2, False, False)]
    workspace.set_caption([listed(workspace, "shot1").shot], "a door")
    list(run(workspace, "shot1", seed=3))
    assert seeds(workspace, "shot1") == [(1, False, False), (2, False, False), (3, True, False)]
    assert listed(workspace, "shot1").state is ShotState.MADE


def test_what_is_edited_while_takes_are_made_is_kept(slow_engine: Engine, timeline: Path) -> None:
    workspace = Workspace(timeline)
    list(run(workspace, "shot1"))
    shot = listed(workspace, "shot1")
    for update in run(workspace, "shot1", "shot2", seed=5):
        if isinstance(update, TakeProgress) and listed(workspace, "shot1").caption != "a gate":
            workspace.set_caption([shot.shot], "a gate")
            workspace.star(shot.id, shot.takes[0].id, True)
    assert listed(workspace, "shot1").caption == "a gate"
    assert listed(workspace, "shot1").state is ShotState.CHANGED
    assert seeds(workspace, "shot1") == [(0, True, True), (5, False, False)]
    assert seeds(workspace, "shot2") == [(5, True, False)]


def test_one_shot_is_cancelled_and_the_others_are_made(slow_engine: Engine, timeline: Path) -> None:
    workspace = Workspace(timeline)
    making = run(workspace, "shot1", "shot2", "shot3")
    second = listed(workspace, "shot2").id
    ended = []
    for update in making:
        if isinstance(update, TakeProgress) and update.subject.name == "shot1":
            making.cancel(second)
        if isinstance(update, TakeDone | TakeCancelled):
            ended.append((update.subject.name, type(update)))
    assert sorted(ended) == [("shot1", TakeDone), ("shot2", TakeCancelled), ("shot3", TakeDone)]
    assert [len(listed(workspace, name).takes) for name in ("shot1", "shot2", "shot3")] == [1, 0, 1]


def test_finished_takes_are_written_while_the_rest_is_made(slow_engine: Engine, timeline: Path) -> None:
    workspace = Workspace(timeline)
    making = run(workspace, "shot1", "shot2", "shot3")
    making.write_interval = 0.0
    there = []
    for update in making:
        if isinstance(update, Written):
            there.append([shot.shot.name for shot in workspace.read().shots if shot.takes])
    assert there == [["shot1"], ["shot1", "shot2"], ["shot1", "shot2", "shot3"]]


def test_a_timeline_without_picture_lists_nothing(timeline: Path) -> None:
    cut = otio.adapters.read_from_file(str(timeline))
    del cut.tracks[0][:]
    cut.global_start_time = otio.opentime.RationalTime(0, 25)
    otio.adapters.write_to_file(cut, str(timeline))
    assert Workspace(timeline).read().shots == ()
