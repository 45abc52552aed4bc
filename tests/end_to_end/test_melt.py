"""A written timeline, rendered by MLT's melt: an editing program's engine hears the takes where the picture is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.hosts import OtioFile
from avfoley_plugin.settings import FoleySettings
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.placing import foley_tracks, placed
from avfoley_plugin.workflows import foley
from support.engine import Engine
from support.melt import heard, needs_melt

pytestmark = needs_melt

#: Exact rate, its float in OpenTimelineIO, melt's name for a profile of that rate.
RATES = [(Fraction(25), 25.0, "atsc_720p_25"), (Fraction(24_000, 1001), 23.976, "atsc_720p_2398")]

#: Source frames: the picture is white, and the clip's own tone sounds.
WHITE, TONE = range(22, 75), range(30, 66)
LENGTH = 120


@pytest.fixture
def engine(engine_home: Path, rate: Fraction) -> Iterator[Engine]:
    engine = Engine(engine_home)
    engine.start("clicking_worker", CLICKING_FRAME_RATE=str(rate))
    yield engine
    engine.end()


@pytest.fixture
def cut(make_media: Callable[..., Path], tmp_path: Path, rate: Fraction, spelled: float) -> Path:
    """Source frames 10 to 40, a gap of 7, source frames 60 to 100; picture on V1, the same clips' sound on A1."""
    end = round(LENGTH / rate * 48_000)
    time = np.arange(end) / 48_000
    sounds = (time >= TONE.start / rate) & (time < TONE.stop / rate)
    tone = (0.1 * np.sin(2 * np.pi * 1000 * time) * sounds).astype(np.float32)[None]
    pictures = [np.full((36, 64, 3), 255 if frame in WHITE else 0, np.uint8) for frame in range(LENGTH)]
    media = make_media("flashes.mov", pictures, rate=rate, sound=tone)

    def span(start: int, frames: int) -> TimeRange:
        return TimeRange(RationalTime(start, spelled), RationalTime(frames, spelled))

    timeline = otio.schema.Timeline("cut", global_start_time=RationalTime(round(rate) * 3600, spelled))
    for kind in (otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio):
        track = otio.schema.Track(f"{kind[0]}1", kind=kind)
        reference = otio.schema.ExternalReference(media.name, span(0, LENGTH))
        track.append(otio.schema.Clip("one", reference, span(10, 30)))
        track.append(otio.schema.Gap(source_range=span(0, 7)))
        track.append(otio.schema.Clip("two", reference.deepcopy(), span(60, 40)))
        timeline.tracks.append(track)
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    return path


def to_mlt(timeline: otio.schema.Timeline, folder: Path) -> ET.Element:
    """A playlist a track, blanks for gaps, and one mix transition for each audio track: cuts only, no retimes."""
    root = ET.Element("mlt", producer="tractor")
    tractor = ET.Element("tractor", id="tractor")
    for index, track in enumerate(timeline.tracks):
        playlist = ET.Element("playlist", id=f"playlist{index}")
        for item in track:
            start, length = round(item.source_range.start_time.value), round(item.source_range.duration.value)
            if isinstance(item, otio.schema.Gap):
                ET.SubElement(playlist, "blank", length=str(length))
                continue
            media = resolve_media(item.media_reference.target_url, folder)
            producer = ET.SubElement(root, "producer", id=f"producer{len(root)}")
            unheard, unseen = "audio_index", "video_index"
            properties = {"mlt_service": "avformat", "resource": str(media)}
            properties[unseen if track.kind == otio.schema.TrackKind.Audio else unheard] = "-1"
            for name, value in properties.items():
                ET.SubElement(producer, "property", name=name).text = value
            shown = {"in": str(start), "out": str(start + length - 1)}
            ET.SubElement(playlist, "entry", {"producer": producer.get("id", ""), **shown})
        root.append(playlist)
        ET.SubElement(tractor, "track", producer=f"playlist{index}")
    for index in range(1, len(timeline.tracks)):
        transition = ET.SubElement(tractor, "transition")
        properties = {"mlt_service": "mix", "a_track": "0", "b_track": str(index)}
        properties |= {"sum": "1", "always_active": "1", "accepts_blanks": "1"}
        for name, value in properties.items():
            ET.SubElement(transition, "property", name=name).text = value
    root.append(tractor)
    return root


def render(timeline: Path, length: int, profile: str) -> np.ndarray:
    """What melt plays of the timeline's first `length` frames, (samples,) at 48 kHz."""
    document = timeline.with_suffix(".mlt")
    ET.ElementTree(to_mlt(otio.adapters.read_from_file(str(timeline)), timeline.parent)).write(document)
    return heard(document, length, profile)


@pytest.mark.parametrize(("rate", "spelled", "profile"), RATES, ids=["25", "23.976"])
@pytest.mark.parametrize("handles", [0, 5])
def test_melt_plays_the_takes_at_their_shots_frames(
    engine: Engine, cut: Path, rate: Fraction, spelled: float, profile: str, handles: int
) -> None:
    run = foley(OtioFile(cut), LocalEngine(command=None), FoleySettings(model="fake", handles=handles))
    list(run)
    assert run.written is not None
    assert [take.frames for take in placed(otio.adapters.read_from_file(str(cut)))] == [30, 40]
    assert len(foley_tracks(otio.adapters.read_from_file(str(cut)))) == 1

    length = 30 + 7 + 40
    heard = render(cut, length, profile)
    assert abs(len(heard) - length / rate * 48_000) <= 48_000 / rate

    # The picture changes on frame 12 of the first shot and on frame 15 of the second.
    clicks = np.flatnonzero(np.abs(heard) > 0.2)
    expected = [float(frame / rate * 48_000) for frame in (22 - 10, 37 + 75 - 60)]
    assert len(clicks) == 2, clicks
    assert np.abs(clicks - expected).max() <= 48, clicks - expected

    def loudness(first: int, last: int) -> float:
        return float(np.sqrt(np.mean(heard[round(first / rate * 48_000) : round(last / rate * 48_000)] ** 2)))

    # The clip's own sound plays on beside the takes: from its source frame 30 in the first shot to 66 in the second.
    for first, last in ((21, 30), (38, 42)):
        assert loudness(first, last) == pytest.approx(0.1 / np.sqrt(2), rel=0.1)
    for first, last in ((0, 11), (14, 19), (31, 36), (44, 51), (54, 76)):
        assert loudness(first, last) < 0.001
