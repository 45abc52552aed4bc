"""Takes on the timeline: where they land, that they are found again, and that nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime
from opentimelineio.schema import Clip, ExternalReference, Gap, Timeline, Track

from avfoley_plugin.timeline.captions import captions, write_caption
from avfoley_plugin.timeline.placing import (
    Placement,
    carry_over,
    foley_tracks,
    has_ours,
    place_takes,
    placed,
    remove_all,
)
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.takes import Take
from avfoley_plugin.timeline.timing import exact_frames, exact_rate, exact_seconds

Place = Callable[..., list[Clip]]


@pytest.fixture
def place(take: Callable[..., Take], shoot: Callable[..., list[Shot]]) -> Place:
    """Places one take on every shot of a timeline, or on those named."""

    def place(
        timeline: Timeline, *names: str, seeds: tuple[int, ...] = (0,), replace: bool = False, **options: Any
    ) -> list[Clip]:
        shots = shoot(timeline, *names)
        placements = [Placement(shot, [take(shot, seed=seed, **options) for seed in seeds]) for shot in shots]
        return place_takes(timeline, placements, current=shoot(timeline), replace=replace)

    return place


def record_ranges(track: Track, rate: Fraction) -> list[tuple[str, Fraction, Fraction]]:
    """Name, start and duration, in frames, of the clips on a track, by OTIO's reckoning."""
    ranges = [(child.name, track.range_of_child(child)) for child in track if isinstance(child, Clip)]
    return [(name, exact_frames(r.start_time, rate), exact_frames(r.duration, rate)) for name, r in ranges]


def without_ours(timeline: Timeline) -> Any:
    """The JSON of everything on a timeline that carries none of our metadata."""

    def strip(node: Any) -> Any:
        if isinstance(node, list):
            return [strip(child) for child in node if not is_ours(child)]
        if isinstance(node, dict):
            return {key: strip(value) for key, value in node.items()}
        return node

    def is_ours(node: Any) -> bool:
        return isinstance(node, dict) and "kind" in ((node.get("metadata") or {}).get("avfoley") or {})

    return strip(json.loads(timeline.to_json_string()))


def identities(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("avfoley"), dict):
            yield node["avfoley"]
        for value in node.values():
            yield from identities(value)
    elif isinstance(node, list):
        for value in node:
            yield from identities(value)


@pytest.mark.parametrize("spelled", [23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0])
def test_a_take_starts_on_its_shots_first_frame(build: Any, place: Place, spelled: float) -> None:
    build.rate = spelled
    picture = [build.gap(17), build.clip("a", 100, 48), build.clip("b", 100, 31), build.gap(5), build.clip("c", 100, 7)]
    timeline = build.timeline(picture, start=3600 * round(spelled))
    place(timeline, head=12, tail=12)
    (track,) = foley_tracks(timeline)
    assert track.kind == otio.schema.TrackKind.Audio
    rate = exact_rate(spelled)
    assert record_ranges(track, rate) == [("a", 17, 48), ("b", 65, 31), ("c", 101, 7)]
    for clip in track.find_clips():
        # Whole frames at the host's spelling of its rate: nothing on the track is promoted to another rate.
        assert clip.source_range.duration.rate == clip.source_range.start_time.rate == spelled
        assert clip.source_range.start_time.value == 12
        assert clip.media_reference.available_range.start_time == RationalTime(0, 48_000)


def test_the_file_is_as_long_as_its_samples(build: Any, place: Place) -> None:
    build.rate = 29.97
    (clip,) = place(build.timeline([build.clip("a", 100, 31)]), head=7, tail=3)
    reference = clip.media_reference
    head, shot, tail = (round(n * 1601.6) for n in (7, 31, 3))
    assert reference.available_range.duration == RationalTime(head + shot + tail, 48_000)
    start = exact_seconds(clip.source_range.start_time)
    assert abs(start * 48_000 - head) < 1
    identity = reference.metadata["avfoley"]
    result = identity["result"]
    assert (result["samples"], result["shot_samples"], result["head_samples"]) == (head + shot + tail, shot, head)


def test_a_head_that_is_no_whole_number_of_frames_is_kept_to_the_sample(build: Any, shoot: Any, take: Any) -> None:
    timeline = build.timeline([build.clip("a", 100, 24)])
    (shot,) = shoot(timeline)
    made = take(shot)
    result = made.result.model_copy(update={"head_samples": 3123, "samples": 3123 + 48_000})
    (clip,) = place_takes(timeline, [Placement(shot, [Take(made.request, result, made.path)])])
    assert exact_seconds(clip.source_range.start_time) * 48_000 == pytest.approx(3123, abs=0.01)


