"""Timelines in OpenTimelineIO files: nothing lost, nothing overwritten unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import Clip, ExternalReference, Timeline, Track

from avfoley_plugin.errors import ChangedError, HostError
from avfoley_plugin.hosts import OtioFile, open_host
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.placing import placed, remove_all
from avfoley_plugin.timeline.shots import read_shots
from support.sample_edit import add_foley, sample

SECOND = TimeRange(RationalTime(0, 24), RationalTime(24, 24))


def write_timeline(path: Path, *urls: str) -> Path:
    clips = [Clip(f"c{n}", media_reference=ExternalReference(url, SECOND)) for n, url in enumerate(urls)]
    timeline = Timeline("edit", tracks=[Track("V1", children=clips)], global_start_time=RationalTime(0, 24))
    path.parent.mkdir(parents=True, exist_ok=True)
    otio.adapters.write_to_file(timeline, str(path))
    return path


def urls_of(path: Path) -> list[str]:
    return [clip.media_reference.target_url for clip in otio.adapters.read_from_file(str(path)).find_clips()]


def online(path: Path) -> list[Path | None]:
    """The files that the clips of a written timeline lead to."""
    return [resolve_media(url, path.parent) for url in urls_of(path)]


def test_read_and_written_is_the_same(tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "edit.otio", "a.mov", "file:///b.mov", "http://host/c.mov")
    before = json.loads(path.read_text())
    host = OtioFile(path)
    assert host.write(host.read()) == path
    assert json.loads(path.read_text()) == before


def test_what_is_overwritten_is_backed_up_every_time(tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "edit.otio", "a.mov")
    versions = []
    for name in ("one", "two", "three"):
        versions.append(path.read_text())
        host = OtioFile(path)
        timeline = host.read()
        timeline.name = name
        host.write(timeline)
    backups = [tmp_path / f"edit.otio.bak{suffix}" for suffix in ("", "-2", "-3")]
    assert [backup.read_text() for backup in backups] == versions
    assert sorted(tmp_path.iterdir()) == sorted([path, *backups])


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "edit.otio", "a.mov")
    host = OtioFile(path)
    timeline = host.read()
    write_timeline(path, "newer.mov")
    with pytest.raises(ChangedError, match="another program"):
        host.write(timeline)
    assert urls_of(path) == ["newer.mov"]
    host.write(host.read())
    path.unlink()
    with pytest.raises(ChangedError, match="another program"):
        host.write(timeline)


def test_writing_twice_is_no_change_by_another(tmp_path: Path) -> None:
    host = OtioFile(write_timeline(tmp_path / "edit.otio", "a.mov"))
    timeline = host.read()
    host.write(timeline)
    host.write(timeline)


def test_the_same_file_by_another_path_is_guarded_too(tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "edit.otio", "a.mov")
    (tmp_path / "sub").mkdir()
    host = OtioFile(path, tmp_path / "sub" / ".." / "edit.otio")
    timeline = host.read()
    write_timeline(path, "newer.mov")
    with pytest.raises(ChangedError):
        host.write(timeline)


def test_writing_before_reading_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="not read yet"):
        OtioFile(write_timeline(tmp_path / "edit.otio", "a.mov")).write(Timeline())


@pytest.mark.parametrize("name", ["a.mov", "é #1?.mov", "100%25.mov"])
@pytest.mark.parametrize("output", ["edit/out.otio", "other/place/out.otio", "out.otio"])
def test_relative_urls_stay_valid_wherever_the_output_is(tmp_path: Path, name: str, output: str) -> None:
    media = tmp_path / "edit" / "media" / name
    media.parent.mkdir(parents=True)
    media.touch()
    urls = (f"media/{name}", str(media), "../elsewhere.mov", "http://host/x.mov")
    path = write_timeline(tmp_path / "edit" / "edit.otio", *urls)
    before = path.read_text()
    host = OtioFile(path, tmp_path / output)
    written = host.write(host.read())
    assert written == tmp_path / output
    assert online(written) == [media, media, tmp_path / "elsewhere.mov", None]
    assert path.read_text() == before


def test_image_sequences_stay_valid_too(tmp_path: Path) -> None:
    sequence = otio.schema.ImageSequenceReference("frames/", "f.", ".exr", available_range=SECOND)
    path = write_timeline(tmp_path / "edit" / "edit.otio", "a.mov")
    timeline = otio.adapters.read_from_file(str(path))
    timeline.tracks[0].append(Clip("s", media_reference=sequence))
    otio.adapters.write_to_file(timeline, str(path))
    host = OtioFile(path, tmp_path / "out.otio")
    host.write(host.read())
    (_, clip) = otio.adapters.read_from_file(str(host.output)).find_clips()
    assert clip.media_reference.target_url_base == "edit/frames"


def test_the_folder_of_relative_urls_is_the_files_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edit").mkdir()
    (tmp_path / "edit" / "a.mov").touch()
    write_timeline(tmp_path / "edit" / "edit.otio", "a.mov")
    monkeypatch.chdir(tmp_path)
    host = OtioFile(Path("edit/edit.otio"))
    (shot,), problems = read_shots(host.read(), folder=host.folder)
    assert (shot.media, problems) == (tmp_path / "edit" / "a.mov", [])


def bundle(tmp_path: Path, suffix: str) -> Path:
    for name in ("a b.mov", "c.mov"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    urls = [(tmp_path / name).as_uri() for name in ("a b.mov", "c.mov")]
    timeline = otio.adapters.read_from_file(str(write_timeline(tmp_path / "edit.otio", *urls)))
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"edit{suffix}"
    otio.adapters.write_to_file(timeline, str(path))
    for name in ("a b.mov", "c.mov", "edit.otio"):
        (tmp_path / name).unlink()
    return path


def test_an_otioz_is_unpacked_next_to_the_output(tmp_path: Path) -> None:
    path = bundle(tmp_path, ".otioz")
    host = OtioFile(path, tmp_path / "out" / "foley.otio")
    (tmp_path / "out").mkdir()
    timeline = host.read()
    shots, problems = read_shots(timeline, folder=host.folder)
    media = tmp_path / "out" / "foley_media"
    assert problems == []
    assert [shot.media for shot in shots] == [media / "a b.mov", media / "c.mov"]
    host.write(timeline)
    assert online(host.output) == [media / "a b.mov", media / "c.mov"]
    assert (media / "a b.mov").read_bytes() == b"a b.mov" * 1000

    again = OtioFile(path, host.output)
    again.read()
    (media / "c.mov").write_bytes(b"somebody else's")
    with pytest.raises(HostError, match="already there"):
        OtioFile(path, host.output).read()


def test_an_otioz_by_default_becomes_an_otio_beside_it(tmp_path: Path) -> None:
    host = OtioFile(bundle(tmp_path, ".otioz"))
    host.write(host.read())
    assert host.output == tmp_path / "in" / "edit.otio"
    assert all(path is not None and path.is_file() for path in online(host.output))


@pytest.mark.parametrize("moved", [False, True])
def test_the_inactive_takes_of_an_otioz_are_kept_wherever_they_are(tmp_path: Path, moved: bool) -> None:
    """OpenTimelineIO bundles only what plays, and leaves the absolute URLs of other takes."""
    edit = tmp_path / "here" / "edit.otio"
    edit.parent.mkdir()
    timeline = sample(edit.parent)
    for name in ("door", "fast", "still", "insert"):
        (edit.parent / f"{name}.mov").touch()
    for clip in timeline.find_clips():
        if not clip.media_reference.target_url.startswith("file:"):
            clip.media_reference.target_url = (edit.parent / clip.media_reference.target_url).as_uri()
    bundle = tmp_path / "there" / "edit.otioz"
    bundle.parent.mkdir()
    otio.adapters.write_to_file(timeline, str(bundle))
    if moved:
        (edit.parent / "edit.avfoley").rename(tmp_path / "elsewhere")

    host = OtioFile(bundle)
    read = host.read()
    assert [(t.shot_id, t.key, t.active) for t in placed(read)] == [
        (t.shot_id, t.key, t.active) for t in placed(timeline)
    ]
    online = {take.active: resolve_media(take.url, host.folder).is_file() for take in placed(read)}
    assert online == {True: True, False: not moved}
    problems: list[str] = []
    otio.hooks.run("avfoley_check_media", read, {"folder": str(host.folder), "problems": problems})
    assert [problem.partition(":")[0] for problem in problems] == [
        "door, take 2",
        "door, take 2",
        "fast, take 2",
    ] * moved
    # A take more leaves them as they are.
    add_foley(read, host.folder, bundle.parent / "edit.avfoley")
    host.write(read)
    kept = [take.url for take in placed(OtioFile(host.output).read()) if take.key == "take 2"]
    assert kept == [take.url for take in placed(timeline) if take.key == "take 2"]


def test_what_an_otio_says_is_all_that_kdenlives_own_import_reads(tmp_path: Path) -> None:
    """From 25.04 on Kdenlive imports clips directly on tracks, and of markers those of all tracks, by their comments."""
    path = tmp_path / "edit.otio"
    save(sample(tmp_path), tmp_path, path)
    content = json.loads(path.read_text())
    tracks = content["tracks"]["children"]
    ours = next(track for track in tracks if track["metadata"].get("avfoley"))
    assert {child["OTIO_SCHEMA"] for child in ours["children"]} == {"Clip.2", "Gap.1"}
    comments = [marker["comment"] for marker in content["tracks"]["markers"] if marker["metadata"].get("avfoley")]
    assert sorted(comments) == [*["90%"] * 3, "a door shuts", "a door shuts", "a fast shuts"]
    times = [child["source_range"][end] for child in ours["children"] for end in ("start_time", "duration")]
    assert {time["rate"] for time in times} == {content["global_start_time"]["rate"]}


def test_an_otiod_keeps_its_media_where_it_is(tmp_path: Path) -> None:
    host = OtioFile(bundle(tmp_path, ".otiod"))
    timeline = host.read()
    shots, problems = read_shots(timeline, folder=host.folder)
    media = tmp_path / "in" / "edit.otiod" / "media"
    assert ([shot.media for shot in shots], problems) == ([media / "a b.mov", media / "c.mov"], [])
    host.write(timeline)
    assert host.output == tmp_path / "in" / "edit.otio"
    assert online(host.output) == [media / "a b.mov", media / "c.mov"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.otio", b"not json"),
        ("a.otio", b"{}"),
        ("a.otio", b"\xff\xfe"),
        ("a.otio", b'{"OTIO_SCHEMA": "Timeline.99"}'),
        ("a.otio", b'{"OTIO_SCHEMA": "Clip.2", "name": "c"}'),
        ("a.otioz", b"not a zip"),
    ],
)
def test_what_is_no_timeline_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HostError, match=name):
        OtioFile(tmp_path / name).read()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"gone\.otio is not there"):
        OtioFile(tmp_path / "gone.otio").read()
    with pytest.raises(HostError, match=r"gone\.otio is not there"):
        open_host(tmp_path / "gone.otio")


def test_only_otio_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"must end in \.otio"):
        OtioFile(tmp_path / "a.otio", tmp_path / "a.edl")
    with pytest.raises(HostError, match="not an OpenTimelineIO file"):
        OtioFile(tmp_path / "a.xml")


def test_an_output_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    host = OtioFile(write_timeline(tmp_path / "edit.otio", "a.mov"), tmp_path / "file" / "out.otio")
    with pytest.raises(HostError, match=r"out\.otio cannot be written"):
        host.write(host.read())


def newer_markers(path: Path) -> None:
    """Makes a timeline's file as an OpenTimelineIO after 0.18 writes it."""
    timeline = otio.adapters.read_from_file(str(path))
    timeline.tracks.markers.append(otio.schema.Marker("note", SECOND, "PINK", metadata={"m": 1}, comment="hm"))
    clip = next(iter(timeline.find_clips()))
    clip.markers.append(otio.schema.Marker("own", SECOND, "RED"))
    root = json.loads(timeline.to_json_string())
    shades = [{"name": "PINK", "r": 1.0, "g": 0.0}, {"name": "Salmon", "r": 0.9, "g": 0.5}]
    for marker, shade in zip([root["tracks"], root["tracks"]["children"][0]["children"][0]], shades, strict=True):
        color = {"OTIO_SCHEMA": "Color.1", "a": 1.0, "b": 0.4, **shade}
        marker["markers"][0] |= {"OTIO_SCHEMA": "Marker.3", "color": color}
    path.write_text(json.dumps(root))


