"""Resolve over a fake of its scripting API that has each of its traps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from avfoley_plugin.errors import ChangedError, HostError, SelectionError
from avfoley_plugin.hosts.resolve import ResolveHost, connection
from avfoley_plugin.timeline.captions import captions, edited
from avfoley_plugin.timeline.events import Event, events_of, write_events
from avfoley_plugin.timeline.placing import placed, remove_all
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.sounds import read_sounds
from avfoley_plugin.timeline.takes import Take
from support.picture_takes import put_ambience, put_pictures, sounding
from support.resolve_edit import START, Edit
from support.resolve_stand_in import FakeItem, FakeMedia, FakeProject, FakeResolve


def foley_track(edit: Edit) -> Any:
    (track,) = [track for track in edit.timeline._tracks["audio"] if track.name == "AVFoley"]
    return track


def places(edit: Edit) -> list[tuple[int, int, int, str]]:
    """Where our items are: record start from the timeline's first frame, length, head, file."""
    return [
        (item._start - START, item._frames, item._left, Path(item._media._properties["File Path"]).name)
        for item in sorted(foley_track(edit).items, key=lambda item: item._start)
    ]


def test_clips_are_read_where_they_play(edit: Edit) -> None:
    host = edit.host()
    timeline = host.read()
    shots = edit.shots(timeline, host)
    assert [(shot.name, shot.record_start, shot.frames) for shot in shots] == [("door.mov", 0, 50), ("step", 60, 25)]
    assert [shot.picture.source_start for shot in shots] == [100, 300]
    assert shots[0].record_start_timecode == START
    assert timeline.tracks[0][0].source_range.start_time.value == 10 * 3600 * 25 + 100
    assert [track.kind for track in timeline.tracks] == ["Video", "Audio"]


@pytest.mark.parametrize(("spelled", "exact"), [("23.976", "24000/1001"), ("29.97 DF", "30000/1001"), (24.0, "24")])
def test_rates_are_exact(edit: Edit, spelled: Any, exact: str) -> None:
    edit.timeline._rate = spelled
    host = edit.host()
    assert str(edit.shots(host.read(), host)[0].record_rate) == exact


@pytest.mark.parametrize(("speed", "expected"), [(1, None), (0.5, 0.5), (2, 2.0), (0, 0)])
def test_speed_is_told_by_the_source_frames(edit: Edit, speed: float, expected: float | None) -> None:
    edit.door._speed = speed
    edit.door._left = 0
    (clip,) = [clip for clip in edit.host().read().find_clips() if clip.name == "door.mov"]
    scalars = [effect.time_scalar for effect in clip.effects]
    assert scalars == ([] if expected is None else [pytest.approx(expected)])


def test_media_of_another_rate_is_read_at_its_own(edit: Edit) -> None:
    edit.door._media._properties["FPS"] = 50.0
    edit.door._media._properties["Start TC"] = "00:00:00:00"
    edit.timeline._lacks = {"GetMarkInOut"}
    host = edit.host()
    shot = edit.shots(host.read(), host)[0]
    # GetLeftOffset counts frames of the timeline: 100 of them are 200 of the media's.
    assert (shot.picture.source_start, shot.picture.source_rate) == (200, 50)


def test_disabled_clips_and_tracks_and_titles_make_no_shots(edit: Edit) -> None:
    edit.door._enabled = False
    edit.timeline._tracks["video"][0].items.append(FakeItem(None, START + 100, 25))
    host = edit.host()
    assert [shot.name for shot in edit.shots(host.read(), host)] == ["step"]
    edit.timeline._tracks["video"][0].enabled = False
    timeline = edit.host().read()
    assert [track.enabled for track in timeline.tracks] == [False, True]