def test_takes_carry_their_identity(build: Any, place: Place, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    place(timeline, seeds=(2**63 - 1,), caption="steps")
    (shot,) = shoot(timeline)
    (clip,) = foley_tracks(timeline)[0].find_clips()
    restored = otio.adapters.read_from_string(timeline.to_json_string(), "otio_json")
    (again,) = placed(restored)
    assert clip.metadata["avfoley"]["id"] == again.shot_id == shot.id
    assert again.identity.request == shot.request(seed=2**63 - 1, caption="steps")
    assert (again.identity.result.revision, again.identity.result.samples) == ("r1", 60_000)
    written = json.loads(restored.to_json_string())
    (take,) = [found for found in identities(written) if found["kind"] == "take"]
    assert take["request"] == again.identity.request.model_dump(mode="json")
    assert take["result"] == again.identity.result.model_dump(mode="json", exclude={"path"})
    assert take.keys() == {"kind", "version", "id", "request", "result"}
    # What the model settled by itself is asked for when the take is made again.
    assert (again.identity.asked_again.steps, again.identity.asked_again.guidance_scale) == (25, 3.5)


def test_several_takes_are_references_of_one_clip(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    (clip,) = place(timeline, seeds=(1, 2, 3))
    assert sorted(clip.media_references()) == ["take 1", "take 2", "take 3"]
    assert clip.active_media_reference_key == "take 1"
    assert [(take.key, take.identity.request.seed, take.active) for take in placed(timeline)] == [
        ("take 1", 1, True),
        ("take 2", 2, False),
        ("take 3", 3, False),
    ]


def test_running_again_finds_its_own(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30), build.clip("b", 100, 30)])
    place(timeline)
    once = timeline.to_json_string()
    place(timeline)
    assert timeline.to_json_string() == once
    place(timeline, "b", seeds=(5,))
    assert len(foley_tracks(timeline)) == 1
    assert [(take.shot_name, take.identity.request.seed, take.active) for take in placed(timeline)] == [
        ("a", 0, True),
        ("b", 0, False),
        ("b", 5, True),
    ]
    place(timeline, "b", seeds=(6,), replace=True)
    assert [(take.shot_name, take.identity.request.seed, take.active) for take in placed(timeline)][1:] == [
        ("b", 6, True)
    ]


def test_our_track_is_known_by_its_metadata_alone(build: Any, place: Place) -> None:
    theirs = Track("AVFoley", kind="Audio", children=[build.clip("their own", 0, 10)])
    timeline = build.timeline([build.clip("a", 100, 30)], theirs)
    place(timeline)
    assert [track.name for track in timeline.tracks] == ["V1", "AVFoley", "AVFoley"]
    foley_tracks(timeline)[0].name = "FOL"
    place(timeline, seeds=(1,))
    assert [track.name for track in timeline.tracks] == ["V1", "AVFoley", "FOL"]
    assert len(theirs) == 1


def test_takes_with_other_handles_stay_in_sync(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    place(timeline, seeds=(1,), head=24)
    (clip,) = place(timeline, seeds=(2,), head=6)
    assert clip.source_range.start_time == RationalTime(6, 24)
    for take in placed(timeline):
        available = clip.media_references()[take.key].available_range
        into_file = exact_seconds(clip.source_range.start_time) - exact_seconds(available.start_time)
        assert into_file * 48_000 == take.identity.result.head_samples


def test_overlapping_shots_get_a_further_track(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("wide", 0, 100)], [build.gap(20), build.clip("close", 0, 10)])
    place(timeline, "wide", "close")
    first, second = foley_tracks(timeline)
    assert record_ranges(first, Fraction(24)) == [("wide", 0, 100)]
    assert record_ranges(second, Fraction(24)) == [("close", 20, 10)]
    place(timeline, "wide", "close", seeds=(4,))
    assert len(foley_tracks(timeline)) == 2


def test_takes_follow_their_shots(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30), build.clip("b", 100, 30), build.clip("c", 100, 30)])
    place(timeline)
    timeline.tracks[0].insert(1, build.gap(13))
    place(timeline, "a", seeds=(1,))
    (track,) = foley_tracks(timeline)
    assert record_ranges(track, Fraction(24)) == [("a", 0, 30), ("b", 43, 30), ("c", 73, 30)]
    swapped = timeline.tracks[0].pop(0)
    timeline.tracks[0].append(swapped)
    place(timeline, "b", seeds=(1,))
    assert record_ranges(track, Fraction(24)) == [("b", 13, 30), ("c", 43, 30), ("a", 73, 30)]


