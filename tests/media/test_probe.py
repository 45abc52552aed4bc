"""Probing: length, rate, timecode and size as an editing program would show them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from avfoley_engine.errors import MediaError
from avfoley_engine.media import probe
from avfoley_engine.media.rates import frames_per_day, standard_rate, timecode_frames

MakeMedia = Callable[..., Path]
NTSC = Fraction(30_000, 1001)
BLACK = np.zeros((36, 64, 3), np.uint8)
NOISE = np.random.default_rng(0).integers(0, 255, (60, 36, 64, 3), np.uint8)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts"])
@pytest.mark.parametrize("rate", [Fraction(24_000, 1001), Fraction(25), NTSC, Fraction(60_000, 1001)])
def test_frames_and_rate_are_exact(make_media: MakeMedia, name: str, rate: Fraction) -> None:
    found = probe(make_media(name, [BLACK] * 50, rate=rate))
    assert (found.frames, found.rate) == (50, rate)
    assert (found.width, found.height, found.has_picture, found.has_sound) == (64, 36, True, False)
    assert abs(found.duration - 50 / rate) < Fraction(2, 1000)


def test_variable_frame_rate_counts_its_duration(make_media: MakeMedia) -> None:
    times = [Fraction(n, 30) for n in range(90) if n % 7]
    found = probe(make_media("vfr.mp4", [BLACK] * len(times), times=times, rate=Fraction(30)))
    assert abs(found.frames / found.rate - 3) < Fraction(1, 10)


def test_sound_beside_the_picture_is_found(make_media: MakeMedia) -> None:
    found = probe(make_media("a.mov", [BLACK] * 50, sound=np.zeros((2, 48_000 * 5), np.float32)))
    assert (found.frames, found.has_sound) == (50, True)


def test_sound_alone_has_no_picture(make_media: MakeMedia) -> None:
    found = probe(make_media("a.wav", None, sound=np.zeros((1, 24_000), np.float32)))
    assert (found.has_picture, found.has_sound, found.frames, found.width) == (False, True, 0, 0)
    assert found.duration == Fraction(1, 2)


@pytest.mark.parametrize(
    ("rate", "timecode", "frames"),
    [
        (Fraction(25), "10:00:00:00", 900_000),
        (NTSC, "01:00:00;00", 107_892),
        (NTSC, "00:01:00;02", 1800),
        (Fraction(24_000, 1001), "01:00:00:12", 86_412),
    ],
)
def test_the_medias_own_timecode(make_media: MakeMedia, rate: Fraction, timecode: str, frames: int) -> None:
    media = make_media("tc.mov", [BLACK] * 10, rate=rate, metadata={"timecode": timecode})
    assert probe(media).start_timecode == frames


def test_a_turned_picture_has_its_turned_size(make_media: MakeMedia) -> None:
    found = probe(make_media("a.mp4", [BLACK] * 3, picture=lambda stream: stream.set_display_rotation(90)))
    assert (found.width, found.height) == (36, 64)


def test_an_mp4_cut_short_counts_what_is_there(make_media: MakeMedia) -> None:
    media = make_media("cut.mp4", list(NOISE), muxer={"movflags": "faststart"}, options={"crf": "10", "bf": "0"})
    content = media.read_bytes()
    media.write_bytes(content[: len(content) // 2])
    assert 20 < probe(media).frames < 40


def test_a_recording_without_a_duration_is_counted(make_media: MakeMedia) -> None:
    media = make_media("live.webm", [BLACK] * 50, codec="libvpx-vp9", options={"lossless": "1"}, muxer={"live": "1"})
    assert probe(media).frames == 50


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.mov"):
        probe(tmp_path / "gone.mov")
    (tmp_path / "empty.mov").touch()
    with pytest.raises(MediaError, match=r"empty\.mov: is not a media file"):
        probe(tmp_path / "empty.mov")


def test_approximate_rates_stand_for_exact_ones() -> None:
    assert standard_rate(Fraction("23.976")) == Fraction(24_000, 1001)
    assert standard_rate(Fraction(2997, 100)) == NTSC
    assert standard_rate(Fraction(54_000, 1801)) == NTSC
    assert standard_rate(Fraction(24)) == 24
    assert standard_rate(Fraction(43, 2)) is None


def test_timecode_counts_frames_not_labels() -> None:
    assert timecode_frames("00:10:00;00", NTSC) == 17_982
    assert timecode_frames("00:10:00:00", NTSC) == 18_000
    assert timecode_frames("00:01:00;04", Fraction(60_000, 1001)) == 3600
    assert frames_per_day(NTSC, drop_frame=True) == timecode_frames("23:59:59;29", NTSC) + 1
    assert frames_per_day(Fraction(25), drop_frame=False) == 2_160_000
    with pytest.raises(ValueError, match="no timecode"):
        timecode_frames("soon", NTSC)


def test_real_clips_probe_as_listed(shared_data: Callable[[str], Path]) -> None:
    clips = shared_data("clips")
    found = probe(clips / "chop_cabbage.mp4")
    assert (found.frames, found.rate, found.width, found.height) == (241, NTSC, 1280, 720)
    assert not probe(clips / "tennis_ball_bounce_silent.mp4").has_sound