def test_markers_of_a_newer_opentimelineio_come_out_as_they_went_in(tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "edit.otio", "a.mov")
    newer_markers(path)
    before = json.loads(path.read_text())
    host = OtioFile(path)
    timeline = host.read()
    assert timeline.tracks.markers[0].color == "PINK"
    (shot,), _ = read_shots(timeline, folder=host.folder, is_online=lambda path: True)
    write_caption(timeline, shot, "steps")
    host.write(timeline)
    written = json.loads(path.read_text())
    assert [marker["OTIO_SCHEMA"] for marker in written["tracks"]["markers"]] == ["Marker.3", "Marker.2"]
    timeline = host.read()
    remove_all(timeline)
    host.write(timeline)
    assert json.loads(path.read_text()) == before


@pytest.mark.parametrize("name", ["multitrack", "premiere_example", "screening_example", "transition"])
def test_real_timelines_come_out_as_they_went_in(shared_data: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = shared_data("timelines") / f"OpenTimelineIO__{name}.otio"
    host = OtioFile(path, tmp_path / "out.otio")
    timeline = host.read()
    shots, problems = read_shots(timeline, folder=host.folder, is_online=lambda path: path.is_absolute())
    assert len(shots) + len(problems) >= 4
    host.write(timeline)
    again = OtioFile(tmp_path / "out.otio")
    assert json.loads(again.read().to_json_string()) == json.loads(timeline.to_json_string())
    # What OTIO itself adds on the way is only what newer schemas have more: every value of the input is still there.
    assert not missing(json.loads(path.read_text()), json.loads((tmp_path / "out.otio").read_text()))


def missing(before: object, after: object, at: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        upgraded = before.get("OTIO_SCHEMA") != after.get("OTIO_SCHEMA")
        keys = [key for key in before if key not in ("OTIO_SCHEMA", *(["media_reference"] if upgraded else []))]
        return [found for key in keys for found in missing(before[key], after.get(key), f"{at}/{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            found for n, pair in enumerate(zip(before, after, strict=True)) for found in missing(*pair, f"{at}/{n}")
        ]
    return [] if before == after else [f"{at}: {before!r} became {after!r}"]