def test_takes_land_on_their_frames_on_a_track_of_their_own(edit: Edit, add_foley: Callable[..., None]) -> None:
    before = edit.state()
    add_foley()
    assert places(edit) == [(0, 50, 0, "door.mov_foley_0.wav"), (60, 25, 0, "step_foley_0.wav")]
    assert foley_track(edit).kind == "stereo"
    assert edit.state()[0][1][:1] == before[0][1]
    assert [(m["name"], m["note"], m["duration"]) for m in edit.timeline._markers.values()] == [
        ("door.mov", "a door", 50),
        ("step", "a door", 25),
    ]
    assert sorted(edit.timeline._markers) == [0, 60]


def test_the_head_handle_is_cut_off(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley(head=10)
    assert [place[:3] for place in places(edit)] == [(0, 50, 10), (60, 25, 10)]


def test_mono_takes_get_a_mono_track(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley(channels=1)
    assert foley_track(edit).kind == "mono"


def test_what_was_written_is_read_back(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley(seed=7, head=10)
    timeline = edit.host().read()
    takes = placed(timeline)
    assert [(take.shot_name, take.record_start, take.frames, take.identity.request.seed) for take in takes] == [
        ("door.mov", 0, 50, 7),
        ("step", 60, 25, 7),
    ]
    assert set(captions(timeline).values()) == {"a door"}
    assert edited(timeline) == []


def test_running_again_adds_takes_and_stacks_nothing(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley(seed=0)
    add_foley(seed=1)
    add_foley(seed=1)
    assert [place[3] for place in places(edit)] == ["door.mov_foley_1.wav", "step_foley_1.wav"]
    assert len(edit.timeline._tracks["audio"]) == 2
    assert [item.GetTakesCount() for item in foley_track(edit).items] == [2, 2]
    assert len(edit.timeline._markers) == 2
    timeline = edit.host().read()
    assert [(take.key, take.active) for take in placed(timeline)] == [("take 1", False), ("take 2", True)] * 2


def test_nothing_changes_without_a_change(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    before, pool = edit.state(), edit.project._pool
    appended = len(pool.appended)
    host = edit.host()
    host.write(host.read())
    assert edit.state() == before
    assert len(pool.appended) == appended


def test_the_take_that_the_editor_chose_stays(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley(seed=0)
    add_foley(seed=1)
    foley_track(edit).items[0].SelectTakeByIndex(1)
    host = edit.host()
    timeline = host.read()
    assert [take.active for take in placed(timeline)] == [True, False, False, True]
    host.write(timeline)
    assert foley_track(edit).items[0].GetSelectedTakeIndex() == 1


def test_an_edited_caption_is_found(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    edit.timeline._markers[60]["note"] = "a boot on gravel"
    (edit_,) = edited(edit.host().read())
    assert (edit_.old, edit_.new) == ("a door", "a boot on gravel")


def test_takes_follow_a_shot_that_was_moved(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley(seed=0)
    edit.step._start += 40
    add_foley(seed=1)
    assert [place[:2] for place in places(edit)] == [(0, 50), (100, 25)]
    assert sorted(edit.timeline._markers) == [0, 100]


def test_removing_ours_leaves_the_timeline_as_it_was(edit: Edit, add_foley: Callable[..., None]) -> None:
    edit.timeline.AddMarker(10, "Red", "fix", "their note", 1)
    edit.timeline._marks = {"video": {"in": 5, "out": 70}}
    before = json.dumps(edit.state())
    add_foley(seed=0)
    add_foley(seed=1)
    host = edit.host()
    timeline = host.read()
    remove_all(timeline)
    host.write(timeline)
    assert json.dumps(edit.state()) == before


def test_a_marker_of_theirs_is_in_the_way(edit: Edit, add_foley: Callable[..., None]) -> None:
    edit.timeline.AddMarker(60, "Red", "fix", "their note", 1)
    add_foley()
    assert edit.timeline._markers[60]["note"] == "their note"
    assert (edit.timeline._markers[61]["note"], edit.timeline._markers[61]["duration"]) == ("a door", 24)
    before = edit.state()
    add_foley()
    assert edit.state() == before


def test_a_sound_of_theirs_on_our_track_is_left_alone(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    theirs = FakeItem(FakeMedia(str(edit.folder / "hit.wav"), 25.0, 100), START + 55, 5)
    foley_track(edit).items.append(theirs)
    add_foley(seed=1)
    assert theirs in foley_track(edit).items
    assert theirs._start == START + 55


def test_a_copy_of_ours_is_the_editors(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    ours = foley_track(edit).items[0]
    copy = FakeItem(ours._media, START + 200, 50)
    foley_track(edit).items.append(copy)
    add_foley(seed=1)
    assert copy in foley_track(edit).items
    assert [place[0] for place in places(edit)] == [0, 60, 200]


def test_a_timeline_that_changed_is_not_written(edit: Edit) -> None:
    host = edit.host()
    timeline = host.read()
    edit.door._frames += 1
    with pytest.raises(ChangedError, match="Reel 1"):
        host.write(timeline)


def test_what_resolve_drops_in_silence_is_an_error(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    foley_track(edit).locked = True
    edit.step._start += 40
    with pytest.raises(HostError, match="did not delete"):
        add_foley(seed=1)


def test_what_resolve_does_not_append_is_an_error(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    foley_track(edit).locked = True
    edit.timeline._tracks["video"][0].items.append(FakeItem(edit.door._media, START + 120, 25, left=500))
    with pytest.raises(HostError, match="Resolve put nothing at frame 120 of audio track 2"):
        add_foley()


def test_a_sound_that_changes_the_projects_rate_is_an_error(
    edit: Edit, add_foley: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a first sound does in a project that has nothing yet."""
    monkeypatch.setattr(edit.project, "_timelines", [])
    monkeypatch.setattr(type(edit.project), "GetCurrentTimeline", lambda self: edit.timeline)
    monkeypatch.setattr(type(edit.project._pool), "AddSubFolder", lambda self, parent, name: self._root)
    with pytest.raises(HostError, match="changed the project's frame rate from 25"):
        add_foley()
    assert edit.project._pool.appended == []


def test_a_refused_import_is_an_error(edit: Edit, add_foley: Callable[..., None]) -> None:
    edit.project._pool.refuses_to_import = True
    with pytest.raises(HostError, match=r"did not import .*door\.mov_foley_0\.wav"):
        add_foley()


def test_a_sound_whose_last_frame_is_not_whole_is_no_error(edit: Edit, add_foley: Callable[..., None]) -> None:
    edit.timeline._rate = edit.project._rate = "29.97"
    edit.door._frames = 47
    edit.project._pool.floors_sound = True
    add_foley()
    assert places(edit)[0][:2] in ((0, 46), (0, 47))
    add_foley(seed=1)
    assert len(places(edit)) == 2


def test_the_files_beside_it_hold_the_same_timeline(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    kept = otio.adapters.read_from_file(str(edit.folder / "edit.otio"))
    assert [take.url for take in placed(kept)] == [
        "edit.avfoley/door.mov_foley_0.wav",
        "edit.avfoley/step_foley_0.wav",
    ]
    assert all("resolve" not in clip.metadata for clip in kept.find_clips())


def test_the_output_is_one_folder_whatever_the_names(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avfoley_plugin.hosts.resolve.host.user_documents_path", lambda: edit.folder)
    edit.timeline._name = "../../etc/passwd"
    output = ResolveHost(None, edit.resolve).output
    assert output.parent.parent == edit.folder / "AVFoley"
    assert output.resolve() == output


def test_pictures_ambiences_and_foley_have_tracks_of_their_own(
    edit: Edit, add_foley: Callable[..., None], take: Callable[..., Take]
) -> None:
    before = json.dumps(edit.state())

    def laid() -> list[tuple[str, str, list[tuple[int, int]]]]:
        return [
            (kind, track.name, sorted((item._start - START, item._frames) for item in track.items))
            for kind, tracks in edit.timeline._tracks.items()
            for track in tracks
            if track.name.startswith("AVFoley")
        ]

    # Twice, and in an order in which each finds the others' tracks.
    for seed in (0, 1):
        put_pictures(edit.host(), "music.wav", seed)
        put_ambience(edit.host(), f"{40 * seed}-{40 * seed + 40}", lambda shot: take(shot, seed=shot.record_start))
        add_foley(seed=seed)
    assert laid() == [
        ("video", "AVFoley picture", [(0, 400)]),
        ("audio", "AVFoley ambience", [(0, 40), (40, 40)]),
        ("audio", "AVFoley", [(0, 50), (60, 25)]),
    ]
    host = edit.host()
    timeline = host.read()
    pictures = [(t.key, t.active, t.identity.request.codec) for t in placed(timeline) if t.layer.startswith("picture")]
    assert pictures == [("take 1", False, "prores"), ("take 2", True, "prores")]
    remove_all(timeline)
    host.write(timeline)
    assert json.dumps(edit.state()) == before


class TestSelection:
    """What is selected, in the order in which Resolve can tell."""

    @staticmethod
    def chosen(edit: Edit) -> list[str]:
        host = edit.host()
        timeline = host.read()
        return [shot.name for shot in edit.shots(timeline, host, selection=host.selection())]

    def test_the_selected_clips(self, edit: Edit) -> None:
        edit.timeline._selected = [edit.step]
        edit.door._color = "Teal"
        assert self.chosen(edit) == ["step"]

    def test_clips_of_our_colour_where_selected_clips_are_not_told(self, edit: Edit) -> None:
        edit.timeline._lacks = {"GetSelectedClips"}
        edit.timeline._selected = [edit.step]
        edit.door._color = "Teal"
        edit.timeline._marks = {"video": {"in": 60, "out": 84}}
        assert self.chosen(edit) == ["door.mov"]

    def test_the_in_and_out_points(self, edit: Edit) -> None:
        edit.timeline._marks = {"video": {"in": 60, "out": 69}, "audio": {"in": 0, "out": 9}}
        host = edit.host()
        timeline = host.read()
        (shot,) = edit.shots(timeline, host, selection=host.selection())
        assert (shot.record_start, shot.frames) == (60, 10)

    def test_a_selected_sound_is_none_of_the_pictures(self, edit: Edit) -> None:
        edit.timeline._selected = [edit.music]
        with pytest.raises(SelectionError, match="none of the clips selected in timeline 'Reel 1' has picture"):
            self.chosen(edit)
        host = edit.host()
        timeline = host.read()
        sounds, _ = read_sounds(timeline, host.selection(), folder=host.folder, probe=sounding, is_online=bool)
        assert [(sound.name, sound.record_start, sound.frames) for sound in sounds] == [("music.wav", 0, 400)]

    def test_a_clip_that_is_selected_with_its_sound_is_one(self, edit: Edit) -> None:
        its_sound = FakeItem(edit.door._media, START + 500, 50, left=100)
        its_picture = FakeItem(edit.door._media, START + 500, 50, left=100)
        edit.timeline._tracks["audio"][0].items.append(its_sound)
        edit.timeline._tracks["video"][0].items.append(its_picture)
        edit.timeline._selected = [its_picture, its_sound]
        host = edit.host()
        timeline = host.read()
        assert [shot.record_start for shot in edit.shots(timeline, host, selection=host.selection())] == [500]
        sounds, _ = read_sounds(timeline, host.selection(), folder=host.folder, probe=sounding, is_online=bool)
        assert [(sound.record_start, sound.track_name) for sound in sounds] == [(500, "Audio 1")]

    @pytest.mark.parametrize("tells", [True, False])
    def test_clips_that_lie_over_each_other_are_told_apart_by_their_tracks(self, edit: Edit, tells: bool) -> None:
        edit.timeline.AddTrack("video")
        over = FakeItem(edit.door._media, START, 50, left=700)
        edit.timeline._tracks["video"][1].items.append(over)
        edit.timeline._selected = [over]
        if not tells:
            over._lacks = {"GetTrackTypeAndIndex"}
        assert edit.host().selection().host_ids == {f"video 2 {0}"} | (set() if tells else {f"video 1 {0}"})

    def test_the_clip_under_the_playhead(self, edit: Edit) -> None:
        edit.timeline._current = edit.door
        assert self.chosen(edit) == ["door.mov"]

    def test_everything(self, edit: Edit) -> None:
        edit.timeline._lacks = {"GetSelectedClips", "GetMarkInOut", "GetCurrentVideoItem"}
        assert edit.host().selection() == Selection()
        assert self.chosen(edit) == ["door.mov", "step"]

    def test_two_clips_of_one_name_are_told_apart(self, edit: Edit) -> None:
        edit.step._name = edit.door._name
        edit.timeline._selected = [edit.step]
        host = edit.host()
        timeline = host.read()
        assert [s.record_start for s in edit.shots(timeline, host, selection=host.selection())] == [60]


def test_without_project_or_timeline_the_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no project is open"):
        ResolveHost(tmp_path / "x.otio", FakeResolve(None))
    with pytest.raises(HostError, match="no timeline is open"):
        ResolveHost(tmp_path / "x.otio", FakeResolve(FakeProject("empty", "24")))


def test_the_free_edition_is_not_called(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_from_module", lambda: FakeResolve(edit.project, "DaVinci Resolve"))
    monkeypatch.delenv(connection.BRIDGE, raising=False)
    with pytest.raises(HostError, match="--for resolve"):
        connection.connect()


def test_events_are_markers_of_ours(edit: Edit) -> None:
    """As sure as each other, and one beside a marker of theirs: each is one marker; spotting again replaces them."""
    edit.timeline.AddMarker(60, "Red", "fix", "their note", 1)

    def spotted(frames: list[int]) -> list[Event]:
        host = edit.host()
        timeline = host.read()
        write_events(timeline, edit.shots(timeline, host)[1], "a step", [Event(frame, 0.8) for frame in frames])
        host.write(timeline)
        timeline = edit.host().read()
        return events_of(timeline, edit.shots(timeline, host)[1])

    assert spotted([0, 7]) == [Event(1, 0.8), Event(7, 0.8)]
    assert {frame: (m["name"], m["note"], m["duration"]) for frame, m in edit.timeline._markers.items()} == {
        60: ("fix", "their note", 1),
        61: ("a step", "80%", 1),
        67: ("a step", "80%", 1),
    }
    assert spotted([12]) == [Event(12, 0.8)]
    assert sorted(edit.timeline._markers) == [60, 72]


def test_a_caption_makes_way_for_an_event_on_its_frame(edit: Edit, add_foley: Callable[..., None]) -> None:
    add_foley()
    assert sorted(edit.timeline._markers) == [0, 60]
    host = edit.host()
    timeline = host.read()
    write_events(timeline, edit.shots(timeline, host)[1], "a door", [Event(0, 0.8), Event(10, 0.7)])
    host.write(timeline)
    assert {frame: marker["note"] for frame, marker in edit.timeline._markers.items()} == {
        0: "a door", 60: "80%", 61: "a door", 70: "70%",
    }  # fmt: skip
    before = edit.state()
    host = edit.host()
    host.write(host.read())
    assert edit.state() == before
    timeline = edit.host().read()
    assert (len(captions(timeline)), edited(timeline)) == (2, [])
    add_foley(seed=1)
    assert sorted(edit.timeline._markers) == [0, 60, 61, 70]


def test_events_move_to_where_others_were(edit: Edit) -> None:
    """A shot moves by as much as its events are apart: on each frame but the last there was another one."""

    def spot() -> None:
        host = edit.host()
        timeline = host.read()
        write_events(timeline, edit.shots(timeline, host)[1], "a step", [Event(n, 0.8) for n in (2, 7, 12)])
        host.write(timeline)

    spot()
    assert sorted(edit.timeline._markers) == [62, 67, 72]
    edit.step._start += 5
    spot()
    assert sorted(edit.timeline._markers) == [67, 72, 77]
