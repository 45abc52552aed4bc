"""Ambiences: over a range, whatever lies there, and found again wherever the editor moved them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from opentimelineio.schema import Clip, Timeline, Track

from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.ambience import ambience, placed_ambience
from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.placing import Placement, carry_over, foley_tracks, place_takes, placed, remove_all
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.takes import Take
from avfoley_plugin.timeline.timing import exact_frames

Lay = Callable[..., Shot]


@pytest.fixture
def timeline(build: Any) -> Timeline:
    """Three shots of 30 frames from 01:00:00:00 on."""
    made: Timeline = build.timeline([build.clip(name, 100, 30) for name in "abc"], start=86_400)
    return made


@pytest.fixture
def lay(take: Callable[..., Take], shoot: Any) -> Lay:
    """Puts an ambience over a range, as the workflow does."""

    def lay(timeline: Timeline, record_range: str, caption: str, seed: int = 0) -> Shot:
        shot = ambience(timeline, record_range)
        place_takes(timeline, [Placement(shot, [take(shot, seed=seed, caption=caption)])], current=shoot(timeline))
        write_caption(timeline, shot, caption)
        return shot

    return lay


def clips(track: Track) -> list[tuple[str, Fraction, Fraction]]:
    ranges = [(child.name, track.range_of_child(child)) for child in track if isinstance(child, Clip)]
    return [
        (name, exact_frames(r.start_time, Fraction(24)), exact_frames(r.duration, Fraction(24))) for name, r in ranges
    ]


@pytest.mark.parametrize("record_range", ["20-70", "01:00:00:20-01:00:02:22"])
def test_one_shot_over_the_whole_range(timeline: Timeline, record_range: str) -> None:
    shot = ambience(timeline, record_range)
    assert shot.is_ambience
    assert (shot.record_start, shot.frames, shot.record_start_timecode) == (20, 50, 86_420)
    request = shot.request(caption="rain", head_handle=12)
    assert (request.picture, request.frames, request.record_start, request.head_handle) == (None, 50, 86_420, 12)


def test_it_needs_no_picture(build: Any) -> None:
    assert ambience(build.timeline([build.gap(100)]), "0-50").frames == 50


@pytest.mark.parametrize("record_range", ["10-10", "x"])
def test_a_range_that_is_none_is_refused(timeline: Timeline, record_range: str) -> None:
    with pytest.raises(SelectionError, match=record_range):
        ambience(timeline, record_range)


def test_foley_and_ambiences_have_tracks_of_their_own(timeline: Timeline, lay: Lay, take: Any, shoot: Any) -> None:
    lay(timeline, "0-90", "rain")
    place_takes(timeline, [Placement(shot, [take(shot)]) for shot in shoot(timeline)], current=shoot(timeline))
    lay(timeline, "60-120", "traffic")
    lay(timeline, "90-120", "wind")
    assert [(track.name, clips(track)) for track in foley_tracks(timeline)] == [
        ("AVFoley ambience", [("Ambience", 0, 90), ("Ambience", 90, 30)]),
        ("AVFoley", [("a", 0, 30), ("b", 30, 30), ("c", 60, 30)]),
        ("AVFoley ambience 2", [("Ambience", 60, 60)]),
    ]
    remove_all(timeline)
    assert [track.name for track in timeline.tracks] == ["V1"]


def test_running_again_adds_a_take_to_the_same_clip(timeline: Timeline, lay: Lay) -> None:
    first = lay(timeline, "20-70", "rain")
    assert lay(timeline, "20-70", "rain").id == first.id
    assert len(placed(timeline)) == 1
    lay(timeline, "20-70", "heavy rain", seed=1)
    takes = placed(timeline)
    assert [(take.shot_id, take.identity.request.caption, take.active) for take in takes] == [
        (first.id, "rain", False),
        (first.id, "heavy rain", True),
    ]
    assert captions(timeline) == {first.id: "heavy rain"}
    assert ambience(timeline, "20-70").caption == "heavy rain"


def test_one_that_was_moved_is_found_where_it_is(timeline: Timeline, lay: Lay, build: Any) -> None:
    shot = lay(timeline, "20-70", "rain")
    (track,) = foley_tracks(timeline)
    track[0].source_range = build.range(0, 35)
    (take,) = placed(timeline)
    moved = placed_ambience(timeline, take)
    assert (moved.id, moved.record_start, moved.frames) == (shot.id, 35, 50)
    assert ambience(timeline, "35-85").id == shot.id
    # Over its old place there is room for another, which leaves it alone.
    other = lay(timeline, "20-70", "wind")
    assert other.id != shot.id
    assert [(take.shot_id, take.record_start) for take in placed(timeline)] == [(other.id, 20), (shot.id, 35)]


def test_a_new_take_of_one_that_was_moved_stays_there(timeline: Timeline, lay: Lay, build: Any, take: Any) -> None:
    lay(timeline, "20-70", "rain")
    (track,) = foley_tracks(timeline)
    track[0].source_range = build.range(0, 35)
    shot = placed_ambience(timeline, placed(timeline)[0])
    place_takes(timeline, [Placement(shot, [take(shot, seed=1)])])
    assert clips(track) == [("Ambience", 35, 50)]
    assert len(foley_tracks(timeline)) == 1


def test_an_edited_caption_is_told(timeline: Timeline, lay: Lay) -> None:
    shot = lay(timeline, "20-70", "rain")
    timeline.tracks.markers[0].comment = "hail"
    assert edited(timeline) == [(shot.id, "rain", "hail")]


def test_it_is_carried_over_to_a_new_version_of_the_cut(timeline: Timeline, lay: Lay, take: Any, shoot: Any) -> None:
    cut = timeline.deepcopy()
    lay(timeline, "20-70", "rain")
    shot = shoot(cut)[0]
    place_takes(cut, [Placement(shot, [take(shot)])])
    carry_over(timeline, cut)
    assert [(track.name, clips(track)) for track in foley_tracks(cut)] == [
        ("AVFoley", [("a", 0, 30)]),
        ("AVFoley ambience", [("Ambience", 20, 50)]),
    ]
