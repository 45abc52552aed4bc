"""AVFoley as OpenTimelineIO loads it: the manifest and the media check."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import Clip, ExternalReference, Timeline, Track

from avfoley_plugin.errors import HostError
from avfoley_plugin.otio_plugin import plugin_manifest
from avfoley_plugin.riff import wave_samples
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.identity import TakeIdentity, mark
from avfoley_plugin.timeline.placing import Placement, place_takes
from avfoley_plugin.timeline.shots import read_shots
from avfoley_plugin.timeline.takes import Take
from support.media import write_silence
from support.messages import foley_result, visualize_request, visualize_result

REPOSITORY = Path(__file__).parents[2]
HOOK = "avfoley_check_media"


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    """One shot of 24 frames with a take of 48,000 samples in foley/take.wav."""
    second = TimeRange(RationalTime(0, 24), RationalTime(24, 24))
    clip = Clip("door", media_reference=ExternalReference("door.mov", second))
    timeline = Timeline("edit", tracks=[Track("V1", children=[clip])], global_start_time=RationalTime(0, 24))
    (shot,), _ = read_shots(timeline, folder=tmp_path, is_online=lambda path: True)
    path = write_silence(tmp_path / "foley" / "take.wav", 48_000, 2)
    result = foley_result(shot.request(), path=path, channels=2)
    (clip,) = place_takes(timeline, [Placement(shot, [Take(shot.request(), result, path)])])
    clip.media_reference.target_url = "foley/take.wav"
    return timeline


def run(timeline: Timeline, folder: Path) -> list[str]:
    problems: list[str] = []
    otio.hooks.run(HOOK, timeline, {"folder": str(folder), "problems": problems})
    return problems


def test_opentimelineio_registers_the_hook() -> None:
    assert HOOK in otio.hooks.names()
    assert HOOK in otio.hooks.available_hookscript_names()
    assert all(HOOK not in otio.hooks.scripts_attached_to(hook) for hook in otio.hooks.names() if hook != HOOK)


def test_the_manifest_is_valid_and_leads_to_its_scripts() -> None:
    manifest = plugin_manifest()
    assert isinstance(manifest, otio.plugins.manifest.Manifest)
    assert all(Path(script.filepath).is_file() for script in manifest.hook_scripts)
    scripts = {script.name for script in manifest.hook_scripts}
    assert {name for attached in manifest.hooks.values() for name in attached} == scripts
    at_the_top = otio.plugins.manifest.manifest_from_file(str(REPOSITORY / "manifest.json"))
    assert all(Path(script.module_abs_path()).is_file() for script in at_the_top.hook_scripts)


def test_the_manifest_can_be_named_by_the_environment() -> None:
    code = f"import opentimelineio as otio; t = otio.schema.Timeline(); assert otio.hooks.run('{HOOK}', t) is t"
    environment = {
        "OTIO_PLUGIN_MANIFEST_PATH": str(REPOSITORY / "manifest.json"),
        "OTIO_DISABLE_ENTRYPOINTS_PLUGINS": "1",
    }
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environment})


def test_present_takes_pass(timeline: Timeline, tmp_path: Path) -> None:
    assert run(timeline, tmp_path) == []
    assert otio.hooks.run(HOOK, timeline, {"folder": str(tmp_path)}) is timeline


def test_a_missing_take_is_found(timeline: Timeline, tmp_path: Path) -> None:
    path = tmp_path / "foley" / "take.wav"
    path.unlink()
    assert run(timeline, tmp_path) == [f"door, take 1: {path} is not there; relink it, or make the take again"]
    with pytest.raises(HostError, match="door, take 1"):
        otio.hooks.run(HOOK, timeline, {"folder": str(tmp_path)})


@pytest.mark.parametrize("samples", [0, 47_999, 48_001])
def test_a_take_of_another_length_is_found(timeline: Timeline, tmp_path: Path, samples: int) -> None:
    write_silence(tmp_path / "foley" / "take.wav", samples, 2)
    (problem,) = run(timeline, tmp_path)
    assert f"{samples} samples, not 48000" in problem


def test_a_truncated_take_is_found(timeline: Timeline, tmp_path: Path) -> None:
    path = tmp_path / "foley" / "take.wav"
    path.write_bytes(path.read_bytes()[:-7])
    (problem,) = run(timeline, tmp_path)
    assert "cut short" in problem


def test_a_picture_is_no_sound_of_another_length(timeline: Timeline, tmp_path: Path) -> None:
    (clip,) = [clip for clip in timeline.find_clips() if "avfoley" in clip.metadata]
    picture = clip.media_reference.deepcopy()
    picture.target_url = "foley/take.mov"
    request = visualize_request(frames=24, record_rate=24, codec="prores")
    result = visualize_result(request, width=64, height=36)
    mark(picture, TakeIdentity(id="picture", request=request, result=result))
    clip.set_media_references({"take 1": picture}, "take 1")
    path = tmp_path / "foley" / "take.mov"
    path.write_bytes(b"moov")
    assert run(timeline, tmp_path) == []
    path.write_bytes(b"")
    assert run(timeline, tmp_path) == [f"door, take 1: {path} is empty; make the take again"]
    path.unlink()
    assert run(timeline, tmp_path) == [f"door, take 1: {path} is not there; relink it, or make the take again"]


def test_writing_warns_of_takes_that_are_not_there(timeline: Timeline, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        otio.adapters.write_to_file(timeline, str(tmp_path / "edit.otio"))
        otio.adapters.write_to_file(Timeline("no takes"), str(tmp_path / "other.otio"))
    (tmp_path / "foley" / "take.wav").unlink()
    with pytest.warns(UserWarning, match=r"door, take 1: .*take\.wav is not there"):
        otio.adapters.write_to_file(timeline, str(tmp_path / "edit.otio"))
    assert (tmp_path / "edit.otio").is_file()


def test_a_take_of_a_newer_version_does_not_stop_a_program_from_writing(timeline: Timeline, tmp_path: Path) -> None:
    (clip,) = [clip for clip in timeline.find_clips() if "avfoley" in clip.metadata]
    clip.media_reference.metadata["avfoley"]["request"]["task"] = "dub"
    with pytest.warns(UserWarning, match="made by a newer version"):
        otio.adapters.write_to_file(timeline, str(tmp_path / "edit.otio"))
    assert (tmp_path / "edit.otio").is_file()


def test_otioconvert_runs_the_check_after_it_has_written(timeline: Timeline, tmp_path: Path) -> None:
    convert = Path(sys.executable).with_name("otioconvert")
    if not convert.exists():
        pytest.skip("OpenTimelineIO's console scripts are not beside this Python")
    source, target = tmp_path / "edit.otio", tmp_path / "other.otio"
    otio.adapters.write_to_file(timeline, str(source))
    command = [str(convert), "-i", str(source), "-o", str(target)]
    assert "AVFoley" not in subprocess.run(command, check=True, capture_output=True, text=True).stderr
    (tmp_path / "foley" / "take.wav").unlink()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert f"AVFoley: door, take 1: {tmp_path / 'foley' / 'take.wav'} is not there" in said
    assert target.is_file()


def test_the_caption_hook_marks_the_shots(timeline: Timeline) -> None:
    arguments = {"file": "edit.otio", "captions": {"door": "an oak door shuts"}}
    assert otio.hooks.run("avfoley_caption", timeline, arguments) is timeline
    otio.hooks.run("avfoley_caption", timeline, {"file": "edit.otio"})
    assert list(captions(timeline).values()) == ["an oak door shuts"]


def test_a_hook_must_know_where_the_timeline_goes(timeline: Timeline) -> None:
    with pytest.raises(HostError, match="file"):
        otio.hooks.run("avfoley_caption", timeline, {})


def test_a_timeline_without_takes_passes(tmp_path: Path) -> None:
    assert run(Timeline("empty"), tmp_path) == []


def test_lengths_are_read_past_other_chunks(tmp_path: Path) -> None:
    """A bext chunk before the format, an odd chunk with its pad byte, and 64-bit sizes."""
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 48_000, 144_000, 3, 24)
    bext = struct.pack("<4sI", b"bext", 603) + bytes(604)
    data = bytes(300)
    plain = b"RIFF" + bytes(4) + b"WAVE" + bext + fmt + struct.pack("<4sI", b"data", 300) + data
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 0, 300, 100, 0)
    long = b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + bext + fmt + struct.pack("<4sI", b"data", 0xFFFFFFFF) + data
    for name, content in (("plain.wav", plain), ("long.wav", long)):
        (tmp_path / name).write_bytes(content)
        assert wave_samples(tmp_path / name) == 100


@pytest.mark.parametrize("content", [b"", b"RIFF", b"OggS" + bytes(40), b"RIFF0000WAVEdata\x04\x00\x00\x00abcd"])
def test_what_is_no_wave_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(HostError, match=r"x\.wav"):
        wave_samples(tmp_path / "x.wav")
