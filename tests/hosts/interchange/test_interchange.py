"""Interchange formats in and out: what is read, what a file alone keeps, and what comes back with our files."""

from __future__ import annotations

import csv
import shutil
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import MediaProbe
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts import open_host
from avfoley_plugin.hosts.export import Program, prepare, program_of
from avfoley_plugin.hosts.interchange import FORMATS, InterchangeFile
from avfoley_plugin.hosts.interchange.edl import read_edl
from avfoley_plugin.hosts.interchange.fcp7_reading import read_fcp7
from avfoley_plugin.hosts.interchange.fcpxml_reading import read_fcpxml
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.hosts.survival import ASPECTS, survival
from avfoley_plugin.timeline.captions import captions, edited
from avfoley_plugin.timeline.events import event_markers
from avfoley_plugin.timeline.placing import foley_tracks, placed
from support.sample_edit import sample

needs_adapters = pytest.mark.usefixtures("adapters")


@pytest.fixture
def adapters() -> None:
    pytest.importorskip("otio_fcp_adapter")
    pytest.importorskip("otio_aaf_adapter")


def probe_of_a_second(path: Path) -> MediaProbe:
    """A probe to whom every file is a second of film."""
    return MediaProbe(path=path, frames=25, rate=25, has_picture=True, has_sound=False, duration=1)


@pytest.fixture
def edit(tmp_path: Path) -> otio.schema.Timeline:
    """The sample timeline, with the record of its takes in edit.otio."""
    timeline = sample(tmp_path)
    save(timeline, tmp_path, tmp_path / "edit.otio")
    return timeline


def kept(timeline: otio.schema.Timeline, folder: Path, suffix: str) -> dict[str, tuple[int, int]]:
    """What a file alone keeps, by aspect: (kept, total)."""
    lost = {found.aspect.name: found for found in prepare(timeline, folder, folder / f"x{suffix}").losses}
    found = {one.aspect.name: lost.get(one.aspect.name, one) for one in survival(timeline, timeline)}
    return {name: (one.kept, one.total) for name, one in found.items()}


ALONE = {
    ".fcpxml": {"start", "tracks", "clips", "sources", "speed", "markers", "notes", "captions"},
    ".edl": {"start", "speed", "markers", "captions"},
    ".xml": {"start", "tracks", "clips", "sources", "markers", "notes", "captions"},
    ".aaf": {"start", "tracks", "clips", "sources"},
}


@needs_adapters
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_a_file_alone_keeps(edit: otio.schema.Timeline, tmp_path: Path, suffix: str) -> None:
    found = kept(edit, tmp_path, suffix)
    whole = {name for name, (count, total) in found.items() if count == total}
    assert ALONE[suffix] <= whole
    assert "identity" not in whole


@needs_adapters
@pytest.mark.parametrize("suffix", FORMATS)
def test_ours_is_known_again_with_our_files(edit: otio.schema.Timeline, tmp_path: Path, suffix: str) -> None:
    path = prepare(edit, tmp_path, tmp_path / f"back{suffix}").save()
    timeline = InterchangeFile(path, tmp_path / "other.otio", Fraction(25)).read()
    found = {one.aspect.name: one for one in survival(edit, timeline)}
    assert [found[name].lost for name in ("captions", "takes", "identity")] == [0, 0, 0]
    # What has no marker at all in a file may have been deleted by the editor.
    events = 0 if suffix == ".aaf" else 3
    assert sum(map(len, event_markers(timeline).values())) == events
    assert len(foley_tracks(timeline)) == 1
    assert edited(timeline) == []
    assert {take.active for take in placed(timeline)} == {True, False}


