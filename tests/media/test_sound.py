"""Reading sound: rate, channels, and its place against the picture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from avfoley_engine.errors import MediaError
from avfoley_engine.media import read_sound

MakeMedia = Callable[..., Path]
BLACK = np.zeros((36, 64, 3), np.uint8)


def tone(seconds: float, frequency: float = 1000.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * 48_000)) / 48_000)).astype(np.float32)[None]


def test_samples_come_as_they_are(make_media: MakeMedia) -> None:
    sound = read_sound(make_media("a.wav", None, sound=tone(1), sound_codec="pcm_f32le"), 48_000)
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound, tone(1))


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_resampling_keeps_pitch_and_length(make_media: MakeMedia, sample_rate: int) -> None:
    sound = read_sound(make_media("a.wav", None, sound=tone(2)), sample_rate)[0]
    assert abs(len(sound) - 2 * sample_rate) < 64
    spectrum = np.abs(np.fft.rfft(sound[:sample_rate] * np.hanning(sample_rate)))
    assert spectrum.argmax() == 1000


def test_stereo_mixes_down_and_mono_spreads(make_media: MakeMedia) -> None:
    stereo = np.concatenate((tone(0.5), np.zeros_like(tone(0.5))))
    media = make_media("a.wav", None, sound=stereo, sound_codec="pcm_f32le")
    assert read_sound(media, 48_000, 2).shape == (2, 24_000)
    assert abs(np.abs(read_sound(media, 48_000)).max() - 0.25) < 0.11
    assert read_sound(make_media("b.wav", None, sound=tone(0.5)), 48_000, 2).shape == (2, 24_000)


@pytest.mark.parametrize("offset", [Fraction(0), Fraction(1, 2)])
def test_sample_0_is_the_first_picture_frame(make_media: MakeMedia, offset: Fraction) -> None:
    click = np.zeros((1, 96_000), np.float32)
    click[0, 48_000] = 0.9
    times = [offset + Fraction(n, 25) for n in range(25)]
    media = make_media("a.mkv", [BLACK] * 25, times=times, sound=click)
    found = read_sound(media, 48_000)[0]
    assert abs(int(np.abs(found).argmax()) - (48_000 - int(offset * 48_000))) <= 48


def test_a_film_without_sound_is_refused_by_name(make_media: MakeMedia) -> None:
    with pytest.raises(MediaError, match=r"mute\.mp4: has no sound"):
        read_sound(make_media("mute.mp4", [BLACK]), 48_000)
