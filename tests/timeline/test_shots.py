"""From timelines to shots: what plays when, and where it comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import MediaProbe
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import Clip, ExternalReference, Gap, Stack, Timeline, Track

from avfoley_plugin.errors import HostError, SelectionError
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.shots import Problem, Selection, Shot, read_shots
from avfoley_plugin.timeline.timing import exact_rate

SPELLED_RATES = [23.976, 24.0, 25.0, 29.97, 30.0, 47.952, 50.0, 59.94, 60.0, 119.88]


def shown(shot: Shot, frame: int) -> int:
    """The source frame that a record frame of a shot shows, by the protocol's formula."""
    picture = shot.picture
    return math.floor(picture.source_start + frame * picture.speed * picture.source_rate / shot.record_rate)


def all_shown(shot: Shot) -> list[int]:
    return [shown(shot, frame) for frame in range(shot.frames)]


def probe_of(
    frames: int = 1000, rate: float = 24, start: int = 0, picture: bool = True
) -> Callable[[Path], MediaProbe]:
    exact = exact_rate(rate)
    return lambda path: MediaProbe(
        path=path,
        frames=frames if picture else 0,
        rate=exact,
        start_timecode=start,
        has_picture=picture,
        has_sound=True,
        duration=frames / exact,
    )


@pytest.mark.parametrize("spelled", SPELLED_RATES)
def test_a_cut_at_every_rate(build: Any, shoot: Any, spelled: float) -> None:
    build.rate = spelled
    timeline = build.timeline(
        [build.clip("a", 10, 48), build.gap(5), build.clip("b", 0, 7)], start=3600 * round(spelled)
    )
    a, b = shoot(timeline)
    assert (a.name, a.record_start, a.frames, b.name, b.record_start, b.frames) == ("a", 0, 48, "b", 53, 7)
    assert a.record_rate == exact_rate(spelled)
    assert a.record_start_timecode == 3600 * round(spelled)
    assert b.record_start_timecode == 3600 * round(spelled) + 53
    assert all_shown(a) == list(range(10, 58))
    assert (a.head_available, a.tail_available) == (10, 1000 - 58)
    assert a.media == Path("/edit/a.mov")


def test_an_hour_of_start_timecode_moves_no_record_position(build: Any, shoot: Any) -> None:
    build.rate = 29.97
    timeline = build.timeline([build.clip("a", 0, 30)], start=107_892)
    (shot,) = shoot(timeline)
    assert (shot.record_start, shot.record_start_timecode) == (0, 107_892)


def test_the_medias_own_timecode_is_taken_off(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 86_410, 20, available=(86_400, 100))])
    (shot,) = shoot(timeline)
    assert shot.picture.source_start == 10
    assert (shot.head_available, shot.tail_available) == (10, 70)


def test_sound_without_a_range_on_a_video_track_is_told_as_such(build: Any, read: Any) -> None:
    sound = Clip("music", media_reference=ExternalReference("music.wav"))
    _, problems = read(build.timeline([sound, build.clip("a", 0, 5)]), "music", probe=probe_of(picture=False))
    assert "music.wav has no picture" in str(problems[0])


@pytest.mark.parametrize(("start", "expected"), [(86_410, 10), (10, 10)])
def test_without_available_range_a_probe_tells_the_timecode(build: Any, shoot: Any, start: int, expected: int) -> None:
    timeline = build.timeline([build.clip("a", start, 20, available=None)])
    (shot,) = shoot(timeline, probe=probe_of(frames=100, start=86_400))
    assert shot.picture.source_start == expected
    assert (shot.head_available, shot.tail_available) == (10, 70)


def test_without_available_range_or_probe_handles_are_unknown(build: Any, shoot: Any) -> None:
    (shot,) = shoot(build.timeline([build.clip("a", 12, 20, available=None)]))
    assert (shot.picture.source_start, shot.head_available, shot.tail_available) == (12, None, None)


def test_a_probe_tells_the_length_that_the_timeline_leaves_out(build: Any, shoot: Any) -> None:
    whole = Clip("a", media_reference=ExternalReference("a.mov"))
    a, b = shoot(build.timeline([whole, build.clip("b", 0, 5)]), probe=probe_of(frames=33))
    assert (a.frames, b.record_start) == (33, 33)


