"""OpenTimelineIO files for Resolve: refused in silence unless they are of its own shape."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from avfoley_engine.protocol import MediaProbe
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts import OtioFile
from avfoley_plugin.hosts.export import Program, prepare
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import placed
from support.picture_takes import put_pictures
from support.resolve_edit import Edit
from support.sample_edit import sample


@pytest.fixture
def timeline(tmp_path: Path) -> otio.schema.Timeline:
    timeline = sample(tmp_path)
    save(timeline, tmp_path, tmp_path / "edit.otio")
    return timeline


def test_resolve_imports_it(edit: Edit, timeline: otio.schema.Timeline, tmp_path: Path) -> None:
    pool = edit.project.GetMediaPool()
    plain = tmp_path / "edit.otio"
    assert pool.ImportTimelineFromFile(str(plain)) is None
    shaped = prepare(timeline, tmp_path, tmp_path / "for resolve.otio", Program.RESOLVE).save()
    imported = pool.ImportTimelineFromFile(str(shaped))
    assert imported is not None
    assert imported.GetStartFrame() == 90_000
    # The second time its name is taken.
    assert pool.ImportTimelineFromFile(str(shaped)) is None


def test_takes_are_counted_in_their_files_timecode(timeline: otio.schema.Timeline, tmp_path: Path) -> None:
    path = next(Path(tmp_path / take.url.rpartition("/")[2]) for take in placed(timeline))
    path = tmp_path / "edit.avfoley" / path.name
    content = path.read_bytes()
    reference = 3600 * 48_000
    bext = struct.pack("<4sI", b"bext", 602) + bytes(338) + struct.pack("<Q", reference) + bytes(256)
    path.write_bytes(content[:12] + bext + content[12:])
    shaped = prepare(timeline, tmp_path, tmp_path / "r.otio", Program.RESOLVE)
    read = otio.adapters.read_from_string(shaped.content.decode())
    (clip,) = [c for c in read.find_clips() if getattr(c.media_reference, "target_url", "") == str(path)]
    assert clip.source_range.start_time == RationalTime(90_000, 25)
    assert clip.media_reference.available_range.start_time == RationalTime(90_000, 25)
    assert clip.metadata["Resolve_OTIO"]["Channels"][0] == {"Source Channel ID": 0, "Source Track ID": 0}


def test_what_resolve_exports_is_known_again(timeline: otio.schema.Timeline, tmp_path: Path) -> None:
    """Resolve writes a marker's note where it reads it, and no metadata but its own."""
    shaped = prepare(timeline, tmp_path, tmp_path / "r.otio", Program.RESOLVE).save()
    exported = otio.adapters.read_from_file(str(shaped))
    for thing in (exported, *exported.tracks, *exported.find_clips(), *exported.tracks.markers):
        thing.metadata.pop("avfoley", None)
    for marker in exported.tracks.markers:
        assert marker.metadata.get("Resolve_OTIO", {}).get("Note", "") == marker.comment
        marker.comment = ""
    for clip in exported.find_clips():
        clip.media_reference.metadata.pop("avfoley", None)
    otio.adapters.write_to_file(exported, str(tmp_path / "from resolve.otio"))
    back = OtioFile(tmp_path / "from resolve.otio").read()
    assert captions(back) == captions(timeline)
    assert [(t.shot_id, t.key, t.active, t.record_start) for t in placed(back)] == [
        (t.shot_id, t.key, t.active, t.record_start) for t in placed(timeline)
    ]


def test_pictures_are_counted_in_their_timecode_and_have_no_channels(
    timeline: otio.schema.Timeline, tmp_path: Path
) -> None:
    host = OtioFile(tmp_path / "edit.otio")
    put_pictures(host, "door")
    timeline = OtioFile(tmp_path / "edit.otio").read()
    picture = next(take for take in placed(timeline) if take.layer.startswith("picture"))

    def with_timecode(path: Path) -> MediaProbe:
        return MediaProbe(
            path=path, frames=50, rate=25, start_timecode=90_000, has_picture=True, has_sound=False, duration=2
        )

    shaped = prepare(timeline, tmp_path, tmp_path / "r.otio", Program.RESOLVE, with_timecode)
    shaped.save()
    read = otio.adapters.read_from_file(str(tmp_path / "r.otio"))
    (track,) = [track for track in read.tracks if track.name == "AVFoley picture"]
    (clip,) = track.find_clips()
    assert clip.media_reference.target_url == str(tmp_path / picture.url)
    assert clip.source_range == TimeRange(RationalTime(90_000, 25), RationalTime(50, 25))
    assert clip.media_reference.available_range == clip.source_range
    assert "Channels" not in clip.metadata.get("Resolve_OTIO", {})
    assert "Audio Type" not in track.metadata.get("Resolve_OTIO", {})


def test_sound_of_unknown_length_is_probed(tmp_path: Path) -> None:
    clip = otio.schema.Clip("a", otio.schema.ExternalReference("a.wav"))
    track = otio.schema.Track("A1", kind="Audio", children=[clip])
    timeline = otio.schema.Timeline("t", tracks=[track], global_start_time=RationalTime(0, 25))

    def probe(path: Path) -> MediaProbe:
        return MediaProbe(
            path=path, frames=0, rate=44_100, start_timecode=44_100 * 2, has_picture=False, has_sound=True, duration=3
        )

    shaped = prepare(timeline, tmp_path, tmp_path / "r.otio", Program.RESOLVE, probe)
    (read,) = otio.adapters.read_from_string(shaped.content.decode()).find_clips()
    assert read.source_range == TimeRange(RationalTime(50, 25), RationalTime(75, 25))


def test_media_of_unknown_length_is_probed_or_named(tmp_path: Path) -> None:
    clip = otio.schema.Clip(
        "a", otio.schema.ExternalReference("a.mov"), TimeRange(RationalTime(0, 25), RationalTime(9, 25))
    )
    timeline = otio.schema.Timeline("t", tracks=[otio.schema.Track("V1", children=[clip])])
    with pytest.raises(HostError, match=r"a\.mov"):
        prepare(timeline, tmp_path, tmp_path / "r.otio", Program.RESOLVE)

    def probe(path: Path) -> MediaProbe:
        return MediaProbe(
            path=path,
            frames=100,
            rate=Fraction(25),
            start_timecode=50,
            has_picture=True,
            has_sound=False,
            duration=Fraction(4),
        )

    shaped = prepare(timeline, tmp_path, tmp_path / "r.otio", Program.RESOLVE, probe)
    (read,) = otio.adapters.read_from_string(shaped.content.decode()).find_clips()
    assert read.media_reference.target_url == str(tmp_path / "a.mov")
    assert read.media_reference.available_range.start_time.value == 50