def test_what_the_editor_did_to_other_takes_is_kept(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30), build.clip("b", 100, 30)])
    place(timeline)
    (track,) = foley_tracks(timeline)
    b = track[1]
    b.source_range = build.range(4, 20)
    track.insert(1, build.gap(4))
    b.effects.append(otio.schema.Effect(effect_name="gain"))
    place(timeline, "a", seeds=(9,))
    assert record_ranges(track, Fraction(24)) == [("a", 0, 30), ("b", 34, 20)]
    timeline.tracks[0].insert(0, build.gap(10))
    place(timeline, "a", seeds=(9,))
    assert record_ranges(track, Fraction(24)) == [("a", 10, 30), ("b", 44, 20)]
    place(timeline, "b", seeds=(9,))
    assert record_ranges(track, Fraction(24)) == [("a", 10, 30), ("b", 40, 30)]
    assert [effect.effect_name for effect in b.effects] == ["gain"]


def test_a_shot_cut_anew_replaces_the_take_of_its_old_cut(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30), build.clip("b", 100, 30)])
    place(timeline)
    timeline.tracks[0][0].source_range = build.range(100, 40)
    place(timeline, "a")
    (track,) = foley_tracks(timeline)
    assert record_ranges(track, Fraction(24)) == [("a", 0, 40), ("b", 40, 30)]


def test_other_peoples_sound_on_our_track_stays_where_it_is(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30), build.clip("b", 100, 30)])
    place(timeline, "a")
    (track,) = foley_tracks(timeline)
    track.extend([build.gap(10), build.clip("their own", 0, 10)])
    place(timeline)
    assert record_ranges(track, Fraction(24)) == [("a", 0, 30), ("their own", 40, 10)]
    assert record_ranges(foley_tracks(timeline)[1], Fraction(24)) == [("b", 30, 30)]
    remove_all(timeline)
    (left,) = [track for track in timeline.tracks if track.kind == "Audio"]
    assert record_ranges(left, Fraction(24)) == [("their own", 40, 10)]
    assert dict(left.metadata) == {}


def test_a_take_moved_to_another_track_is_still_ours(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    (clip,) = place(timeline)
    (track,) = foley_tracks(timeline)
    track.remove(clip)
    timeline.tracks.append(Track("SFX", kind="Audio", children=[clip]))
    place(timeline, seeds=(3,))
    assert [child.name for child in timeline.tracks[-1]] == ["a"]
    assert len(placed(timeline)) == 2
    assert len(track) == 0


def test_a_trimmed_top_stack_shifts_our_track_too(build: Any, place: Place, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 0, 50), build.clip("b", 0, 50)])
    timeline.tracks.source_range = build.range(20, 60)
    place(timeline)
    (track,) = foley_tracks(timeline)
    assert record_ranges(track, Fraction(24)) == [("a", 20, 30), ("b", 50, 30)]
    assert [(take.record_start, take.frames) for take in placed(timeline)] == [(0, 30), (30, 30)]
    write_caption(timeline, shoot(timeline)[0], "steps")
    assert timeline.tracks.markers[0].marked_range == build.range(20, 30)


def test_nothing_of_anybody_else_changes(build: Any, place: Place, shoot: Any) -> None:
    music = Track(
        "music", kind="Audio", metadata={"mixer": {"gain": -3.0}}, children=[build.gap(3), build.clip("m", 0, 50)]
    )
    clip = build.clip("a", 100, 30, scalar=0.5)
    clip.metadata["avfoley"] = {"caption": "theirs to say"}
    clip.markers.append(otio.schema.Marker("note", build.range(1, 1), "RED", comment="hm"))
    timeline = build.timeline(
        [build.gap(4), clip, build.transition(2, 2), build.clip("b", 100, 30)], music, start=86_400
    )
    timeline.metadata["program"] = {"version": 7, "list": [1, 2.5, None]}
    timeline.tracks.markers.append(otio.schema.Marker("act one", build.range(0, 1)))
    before = json.loads(timeline.to_json_string())
    place(timeline, seeds=(1, 2), head=5)
    for shot in shoot(timeline):
        write_caption(timeline, shot, "steps")
    assert without_ours(timeline) == before
    remove_all(timeline)
    assert json.loads(timeline.to_json_string()) == before
    assert captions(timeline) == {}