def test_media_faster_than_the_timeline(build: Any, shoot: Any) -> None:
    """29.97 media on a 24 timeline plays in real time: a second of it is a second of record."""
    timeline = build.timeline([build.clip("a", 0, 48), build.clip("b", 300, 60, rate=29.97), build.clip("c", 0, 24)])
    a, b, c = shoot(timeline, record_rate=Fraction(24))
    # 60 frames at 29.97 are 48.048 at 24.
    assert [(shot.record_start, shot.frames) for shot in (a, b, c)] == [(0, 48), (48, 48), (96, 24)]
    assert b.picture.source_rate == Fraction(30000, 1001)
    assert b.picture.source_start == 300
    assert b.picture.speed == 1
    # The start of c was rounded by 0.048 of a frame, and so is where its source begins.
    assert c.picture.source_start == Fraction(-48, 1000)


@pytest.mark.parametrize("scalar", [0.5, 0.25, 2.0, 4.0])
def test_speed(build: Any, shoot: Any, scalar: float) -> None:
    (shot,) = shoot(build.timeline([build.clip("a", 100, 40, scalar=scalar)]))
    assert shot.frames == 40
    assert all_shown(shot) == [100 + math.floor(n * scalar) for n in range(40)]
    assert shot.head_available == 100 / scalar
    assert shot.tail_available == math.floor((900 - 40 * scalar) / scalar)


@pytest.mark.parametrize("scalar", [1.0, 0.5, 2.0])
def test_reversed_shows_the_same_frames_backwards(build: Any, shoot: Any, scalar: float) -> None:
    (forward,) = shoot(build.timeline([build.clip("a", 100, 40, scalar=scalar)]))
    (backward,) = shoot(build.timeline([build.clip("a", 100, 40, scalar=-scalar)]))
    assert all_shown(backward) == all_shown(forward)[::-1]
    assert (backward.head_available, backward.tail_available) == (forward.tail_available, forward.head_available)


def test_freeze_frame(build: Any, shoot: Any) -> None:
    (shot,) = shoot(build.timeline([build.clip("a", 77, 10, freeze=True)]))
    assert all_shown(shot) == [77] * 10
    assert (shot.head_available, shot.tail_available) == (0, 0)


def test_a_disabled_effect_does_nothing(build: Any, shoot: Any) -> None:
    clip = build.clip("a", 0, 10, scalar=2.0)
    clip.effects[0].enabled = False
    assert shoot(build.timeline([clip]))[0].picture.speed == 1


def test_transitions_hand_over_in_the_middle(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 10, 20), build.transition(4, 12), build.clip("b", 50, 20)])
    a, b = shoot(timeline)
    assert (a.record_start, a.frames, b.record_start, b.frames) == (0, 24, 24, 16)
    assert all_shown(a) == list(range(10, 34))
    assert all_shown(b) == list(range(54, 70))


def test_fades_belong_to_their_clip(build: Any, shoot: Any) -> None:
    fade_in = [build.gap(10), build.transition(4, 0), build.clip("a", 10, 20)]
    (shot,) = shoot(build.timeline([*fade_in, build.transition(0, 6), build.gap(10)]))
    assert (shot.record_start, shot.frames, shown(shot, 0)) == (6, 30, 6)


def test_nested_stacks_trim_what_they_hold(build: Any, shoot: Any) -> None:
    nested = Stack("scene", children=[Track("in", children=[build.clip("a", 0, 30), build.clip("b", 100, 30)])])
    nested.source_range = build.range(20, 25)
    a, b = shoot(build.timeline([build.gap(7), nested, build.clip("c", 0, 5)]))[:2]
    assert [(s.name, s.record_start, s.frames, shown(s, 0)) for s in (a, b)] == [("a", 7, 10, 20), ("b", 17, 15, 100)]
    assert a.layer == "0/0"


def test_a_retimed_nested_stack_retimes_what_it_holds(build: Any, shoot: Any) -> None:
    nested = Stack("scene", children=[Track("in", children=[build.clip("a", 0, 30), build.clip("b", 100, 30)])])
    nested.source_range = build.range(10, 20)
    nested.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    a, b = shoot(build.timeline([nested]))
    assert [(s.name, s.record_start, s.frames) for s in (a, b)] == [("a", 0, 10), ("b", 10, 10)]
    assert (all_shown(a), all_shown(b)) == (list(range(10, 30, 2)), list(range(100, 120, 2)))


