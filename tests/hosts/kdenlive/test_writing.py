"""What is written into a project: ours, found again the next time, and gone without a trace when it is removed."""

from __future__ import annotations

import difflib
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest

from avfoley_plugin.errors import ChangedError, HostError
from avfoley_plugin.hosts import KdenliveFile
from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.events import Event, events_of, write_events
from avfoley_plugin.timeline.identity import ClipIdentity, TakeIdentity, TrackIdentity, identity
from avfoley_plugin.timeline.placing import foley_tracks, place_takes, placed, remove_all
from avfoley_plugin.timeline.shots import read_shots
from support.kdenlive_projects import CUT, FILM, SEQUENCE, entry, producer
from support.kdenlive_takes import CAPTION, FORMATS, clicking_take, put_picture, put_takes
from support.picture_takes import put_ambience, put_pictures

#: Lines of somebody else's nodes that may change: the numbers of tracks.
NUMBERS = re.compile(r'.*(a_track|b_track|activeTrack|audioTarget|videoTarget|"data": "\d+:).*')


def takes_of(path: Path) -> list[tuple[int, int, str, bool]]:
    timeline = KdenliveFile(path).read()
    return [(take.record_start, take.frames, take.key, take.active) for take in placed(timeline)]


def settings(path: Path, sequences: bool) -> tuple[ET.Element, str]:
    """The element with the timeline's own settings, and how their names begin."""
    root = ET.parse(path).getroot()
    name, prefix = (SEQUENCE, "sequenceproperties") if sequences else ("main_bin", "docproperties")
    return next(element for element in root if element.get("id") == name), f"kdenlive:{prefix}."


def value(element: ET.Element, name: str) -> str:
    found = element.find(f"property[@name='{name}']")
    assert found is not None, name
    return found.text or ""


def remove(path: Path) -> None:
    host = KdenliveFile(path)
    timeline = host.read()
    remove_all(timeline)
    host.write(timeline)


@FORMATS
def test_ours_is_added_and_what_was_there_stays_as_it_is_written(cut: Callable[..., Path], sequences: bool) -> None:
    path = cut(sequences=sequences)
    before = path.read_text().splitlines()
    put_takes(path, 2, handle=5)
    after = path.read_text().splitlines()
    for change, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "replace":
            # A comma comes behind the last item of a list that gets another.
            changed = [line for line in before[a:b] if line not in after[c:d] and line + "," not in after[c:d]]
            assert all(NUMBERS.fullmatch(line) or line.strip() == "}" for line in changed), changed
        assert change != "delete", before[a:b]

    root = ET.parse(path).getroot()
    tractor, prefix = settings(path, sequences)
    names = {element.get("id"): element for element in root}
    sequence = names[SEQUENCE if sequences else "main"]
    tracks = [reference.get("producer") for reference in sequence.findall("track")]
    assert tracks == ["black_track", "avfoley_track0", "A2", "A1", "V1", "V2"]
    assert value(names["avfoley_track0"], "kdenlive:track_name") == "AVFoley"
    assert value(names["avfoley_track0"], "kdenlive:audio_track") == "1"
    joins = [
        tuple(value(transition, name) for name in ("mlt_service", "a_track", "b_track"))
        for transition in sequence.findall("transition")
    ]
    assert sorted(joins) == [
        *(("composite", "0", str(number)) for number in (4, 5)),
        *(("mix", "0", str(number)) for number in (1, 2, 3)),
    ]
    # The tracks' numbers, which count from the lowest, are those of the same tracks as before.
    assert [value(tractor, prefix + name) for name in ("activeTrack", "audioTarget", "videoTarget")] == ["3", "2", "3"]
    (group,) = json.loads(value(tractor, prefix + "groups"))
    assert [leaf["data"] for leaf in group["children"]] == ["2:0", "3:0"]

    guides = json.loads(value(tractor, prefix + "guides"))
    bin_ = names["main_bin"]
    (ours,) = (
        category["index"]
        for category in json.loads(value(bin_, "kdenlive:docproperties.guidesCategories"))
        if category["comment"] == "AVFoley"
    )
    assert guides[0] == {"comment": "a guide", "pos": 12, "type": 3}
    assert guides[1:] == [{"comment": CAPTION, "pos": start, "type": ours} for start, _, _ in CUT]
    takes = [names[entry_.get("producer")] for entry_ in bin_.findall("entry")]
    takes = [take for take in takes if take.find("property[@name='kdenlive:avfoley']") is not None]
    assert len(takes) == 4
    for take in takes:
        assert json.loads(value(take, "kdenlive:markers")) == [{"comment": CAPTION, "pos": 5, "type": ours}]
        assert (path.parent / value(take, "resource")).is_file()