@needs_adapters
def test_a_format_without_markers_says_what_it_loses(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    losses = [str(loss) for loss in prepare(edit, tmp_path, tmp_path / "back.aaf").losses]
    assert "3 of 3 events" in losses
    assert not any("events" in str(loss) for loss in prepare(edit, tmp_path, tmp_path / "back.fcpxml").losses)


def test_a_caption_edited_in_final_cut_is_found(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    path = prepare(edit, tmp_path, tmp_path / "back.fcpxml").save()
    text = path.read_text()
    # The shot's event on that frame has the caption for a name.
    assert (text.count('note="a fast shuts"'), text.count('value="a fast shuts"')) == (1, 1)
    path.write_text(text.replace('note="a fast shuts"', 'note="a whip cracks"'))
    (found,) = edited(open_host(path, tmp_path / "other.otio").read())
    assert (found.old, found.new) == ("a fast shuts", "a whip cracks")


def test_a_copy_of_a_clip_of_ours_is_the_editors(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    stripped = edit.deepcopy()
    (track,) = foley_tracks(stripped)
    track.append(track[0].deepcopy())
    for thing in (*stripped.tracks, *stripped.tracks.markers, *stripped.find_clips()):
        thing.metadata.pop("avfoley", None)
    otio.adapters.write_to_file(stripped, str(tmp_path / "other.otio"))
    timeline = open_host(tmp_path / "other.otio").read()
    assert len({take.shot_id for take in placed(timeline)}) == len({take.shot_id for take in placed(edit)})
    assert len(captions(timeline)) == len(captions(edit))


def test_without_our_files_nothing_is_ours(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    path = prepare(edit, tmp_path, tmp_path / "back.fcpxml").save()
    (tmp_path / "edit.otio").unlink()
    assert placed(open_host(path, tmp_path / "other.otio").read()) == []


def test_running_again_on_the_export_updates_its_own_output(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    """What is written for an interchange file is an .otio, and a second run reads along what the first one made."""
    path = prepare(edit, tmp_path, tmp_path / "cut.fcpxml").save()
    host = open_host(path)
    written = host.write(host.read())
    assert written == tmp_path / "cut.otio"
    assert len(placed(open_host(path).read())) == len(placed(edit))
    assert path.read_bytes() == prepare(edit, tmp_path, tmp_path / "cut.fcpxml").content


def test_the_marker_list(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    path = prepare(edit, tmp_path, tmp_path / "markers.csv").save()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(edit.tracks.markers)
    fix = next(row for row in rows if row["name"] == "fix")
    assert (fix["timecode in"], fix["timecode out"], fix["note"], fix["caption"]) == (
        "01:00:00:07", "01:00:00:08", "too dark", "no",
    )  # fmt: skip
    assert [row["timecode in"] for row in rows] == sorted(row["timecode in"] for row in rows)
    assert sum(row["caption"] == "yes" for row in rows) == len(captions(edit))


def test_the_cue_sheet_by_its_name(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    assert prepare(edit, tmp_path, tmp_path / "edit cues.csv").content.startswith(b"shot,track,record in")


def test_unknown_formats_are_named(edit: otio.schema.Timeline, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"\.fcpxml"):
        prepare(edit, tmp_path, tmp_path / "edit.mov")
    with pytest.raises(HostError, match="resolve"):
        prepare(edit, tmp_path, tmp_path / "edit.otio")
    with pytest.raises(HostError, match="resolve"):
        program_of("premiere")


@pytest.mark.parametrize("name", ["cut.fcpxml", "cut.xml", "cut.aaf", "cut.edl", "cut.otio"])
def test_a_clip_whose_length_nothing_tells_is_named_or_probed(
    edit: otio.schema.Timeline, tmp_path: Path, name: str
) -> None:
    """OpenTimelineIO itself raises for such a clip, wherever it is."""
    program = Program.RESOLVE if name.endswith(".otio") else None
    nested = otio.schema.Stack("scene", children=[otio.schema.Track("V1", children=[otio.schema.Clip("lost")])])
    edit.tracks[0].append(nested)
    with pytest.raises(HostError, match="how long clip 'lost' is"):
        prepare(edit, tmp_path, tmp_path / name, program, probe_of_a_second)
    nested[0][0].media_reference = otio.schema.ExternalReference("lost.mov")
    with pytest.raises(HostError, match=r"how long .*lost\.mov is"):
        prepare(edit, tmp_path, tmp_path / name, program)
    content = prepare(edit, tmp_path, tmp_path / name, program, probe_of_a_second).content
    assert content


@pytest.mark.parametrize("suffix", [".xml", ".aaf"])
def test_sound_that_is_cut_in_samples_is_written_in_frames(
    edit: otio.schema.Timeline, tmp_path: Path, suffix: str
) -> None:
    """The adapters refuse a sound of 48,000 units a second on a timeline of 25. Nothing after it moves."""
    pytest.importorskip({".xml": "otio_fcp_adapter", ".aaf": "otio_aaf_adapter"}[suffix])

    def in_samples(start: int, samples: int) -> TimeRange:
        return TimeRange(RationalTime(start, 48_000), RationalTime(samples, 48_000))

    def clip(name: str, start: int, samples: int) -> otio.schema.Clip:
        media = otio.schema.ExternalReference(f"file:///{name}.wav", in_samples(0, 480_001))
        return otio.schema.Clip(name, media, in_samples(start, samples))

    sounds = [
        clip("a", 1920 * 7, 1920 * 10 + 700),
        clip("b", 0, 1920 * 3 + 400),
        clip("short", 0, 100),
        clip("c", 0, 19_000),
    ]
    edit.tracks.append(otio.schema.Track("Sound", kind="Audio", children=sounds))
    edit.tracks[-1].append(
        otio.schema.Clip("d", sounds[0].media_reference.deepcopy(), TimeRange(RationalTime(0, 25), RationalTime(9, 25)))
    )
    export = prepare(edit, tmp_path, tmp_path / f"cut{suffix}")
    lost = {loss.aspect.name: loss.lost for loss in export.losses}
    assert lost["clips"] == lost["sources"] == 1, "only what is shorter than half a frame"
    host = open_host(export.save(), tmp_path / "other.otio")
    timeline = host.read()
    (track,) = [track for track in timeline.audio_tracks() if any(clip.name == "d" for clip in track)]
    places = [
        (item.name, item.range_in_parent().start_time.value, item.duration().value)
        for item in track
        if isinstance(item, otio.schema.Clip)
    ]
    assert places == [("a", 0, 10), ("b", 10, 4), ("c", 14, 10), ("d", 24, 9)]
    assert track[0].source_range.start_time.value == 7


def test_an_absent_adapter_is_named(
    edit: otio.schema.Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avfoley_plugin.hosts.interchange.adapters.is_installed", lambda adapter: False)
    with pytest.raises(HostError, match=r"pip install 'avfoley\[interchange\]'"):
        prepare(edit, tmp_path, tmp_path / "edit.aaf")


def test_every_aspect_is_lost_with_nothing(edit: otio.schema.Timeline) -> None:
    found = survival(edit, None)
    assert [one.aspect for one in found] == list(ASPECTS)
    assert all(one.kept == 0 < one.total for one in found)


class TestEdl:
    LIST = """TITLE: reel
FCM: NON-DROP FRAME
001  AX       V     C        00:00:10:00 00:00:12:00 01:00:00:00 01:00:02:00
* FROM CLIP NAME: a.mov
* LOC: 01:00:01:00 RED     fix this
002  BX       AA/V  C        00:00:00:00 00:00:01:00 01:00:03:00 01:00:04:00
M2   BX             012.5                00:00:00:00
003  AX       V     C        00:00:12:00 00:00:12:00 01:00:04:00 01:00:04:00
003  CX       V     D    012 00:00:05:00 00:00:07:00 01:00:04:00 01:00:06:00
* FROM CLIP NAME: a.mov
* TO CLIP NAME: c.mov
004  NOISE    B     C        00:00:00:00 00:00:01:00 01:00:06:00 01:00:07:00
005  LAST     A3    C        00:00:00:00 00:00:01:24 01:00:06:00 01:00:07:24
"""

    def test_channels_are_tracks(self) -> None:
        timeline = read_edl(self.LIST.encode())
        assert [track.name for track in timeline.tracks] == ["V1", "A1", "A2", "A3"]
        assert [clip.name for clip in timeline.tracks[0].find_clips()] == ["a.mov", "BX", "c.mov", "NOISE"]

    def test_the_rate_is_the_slowest_with_all_numbers_or_as_told(self) -> None:
        assert read_edl(self.LIST.encode()).global_start_time.rate == 25
        assert read_edl(self.LIST.encode(), Fraction(30)).global_start_time.to_seconds() == 3600
        with pytest.raises(HostError, match="--rate"):
            read_edl(self.LIST.encode(), Fraction(24))

    def test_speed_dissolve_and_locator(self) -> None:
        timeline = read_edl(self.LIST.encode())
        video = timeline.tracks[0]
        assert [effect.time_scalar for clip in video.find_clips() for effect in clip.effects] == [0.5]
        (dissolve,) = [child for child in video if isinstance(child, otio.schema.Transition)]
        assert dissolve.out_offset.value == 12
        (marker,) = timeline.tracks.markers
        assert (marker.name, marker.color, marker.marked_range.start_time.value) == ("fix this", "RED", 25)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
    def test_encodings(self, encoding: str) -> None:
        text = self.LIST.replace("a.mov", "Tür.mov").replace("\n", "\r\n")
        assert read_edl(text.encode(encoding)).tracks[0][0].name == "Tür.mov"


class TestFcpxml:
    @staticmethod
    def document(spine: str, resources: str = "") -> bytes:
        return f"""<?xml version="1.0"?><!DOCTYPE fcpxml><fcpxml version="1.10"><resources>
        <format id="r1" frameDuration="1/25s"/>
        <asset id="r2" name="a" start="10s" duration="100s" hasVideo="1" hasAudio="1" format="r1" src="file:///m/a.mov"/>
        {resources}</resources><project name="p"><sequence format="r1" tcStart="3600s"><spine>{spine}</spine></sequence>
        </project></fcpxml>""".encode()

    def test_constant_speed_and_freeze(self) -> None:
        map_ = '<timeMap><timept time="0s" value="{}s"/><timept time="50s" value="{}s"/></timeMap>'
        clip = '<asset-clip ref="r2" name="n" offset="{}s" start="4s" duration="2s">{}</asset-clip>'
        spine = clip.format(3600, map_.format(0, 100)) + clip.format(3602, map_.format(20, 20))
        video = read_fcpxml(self.document(spine)).tracks[0]
        assert [clip.source_range.start_time.to_seconds() for clip in video] == [8, 20]
        assert [effect.time_scalar for clip in video for effect in clip.effects] == [2, 0]

    def test_connected_clips_are_where_their_parents_time_says(self) -> None:
        spine = """<gap offset="3600s" start="100s" duration="9s">
        <asset-clip ref="r2" lane="1" offset="103s" name="above" duration="2s" start="12s"/></gap>"""
        timeline = read_fcpxml(self.document(spine))
        above = timeline.tracks[0][1]
        assert above.name == "above"
        assert timeline.tracks[0].range_of_child(above).start_time.to_seconds() == 3

    def test_a_compound_clip_in_itself_is_refused(self) -> None:
        inner = '<ref-clip ref="r3" name="self" offset="0s" duration="1s"/>'
        resources = f'<media id="r3"><sequence format="r1"><spine>{inner}</spine></sequence></media>'
        with pytest.raises(HostError, match="nested"):
            read_fcpxml(self.document(inner, resources))

    def test_several_projects_are_named(self) -> None:
        two = self.document("").replace(b"</project>", b'</project><project name="q"><sequence/></project>')
        with pytest.raises(HostError, match="'p', 'q'"):
            read_fcpxml(two)


class TestFcp7:
    @staticmethod
    def document(items: str) -> bytes:
        return f"""<xmeml version="5"><sequence id="s"><name>s</name><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
        <timecode><frame>107892</frame></timecode><media><video><track>{items}</track></video></media></sequence>
        </xmeml>""".encode()

    ITEM = """<clipitem id="{id}"><name>{id}</name><start>{start}</start><end>{end}</end><in>{into}</in><out>0</out>
    <rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>{more}<file id="f"><pathurl>file:///a.mov</pathurl>
    <duration>600</duration><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate></file></clipitem>"""
    REMAP = """<filter><effect><effectid>timeremap</effectid><parameter><parameterid>variablespeed</parameterid>
    <value>0</value></parameter><parameter><parameterid>speed</parameterid><value>{}</value></parameter><parameter>
    <parameterid>reverse</parameterid><value>{}</value></parameter></effect></filter>"""

    def test_speeds_count_in_points_after_being_retimed(self) -> None:
        items = self.ITEM.format(id="a", start=0, end=30, into=60, more=self.REMAP.format(50, "FALSE"))
        items += self.ITEM.format(id="b", start=30, end=60, into=60, more=self.REMAP.format(100, "TRUE"))
        fast, back = read_fcp7(self.document(items)).find_clips()
        assert (fast.source_range.start_time.value, fast.effects[0].time_scalar) == (30, 0.5)
        # 60 frames from the end of 600, played backwards over 30: frames 510 to 540.
        assert (back.source_range.start_time.value, back.effects[0].time_scalar) == (510, -1)

    def test_items_that_overlap_stay_where_they_are(self) -> None:
        items = self.ITEM.format(id="a", start=0, end=30, into=0, more="")
        items += self.ITEM.format(id="b", start=20, end=60, into=0, more="")
        timeline = read_fcp7(self.document(items))
        assert [[(child.name, track.range_of_child(child).start_time.value) for child in track][-1] for track in timeline.tracks] == [
            ("a", 0), ("b", 20),
        ]  # fmt: skip

    def test_the_start_of_a_drop_frame_sequence(self) -> None:
        timeline = read_fcp7(self.document(self.ITEM.format(id="a", start=0, end=30, into=0, more="")))
        assert timeline.global_start_time.value == 107_892
        assert timeline.global_start_time.rate == pytest.approx(30_000 / 1001)


def test_spaces_unicode_and_dots_in_paths(tmp_path: Path, edit: otio.schema.Timeline) -> None:
    folder = tmp_path / "Schöner Film #1 100%"
    folder.mkdir()
    shutil.copytree(tmp_path / "edit.avfoley", folder / "edit.avfoley")
    timeline = edit.deepcopy()
    save(timeline, folder, folder / "edit.otio")
    path = prepare(timeline, folder, folder / "zurück.fcpxml").save()
    found = survival(edit, open_host(path, folder / "anders.otio").read())
    assert {one.aspect.name for one in found if one.lost} <= {"track names", "colours"}
