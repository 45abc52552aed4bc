"""A timeline as the first version wrote it, each take's identity field by field, is read and worked on like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import FoleyRequest, MediaProbe, SoundRange, VisualizeRequest
from opentimelineio.schema import Timeline

from avfoley_plugin.errors import TimelineError
from avfoley_plugin.hosts import OtioFile
from avfoley_plugin.hosts.kdenlive.records import StoredTake as KdenliveTake
from avfoley_plugin.hosts.resolve.records import stored
from avfoley_plugin.settings import FoleySettings, VisualizeSettings
from avfoley_plugin.timeline.captions import edited
from avfoley_plugin.timeline.cue_sheet import cue_sheet
from avfoley_plugin.timeline.history import Change, snapshot
from avfoley_plugin.timeline.identity import METADATA_KEY, TakeIdentity, identity
from avfoley_plugin.timeline.placing import (
    Placement,
    delete_take,
    place_takes,
    placed,
    remove_all,
    star_take,
    use_take,
)
from avfoley_plugin.timeline.shots import read_shots
from avfoley_plugin.timeline.takes import PlacedTake, Take
from avfoley_plugin.workflows import regenerate, settings_of

WRITTEN = Path(__file__).parent / "data" / "version_1.otio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The timeline in a folder of its own, with its media. Three shots: two takes of which one has a star, a stereo
    take whose caption was edited since, and a take with handles; an ambience over them, and a picture for a bell.
    """
    path = tmp_path / "cut.otio"
    path.write_text(WRITTEN.read_text(encoding="utf-8").replace("/edit/", f"{tmp_path}/"), encoding="utf-8")
    for name in ("clip.mp4", "bell.wav"):
        (tmp_path / name).touch()
    return path


@pytest.fixture
def timeline(path: Path) -> Timeline:
    return OtioFile(path).read()


def of(timeline: Timeline, name: str) -> list[PlacedTake]:
    return [take for take in placed(timeline) if take.shot_name == name]


def test_it_is_read_whole(timeline: Timeline, tmp_path: Path) -> None:
    assert [(take.shot_name, take.key, take.active, take.identity.starred) for take in placed(timeline)] == [
        ("shot0", "take 1", True, False),
        ("shot0", "take 2", False, True),
        ("bell", "take 1", True, False),
        ("Ambience", "take 1", True, False),
        ("shot1", "take 1", True, False),
        ("shot2", "take 1", True, False),
    ]
    (gravel, _), (ambience,), (bell,), (door,), (wind,) = (
        [take.identity for take in of(timeline, name)] for name in ("shot0", "Ambience", "bell", "shot1", "shot2")
    )
    assert isinstance(gravel.request, FoleyRequest)
    assert (gravel.id, gravel.request.seed, gravel.request.negative_caption) == ("278a8756a181244b", 7, "music")
    assert gravel.request.picture is not None
    assert gravel.request.picture.media == tmp_path / "clip.mp4"
    assert (gravel.result.revision, gravel.result.sha256[:8]) == ("r1", "1254d28e")
    assert isinstance(ambience.request, FoleyRequest)
    assert (ambience.request.picture, ambience.request.frames, ambience.request.channels) == (None, 60, 2)
    assert isinstance(bell.request, VisualizeRequest)
    assert bell.request.sound == SoundRange(media=tmp_path / "bell.wav", source_start=Fraction(1, 5))
    assert (bell.request.codec, bell.request.frames, bell.sound) == ("prores", 50, None)
    assert (door.request.steps, door.request.guidance_scale) == (4, 1.0)
    assert isinstance(wind.request, FoleyRequest)
    assert (wind.request.head_handle, wind.request.tail_handle, wind.head_samples) == (5, 5, 9600)
    assert wind.sound is not None
    assert (wind.sound.onsets, wind.sound.loudness_lufs, wind.sound.samples) == ([1200, 30_000], -21.25, 67_200)
    assert settings_of(of(timeline, "shot2")[0]) == FoleySettings(
        "wind", "", 1, 1, "avlink-nano", 10, 1.0, handles=5, channels=1
    )
    assert settings_of(of(timeline, "bell")[0]) == VisualizeSettings(
        "a bell", "", 3, 1, "avlink-nano", 10, 1.0, "prores"
    )
    rows = cue_sheet(timeline).splitlines()
    assert rows[-1].startswith("shot2,V1,01:00:02:00,01:00:03:00,")
    assert rows[-1].endswith(",wind,avlink-nano,1,take 1,yes,-21.2,-3.5")
    assert [(edit.old, edit.new) for edit in edited(timeline)] == [("a door shuts", "a gate shuts")]


