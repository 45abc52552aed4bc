"""Which sounds a selection means, and what stretch of their media they play."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import MediaProbe
from opentimelineio.schema import Timeline, Track

from avfoley_plugin.errors import SelectionError
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.cue_sheet import cue_sheet
from avfoley_plugin.timeline.identity import HOST_ID
from avfoley_plugin.timeline.placing import Placement, foley_tracks, place_takes, placed, remove_all
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import read_shots
from avfoley_plugin.timeline.sounds import SoundClip, all_sounds, is_on_audio_track, read_sounds, sound_of
from avfoley_plugin.timeline.takes import Take
from support.messages import visualize_result


def probe(path: Path) -> MediaProbe:
    return MediaProbe(
        path=path,
        frames=1000,
        rate=Fraction(24),
        has_picture=path.suffix == ".mov",
        has_sound=not path.stem.startswith("mute"),
        duration=Fraction(1000, 24),
    )


@pytest.fixture
def hear() -> Callable[..., list[SoundClip]]:
    def hear(timeline: Timeline, *names: str, record_range: str | None = None) -> list[SoundClip]:
        sounds, problems = read_sounds(
            timeline, Selection(names, record_range), folder=Path("/edit"), probe=probe, is_online=lambda path: True
        )
        assert problems == []
        return sounds

    return hear


def audio(*children: Any) -> Track:
    return Track("A1", kind=otio.schema.TrackKind.Audio, children=list(children))


def take(sound: SoundClip, seed: int = 0, caption: str | None = None) -> Take:
    asked = sound.request(caption=caption, seed=seed, codec="prores")
    result = visualize_result(asked, steps=4, guidance_scale=2.0)
    return Take(asked, result, Path(f"/edit/edit.avfoley/a_picture_{seed}.mov"))


def test_an_audio_clip_is_its_stretch_of_the_sound(build: Any, hear: Callable[..., list[SoundClip]]) -> None:
    build.rate = 23.976
    timeline = build.timeline([build.clip("a", 0, 100)], audio(build.gap(10), build.clip("bell", 48, 36, url="b.wav")))
    (sound,) = hear(timeline, "bell")
    assert (sound.name, sound.record_start, sound.frames) == ("bell", 10, 36)
    assert sound.record_rate == Fraction(24_000, 1001)
    assert sound.sound.media == Path("/edit/b.wav")
    assert (sound.sound.source_start, sound.sound.speed) == (48 * Fraction(1001, 24_000), 1)
    (part,) = hear(timeline, "bell", record_range="20-30")
    assert (part.record_start, part.frames) == (20, 10)
    assert part.sound.source_start == 58 * Fraction(1001, 24_000)
    assert part.id != sound.id


def test_the_audio_track_comes_before_a_video_clips_own_sound(build: Any, hear: Callable[..., list[SoundClip]]) -> None:
    timeline = build.timeline(
        [build.clip("a", 0, 50), build.clip("b", 0, 50)], audio(build.clip("a", 5, 50, url="a.wav"))
    )
    assert [sound.sound.media.name for sound in hear(timeline, "a")] == ["a.wav"]
    assert [sound.sound.media.name for sound in hear(timeline, "b")] == ["b.mov"]
    assert [sound.sound.media.name for sound in hear(timeline)] == ["a.wav"]
    timeline.tracks[1].enabled = False
    assert [sound.sound.media.name for sound in hear(timeline, "a")] == ["a.mov"]


def test_a_shot_goes_with_the_clip_linked_to_it_else_with_its_own_sound(build: Any) -> None:
    timeline = build.timeline(
        [build.clip("a", 0, 50), build.clip("b", 0, 50), build.clip("mute", 0, 50)],
        audio(build.clip("a", 5, 50, url="a.wav"), build.clip("atmo", 0, 50, url="atmo.wav")),
    )
    options: Any = {"folder": Path("/edit"), "probe": probe, "is_online": lambda path: True}
    sounds = all_sounds(timeline, **options)
    assert [(sound.name, is_on_audio_track(timeline, sound)) for sound in sounds] == [
        ("a", False),
        ("a", True),
        ("b", False),
        ("atmo", True),
    ]
    # By whatever selection it is found, it is the same sound.
    by_name, _ = read_sounds(timeline, Selection(("a", "b", "atmo")), **options)
    assert {sound.id for sound in by_name} < {sound.id for sound in sounds}
    shots, _ = read_shots(timeline, folder=Path("/edit"), is_online=lambda path: True)
    found = {shot.name: sound_of(timeline, shot, sounds) for shot in shots}
    assert [None if sound is None else sound.sound.media.name for sound in found.values()] == ["a.wav", "b.mov", None]


def test_a_shot_selected_with_its_own_sound_is_one_sound(build: Any) -> None:
    picture, own, other = (
        build.clip("a", 0, 50),
        build.clip("a", 0, 50, url="a.wav"),
        build.clip("b", 0, 50, url="b.wav"),
    )
    for number, clip in enumerate((picture, own, other)):
        clip.metadata[HOST_ID] = str(number)
    timeline = build.timeline([picture], audio(own, other))

    def chosen(*ids: str) -> list[str]:
        sounds, problems = read_sounds(
            timeline,
            Selection(host_ids=frozenset(ids)),
            folder=Path("/edit"),
            probe=probe,
            is_online=lambda path: True,
        )
        assert problems == []
        return [sound.sound.media.name for sound in sounds]

    assert chosen("0", "1") == ["a.wav"]
    assert chosen("0") == ["a.mov"]
    assert chosen("1", "2") == ["a.wav", "b.wav"]
    with pytest.raises(SelectionError, match="no sound there"):
        chosen("3")


@pytest.mark.parametrize(("scalar", "start"), [(2.0, 100), (-1.0, 150)])
def test_retimed_sounds_keep_their_speed(
    build: Any, hear: Callable[..., list[SoundClip]], scalar: float, start: int
) -> None:
    (sound,) = hear(build.timeline([], audio(build.clip("a", 100, 50, scalar=scalar, url="a.wav"))), "a")
    assert (sound.sound.speed, sound.sound.source_start, sound.frames) == (scalar, Fraction(start, 24), 50)


def test_what_has_no_sound_is_a_problem_and_what_is_not_there_an_error(build: Any) -> None:
    still = build.clip("still", 0, 10, freeze=True)
    timeline = build.timeline([build.clip("mute", 0, 50), still])

    def read(*names: str) -> tuple[list[SoundClip], list[Any]]:
        options: Any = {"folder": Path("/edit"), "probe": probe, "is_online": lambda path: True}
        return read_sounds(timeline, Selection(names), **options)

    sounds, problems = read("mute", "still")
    assert sounds == []
    assert ["no sound" in problems[0].reason, "freeze" in problems[1].reason] == [True, True]
    with pytest.raises(SelectionError, match="gone; the clips are: mute, still"):
        read("gone")
    with pytest.raises(SelectionError, match="no sound there"):
        read()


def test_a_picture_lies_over_its_sound_and_is_found_again(build: Any, hear: Callable[..., list[SoundClip]]) -> None:
    build.rate = 29.97
    bell = build.clip("bell", 48, 36, url="b.wav")
    timeline = build.timeline([build.clip("a", 0, 100)], audio(build.gap(10), bell), start=107_892)
    (sound,) = hear(timeline, "bell")
    place_takes(timeline, [Placement(sound, [take(sound), take(sound, seed=1)])], current=[sound])
    (track,) = foley_tracks(timeline)
    assert (track.kind, track.name) == (otio.schema.TrackKind.Video, "AVFoley picture")
    (clip,) = track.find_clips()
    where = track.range_of_child(clip)
    assert (where.start_time, where.duration) == (build.time(10), build.time(36))
    assert clip.source_range == build.range(0, 36)
    assert clip.media_reference.available_range == build.range(0, 36)
    assert sound.request().record_start == 107_902

    # It moves with its sound, and another take of it stays one clip.
    timeline.tracks[1][0].source_range = build.range(0, 30)
    (moved,) = hear(timeline, "bell")
    assert moved.id == sound.id
    place_takes(timeline, [Placement(moved, [take(moved, seed=2)])], current=[moved])
    takes = placed(timeline)
    assert [(t.key, t.record_start, t.active) for t in takes] == [
        ("take 1", 30, False),
        ("take 2", 30, False),
        ("take 3", 30, True),
    ]
    assert takes[2].identity.request.codec == "prores"
    assert takes[2].identity.result.upsampling == "interpolation"
    assert len(foley_tracks(timeline)) == 1
    assert cue_sheet(timeline).splitlines()[3].endswith("take 3,yes,,")
    # The picture that we made is no shot, and does not hide the one that was shot.
    shots, _ = read_shots(timeline, folder=Path("/edit"), is_online=lambda path: True)
    assert [(shot.name, shot.frames) for shot in shots] == [("a", 100)]
    remove_all(timeline)
    assert foley_tracks(timeline) == []


def test_captions_are_the_markers(build: Any, hear: Callable[..., list[SoundClip]]) -> None:
    timeline = build.timeline([build.clip("a", 0, 100)], audio(build.clip("bell", 0, 36, url="b.wav")))
    (sound,) = hear(timeline, "bell")
    write_caption(timeline, sound, "a church bell")
    assert hear(timeline, "bell")[0].request().caption == "a church bell"