def test_a_reversed_nested_stack_plays_its_clips_backwards(build: Any, shoot: Any) -> None:
    nested = Stack(
        "scene", children=[Track("in", children=[build.clip("a", 0, 30), build.clip("b", 100, 30, scalar=-1.0)])]
    )
    nested.source_range = build.range(20, 20)
    nested.effects.append(otio.schema.LinearTimeWarp(time_scalar=-1.0))
    b, a = shoot(build.timeline([nested]))
    assert (b.name, b.record_start, a.name, a.record_start) == ("b", 0, "a", 10)
    assert all_shown(a) == list(range(29, 19, -1))
    # Backwards twice is forwards: b's reversed range 129..100 is seen from its 10th frame, 120, back to its first.
    assert all_shown(b) == list(range(120, 130))


def test_a_frozen_nested_stack_freezes_the_clip_at_its_in_point(build: Any, shoot: Any) -> None:
    nested = Stack("scene", children=[Track("in", children=[build.clip("a", 0, 30), build.clip("b", 100, 30)])])
    nested.source_range = build.range(35, 12)
    nested.effects.append(otio.schema.FreezeFrame())
    (shot,) = shoot(build.timeline([nested]))
    assert (shot.name, all_shown(shot)) == ("b", [105] * 12)


def test_nesting_goes_deep(build: Any, shoot: Any) -> None:
    inner = Stack("inner", children=[Track("i", children=[build.clip("a", 0, 100)])])
    inner.source_range = build.range(10, 50)
    outer = Stack("outer", children=[Track("o", children=[build.gap(5), inner])])
    outer.source_range = build.range(8, 20)
    (shot,) = shoot(build.timeline([build.gap(3), outer]))
    assert (shot.record_start, shot.frames, shown(shot, 0)) == (3, 20, 13)
    assert shoot(build.timeline([build.gap(3), outer.deepcopy()]), "outer")[0].id == shot.id


def test_a_trimmed_top_stack_and_track(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 0, 50)])
    timeline.tracks.source_range = build.range(10, 20)
    (shot,) = shoot(timeline)
    assert (shot.record_start, shot.frames, shown(shot, 0)) == (0, 20, 10)
    timeline = build.timeline(Track("V", children=[build.clip("a", 0, 50)], source_range=build.range(30, 15)))
    (shot,) = shoot(timeline)
    assert (shot.record_start, shot.frames, shown(shot, 0)) == (0, 15, 30)


def test_a_track_range_left_over_from_record_timecode_is_no_trim(build: Any, shoot: Any) -> None:
    track = Track("V", children=[build.clip("a", 0, 50)], source_range=build.range(-86_243, 50))
    assert shoot(build.timeline(track))[0].frames == 50


def test_only_the_topmost_picture_counts(build: Any, shoot: Any) -> None:
    lower = [build.clip("wide", 0, 100)]
    upper = [build.gap(20), build.clip("close", 0, 10), build.gap(20), build.clip("insert", 0, 100)]
    shots = shoot(build.timeline(lower, upper))
    seen = [(s.name, s.record_start, s.frames, shown(s, 0)) for s in shots]
    assert seen == [("wide", 0, 20, 0), ("close", 20, 10, 0), ("wide", 30, 20, 30), ("insert", 50, 100, 0)]
    assert len({shot.id for shot in shots}) == 4


def test_titles_are_see_through(build: Any, read: Any) -> None:
    title = Clip("title", media_reference=otio.schema.GeneratorReference("text"), source_range=build.range(0, 10))
    shots, problems = read(build.timeline([build.clip("a", 0, 50)], [title]))
    assert [shot.frames for shot in shots] == [50]
    assert [problem.name for problem in problems] == ["title"]


def test_a_clip_by_name_counts_whole_even_where_it_is_covered(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("wide", 0, 100)], [build.gap(20), build.clip("close", 0, 10)])
    (shot,) = shoot(timeline, "wide")
    assert (shot.record_start, shot.frames) == (0, 100)