@FORMATS
def test_what_is_written_is_read_back(cut: Callable[..., Path], sequences: bool) -> None:
    path = cut(sequences=sequences)
    put_takes(path, 2, handle=5)
    assert takes_of(path) == [
        (start, frames, f"take {number}", number == 1) for start, _, frames in CUT for number in (1, 2)
    ]
    timeline = KdenliveFile(path).read()
    assert set(captions(timeline).values()) == {CAPTION}
    assert edited(timeline) == []
    assert [track.name for track in timeline.tracks] == ["V1", "titles & <effects>", "A1", "A2", "AVFoley"]
    clip = next(clip for clip in timeline.find_clips() if identity(clip, ClipIdentity))
    # The shot begins after the handle, and so does the clip.
    assert clip.source_range.start_time.value == 5
    take = identity(clip.media_reference, TakeIdentity)
    assert take is not None
    assert (take.head_samples, take.request.caption, take.result.revision) == (9600, CAPTION, "r1")


@FORMATS
def test_again_replaces_and_adds_but_never_stacks(cut: Callable[..., Path], sequences: bool) -> None:
    path = cut(sequences=sequences)
    put_takes(path)
    once = path.read_bytes()
    put_takes(path)
    assert path.read_bytes() == once
    assert len(list(path.parent.glob("*.bak*"))) == 1, "nothing changed, and so there is nothing to back up"
    put_takes(path, first_seed=1)
    assert takes_of(path) == [(start, frames, f"take {n}", n == 2) for start, _, frames in CUT for n in (1, 2)]
    timeline = KdenliveFile(path).read()
    assert len(foley_tracks(timeline)) == 1
    assert len(timeline.tracks.markers) == 3


@FORMATS
def test_removing_ours_leaves_the_file_as_it_was(cut: Callable[..., Path], sequences: bool) -> None:
    path = cut(sequences=sequences)
    before = path.read_bytes()
    put_takes(path, 2)
    put_takes(path, 1, first_seed=7)
    assert path.read_bytes() != before
    remove(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["sequences", "qtblend-freeze"])
def test_real_projects_come_back_byte_for_byte(
    shared_data: Callable[[str], Path], tmp_path: Path, make_media: Callable[..., Path], name: str
) -> None:
    """Written by Kdenlive 23.04 and 24: compositions, effects, nested sequences."""
    content = (shared_data("timelines") / f"kdenlive-test-suite__{name}.kdenlive").read_bytes()
    path = tmp_path / "real.kdenlive"
    path.write_bytes(content)
    film = tmp_path / "made.mov"
    film.touch()
    put_picture(path, film, start=3, frames=5)
    assert path.read_bytes() != content
    remove_picture(path)
    assert path.read_bytes() == content


def remove_picture(path: Path) -> None:
    host = KdenliveFile(path)
    timeline = host.read()
    ours = [index for index, track in enumerate(timeline.tracks) if identity(track, TrackIdentity)]
    assert len(ours) == 1
    del timeline.tracks[ours[0]]
    host.write(timeline)


@FORMATS
def test_generated_picture_goes_onto_a_video_track_on_top(cut: Callable[..., Path], sequences: bool) -> None:
    path = cut(sequences=sequences)
    before = path.read_bytes()
    film = path.with_name("made.mov")
    film.touch()
    put_picture(path, film, start=40, frames=20)
    once = path.read_bytes()
    root = ET.parse(path).getroot()
    names = {element.get("id"): element for element in root}
    sequence = names[SEQUENCE if sequences else "main"]
    assert [reference.get("producer") for reference in sequence.findall("track")][-1] == "avfoley_track0"
    assert {part.get("hide") for part in names["avfoley_track0"].findall("track")} == {"audio"}
    last = sequence.findall("transition")[-1]
    assert [value(last, name) for name in ("mlt_service", "a_track", "b_track")] == ["composite", "0", "5"]

    host = KdenliveFile(path)
    timeline = host.read()
    track = timeline.tracks[2]
    assert (track.kind, track.name) == (otio.schema.TrackKind.Video, "AVFoley picture")
    clip = next(clip for clip in track.find_clips())
    assert clip.range_in_parent().start_time.value == 40
    assert clip.media_reference.available_range.duration.value == 20
    assert identity(clip.media_reference, TakeIdentity).request.caption == "a grey wall"
    host.write(timeline)
    assert path.read_bytes() == once
    remove_picture(path)
    assert path.read_bytes() == before


