"""Broadcast Wave as a sound department reads it."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from avfoley_engine.errors import MediaError
from avfoley_engine.media import broadcast_wave
from avfoley_engine.media.broadcast_wave import Description

from support.broadcast_wave import read_wave

NTSC = Fraction(30_000, 1001)
SPEED = "SPEED/"


def noise(samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (channels, samples)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [1, 4801, 96_000])
def test_samples_survive_to_24_bits(tmp_path: Path, channels: int, samples: int) -> None:
    written = noise(samples, channels)
    broadcast_wave.write(tmp_path / "a.wav", written, Description(rate=Fraction(25)))
    wave = read_wave(tmp_path / "a.wav")
    assert (wave.sample_rate, wave.samples.shape) == (48_000, (channels, samples))
    assert np.abs(wave.samples / 2**23 - written).max() <= 2**-24 * 1.01


def test_full_scale_does_not_wrap(tmp_path: Path) -> None:
    broadcast_wave.write(
        tmp_path / "a.wav", np.array([[1.0, -1.0, 1.5, -1.5]], np.float32), Description(rate=Fraction(25))
    )
    assert read_wave(tmp_path / "a.wav").samples.tolist() == [[2**23 - 1, -(2**23), 2**23 - 1, -(2**23)]]


def test_ffmpeg_reads_the_same_sound_and_time_reference(tmp_path: Path) -> None:
    written = noise(4801)
    description = Description(rate=Fraction(25), start_frame=90_000, reference="ref", coding="AVFoley nano")
    broadcast_wave.write(tmp_path / "a.wav", written, description)
    with av.open(str(tmp_path / "a.wav")) as container:
        assert container.metadata["time_reference"] == str(3600 * 48_000)
        assert container.metadata["encoded_by"] == "AVFoley"
        assert container.metadata["originator_reference"] == "ref"
        assert container.metadata["coding_history"].startswith("A=PCM,F=48000,W=24,M=mono,T=AVFoley nano")
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate) == ("pcm_s24le", 48_000)
        read = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
    assert read.shape == (1, 4801)
    assert np.abs(read / 2.0**31 - written).max() <= 2**-24 * 1.01


@pytest.mark.parametrize(
    ("rate", "start_frame", "early", "reference"),
    [
        (Fraction(24), 86_400, 0, 3600 * 48_000),
        (Fraction(24_000, 1001), 86_400, 0, 3600 * 48_048),
        (NTSC, 107_892, 0, round(107_892 * 48_000 / NTSC)),
        (Fraction(25), 90_000, 24_000, 3600 * 48_000 - 24_000),
        (Fraction(25), 0, 48_000, 86_399 * 48_000),
        (Fraction(25), 86_400 * 25, 0, 0),
    ],
)
def test_time_reference_counts_samples_since_midnight(
    tmp_path: Path, rate: Fraction, start_frame: int, early: int, reference: int
) -> None:
    description = Description(rate=rate, start_frame=start_frame, early_samples=early)
    broadcast_wave.write(tmp_path / "a.wav", noise(10), description)
    wave = read_wave(tmp_path / "a.wav")
    assert wave.time_reference == reference
    high, low = (int(wave.ixml.findtext(f"SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{half}", "")) for half in ("HI", "LO"))
    assert high << 32 | low == reference


@pytest.mark.parametrize(
    ("rate", "text", "flag"),
    [
        (Fraction(24_000, 1001), "24000/1001", "NDF"),
        (Fraction(24), "24/1", "NDF"),
        (NTSC, "30000/1001", "DF"),
        (Fraction(60_000, 1001), "60000/1001", "DF"),
        (Fraction(30), "30/1", "NDF"),
    ],
)
def test_ixml_names_the_projects_timecode(tmp_path: Path, rate: Fraction, text: str, flag: str) -> None:
    broadcast_wave.write(tmp_path / "a.wav", noise(10), Description(rate=rate))
    speed = read_wave(tmp_path / "a.wav").ixml.find("SPEED")
    assert speed is not None
    assert (speed.findtext("TIMECODE_RATE"), speed.findtext("TIMECODE_FLAG")) == (text, flag)
    assert speed.findtext("AUDIO_BIT_DEPTH") == "24"


def test_captions_of_any_script_come_back(tmp_path: Path) -> None:
    caption = 'Tür <knallt> & "Schritte" 足音 \x07 end'
    metadata = {"model": "avlink-nano", "seed": 7, "caption": caption}
    broadcast_wave.write(tmp_path / "a.wav", noise(10), Description(rate=Fraction(25), note=caption, metadata=metadata))
    wave = read_wave(tmp_path / "a.wav")
    assert wave.ixml.findtext("NOTE") == caption.replace("\x07", "")
    assert json.loads(wave.ixml.findtext("USER", "")) == metadata
    assert json.loads(wave.description) == metadata


def test_metadata_too_long_for_bext_is_left_out_whole(tmp_path: Path) -> None:
    metadata = {"seed": 7, "caption": "long " * 100, "steps": 16}
    broadcast_wave.write(tmp_path / "a.wav", noise(10), Description(rate=Fraction(25), metadata=metadata))
    assert json.loads(read_wave(tmp_path / "a.wav").description) == {"seed": 7, "steps": 16}


def test_loudness_fields(tmp_path: Path) -> None:
    broadcast_wave.write(
        tmp_path / "a.wav", noise(10), Description(rate=Fraction(25), loudness_lufs=-23.25, peak_dbtp=-1.01)
    )
    wave = read_wave(tmp_path / "a.wav")
    assert (wave.loudness_lufs, wave.peak_dbtp) == (-23.25, -1.01)
    broadcast_wave.write(tmp_path / "b.wav", noise(10), Description(rate=Fraction(25)))
    assert read_wave(tmp_path / "b.wav").loudness_lufs is None


def test_same_arguments_same_bytes_and_no_part_left(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        digest = broadcast_wave.write(tmp_path / name, noise(4801), Description(rate=NTSC, metadata={"seed": 1}))
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match=r"a\.wav: cannot be written"):
        broadcast_wave.write(tmp_path / "file" / "a.wav", noise(10), Description(rate=NTSC))


def test_both_channels_of_a_stereo_sound_are_described(tmp_path: Path) -> None:
    broadcast_wave.write(tmp_path / "a.wav", noise(480, channels=2), Description(rate=Fraction(25), track="AMB"))
    wave = read_wave(tmp_path / "a.wav")
    assert wave.coding_history.startswith("A=PCM,F=48000,W=24,M=stereo")
    assert wave.ixml.findtext("TRACK_LIST/TRACK_COUNT") == "2"
    tracks = [(track.findtext("NAME"), track.findtext("FUNCTION")) for track in wave.ixml.iter("TRACK")]
    assert tracks == [("AMB L", "LEFT"), ("AMB R", "RIGHT")]


def test_a_sound_of_no_timeline_has_no_timecode(tmp_path: Path) -> None:
    broadcast_wave.write(tmp_path / "a.wav", noise(480), Description(rate=None, start_frame=7, early_samples=5))
    wave = read_wave(tmp_path / "a.wav")
    assert wave.time_reference == 0
    speed = {element.tag for element in wave.ixml.find("SPEED") or ()}
    assert "FILE_SAMPLE_RATE" in speed
    assert speed.isdisjoint({"MASTER_SPEED", "CURRENT_SPEED", "TIMECODE_RATE", "TIMECODE_FLAG"})


@pytest.mark.parametrize("samples", [480, 481])
def test_a_loop_says_so(tmp_path: Path, samples: int) -> None:
    broadcast_wave.write(tmp_path / "a.wav", noise(samples), Description(rate=None, loop=True))
    assert read_wave(tmp_path / "a.wav").loop == (0, samples - 1)
    with av.open(str(tmp_path / "a.wav")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == samples
    broadcast_wave.write(tmp_path / "a.wav", noise(samples), Description(rate=None))
    assert read_wave(tmp_path / "a.wav").loop is None