def test_disabled_clips_and_tracks_are_skipped(build: Any, shoot: Any, read: Any) -> None:
    off, on = build.clip("off", 0, 10), build.clip("on", 0, 10)
    off.enabled = False
    hidden = Track("hidden", children=[build.clip("hidden", 0, 20)])
    hidden.enabled = False
    timeline = build.timeline([off, on], hidden)
    assert [(s.name, s.record_start) for s in shoot(timeline)] == [("on", 10)]
    shots, problems = read(timeline, "off", "on")
    assert [s.name for s in shots] == ["on"]
    assert "disabled" in str(problems[0])


def test_a_record_range_in_frames_trims_the_shots(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 0, 50), build.clip("b", 100, 50)], start=86_400)
    a, b = shoot(timeline, record_range="40-60")
    assert [(s.name, s.record_start, s.frames, shown(s, 0)) for s in (a, b)] == [("a", 40, 10, 40), ("b", 50, 10, 100)]
    assert a.head_available == 40
    (only,) = shoot(timeline, "b", record_range="40-60")
    assert only.id == b.id


def test_a_record_range_in_timecode_is_the_timelines_timecode(build: Any, shoot: Any) -> None:
    build.rate = 29.97
    timeline = build.timeline([build.clip("a", 0, 900)], start=107_892)
    (shot,) = shoot(timeline, record_range="01:00:01;00-01:00:02;00")
    assert (shot.record_start, shot.frames) == (30, 30)


def test_a_range_across_midnight(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 0, 960)], start=24 * (86_400 - 20))
    (shot,) = shoot(timeline, record_range="23:59:50:00-00:00:05:00")
    assert (shot.record_start, shot.frames) == (240, 360)
    assert shot.record_start_timecode == 24 * (86_400 - 10)


@pytest.mark.parametrize(
    "record_range", ["60-40", "5-5", "soon", "1-2-3", "10", "2000-2010", "00:00:00:00-00:00:99:00"]
)
def test_a_bad_range_says_so(build: Any, read: Any, record_range: str) -> None:
    with pytest.raises(Exception, match=r"range|picture|timecode|exist") as caught:
        read(build.timeline([build.clip("a", 0, 50)]), record_range=record_range)
    assert caught.type.__name__ in ("SelectionError", "TimelineError")


def test_an_unknown_name_says_which_there_are(build: Any, read: Any) -> None:
    with pytest.raises(SelectionError, match=r"nobody.*clips are: a, b"):
        read(build.timeline([build.clip("a", 0, 5), build.clip("b", 0, 5)]), "nobody")


def test_a_timeline_without_picture_says_so(build: Any, read: Any) -> None:
    with pytest.raises(SelectionError, match="no clip on an enabled video track"):
        read(build.timeline(Track("A1", kind="Audio", children=[build.clip("a", 0, 5)])))


def test_what_cannot_be_done_is_named_and_the_rest_runs(build: Any, tmp_path: Path) -> None:
    for name in ("good.mov", "sound.wav", "broken.mov"):
        (tmp_path / name).touch()

    def probe(path: Path) -> MediaProbe:
        if path.stem == "broken":
            raise HostError(f"{path} is truncated")
        return probe_of(picture=path.suffix == ".mov")(path)

    generator = Clip("bars", media_reference=otio.schema.GeneratorReference("bars"), source_range=build.range(0, 10))
    stills = Clip("stills", media_reference=otio.schema.ImageSequenceReference(), source_range=build.range(0, 10))
    unlinked = Clip("unlinked", source_range=build.range(0, 10))
    picture = [
        build.clip("gone", 0, 10),
        build.clip("sound", 0, 10, url="sound.wav"),
        build.clip("remote", 0, 10, url="https://example.org/a.mov"),
        build.clip("zero", 0, 0, url="good.mov"),
        build.clip("broken", 0, 10, url="broken.mov"),
        build.clip("beyond", 5000, 10, url="good.mov"),
        build.clip("windows", 0, 10, url="file:///D:/a.mov"),
        generator,
        stills,
        unlinked,
        Clip("lengthless"),
        build.clip("good", 0, 10, url="good.mov"),
    ]
    timeline = build.timeline(picture)
    shots, problems = read_shots(timeline, folder=tmp_path, probe=probe)
    assert [(shot.name, shot.record_start) for shot in shots] == [("good", 90)]
    reasons = {problem.name: problem.reason for problem in problems}
    expected = {
        "gone": "offline",
        "sound": "no picture",
        "remote": "not a local file",
        "zero": "shorter than a frame",
        "broken": "truncated",
        "beyond": "outside its media",
        "windows": "offline",
        "bars": "generator",
        "stills": "image sequence",
        "unlinked": "offline",
        "lengthless": "length",
    }
    assert reasons.keys() == expected.keys()
    for name, word in expected.items():
        assert word in reasons[name]
    assert str(problems[0]).startswith(("gone (V1): ", "zero (V1): ", "lengthless (V1): "))