def test_sound_and_picture_of_ours_share_a_project(cut: Callable[..., Path]) -> None:
    path = cut(sequences=True)
    film = path.with_name("made.mov")
    film.touch()
    put_takes(path)
    put_picture(path, film, start=200, frames=20)
    tracks = [reference.get("producer") for reference in settings(path, True)[0].findall("track")]
    assert tracks == ["black_track", "avfoley_track0", "A2", "A1", "V1", "V2", "avfoley_track1"]
    timeline = KdenliveFile(path).read()
    kinds = [track.kind for track in timeline.tracks if identity(track, TrackIdentity)]
    assert sorted(kinds) == ["Audio", "Video"]
    once = path.read_bytes()
    host = KdenliveFile(path)
    host.write(host.read())
    assert path.read_bytes() == once


def test_the_file_is_replaced_whole_with_a_backup_and_keeps_its_mode(cut: Callable[..., Path]) -> None:
    path = cut(sequences=False)
    before = path.read_bytes()
    path.chmod(0o640)
    put_takes(path)
    assert path.with_name(path.name + ".bak").read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    put_takes(path, first_seed=3)
    assert len(list(path.parent.glob("*.bak*"))) == 2
    assert not list(path.parent.glob("*.part"))


def test_a_link_to_a_project_stays_one(cut: Callable[..., Path], tmp_path: Path) -> None:
    path = cut(sequences=False, root=str(tmp_path))
    link = tmp_path / "desk" / "today.kdenlive"
    link.parent.mkdir()
    link.symlink_to(path)
    put_takes(link)
    assert link.is_symlink()
    assert len(takes_of(path)) == 2
    assert path.with_name(path.name + ".bak").is_file()


def test_a_project_that_changed_meanwhile_is_not_overwritten(cut: Callable[..., Path]) -> None:
    path = cut(sequences=True)
    host = KdenliveFile(path)
    timeline = host.read()
    path.write_bytes(changed := path.read_bytes().replace(b"a guide", b"another"))
    with pytest.raises(ChangedError, match="run again"):
        host.write(timeline)
    assert path.read_bytes() == changed
    path.unlink()
    with pytest.raises(ChangedError):
        host.write(timeline)
    assert not path.exists()


def test_writing_needs_reading_first(cut: Callable[..., Path]) -> None:
    with pytest.raises(HostError, match="not read yet"):
        KdenliveFile(cut(sequences=True)).write(otio.schema.Timeline())


def test_another_output_leaves_the_project_alone_and_is_taken_up_again(cut: Callable[..., Path]) -> None:
    path = cut(sequences=False)
    before = path.read_bytes()
    output = path.parent / "out here" / "with foley.kdenlive"
    put_takes(path, output=output)
    put_takes(path, output=output, first_seed=1)
    assert path.read_bytes() == before
    assert takes_of(output) == [(start, frames, f"take {n}", n == 2) for start, _, frames in CUT for n in (1, 2)]
    assert ET.parse(output).getroot().get("root") == str(path.parent)
    host = KdenliveFile(output)
    timeline = host.read()
    online = {clip.media_reference.target_url for clip in timeline.find_clips()}
    assert all(Path(otio.url_utils.filepath_from_url(url)).is_file() for url in online), online
    # Another project's takes are not mixed with these.
    other = path.with_name("other.kdenlive")
    other.write_bytes(before)
    with pytest.raises(HostError, match="choose another output"):
        KdenliveFile(other, output).read()


