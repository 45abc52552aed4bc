"""A bare video file as a timeline."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import MediaProbe

from avfoley_plugin.errors import ChangedError, HostError
from avfoley_plugin.hosts import OtioFile, VideoFile, open_host
from avfoley_plugin.timeline.captions import captions, write_caption
from avfoley_plugin.timeline.shots import read_shots

RATE = Fraction(30000, 1001)


def probe(path: Path, frames: int = 90, start: int = 0, picture: bool = True, sound: bool = True) -> MediaProbe:
    return MediaProbe(
        path=path,
        frames=frames,
        rate=RATE,
        start_timecode=start,
        has_picture=picture,
        has_sound=sound,
        duration=frames / RATE,
    )


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "my clip #1.mp4"
    path.touch()
    return path


@pytest.mark.parametrize("start", [0, 107_892])
def test_the_whole_video_is_one_shot(video: Path, start: int) -> None:
    host = VideoFile(video, probe(video, start=start))
    timeline = host.read()
    (shot,), problems = read_shots(timeline, folder=host.folder, probe=lambda path: probe(path, start=start))
    assert problems == []
    assert (shot.media, shot.name, shot.frames, shot.record_rate) == (video, "my clip #1.mp4", 90, RATE)
    assert (shot.picture.source_start, shot.record_start, shot.record_start_timecode) == (0, 0, start)
    assert (shot.head_available, shot.tail_available) == (0, 0)


@pytest.mark.parametrize(("sound", "kinds"), [(True, ["Video", "Audio"]), (False, ["Video"])])
def test_its_own_sound_is_on_a1(video: Path, sound: bool, kinds: list[str]) -> None:
    timeline = VideoFile(video, probe(video, sound=sound)).read()
    assert [track.kind for track in timeline.tracks] == kinds
    assert [track.name for track in timeline.tracks] == ["V1", "A1"][: len(kinds)]
    assert timeline.duration().value == 90


def test_a_second_run_finds_what_the_first_wrote(video: Path) -> None:
    host = VideoFile(video, probe(video))
    timeline = host.read()
    (shot,), _ = read_shots(timeline, folder=host.folder)
    write_caption(timeline, shot, "steps")
    assert host.write(timeline) == video.with_suffix(".otio")

    again = VideoFile(video, probe(video))
    timeline = again.read()
    assert captions(timeline) == {shot.id: "steps"}
    again.write(timeline)
    assert video.with_suffix(".otio.bak").exists()


def test_another_output_folder(video: Path, tmp_path: Path) -> None:
    host = VideoFile(video, probe(video), tmp_path / "out" / "foley.otio")
    host.write(host.read())
    (clip, _) = otio.adapters.read_from_file(str(host.output)).find_clips()
    assert clip.media_reference.target_url == "../my%20clip%20%231.mp4"
    again = OtioFile(host.output)
    (shot,), problems = read_shots(again.read(), folder=again.folder)
    assert (shot.media, problems) == (video, [])


def test_somebody_elses_timeline_is_not_touched(video: Path) -> None:
    other = video.with_name("other.mp4")
    other.touch()
    output = video.with_suffix(".otio")
    first = VideoFile(other, probe(other), output)
    first.write(first.read())
    with pytest.raises(HostError, match="is not a timeline of"):
        VideoFile(video, probe(video)).read()

    late = video.with_name("late.otio")
    host = VideoFile(video, probe(video), late)
    timeline = host.read()
    late.write_text("theirs")
    with pytest.raises(ChangedError, match="appeared"):
        host.write(timeline)
    assert late.read_text() == "theirs"


def test_a_video_without_picture_is_named(video: Path) -> None:
    with pytest.raises(HostError, match=r"my clip #1\.mp4 has no picture"):
        VideoFile(video, probe(video, frames=0, picture=False)).read()


def test_hosts_are_found_by_suffix(video: Path, tmp_path: Path) -> None:
    timeline = tmp_path / "edit.OTIO"
    otio.schema.Timeline("x").to_json_file(str(timeline))
    assert isinstance(open_host(timeline), OtioFile)
    assert isinstance(open_host(video, probe=probe), VideoFile)
    with pytest.raises(HostError, match="is not a timeline"):
        open_host(video)