def test_takes_are_used_starred_and_deleted(timeline: Timeline, path: Path) -> None:
    before, had = snapshot(timeline), placed(timeline)
    first, second = (take.identity.id for take in of(timeline, "shot0"))
    shot = of(timeline, "shot0")[0].shot_id
    use_take(timeline, shot, second)
    star_take(timeline, shot, first, True)
    star_take(timeline, shot, second, False)
    delete_take(timeline, of(timeline, "shot1")[0].shot_id, of(timeline, "shot1")[0].identity.id)
    path.write_text(timeline.to_json_string())
    again = OtioFile(path).read()
    assert [(take.identity.id, take.active, take.identity.starred) for take in of(again, "shot0")] == [
        (first, False, True),
        (second, True, False),
    ]
    assert of(again, "shot1") == []
    Change(before, snapshot(again)).take_back(again)
    assert placed(again) == had


def test_a_run_adds_to_it_and_replaces_what_is_the_same(
    timeline: Timeline, take: Callable[..., Take], tmp_path: Path
) -> None:
    before = placed(timeline)
    (shot,) = (shot for shot in read_shots(timeline, folder=tmp_path)[0] if shot.name == "shot2")
    made = take(shot, seed=4, caption="wind", head=2)
    place_takes(timeline, [Placement(shot, [made])])
    old, new = of(timeline, "shot2")
    assert (old.active, new.active, new.identity.id) == (False, True, made.id)
    # Both have the shot's first frame at the same time, whatever their handles are.
    (clip,) = (clip for clip in timeline.find_clips() if clip.name == "shot2" and METADATA_KEY in clip.metadata)
    starts = [clip.media_references()[key].available_range.start_time.value for key in ("take 1", "take 2")]
    assert starts == [2 * 1920 - 9600, 0]
    place_takes(timeline, [Placement(shot, [made])])
    assert len(placed(timeline)) == len(before) + 1


class Engine:
    """What planning asks of an engine: what media holds."""

    def probe(self, path: Path) -> MediaProbe:
        return MediaProbe(
            path=path,
            frames=100,
            rate=25,
            has_picture=path.suffix == ".mp4",
            has_sound=path.suffix == ".wav",
            duration=4,
        )


def test_an_edited_caption_is_made_again_with_the_takes_settings(path: Path) -> None:
    cut = otio.adapters.read_from_file(str(path))
    for marker in cut.tracks.markers:
        marker.comment = {"bell": "a gong", "Ambience": "hail", "shot2": "a gale"}.get(marker.name, marker.comment)
    path.write_text(cut.to_json_string())
    host = OtioFile(path)
    orders, problems = regenerate(host, Engine())._plan(host.read())  # type: ignore[arg-type]
    assert problems == []
    requests = {order.shot.name: order.requests[0] for order in orders}
    assert {name: request.caption for name, request in requests.items()} == {
        "shot1": "a gate shuts",
        "Ambience": "hail",
        "bell": "a gong",
        "shot2": "a gale",
    }
    old = {take.shot_name: take.identity.request for take in placed(cut) if take.active}
    for name, request in requests.items():
        # The first version did not note where on the timeline a take was made.
        changed = {"caption": request.caption, "record_start": request.record_start}
        assert request == old[name].model_copy(update=changed)


