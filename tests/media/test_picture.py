"""Frames by timestamp: what the reader shows must be what a player shows at that instant."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from avfoley_engine.errors import MediaError
from avfoley_engine.media import read_frames
from avfoley_engine.media.picture import Picture

SIZE = (36, 64)
MakeMedia = Callable[..., Path]


def numbered(n: int, height: int = 36, width: int = 64) -> np.ndarray:
    """A picture of one colour that tells its number."""
    return np.full((height, width, 3), (n % 12 * 20 + 15, n // 12 % 12 * 20 + 15, 128), np.uint8)


def numbers(frames: np.ndarray) -> list[int]:
    red, green, _ = np.rint((frames[:, 8:-8, 8:-8].mean((1, 2)) - 15) / 20).T
    return (red + 12 * green).astype(int).tolist()


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.ts"])
@pytest.mark.parametrize(
    "rate",
    [Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(50), Fraction(60_000, 1001)],
)
def test_each_frame_is_on_display_from_its_time_to_the_next(make_media: MakeMedia, name: str, rate: Fraction) -> None:
    media = make_media(name, [numbered(n) for n in range(40)], rate=rate)
    begins = [n / rate for n in range(40)]
    ends = [(n + Fraction(4, 5)) / rate for n in range(40)]
    assert numbers(read_frames(media, begins, SIZE)) == list(range(40))
    assert numbers(read_frames(media, ends, SIZE)) == list(range(40))


def test_a_model_rate_takes_every_so_many_frames_not_the_first_ones(make_media: MakeMedia) -> None:
    media = make_media("a.mp4", [numbered(n) for n in range(60)], rate=Fraction(60))
    assert numbers(read_frames(media, [Fraction(n, 12) for n in range(12)], SIZE)) == list(range(0, 60, 5))


def test_variable_frame_rate_goes_by_timestamps(make_media: MakeMedia) -> None:
    times = [Fraction(n) for n in ("0", "0.04", "0.08", "0.5", "0.52", "1.4", "1.45", "2")]
    media = make_media("vfr.mp4", [numbered(n) for n in range(8)], times=times)
    asked = [Fraction(n) for n in ("0.03", "0.1", "0.45", "0.51", "1.3", "1.42", "1.9", "2.5")]
    assert numbers(read_frames(media, asked, SIZE)) == [0, 2, 2, 3, 4, 5, 6, 7]


def test_reversed_repeated_and_out_of_range_times(make_media: MakeMedia) -> None:
    media = make_media("a.mp4", [numbered(n) for n in range(30)])
    times = [Fraction(n, 25) for n in (29, 20, 20, 3, 7, -5, 400)]
    assert numbers(read_frames(media, times, SIZE)) == [29, 20, 20, 3, 7, 0, 29]


def test_no_times_give_no_frames(make_media: MakeMedia) -> None:
    media = make_media("a.mp4", [numbered(0)])
    assert read_frames(media, [], SIZE).shape == (0, *SIZE, 3)


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "long.ts"])
@pytest.mark.parametrize(
    "options", [{"crf": "1", "g": "50"}, {"crf": "1", "g": "50", "bf": "3", "x264-params": "open-gop=1"}]
)
def test_a_late_range_of_a_long_file_is_sought_not_decoded_up_to(
    make_media: MakeMedia, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, str]
) -> None:
    media = make_media(name, [numbered(n % 144) for n in range(1000)], options=options)
    decoded = 0
    fields = Picture._decoded_fields

    def counted(picture: Picture):
        nonlocal decoded
        for frame in fields(picture):
            decoded += 1
            yield frame

    monkeypatch.setattr(Picture, "_decoded_fields", counted)
    asked = [200, 201, 903, 904, 930]
    assert numbers(read_frames(media, [Fraction(n, 25) for n in asked], SIZE)) == [n % 144 for n in asked]
    assert decoded < 450


def test_the_first_frames_are_decoded_once(make_media: MakeMedia, monkeypatch: pytest.MonkeyPatch) -> None:
    media = make_media("a.mp4", [numbered(n) for n in range(30)])
    decoded = 0
    fields = Picture._decoded_fields

    def counted(picture: Picture):
        nonlocal decoded
        for frame in fields(picture):
            decoded += 1
            yield frame

    monkeypatch.setattr(Picture, "_decoded_fields", counted)
    assert numbers(read_frames(media, [Fraction(n, 25) for n in range(30)], SIZE)) == list(range(30))
    assert decoded == 30


def test_frames_can_be_asked_for_twice(make_media: MakeMedia) -> None:
    media = make_media("a.mp4", [numbered(n) for n in range(30)])
    with Picture(media) as picture:
        for asked in ([0, 3, 4], [20], [0, 29]):
            frames = picture.frames_at([Fraction(n, 25) for n in asked])
            assert numbers(np.stack([picture.scaled(frame, SIZE) for frame in frames])) == asked


def test_a_file_whose_clock_does_not_begin_at_zero(make_media: MakeMedia) -> None:
    times = [10 + Fraction(n, 25) for n in range(300)]
    media = make_media("late.mkv", [numbered(n % 144) for n in range(300)], times=times)
    assert numbers(read_frames(media, [Fraction(n, 25) for n in (0, 1, 20, 250)], SIZE)) == [0, 1, 20, 106]


CORNERS = np.zeros((36, 64, 3), np.uint8)
CORNERS[:18, :32] = (255, 0, 0)
CORNERS[:18, 32:] = (0, 255, 0)
CORNERS[18:, :32] = (0, 0, 255)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_display_matrix_turns_and_mirrors(make_media: MakeMedia, degrees: int, mirrored: bool) -> None:
    # 16:9 as stored, or after a quarter turn 9:16.
    shown = np.rot90(CORNERS, degrees // 90)
    shown = shown[:, ::-1] if mirrored else shown
    media = make_media(
        "turned.mp4",
        [CORNERS] * 3,
        picture=lambda stream: stream.set_display_rotation(degrees, hflip=mirrored),
    )
    frame = read_frames(media, [Fraction(0)], shown.shape[:2])[0].astype(int)
    assert np.abs(frame - shown).mean() < 8


def test_a_phone_held_upright_keeps_the_centre(make_media: MakeMedia) -> None:
    media = make_media("turned.mp4", [CORNERS] * 3, picture=lambda stream: stream.set_display_rotation(90))
    frame = read_frames(media, [Fraction(0)], SIZE)[0].astype(int)
    shown = np.rot90(CORNERS)
    assert frame.shape == (*SIZE, 3)
    for row, column in ((2, 2), (2, 60), (33, 2), (33, 60)):
        assert np.abs(frame[row, column] - shown[(row > 18 and 40) or 24, (column > 32 and 30) or 4]).max() < 40


def test_other_aspects_are_cropped_not_squashed(make_media: MakeMedia) -> None:
    # 4:3, a white square of 120 x 120 in the middle, red above and below 16:9.
    image = np.zeros((480, 640, 3), np.uint8)
    image[:58] = image[-58:] = (255, 0, 0)
    image[180:300, 260:380] = 255
    frame = read_frames(make_media("a.mp4", [image]), [Fraction(0)], SIZE)[0].astype(int)
    assert (frame[..., 0] - frame[..., 1]).max() < 60
    white = frame.min(2) > 127
    assert white.any(0).sum() == white.any(1).sum() == 12


def test_the_pixel_aspect_counts(make_media: MakeMedia) -> None:
    # PAL wide screen: 720 x 576 pixels that a player shows at 16:9.
    image = np.zeros((576, 720, 3), np.uint8)
    image[:, :90] = (0, 255, 0)
    media = make_media(
        "pal.mp4",
        [image],
        picture=lambda stream: setattr(stream.codec_context, "sample_aspect_ratio", Fraction(64, 45)),
    )
    frame = read_frames(media, [Fraction(0)], SIZE)[0]
    assert (frame[..., 1] > 127).any(0).sum() == 8


def test_downscaling_averages_the_area(make_media: MakeMedia) -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    image[::2] = 255
    frame = read_frames(make_media("a.mp4", [image]), [Fraction(0)], SIZE)[0].astype(int)
    assert abs(frame.mean() - 127) < 6
    assert frame.std() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [("a.mov", "qtrle", "argb", {}), ("a.webm", "libvpx-vp9", "yuva420p", {"auto-alt-ref": "0", "lossless": "1"})],
)
def test_transparency_lies_over_black(
    make_media: MakeMedia, name: str, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    image = np.full((36, 64, 4), 200, np.uint8)
    image[:, :16, 3] = 0
    image[:, 16:32, 3] = 128
    image[:, 32:, 3] = 255
    media = make_media(name, [image] * 3, codec=codec, pix_fmt=pix_fmt, options=options)
    frame = read_frames(media, [Fraction(1, 25)], SIZE)[0].astype(int)
    assert np.abs(frame[4:-4, [4, 24, 50]].mean((0, 2)) - (0, 100, 200)).max() < 5


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("a.mov", "prores_ks", "yuv422p10le", {}),
        ("a.mkv", "ffv1", "yuv444p10le", {}),
        ("a.mp4", "libx264", "yuv420p10le", {"crf": "1"}),
    ],
)
def test_ten_bits_keep_their_brightness(
    make_media: MakeMedia, name: str, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    media = make_media(name, [numbered(n) for n in range(30)], codec=codec, pix_fmt=pix_fmt, options=options)
    frames = read_frames(media, [Fraction(n, 25) for n in range(30)], SIZE)
    assert numbers(frames) == list(range(30))
    assert np.abs(frames[5, 18, 32].astype(int) - numbered(5)[0, 0]).max() <= 4


def test_interlaced_frames_show_their_first_field(make_media: MakeMedia) -> None:
    # Encoded with the bottom field first: the light goes on at frame 4's second field, and off again at frame 8's.
    images = [np.full((72, 128, 3), 255 if 5 <= n <= 8 else 0, np.uint8) for n in range(12)]
    images[4][0::2], images[8][0::2] = 255, 0

    def interlaced(stream) -> None:
        stream.codec_context.flags |= 1 << 18 | 1 << 29  # interlaced DCT and motion estimation

    media = make_media("i.mkv", images, codec="mpeg2video", options={"q": "1"}, picture=interlaced)
    with Picture(media) as picture:
        assert next(iter(picture._decoded_fields())).interlaced_frame
    frames = read_frames(media, [Fraction(n, 25) for n in range(12)], SIZE)
    brightness = frames.mean((1, 2, 3))
    assert len(brightness) == 12
    assert brightness[:4].max() < 10
    assert brightness[4] < 60
    assert brightness[5:8].min() > 240
    assert brightness[8] > 195
    assert brightness[9:].max() < 10


def test_sound_alone_is_refused_by_name(make_media: MakeMedia) -> None:
    media = make_media("voice.wav", None, sound=np.zeros((1, 4800), np.float32))
    with pytest.raises(MediaError, match=r"voice\.wav: has no picture.*caption"):
        read_frames(media, [Fraction(0)], SIZE)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.mp4: there is no such file.*relink"):
        read_frames(tmp_path / "gone.mp4", [Fraction(0)], SIZE)


def test_a_file_that_is_no_media_is_refused_by_name(tmp_path: Path) -> None:
    media = tmp_path / "notes.mp4"
    media.write_text("not a film\n" * 100)
    with pytest.raises(MediaError, match=r"notes\.mp4: is not a media file"):
        read_frames(media, [Fraction(0)], SIZE)


def test_a_playlist_cannot_reach_the_network(tmp_path: Path) -> None:
    media = tmp_path / "list.m3u8"
    media.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError, match=r"list\.m3u8"):
        read_frames(media, [Fraction(0)], SIZE)


@pytest.mark.parametrize(("name", "muxer"), [("cut.mp4", {"movflags": "faststart"}), ("cut.mkv", {}), ("cut.ts", {})])
def test_a_file_cut_short_gives_what_is_there(make_media: MakeMedia, name: str, muxer: dict[str, str]) -> None:
    rng = np.random.default_rng(0)
    images = [np.clip(numbered(n) + rng.normal(0, 9, (36, 64, 3)), 0, 255).astype(np.uint8) for n in range(60)]
    media = make_media(name, images, muxer=muxer)
    content = media.read_bytes()
    media.write_bytes(content[: len(content) // 2])
    shown = numbers(read_frames(media, [Fraction(n, 25) for n in range(60)], SIZE))
    assert shown[:20] == list(range(20))
    assert 20 < shown[-1] < 45
    assert shown == sorted(shown)


def test_a_file_cut_before_its_first_frame_is_refused(make_media: MakeMedia) -> None:
    media = make_media("cut.mp4", [numbered(n) for n in range(30)], muxer={"movflags": "faststart"})
    content = media.read_bytes()
    media.write_bytes(content[: content.index(b"mdat") + 8])
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        read_frames(media, [Fraction(0)], SIZE)


def test_a_still_image_is_held(make_media: MakeMedia) -> None:
    media = make_media("still.png", [numbered(7)], codec="png", pix_fmt="rgb24", options={})
    assert numbers(read_frames(media, [Fraction(0), Fraction(9)], SIZE)) == [7, 7]