def test_a_clip_on_audio_tracks_only_is_a_problem(build: Any, read: Any) -> None:
    timeline = build.timeline([build.clip("a", 0, 5)], Track("A1", kind="Audio", children=[build.clip("music", 0, 5)]))
    shots, problems = read(timeline, "music", "a")
    assert [shot.name for shot in shots] == ["a"]
    assert problems == [Problem("music", 1, "A1", "it is on an audio track only and has no picture")]


class TestWithoutPicture:
    """Clips that have no picture to look at, which words alone can sound."""

    @pytest.fixture
    def clips(self, build: Any) -> dict[str, Clip]:
        """One clip of each sort; 10 frames each."""
        ten = build.range(7, 10)
        clips = [
            Clip("bars", media_reference=otio.schema.GeneratorReference("bars"), source_range=ten),
            Clip("stills", media_reference=otio.schema.ImageSequenceReference(), source_range=ten),
            Clip("lost", source_range=ten),
            build.clip("sound", 7, 10, url="sound.wav"),
        ]
        return {clip.name: clip for clip in clips}

    @staticmethod
    def probe(path: Path) -> MediaProbe:
        return probe_of(picture=path.suffix == ".mov")(path)

    @pytest.mark.parametrize("name", ["bars", "stills", "lost", "sound"])
    def test_a_caption_makes_a_shot_of_words_alone(self, build: Any, read: Any, clips: Any, name: str) -> None:
        timeline = build.timeline([build.clip("a", 0, 5), clips[name]], start=86_400)
        _, (problem,) = read(timeline, probe=self.probe)
        assert "or select it by name with a caption, for sound from words alone" in problem.reason
        (shot,), problems = read(timeline, name, probe=self.probe, caption="rain")
        assert problems == []
        assert (shot.picture, shot.media, shot.clip) == (None, None, clips[name])
        assert (shot.record_start, shot.frames, shot.record_start_timecode) == (5, 10, 86_405)
        request = shot.request(head_handle=3)
        assert (request.picture, request.frames, request.caption) == (None, 10, "rain")
        assert request.head_handle == 3

    def test_a_caption_of_its_own_is_enough(self, build: Any, read: Any, clips: Any) -> None:
        clips["bars"].markers.append(otio.schema.Marker("Foley", comment="rain"))
        clips["lost"].metadata["avfoley"] = {"caption": "wind"}
        shots, problems = read(build.timeline(list(clips.values())), probe=self.probe)
        assert [(shot.name, shot.caption) for shot in shots] == [("bars", "rain"), ("lost", "wind")]
        assert [problem.name for problem in problems] == ["stills", "sound"]

    def test_the_caption_of_a_whole_timeline_is_not_meant_for_them(self, build: Any, read: Any, clips: Any) -> None:
        timeline = build.timeline([build.clip("a", 0, 5), *clips.values()])
        for caption in ("steps", " "):
            shots, problems = read(timeline, probe=self.probe, caption=caption)
            assert [shot.name for shot in shots] == ["a"]
            assert len(problems) == 4
        _, problems = read(timeline, "bars", caption=" ")
        assert len(problems) == 1

    def test_what_has_a_picture_somewhere_stays_a_problem(self, build: Any, tmp_path: Path) -> None:
        timeline = build.timeline([build.clip("gone", 0, 5)])
        shots, (problem,) = read_shots(timeline, Selection(("gone",)), folder=tmp_path, caption="rain")
        assert shots == []
        assert "offline" in problem.reason
        assert "words" not in problem.reason

    def test_it_is_found_again_by_its_id(self, build: Any, read: Any, clips: Any) -> None:
        timeline = build.timeline([clips["bars"]])
        (shot,), _ = read(timeline, "bars", caption="rain")
        write_caption(timeline, shot, "rain")
        timeline.tracks[0].insert(0, build.gap(30))
        (again,), _ = read(timeline)
        assert (again.id, again.caption, again.record_start) == (shot.id, "rain", 30)

    def test_sound_without_a_range_is_as_long_as_it_is(self, build: Any, read: Any) -> None:
        sound = Clip("music", media_reference=ExternalReference("music.wav"))
        timeline = build.timeline([sound, build.clip("a", 0, 5)])
        shots, _ = read(timeline, "music", "a", probe=lambda path: self.probe(path), caption="rain")
        assert [(shot.name, shot.record_start, shot.frames) for shot in shots] == [("music", 0, 1000), ("a", 1000, 5)]