def test_whatever_we_write_says_so(build: Any, place: Place, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    place(timeline, seeds=(1, 2))
    write_caption(timeline, shoot(timeline)[0], "steps")
    kinds = sorted(identity["kind"] for identity in identities(json.loads(timeline.to_json_string())))
    assert kinds == ["caption", "foley", "foley_track", "take", "take"]


def test_nothing_to_place_changes_nothing(build: Any) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    assert place_takes(timeline, []) == []
    assert foley_tracks(timeline) == []
    assert placed(timeline) == []


def test_a_placement_without_take_is_refused(build: Any, shoot: Any) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    with pytest.raises(ValueError, match="no take to place for a"):
        place_takes(timeline, [Placement(shoot(timeline)[0], [])])


def test_a_reference_somebody_added_to_our_clip_stays(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip("a", 100, 30)])
    (clip,) = place(timeline)
    clip.set_media_references({**clip.media_references(), "proxy": ExternalReference("proxy.wav")}, "proxy")
    place(timeline, seeds=(4,), replace=True)
    assert sorted(clip.media_references()) == ["proxy", "take 1"]
    assert clip.active_media_reference_key == "take 1"


def test_gaps_on_our_track_are_few(build: Any, place: Place) -> None:
    timeline = build.timeline([build.clip(name, 100, 10) for name in "abcd"])
    for name in "dbca":
        place(timeline, name)
    (track,) = foley_tracks(timeline)
    assert [type(child) for child in track] == [Clip] * 4
    del timeline.tracks[0][1:3]
    timeline.tracks[0].insert(1, build.clip("x", 100, 20))
    place(timeline, "x")
    assert [child.name for child in track if not isinstance(child, Gap)] == ["a", "x", "d"]


def test_urls_name_the_files(build: Any, place: Place) -> None:
    (clip,) = place(build.timeline([build.clip("a", 100, 30)]), path=Path("/edit/foley/take #1 é.wav"))
    assert clip.media_reference.target_url == "file:///edit/foley/take%20%231%20%C3%A9.wav"


class TestCarriedOver:
    """What an earlier version of a timeline has of ours, brought to one without it."""

    @pytest.fixture
    def cut(self, build: Any) -> Timeline:
        timeline: Timeline = build.timeline([build.clip("a", 0, 20), build.clip("b", 40, 20), build.clip("c", 80, 20)])
        return timeline

    def test_onto_a_bare_timeline_it_is_as_it_was(self, cut: Timeline, place: Place, shoot: Any) -> None:
        earlier = cut.deepcopy()
        place(earlier, "a", "c", seeds=(0, 1))
        write_caption(earlier, shoot(earlier, "a")[0], "a bell")
        track = foley_tracks(earlier)[0]
        track.name = "Steps"
        track.effects.append(otio.schema.Effect("gain"))
        assert not has_ours(cut)
        carry_over(earlier, cut)
        assert cut.to_json_string() == earlier.to_json_string()

    def test_takes_of_both_are_kept_and_the_active_one_stays(self, cut: Timeline, place: Place, shoot: Any) -> None:
        earlier = cut.deepcopy()
        place(earlier, "a", seeds=(1, 2))
        place(earlier, "b")
        place(cut, "a", seeds=(5, 1))
        write_caption(earlier, shoot(earlier, "a")[0], "a bell")
        write_caption(cut, shoot(cut, "a")[0], "a gong")
        carry_over(earlier, cut)
        assert len(foley_tracks(cut)) == 1
        assert [(take.shot_name, take.identity.request.seed, take.key, take.active) for take in placed(cut)] == [
            ("a", 5, "take 1", True),
            ("a", 1, "take 2", False),
            ("a", 2, "take 3", False),
            ("b", 0, "take 1", True),
        ]
        assert list(captions(cut).values()) == ["a gong"]
        before = cut.to_json_string()
        carry_over(earlier, cut)
        assert cut.to_json_string() == before

    def test_a_clip_moved_to_another_track_is_not_doubled(self, cut: Timeline, place: Place) -> None:
        earlier = cut.deepcopy()
        place(earlier, "a", "b")
        place(cut, "a")
        (ours,) = foley_tracks(cut)
        ours.metadata.clear()
        ours.name = "mine"
        carry_over(earlier, cut)
        assert [(take.shot_name, take.record_start) for take in placed(cut)] == [("a", 0), ("b", 20)]

    def test_an_earlier_clip_whose_place_is_taken_is_left_out(self, cut: Timeline, place: Place, build: Any) -> None:
        earlier = build.timeline([build.clip("whole", 0, 60)])
        place(earlier)
        place(cut, "b")
        carry_over(earlier, cut)
        assert [take.shot_name for take in placed(cut)] == ["b"]
