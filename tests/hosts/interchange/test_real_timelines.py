"""Timelines that editing programs wrote, against an independent reading of their files' own text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import opentimelineio as otio
import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts import open_host
from avfoley_plugin.timeline.playback import played_clips
from avfoley_plugin.timeline.timing import exact_seconds

FCPXML_ITEMS = {"asset-clip", "clip", "video", "ref-clip", "sync-clip", "mc-clip", "title", "audition"}


@pytest.fixture
def timelines(shared_data: Callable[[str], Path]) -> Callable[[str], Path]:
    folder = shared_data("timelines")

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"{name} is not among the real timelines")
        return path

    return find


def read(path: Path, tmp_path: Path) -> otio.schema.Timeline:
    return open_host(path, tmp_path / f"out{path.suffix if path.suffix == '.kdenlive' else '.otio'}").read()


def placed(track: otio.schema.Track) -> Iterator[tuple[otio.core.Item, Fraction, Fraction]]:
    """The items of a track that are no gaps, with record start and duration in seconds."""
    at = Fraction(0)
    for child in track:
        if isinstance(child, otio.core.Item):
            duration = exact_seconds(child.trimmed_range().duration)
            if not isinstance(child, otio.schema.Gap):
                yield child, at, duration
            at += duration


def test_every_timeline_is_read_or_refused_in_words(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("otio_aaf_adapter")
    read_ones, unclear = 0, []
    for path in sorted(shared_data("timelines").iterdir()):
        if path.suffix == ".csv":
            continue
        try:
            timeline = read(path, tmp_path)
        except HostError as error:
            unclear += [] if path.name in str(error) else [str(error)]
        else:
            read_ones += bool(list(timeline.find_clips()))
    assert unclear == []
    assert read_ones >= 20


EDLS = [
    ("otio-cmx3600-adapter__avid_example.edl", 24),
    ("otio-cmx3600-adapter__nucoda_example.edl", 24),
    ("otio-cmx3600-adapter__speed_effects_small.edl", 24),
    ("pycmx__ISSUE_14_conform_edl_issue_03.edl", 24),
    ("lossless-cut__12_16_TL01_MUSIC.edl", 30),
]


def drop_frame_count(timecode: str) -> int:
    """Frames since midnight of a 29.97 drop-frame timecode: two numbers are skipped each minute but every tenth."""
    hours, minutes, seconds, frames = map(int, re.split("[:;]", timecode))
    whole = hours * 60 + minutes
    return (whole * 60 + seconds) * 30 + frames - 2 * (whole - whole // 10)


@pytest.mark.parametrize(("name", "base"), EDLS)
def test_edit_decision_lists(timelines: Callable[[str], Path], tmp_path: Path, name: str, base: int) -> None:
    path = timelines(name)
    text = path.read_text()
    drop = "FCM: DROP" in text

    def count(timecode: str) -> int:
        hours, minutes, seconds, frames = map(int, re.split("[:;]", timecode))
        return drop_frame_count(timecode) if drop else ((hours * 60 + minutes) * 60 + seconds) * base + frames

    events = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 8 and words[0].isdigit():
            first, _, start, end = words[-4:]
            events.append((words[2], count(start), count(end), first, count(first)))
    origin = min(event[1] for event in events)

    timeline = read(path, tmp_path)
    rate = Fraction(30_000, 1001) if drop else Fraction(base)
    assert exact_seconds(timeline.global_start_time) * rate == origin
    expected = Counter((channel[0], start - origin, end - start) for channel, start, end, _, _ in events)
    found = Counter(
        (track.name[0], start * rate, duration * rate)
        for track in timeline.tracks
        for _, start, duration in placed(track)
    )
    assert found == expected
    names = {"V": "V1"}
    by_start = {(names.get(c, c), start - origin): (first, source) for c, start, _, first, source in events}
    for track in timeline.tracks:
        for clip, start, _ in placed(track):
            first, source = by_start[track.name, int(start * rate)]
            hours, minutes, seconds, frames = map(int, re.split("[:;]", first))
            # The source of a drop-frame list may itself count non-drop.
            non_drop = ((hours * 60 + minutes) * 60 + seconds) * base + frames
            assert exact_seconds(clip.source_range.start_time) * rate in (source, non_drop)


def test_speeds_of_an_edit_decision_list(timelines: Callable[[str], Path], tmp_path: Path) -> None:
    path = timelines("otio-cmx3600-adapter__speed_effects_small.edl")
    told = [float(speed) / 24 for speed in re.findall(r"^M2\s+\S+\s+([\d.]+)", path.read_text(), re.M)]
    timeline = read(path, tmp_path)
    assert [effect.time_scalar for clip in timeline.find_clips() for effect in clip.effects] == pytest.approx(told)


FCP7 = [
    "otio-fcp-adapter__premiere_example.xml",
    "otio-fcp-adapter__hiero_xml_export.xml",
    "lossless-cut__Final_Cut_Pro_XMEML.xml",
]


@pytest.mark.parametrize("name", FCP7)
def test_fcp7_xml(timelines: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = timelines(name)
    root = ElementTree.fromstring(path.read_bytes())
    timeline = read(path, tmp_path)
    (sequence,) = [
        s for s in root.iter("sequence") if s.findtext("name") == timeline.name and s.find("media") is not None
    ]
    base = int(sequence.findtext("rate/timebase") or 0)
    tracks = [
        (medium[0].upper(), track)
        for medium in ("video", "audio")
        for track in sequence.findall(f"media/{medium}/track")
        if track.get("currentExplodedTrackIndex", "0") == "0"
    ]
    items = [(kind, item) for kind, track in tracks for item in track if item.tag in ("clipitem", "generatoritem")]
    found = [
        (track.kind[0], start * base, duration * base, item)
        for track in timeline.tracks
        for item, start, duration in placed(track)
    ]
    assert len(found) == len(items)
    timecodes = {
        file.get("id"): int(file.findtext("timecode/frame") or 0)
        for file in root.iter("file")
        if file.find("pathurl") is not None
    }
    checked = 0
    for kind, item in items:
        start, end = (round(float(item.findtext(tag) or 0)) for tag in ("start", "end"))
        if start < 0 or end < 0:
            # At a transition; the cut is somewhere in it.
            continue
        matches = [f for f in found if f[:3] == (kind, start, end - start) and f[3].name == item.findtext("name")]
        assert matches
        if any(effect.text == "timeremap" for effect in item.iter("effectid")):
            continue
        file = item.find("file")
        if file is not None:
            own_base = int(item.findtext("rate/timebase") or base)
            into = Fraction(round(float(item.findtext("in") or 0)), own_base)
            begins = exact_seconds(matches[0][3].source_range.start_time)
            assert begins == Fraction(timecodes.get(file.get("id"), 0), own_base) + into
            checked += 1
    assert checked
    told = [(m.findtext("name") or "", m.findtext("comment") or "") for m in sequence.findall("marker")]
    assert [(marker.name, marker.comment) for marker in timeline.tracks.markers] == told


FCPXMLS = [
    "OpenFCPXMLKit__CutSample.fcpxml",
    "OpenFCPXMLKit__TimelineWithSecondaryStorylineWithAudioKeyframes.fcpxml",
    "OpenFCPXMLKit__MulticamSampleWithCuts.fcpxml",
    "OpenFCPXMLKit__AuditionSample.fcpxml",
    "OpenFCPXMLKit__ImageSample.fcpxml",
    "swift-fcpxml__29.97d.fcpxml",
    "swift-fcpxml__SyncClipRoles2.fcpxml",
    "swift-fcpxml__Complex.fcpxml",
]


def time(text: str | None) -> Fraction:
    return Fraction((text or "0s").rstrip("s"))


@pytest.mark.parametrize("name", FCPXMLS)
def test_fcpxml(timelines: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = timelines(name)
    root = ElementTree.fromstring(path.read_bytes())
    sequence = root.find(".//project/sequence")
    spine = sequence.find("spine")
    origin = time(sequence.get("tcStart"))
    timeline = read(path, tmp_path)
    assert timeline.name == root.find(".//project").get("name")

    def on_lane(wanted: bool) -> Counter[tuple[Any, ...]]:
        """Places of picture and sound, each once however many kinds of track it is on."""
        places = {
            (track.metadata["fcpxml"]["lane"], start, duration, item.name)
            for track in timeline.tracks
            for item, start, duration in placed(track)
            if (track.metadata["fcpxml"]["lane"] == 0) is wanted
        }
        return Counter((float(start), float(duration), name) for _, start, duration, name in places)

    storyline, connected = Counter(), Counter()
    for element in spine:
        if element.tag not in FCPXML_ITEMS | {"gap"}:
            continue
        shown = element[0] if element.tag == "audition" else element
        at = time(element.get("offset")) - origin
        if shown.tag != "gap":
            storyline[float(at), float(time(shown.get("duration"))), shown.get("name")] += 1
        for child in shown:
            if child.get("lane") is None:
                continue
            place = at + time(child.get("offset")) - time(shown.get("start"))
            if child.tag == "spine":
                for inner in child:
                    if inner.tag in FCPXML_ITEMS:
                        start = place + time(inner.get("offset"))
                        connected[float(start), float(time(inner.get("duration"))), inner.get("name")] += 1
            elif child.tag in FCPXML_ITEMS:
                connected[float(place), float(time(child.get("duration"))), child.get("name")] += 1
    assert on_lane(True) == storyline
    # The sound of a clip, on a lane inside it, is connected, too.
    assert not connected - on_lane(False)
    assert sum(connected.values()) == sum((connected & on_lane(False)).values())

    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    starts = {
        (float(start), item.name): exact_seconds(item.source_range.start_time)
        for track in timeline.tracks
        for item, start, _ in placed(track)
        if track.metadata["fcpxml"]["lane"] == 0
    }
    for element in spine.findall("asset-clip"):
        if element.find("timeMap") is None:
            start = element.get("start") or assets[element.get("ref")].get("start")
            place = (float(time(element.get("offset")) - origin), element.get("name"))
            # Times of OpenTimelineIO are floating point: a start of ten hours is good to a millionth of a frame.
            assert float(starts[place]) == pytest.approx(float(time(start)), abs=1e-6)


def test_media_of_fcpxml_is_found(timelines: Callable[[str], Path], tmp_path: Path) -> None:
    path = timelines("OpenFCPXMLKit__CutSample.fcpxml")
    urls = set(re.findall(r'src="(file:[^"]+)"', path.read_text()))
    used = {clip.media_reference.target_url for clip in read(path, tmp_path).find_clips()}
    assert used <= urls
    assert used


def test_the_other_clips_of_an_audition_are_kept(timelines: Callable[[str], Path], tmp_path: Path) -> None:
    timeline = read(timelines("OpenFCPXMLKit__AuditionSample.fcpxml"), tmp_path)
    clip = timeline.tracks[0][0]
    assert [reference.name for reference in clip.media_references().values()] == [
        "chocolate for senses",
        "MULTICAM MATCH SHOTS 11",
        "Happy Talk Final",
    ]
    assert clip.media_reference.name == "chocolate for senses"


@pytest.mark.parametrize(
    "name", ["OpenTimelineIO__multitrack.otio", "OpenTimelineIO__premiere_example.otio",
             "OpenTimelineIO__screening_example.otio", "OpenTimelineIO__transition.otio"],
)  # fmt: skip
def test_otio(timelines: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = timelines(name)
    content = json.loads(path.read_text())

    def clips(node: Any) -> Iterator[Any]:
        for child in node.get("children") or ():
            yield from [child] if child["OTIO_SCHEMA"].startswith("Clip.") else clips(child)

    timeline = read(path, tmp_path)
    told = [
        (clip["name"], clip["source_range"] and clip["source_range"]["start_time"]["value"],
         clip["source_range"] and clip["source_range"]["duration"]["value"])
        for clip in clips(content["tracks"])
    ]  # fmt: skip
    found = [
        (clip.name, clip.source_range and clip.source_range.start_time.value,
         clip.source_range and clip.source_range.duration.value)
        for clip in timeline.find_clips()
    ]  # fmt: skip
    assert found == told
    assert [track.kind for track in timeline.tracks] == [track["kind"] for track in content["tracks"]["children"]]


@pytest.mark.parametrize("name", ["otio-aaf-adapter__multitrack.aaf", "LibAAF__PR_Fades.aaf", "LibAAF__MC_TC_25.aaf"])
def test_aaf(timelines: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    pytest.importorskip("otio_aaf_adapter")
    import aaf2

    path = timelines(name)

    def source_clips(segment: Any) -> int:
        """Clips that play something, in a segment and all that it holds."""
        if isinstance(segment, aaf2.components.SourceClip):
            return int(segment.mob is not None or bool(segment.mob_id and str(segment.mob_id) != NO_MOB))
        parts = list(getattr(segment, "components", ()))
        if isinstance(segment, aaf2.components.OperationGroup):
            parts += list(segment.segments)
        if isinstance(segment, aaf2.components.NestedScope):
            parts += list(segment.slots)
        if isinstance(segment, aaf2.components.ScopeReference):
            return 0
        return sum(map(source_clips, parts))

    NO_MOB = "urn:smpte:umid:" + ".".join(["00000000"] * 8)
    with aaf2.open(str(path)) as file:
        (mob,) = file.content.toplevel()
        sound = [slot for slot in mob.slots if slot.media_kind == "Sound"]
        clips = {slot.slot_id: source_clips(slot.segment) for slot in sound}
        lengths = {
            Fraction(slot.length, 1) / Fraction(int(slot.edit_rate.numerator), int(slot.edit_rate.denominator))
            for slot in sound
        }
    timeline = read(path, tmp_path)
    audio = [track for track in timeline.tracks if track.kind == otio.schema.TrackKind.Audio]
    assert sum(len(list(track.find_clips())) for track in audio) == sum(clips.values())
    ends = {max((float(start + length) for _, start, length in placed(track)), default=0.0) for track in audio}
    assert max(ends) <= float(max(lengths)) + 0.05


@pytest.mark.parametrize("name", ["otio-aaf-adapter__multitrack.aaf", "LibAAF__PR_Fades.aaf", "LibAAF__MC_TC_25.aaf"])
def test_places_in_an_aaf(timelines: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    """Record and source ranges of every sound. A transition lies over both its neighbours, which meet at its cut point."""
    pytest.importorskip("otio_aaf_adapter")
    import aaf2

    def first_source_frame(segment: Any) -> int:
        while not isinstance(segment, aaf2.components.SourceClip):
            segment = segment.segments[0]
        return int(segment.start)

    def as_the_file_says(sequence: Any) -> list[tuple[int, int, int]]:
        at, cut, plays = 0, None, []
        for component in sequence.components:
            if isinstance(component, aaf2.components.Transition):
                at -= component.length
                cut = at + component["CutPoint"].value
                plays[-1][1] = cut
                continue
            start = at if cut is None else cut
            silent = isinstance(component, aaf2.components.Filler)
            plays.append([start, at + component.length, None if silent else first_source_frame(component) + start - at])
            at, cut = at + component.length, None
        return [(start, end - start, source) for start, end, source in plays if source is not None]

    def as_we_read(item: otio.core.Item) -> Fraction:
        """The first source frame, in seconds into the media."""
        begins = exact_seconds(item.source_range.start_time)
        if isinstance(item, otio.schema.Stack):
            return begins + as_we_read(item[0][0])
        return begins - exact_seconds(item.media_reference.available_range.start_time)

    path = timelines(name)
    with aaf2.open(str(path)) as file:
        (mob,) = file.content.toplevel()
        expected = []
        for slot in (slot for slot in mob.slots if slot.media_kind == "Sound"):
            rate = Fraction(int(slot.edit_rate.numerator), int(slot.edit_rate.denominator))
            segment = slot.segment
            sequence = segment.segments[0] if isinstance(segment, aaf2.components.OperationGroup) else segment
            expected.append(as_the_file_says(sequence))
    timeline = read(path, tmp_path)
    found = [
        [(start * rate, duration * rate, as_we_read(item) * rate) for item, start, duration in placed(track)]
        for track in timeline.tracks
        if track.kind == otio.schema.TrackKind.Audio
    ]
    assert [track for track in found if track] == [track for track in expected if track]


@pytest.mark.parametrize("name", ["multitrack", "premiere_example", "screening_example"])
def test_what_an_otio_plays(timelines: Callable[[str], Path], name: str) -> None:
    """Record and source ranges of the clips directly on tracks, added up from the file's own numbers. A clip that begins
    or ends in a transition is left out.
    """
    path = timelines(f"OpenTimelineIO__{name}.otio")
    content = json.loads(path.read_text())

    def seconds(told: Any) -> float:
        return float(told["value"] / told["rate"])

    def its_range(child: Any) -> Any:
        references = child.get("media_references") or {"": child.get("media_reference")}
        media = references[child.get("active_media_reference_key", "")]
        return child.get("source_range") or media["available_range"]

    for kind in ("Video", "Audio"):
        expected = []
        for track in content["tracks"]["children"]:
            at, children = 0.0, track["children"]
            for index, child in enumerate(children if track["kind"] == kind else ()):
                if child["OTIO_SCHEMA"].startswith("Transition."):
                    continue
                told = its_range(child)
                start, at = at, at + seconds(told["duration"])
                near = [*children[max(0, index - 1) : index], *children[index + 1 : index + 2]]
                if child["OTIO_SCHEMA"].startswith("Clip.") and not any("Transition" in n["OTIO_SCHEMA"] for n in near):
                    expected.append((child["name"], start, at, seconds(told["start_time"])))
        timeline = open_host(path, path.with_name("none.otio")).read()
        played = [
            (clip.clip.name, float(clip.start), float(clip.end), float(clip.source_at(clip.start)))
            for clip in played_clips(timeline, lambda clip: None, kind)
        ]
        assert expected or kind == "Audio"
        for clip in expected:
            assert any(clip[0] == one[0] and clip[1:] == pytest.approx(one[1:], abs=1e-4) for one in played), clip