def test_files_are_probed_once_each(build: Any, read: Any) -> None:
    asked: list[Path] = []

    def probe(path: Path) -> MediaProbe:
        asked.append(path)
        return probe_of()(path)

    read(build.timeline([build.clip("a", n * 10, 10) for n in range(5)]), probe=probe)
    assert asked == [Path("/edit/a.mov")]


def test_ids_stay_when_shots_move_and_change_when_they_are_cut_differently(build: Any, shoot: Any) -> None:
    def ids(*items: Any) -> list[str]:
        return [shot.id for shot in shoot(build.timeline(list(items)))]

    a, b = ids(build.clip("a", 10, 20), build.clip("b", 10, 20))
    assert ids(build.gap(100), build.clip("b", 10, 20), build.clip("a", 10, 20)) == [b, a]
    assert ids(build.clip("a", 11, 20)) != [a]
    assert ids(build.clip("a", 10, 21)) != [a]
    assert ids(build.clip("a", 10, 20, scalar=-1.0)) != [a]


def test_a_picture_used_twice_has_two_ids(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 10, 20), build.gap(5), build.clip("a", 10, 20)])
    first, second = shoot(timeline)
    assert first.id != second.id
    (alone,) = shoot(timeline, record_range="25-45")
    assert alone.id == second.id


def test_two_parts_of_a_freeze_have_two_ids(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 10, 30, freeze=True)], [build.gap(10), build.clip("b", 0, 10)])
    assert len({shot.id for shot in shoot(timeline)}) == 3


def test_captions_come_from_our_marker_the_metadata_or_a_foley_marker(build: Any, shoot: Any) -> None:
    clip = build.clip("a", 0, 10)
    timeline = build.timeline([clip])
    assert shoot(timeline)[0].caption == ""
    clip.markers.append(otio.schema.Marker("to do", comment="fix the grade"))
    clip.markers.append(otio.schema.Marker("Foley", comment="steps on gravel"))
    assert shoot(timeline)[0].caption == "steps on gravel"
    clip.metadata["avfoley"] = {"caption": "steps on snow"}
    assert shoot(timeline)[0].caption == "steps on snow"
    write_caption(timeline, shoot(timeline)[0], "steps on wood").comment = "steps on tin"
    assert shoot(timeline)[0].caption == "steps on tin"


def test_the_request_holds_what_the_shot_is(build: Any, shoot: Any) -> None:
    (shot,) = shoot(build.timeline([build.clip("a", 10, 20, available=(0, 35))], start=86_400))
    request = shot.request(head_handle=24, tail_handle=2, caption="steps", seed=7)
    assert (request.frames, request.record_start, request.head_handle, request.tail_handle) == (20, 86_400, 10, 2)
    assert (request.picture, request.caption, request.seed) == (shot.picture, "steps", 7)


items = st.tuples(
    st.sampled_from(["clip", "gap"]),
    st.sampled_from(SPELLED_RATES),
    st.integers(0, 500),
    st.integers(1, 300),
    st.sampled_from([None, 0.5, 2.0, -1.0, -0.5, 0.0]),
)