def test_a_caption_that_was_edited_in_kdenlive_is_an_edit(cut: Callable[..., Path]) -> None:
    path = cut(sequences=True)
    put_takes(path)
    text = path.read_text()
    at = text.index('"comment": "a click', text.index("sequenceproperties.guides"))
    end = text.index("\n", at)
    path.write_text(text[:at] + '"comment": "a louder click",' + text[end:])
    timeline = KdenliveFile(path).read()
    assert [(edit.old, edit.new) for edit in edited(timeline)] == [(CAPTION, "a louder click")]


def test_a_caption_makes_way_for_a_guide_of_the_users(cut: Callable[..., Path]) -> None:
    """Kdenlive has one guide a frame."""
    path = cut(sequences=True, guides='[{"comment":"mine","pos":0,"type":0},{"comment":"too","pos":1,"type":0}]')
    put_takes(path)
    owner, prefix = settings(path, True)
    guides = json.loads(value(owner, prefix + "guides"))
    assert [(guide["comment"], guide["pos"]) for guide in guides] == [
        ("mine", 0),
        ("too", 1),
        (CAPTION, 2),
        (CAPTION, 37),
    ]
    remove(path)
    assert '[{"comment":"mine","pos":0,"type":0},{"comment":"too","pos":1,"type":0}]' in path.read_text()


@FORMATS
def test_pictures_ambiences_and_foley_have_tracks_of_their_own(cut: Callable[..., Path], sequences: bool) -> None:
    path = cut(sequences=sequences)
    before = path.read_bytes()
    # Twice, and in an order in which each finds the others' tracks.
    for seed in (0, 1):
        put_pictures(KdenliveFile(path), FILM, seed)
        put_ambience(
            KdenliveFile(path),
            f"{40 * seed}-{40 * seed + 30}",
            lambda shot: clicking_take(shot, 3, path.parent / "the cut.avfoley", shot.record_start),
        )
        put_takes(path, first_seed=seed)
    timeline = KdenliveFile(path).read()
    laid = [
        (track.kind, track.name, [clip.range_in_parent().start_time.value for clip in track.find_clips()])
        for track in foley_tracks(timeline)
    ]
    assert laid == [
        ("Video", "AVFoley picture", [0, 37]),
        ("Audio", "AVFoley ambience", [0, 40]),
        ("Audio", "AVFoley", [0, 37]),
    ]
    pictures = [(take.key, take.active) for take in placed(timeline) if take.layer.startswith("picture")]
    assert pictures == [("take 1", False), ("take 2", True)] * 2
    remove(path)
    assert path.read_bytes() == before


def test_what_an_editor_did_to_our_clips_stays(cut: Callable[..., Path]) -> None:
    """A fade on a clip, the track renamed, a sound of the editor's own added to it."""
    path = cut(sequences=True)
    put_takes(path)
    text = path.read_text()
    fade = '<filter id="fade"><property name="mlt_service">volume</property></filter>'
    first = text.index("</entry>", text.index('id="avfoley_playlist0"'))
    text = text[:first] + fade + text[first:]
    own = entry("own", 0, 10, bin_id=2) + "\n </playlist>"
    end = text.index("\n </playlist>", first)
    text = text[:end] + '\n  <blank length="50"/>' + own + text[end + len("\n </playlist>") :]
    text = text.replace(
        ' <playlist id="avfoley_playlist0">', producer("own", "own.wav") + ' <playlist id="avfoley_playlist0">'
    )
    text = text.replace('<property name="kdenlive:track_name">AVFoley<', '<property name="kdenlive:track_name">Steps<')
    path.write_text(text)
    put_takes(path, first_seed=1)
    timeline = KdenliveFile(path).read()
    (track,) = foley_tracks(timeline)
    assert track.name == "Steps"
    assert fade in path.read_text()
    assert [(clip.name, clip.range_in_parent().start_time.value) for clip in track.find_clips()][-1] == ("own.wav", 127)
    remove(path)
    timeline = KdenliveFile(path).read()
    assert not foley_tracks(timeline)
    assert "Steps" in [track.name for track in timeline.tracks], "it is the editor's now"