def test_everything_of_it_is_removed(timeline: Timeline) -> None:
    remove_all(timeline)
    assert METADATA_KEY not in timeline.to_json_string()
    assert [track.name for track in timeline.tracks] == ["V1", "A1"]


def test_hosts_that_keep_it_as_text_read_it(path: Path) -> None:
    cut = json.loads(path.read_text(encoding="utf-8"))
    clip = next(
        child
        for track in cut["tracks"]["children"]
        for child in track["children"]
        if child["name"] == "shot2" and "avfoley" in child["metadata"]
    )
    take = clip["media_references"]["take 1"]["metadata"]["avfoley"]
    ours = clip["metadata"]["avfoley"]
    about = {"name": "shot2", "key": "take 1", "length": 67_200, "rate": 48_000, "clip": ours, "take": take}
    kept = KdenliveTake.model_validate_json(json.dumps(about))
    caption = {"kind": "caption", "version": 1, "id": ours["id"], "caption": "wind"}
    takes = [{"key": "take 1", "path": "/edit/shot2.wav", "start": 0, "identity": take}]
    record = stored(json.dumps({"caption": caption, "clip": ours, "name": "shot2", "takes": takes}))
    assert record is not None
    for found in (kept.take, record.takes[0].identity):
        assert (found.request.caption, found.head_samples, found.version) == ("wind", 9600, 2)
    # What they write is what a timeline has.
    assert json.loads(kept.model_dump_json())["take"] == kept.take.model_dump(mode="json")


def in_timeline(take: dict[str, Any]) -> None:
    reference = otio.schema.ExternalReference("a.wav")
    reference.metadata[METADATA_KEY] = take
    identity(reference, TakeIdentity)


def in_kdenlive(take: dict[str, Any]) -> None:
    clip = {"id": "a", "layer": "0", "track": "", "record_start": 0, "frames": 1, "record_rate": "25"}
    KdenliveTake.model_validate({"name": "", "key": "k", "length": 1, "rate": 1, "clip": clip, "take": take})


def in_resolve(take: dict[str, Any]) -> None:
    takes = [{"key": "k", "path": "a.wav", "start": 0, "identity": take}]
    stored(json.dumps({"caption": {"kind": "caption", "id": "a", "caption": ""}, "takes": takes}))


@pytest.mark.parametrize("read", [in_timeline, in_kdenlive, in_resolve])
def test_a_task_of_a_newer_version_is_named(timeline: Timeline, read: Callable[[dict[str, Any]], None]) -> None:
    (take,) = of(timeline, "shot2")
    newer: dict[str, Any] = take.identity.model_dump(mode="json")
    newer["request"]["task"] = "dub"
    with pytest.raises(TimelineError, match=r"made by a newer version \(task 'dub'\)\. Update AVFoley"):
        read(newer)


@pytest.mark.parametrize(
    ("name", "value"), [("seed", -1), ("record_rate", "1e999999999"), ("task", None), ("seed", "x")]
)
def test_a_damaged_take_is_nobodys(timeline: Timeline, name: str, value: Any) -> None:
    (take,) = of(timeline, "shot2")
    damaged: dict[str, Any] = take.identity.model_dump(mode="json")
    damaged["request"][name] = value
    reference = otio.schema.ExternalReference("a.wav")
    reference.metadata[METADATA_KEY] = damaged
    assert identity(reference, TakeIdentity) is None


def test_a_take_from_another_system_is_ours_here_too(timeline: Timeline) -> None:
    (take,) = of(timeline, "shot2")
    elsewhere: dict[str, Any] = take.identity.model_dump(mode="json")
    elsewhere["request"]["picture"]["media"] = "C:\\clips\\a.mov"
    reference = otio.schema.ExternalReference("a.wav")
    reference.metadata[METADATA_KEY] = elsewhere
    found = identity(reference, TakeIdentity)
    assert found is not None
    assert found.id == take.identity.id