@settings(deadline=None)
@given(cut=st.lists(items, min_size=1, max_size=20), record=st.sampled_from(SPELLED_RATES))
def test_shots_tile_the_record_side_without_drift(
    cut: list[tuple[str, float, int, int, float | None]], record: float
) -> None:
    """Mixed rates, trims, gaps and retimes: every shot begins and ends within half a frame of where it should."""
    rate = exact_rate(record)
    track, expected, at = Track("V1"), [], Fraction(0)
    for index, (kind, spelled, start, duration, scalar) in enumerate(cut):
        source = TimeRange(RationalTime(start, spelled), RationalTime(duration, spelled))
        end = at + duration / exact_rate(spelled)
        if kind == "gap":
            track.append(Gap(source_range=source))
        else:
            clip = Clip(f"c{index}", media_reference=ExternalReference(f"c{index}.mov"), source_range=source)
            if scalar is not None:
                clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=scalar))
            track.append(clip)
            expected.append((clip.name, at, end, start, exact_rate(spelled), Fraction(1 if scalar is None else scalar)))
        at = end
    timeline = Timeline("t", tracks=[track], global_start_time=RationalTime(0, record))
    if not expected:
        return
    shots, problems = read_shots(timeline, folder=Path("/edit"), is_online=lambda path: True)
    assert len(shots) + len(problems) == len(expected)

    found = {shot.name: shot for shot in shots}
    previous_end = None
    for name, start, end, source_in, source_rate, speed in expected:
        shot = found.get(name)
        if shot is None:
            assert round(float((end - start) * rate)) <= 1
            continue
        assert abs(shot.record_start - start * rate) <= Fraction(1, 2)
        assert abs(shot.record_end - end * rate) <= Fraction(1, 2)
        assert previous_end is None or shot.record_start >= previous_end
        previous_end = shot.record_end
        # The source instant at the shot's exact start, reached from its first record frame along the shot's own speed.
        picture = shot.picture
        assert (picture.source_rate, picture.speed) == (source_rate, speed)
        to_cut = (start * rate - shot.record_start) * speed * source_rate / rate
        entry = (
            source_in if speed >= 0 else source_in - speed * (end - start) * source_rate + speed * source_rate / rate
        )
        assert picture.source_start + to_cut == entry


@settings(deadline=None)
@given(
    placed=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 80), st.integers(1, 40)), min_size=1, max_size=12),
)
def test_every_record_frame_with_picture_belongs_to_its_topmost_clip(placed: list[tuple[int, int, int]]) -> None:
    tracks = [Track(f"V{n + 1}") for n in range(3)]
    ends, top = [0, 0, 0], {}
    for index, (layer, skip, length) in enumerate(placed):
        start = ends[layer] + skip
        if skip:
            tracks[layer].append(Gap(source_range=TimeRange(RationalTime(0, 24), RationalTime(skip, 24))))
        source = TimeRange(RationalTime(0, 24), RationalTime(length, 24))
        tracks[layer].append(Clip(f"c{index}", media_reference=ExternalReference(f"c{index}.mov"), source_range=source))
        ends[layer] = start + length
        for frame in range(start, start + length):
            top[frame] = max(top.get(frame, (-1, "", 0)), (layer, f"c{index}", frame - start))
    shots, _ = read_shots(Timeline("t", tracks=tracks), folder=Path("/edit"), is_online=lambda path: True)
    seen = [(shot.record_start + n, shot.name, shown(shot, n)) for shot in shots for n in range(shot.frames)]
    assert sorted(seen) == [(frame, name, source) for frame, (_, name, source) in sorted(top.items())]
    assert len({shot.id for shot in shots}) == len(shots)


@pytest.mark.parametrize("name", ["multitrack", "transition"])
def test_real_timelines(shared_data: Callable[[str], Path], name: str) -> None:
    path = shared_data("timelines") / f"OpenTimelineIO__{name}.otio"
    timeline = otio.adapters.read_from_file(str(path))
    before = timeline.to_json_string()
    shots, problems = read_shots(timeline, folder=path.parent, is_online=lambda path: True)
    assert len(shots) + len(problems) >= 4
    assert json.loads(timeline.to_json_string()) == json.loads(before)


def test_the_real_transition_hands_over(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("timelines") / "OpenTimelineIO__transition.otio"
    timeline = otio.adapters.read_from_file(str(path))
    shots, _ = read_shots(timeline, Selection(), folder=path.parent, is_online=lambda path: True)
    assert [shot.record_start for shot in shots[1:]] == [shot.record_end for shot in shots[:-1]]