def test_takes_follow_a_shot_that_was_moved(cut: Callable[..., Path]) -> None:
    path = cut(sequences=False)
    put_takes(path)
    text = path.read_text()
    path.write_text(text.replace('<blank length="7"/>', '<blank length="17"/>'))
    host = KdenliveFile(path)
    timeline = host.read()
    shots, _ = read_shots(timeline, folder=host.folder)
    place_takes(timeline, [], current=shots)
    host.write(timeline)
    assert [take[:2] for take in takes_of(path)] == [(0, 30), (47, 40)]


@FORMATS
def test_events_are_guides_of_ours(cut: Callable[..., Path], sequences: bool) -> None:
    """One that finds its frame taken stands on the next; read again they are the same events, and remove takes them off."""
    path = cut(sequences=sequences, guides='[{"comment":"mine","pos":5,"type":0}]')
    before = path.read_text()

    def spotted(frames: list[int]) -> None:
        host = KdenliveFile(path)
        timeline = host.read()
        shot = read_shots(timeline, folder=host.folder)[0][0]
        write_events(timeline, shot, "a knock", [Event(frame, 0.8) for frame in frames])
        host.write(timeline)

    def found() -> list[Event]:
        host = KdenliveFile(path)
        timeline = host.read()
        return events_of(timeline, read_shots(timeline, folder=host.folder)[0][0])

    spotted([5, 9, 20])
    assert found() == [Event(6, 0.8), Event(9, 0.8), Event(20, 0.8)]
    owner, prefix = settings(path, sequences)
    guides = json.loads(value(owner, prefix + "guides"))
    assert [(guide["comment"], guide["pos"]) for guide in guides] == [
        ("mine", 5),
        ("a knock (80%)", 6),
        ("a knock (80%)", 9),
        ("a knock (80%)", 20),
    ]
    spotted([9])
    assert found() == [Event(9, 0.8)]
    remove(path)
    assert path.read_text() == before


@FORMATS
def test_an_event_and_a_caption_are_not_taken_for_each_other(cut: Callable[..., Path], sequences: bool) -> None:
    """An event stands on its own frame, and its shot's caption makes way. A guide keeps the text that an editor gave it."""
    path = cut(sequences=sequences, guides="[]")
    host = KdenliveFile(path)
    timeline = host.read()
    shot = read_shots(timeline, folder=host.folder)[0][0]
    write_caption(timeline, shot, "a knock")
    write_events(timeline, shot, "a knock", [Event(0, 0.8), Event(9, 0.7)])
    host.write(timeline)
    first = shot.record_start

    def guides() -> list[tuple[str, int]]:
        owner, prefix = settings(path, sequences)
        return sorted(
            ((guide["comment"], guide["pos"]) for guide in json.loads(value(owner, prefix + "guides"))),
            key=lambda guide: guide[1],
        )

    def again() -> otio.schema.Timeline:
        host = KdenliveFile(path)
        timeline = host.read()
        host.write(timeline)
        return KdenliveFile(path).read()

    assert guides() == [("a knock (80%)", first), ("a knock", first + 1), ("a knock (70%)", first + 9)]
    timeline = again()
    assert (captions(timeline), edited(timeline)) == ({shot.id: "a knock"}, [])
    assert events_of(timeline, shot) == [Event(0, 0.8), Event(9, 0.7)]
    assert {(marker.name, marker.comment) for marker in timeline.tracks.markers if "%" in marker.comment} == {
        ("a knock", "80%"),
        ("a knock", "70%"),
    }

    # The editor renames one event, deletes the caption, and moves the other event to where that was.
    text = path.read_text()
    owner, prefix = settings(path, sequences)
    before = json.loads(value(owner, prefix + "guides"))
    kind = before[0]["type"]
    edit = [
        {"comment": "the door", "pos": first, "type": kind},
        {"comment": "a knock (70%)", "pos": first + 1, "type": kind},
    ]
    old = next(line for line in text.splitlines() if "guides" in line and "guidesCat" not in line)
    begin = text.index(old)
    end = text.index("</property>", begin)
    path.write_text(text[: text.index(">", begin) + 1] + json.dumps(edit) + text[end:])
    for _ in range(2):
        timeline = again()
        assert captions(timeline) == {}
        assert events_of(timeline, shot) == [Event(0, 0.8), Event(1, 0.7)]
        assert guides() == [("the door", first), ("a knock (70%)", first + 1)]
