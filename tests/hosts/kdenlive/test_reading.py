"""Projects as timelines: each clip where the file's own text has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts import KdenliveFile, open_host
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import read_shots
from support.kdenlive_projects import CUT, blank, entry, producer, properties, track
from support.kdenlive_takes import FORMATS

#: (is audio, [(record start, frames, first source frame)]), the lowest track first.
Tracks = list[tuple[bool, list[tuple[int, int, int]]]]


def as_the_text_says(path: Path) -> Tracks:
    """An independent reading: entries and blanks counted through, nothing else understood."""
    root = ET.parse(path).getroot()
    named = {element.get("id"): element for element in root}
    profile = root.find("profile")
    assert profile is not None
    rate = int(profile.get("frame_rate_num", "")) / int(profile.get("frame_rate_den", ""))

    def count(text: str) -> int:
        if ":" not in text:
            return int(text)
        hours, minutes, seconds = text.split(":")
        return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * rate)

    sequence = root.findall("tractor")[-1]
    while sequence.find("property[@name='kdenlive:projectTractor']") is not None:
        sequence = named[sequence.find("track").get("producer")]
    found: Tracks = []
    for reference in sequence.findall("track")[1:]:
        tractor = named[reference.get("producer")]
        clips = []
        for part in tractor.findall("track"):
            at = 0
            for child in named[part.get("producer")]:
                if child.tag == "blank":
                    at += count(child.get("length"))
                elif child.tag == "entry":
                    first, last = count(child.get("in")), count(child.get("out"))
                    clips.append((at, last - first + 1, first))
                    at += last - first + 1
        found.append((tractor.find("property[@name='kdenlive:audio_track']") is not None, sorted(clips)))
    return found


def as_we_read(timeline: otio.schema.Timeline) -> Tracks:
    found = []
    for track_ in sorted(timeline.tracks, key=lambda track: track.metadata["kdenlive"]["track"]):
        clips = []
        at = 0
        for child in track_:
            if isinstance(child, otio.schema.Transition):
                continue
            frames = round(child.duration().value)
            if not isinstance(child, otio.schema.Gap):
                clips.append((at, frames, round(child.source_range.start_time.value)))
            at += frames
        found.append((track_.kind == otio.schema.TrackKind.Audio, clips))
    return found


def test_every_project_is_read_as_its_own_text_has_it(shared_data: Callable[[str], Path]) -> None:
    paths = sorted(shared_data("timelines").glob("*.kdenlive"))
    assert paths
    for path in paths:
        host = open_host(path)
        timeline = host.read()
        assert as_we_read(timeline) == as_the_text_says(path), path
        assert host.selection() == Selection(), path


@FORMATS
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30_000, 1001), Fraction(24_000, 1001)], ids=str)
def test_both_formats_are_read_as_their_own_text_has_them(
    cut: Callable[..., Path], sequences: bool, rate: Fraction
) -> None:
    path = cut(sequences=sequences, rate=rate)
    timeline = KdenliveFile(path).read()
    read = as_we_read(timeline)
    assert read == as_the_text_says(path)
    assert read == [(True, []), (True, list(map(swap, CUT))), (False, list(map(swap, CUT))), (False, [])]
    assert [track.name for track in timeline.tracks] == ["V1", "titles & <effects>", "A1", "A2"]
    assert timeline.global_start_time.rate == pytest.approx(float(rate))
    (guide,) = timeline.tracks.markers
    assert (guide.comment, guide.marked_range.start_time.value, guide.color) == ("a guide", 12, "GREEN")
    shots, problems = read_shots(timeline, folder=path.parent)
    assert not problems
    assert [(shot.record_start, shot.frames, shot.media.name) for shot in shots] == [
        (start, frames, "flashes é 1.mov") for start, _, frames in CUT
    ]
    assert [shot.picture.source_start for shot in shots] == [first for _, first, _ in CUT]


def swap(clip: tuple[int, int, int]) -> tuple[int, int, int]:
    start, first, frames = clip
    return start, frames, first


@FORMATS
def test_a_zone_that_somebody_set_is_the_selection(cut: Callable[..., Path], sequences: bool) -> None:
    host = KdenliveFile(cut(sequences=sequences, zone=(35, 60)))
    timeline = host.read()
    assert host.selection() == Selection(record_range="35-60")
    shots, _ = read_shots(timeline, host.selection(), folder=host.folder)
    assert [(shot.record_start, shot.frames) for shot in shots] == [(37, 23)]


def warped(name: str, speed: str, length: int) -> str:
    about = {"warp_speed": speed, "warp_resource": "film.mov", "mlt_service": "timewarp"}
    return producer(name, f"{speed}:film.mov", length=length, **about)


def effect(**values: object) -> str:
    return f"\n   <filter>{properties(**values)}</filter>"


def remapped(name: str, keyframes: str) -> str:
    link = f"\n  <link>{properties(mlt_service='timeremap', time_map=keyframes)}\n  </link>"
    return producer(name, "film.mov").replace("<producer", "<chain").replace("</producer>", f"{link}</chain>")


#: How a clip plays its source: producer, entry, then (frames, first source frame, speed) of each stretch. What MLT
#: plays was looked up by rendering films whose frames have numbers.
SPEEDS = {
    "twice as fast": (warped("p", "2", 60), entry("p", 10, 11), [(11, 20, 2)]),
    "half as fast, a comma": (warped("p", "0,5", 240), entry("p", 10, 11), [(11, 5, 0.5)]),
    "backwards": (warped("p", "-1", 120), entry("p", 10, 11), [(11, 99, -1)]),
    "frozen": (
        producer("p", "film.mov"),
        entry("p", 10, 11, inside=effect(mlt_service="freeze", frame=5, freeze_after=0, freeze_before=0)),
        [(11, 15, 0)],
    ),
    "frozen after": (
        producer("p", "film.mov"),
        entry("p", 10, 11, inside=effect(mlt_service="freeze", frame=5, freeze_after=1, freeze_before=0)),
        [(5, 10, 1), (6, 15, 0)],
    ),
    "a still picture": (producer("p", "a.png", mlt_service="qimage"), entry("p", 0, 11), [(11, 0, 0)]),
    "remapped": (
        remapped("p", "00:00:00.000=0;00:00:00.800=1.6;00:00:01.600=2.0"),
        entry("p", 10, 20),
        [(10, 20, 2), (10, 40, 0.5)],
    ),
}


@pytest.mark.parametrize("name", SPEEDS)
def test_speeds(cut: Callable[..., Path], name: str) -> None:
    made, on_track, expected = SPEEDS[name]
    path = cut(sequences=False, extra_producers=made, video=on_track)
    timeline = KdenliveFile(path).read()
    clips = list(timeline.tracks[0].find_clips())
    found = []
    for clip in clips:
        (*effects,) = clip.effects
        speed = getattr(effects[0], "time_scalar", 0) if effects else 1
        found.append((clip.source_range.duration.value, clip.source_range.start_time.value, speed))
    assert found == expected


def test_clips_that_are_mixed_meet_at_the_cut(cut: Callable[..., Path]) -> None:
    """A mix of 10 frames, 4 of them after the cut."""
    mix = f'\n  <transition in="20" out="29">{properties(mlt_service="luma", a_track=0, b_track=1)}'
    mix += '\n   <property name="kdenlive:mixcut">4</property></transition>'
    tracks = track("A2", audio=True) + track("A1", audio=True) + producer("p", "film.mov")
    tracks += track("V1", entry("p", 0, 30), second=blank(20) + entry("p", 50, 30), mixes=mix) + track("V2")
    timeline = KdenliveFile(cut(sequences=False, tracks=tracks)).read()
    first, transition, second = timeline.tracks[0]
    assert (first.source_range.start_time.value, first.source_range.duration.value) == (0, 26)
    assert (second.source_range.start_time.value, second.source_range.duration.value) == (56, 24)
    assert (transition.in_offset.value, transition.out_offset.value) == (6, 4)


def test_a_proxy_stands_for_its_original(cut: Callable[..., Path]) -> None:
    path = cut(sequences=False)
    proxy = '<property name="kdenlive:proxy">proxy/1.mkv</property>\n  '
    proxy += '<property name="kdenlive:originalurl">flashes é 1.mov</property>\n  <property name="resource">proxy/1.mkv'
    path.write_text(path.read_text().replace('<property name="resource">flashes é 1.mov', proxy))
    timeline = KdenliveFile(path).read()
    clips = list(timeline.find_clips())
    assert {clip.media_reference.target_url for clip in clips} == {(path.parent / "flashes é 1.mov").as_uri()}


def test_a_percent_sign_names_no_image_sequence_but_of_stills(cut: Callable[..., Path]) -> None:
    made = producer("p", "100% é%04d.mov") + producer("q", "still%04d.png", mlt_service="qimage")
    path = cut(sequences=True, extra_producers=made, video=entry("p", 0, 10) + entry("q", 0, 10))
    timeline = KdenliveFile(path).read()
    clips = [clip for track in timeline.video_tracks() for clip in track.find_clips()]
    assert [type(clip.media_reference).__name__ for clip in clips] == ["ExternalReference", "ImageSequenceReference"]
    assert resolve_media(clips[0].media_reference.target_url, path.parent) == path.parent / "100% é%04d.mov"


def test_muted_tracks_and_disabled_clips_are_off(cut: Callable[..., Path]) -> None:
    path = cut(sequences=True)
    text = path.read_text().replace('hide="audio" producer="V1_', 'hide="both" producer="V1_')
    path.write_text(text)
    timeline = KdenliveFile(path).read()
    assert [track.enabled for track in timeline.tracks] == [False, True, True, True]


def nodes(item: otio.core.Composable) -> Iterator[otio.core.Composable]:
    yield item
    for child in item if isinstance(item, otio.core.Composition) else ():
        yield from nodes(child)


def test_a_sequence_within_a_sequence_is_a_stack(shared_data: Callable[[str], Path]) -> None:
    timeline = open_host(shared_data("timelines") / "kdenlive-test-suite__sequences.kdenlive").read()
    stacks = [item for track in timeline.tracks for item in nodes(track) if isinstance(item, otio.schema.Stack)]
    assert {stack.name for stack in stacks} == {"Sequence 1", "Sequence 2"}
    assert all(len(list(stack.find_clips())) == 1 for stack in stacks)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('<playlist id="main_bin">', '<playlist id="main bin">', "before 19.04"),
        ('frame_rate_den="1"', 'frame_rate_den="0"', "frame rate"),
        ('producer="V1"', 'producer="nothing"', "nothing"),
        ('out="39"', 'out="3"', "no range"),
        ('"pos": 12', '"pos": 12,,', "guides"),
        ("</mlt>", "", "cut off"),
        ("<mlt ", "<fcpxml ", "cut off"),
        ("'utf-8'", "'utf-16'", "utf-16"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(cut: Callable[..., Path], old: str, new: str, says: str) -> None:
    path = cut(sequences=False)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(HostError, match=says) as raised:
        KdenliveFile(path).read()
    assert str(path) in str(raised.value)
