"""`avfoley spot` with an engine and a model whose events are known: the flashes in the picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange
from typer.testing import CliRunner

from avfoley_plugin.cli import app
from avfoley_plugin.timeline.captions import captions, edited, write_caption
from avfoley_plugin.timeline.events import event_markers
from avfoley_plugin.timeline.placing import has_ours
from avfoley_plugin.timeline.shots import read_shots

pytestmark = pytest.mark.usefixtures("toy_engine")

RATE = 24
FLASHES = (10, 30)


@pytest.fixture
def reel(make_media: Callable[..., Path]) -> Path:
    """A reel from 01:00:00:00 on: the clip's first 24 frames, frames 24 to 43 at half speed, then 40 down to 21."""
    pictures = [np.full((36, 64, 3), 240 if n in FLASHES else 0, np.uint8) for n in range(72)]
    media = make_media("flashes.mp4", pictures, rate=Fraction(RATE))
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    for name, start, frames, speed in (("straight", 0, 24, 1.0), ("slow", 24, 40, 0.5), ("back", 21, 20, -1.0)):
        available = TimeRange(RationalTime(0, RATE), RationalTime(72, RATE))
        shown = TimeRange(RationalTime(start, RATE), RationalTime(frames, RATE))
        clip = otio.schema.Clip(name, otio.schema.ExternalReference(media.name, available), shown)
        if speed != 1:
            clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=speed))
        track.append(clip)
    timeline = otio.schema.Timeline("reel", tracks=[track], global_start_time=RationalTime(3600 * RATE, RATE))
    theirs = TimeRange(RationalTime(10, RATE), RationalTime(1, RATE))
    timeline.tracks.markers.append(otio.schema.Marker("their marker", theirs, comment="87%"))
    path = media.with_name("reel.otio")
    otio.adapters.write_to_file(timeline, str(path))
    return path


def spot(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what was printed as JSON."""
    ran = CliRunner().invoke(app, ["spot", *map(str, arguments), "--model", "toy-one", "--json"])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.output
    return ran.exit_code, [json.loads(line) for line in ran.stdout.splitlines()]


def read(path: Path) -> otio.schema.Timeline:
    return otio.adapters.read_from_file(str(path))


def found(path: Path) -> list[tuple[int, str]]:
    """The frames and names of the event markers."""
    markers = [marker for of_shot in event_markers(read(path)).values() for marker in of_shot]
    return sorted((round(marker.marked_range.start_time.value), marker.name) for marker in markers)


def test_a_marker_at_each_event_and_a_list_of_them(reel: Path) -> None:
    timeline = read(reel)
    straight = next(shot for shot in read_shots(timeline, folder=reel.parent)[0] if shot.name == "straight")
    write_caption(timeline, straight, "a  door\nslams")
    otio.adapters.write_to_file(timeline, str(reel))

    table = reel.with_name("reel.csv")
    code, said = spot(reel, "--csv", table)
    assert code == 0
    assert [(event["shot"], len(event["events"])) for event in said if event["event"] == "events"] == [
        ("straight", 1),
        ("slow", 1),
        ("back", 1),
    ]
    assert said[-1]["timeline"] == str(reel)
    assert said[-1]["csv"] == str(table)

    # Half speed: source frame 30 is 6 frames after its 24, so 12 after the cut. Backwards: 40 - 30 after the cut.
    assert found(reel) == [(10, "a door slams"), (24 + 12, "event"), (64 + 10, "event")]
    markers = read(reel).tracks.markers
    ours = [marker for of_shot in event_markers(read(reel)).values() for marker in of_shot]
    assert {marker.marked_range.duration.value for marker in ours} == {1}
    assert {marker.comment for marker in ours} == {"75%"}
    assert sum(marker.name == "their marker" for marker in markers) == 1

    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["shot"], row["timecode"], row["seconds"], row["frame"], row["name"]) for row in rows] == [
        ("straight", "01:00:00:10", "0.417", "10", "a door slams"),
        ("slow", "01:00:01:12", "1.500", "36", "event"),
        ("back", "01:00:03:02", "3.083", "74", "event"),
    ]
    assert {row["confidence"] for row in rows} == {"0.750"}
    assert not list(reel.parent.glob("*.part"))

    # An event is no caption, and no edit of one.
    assert list(captions(read(reel)).values()) == ["a  door\nslams"]
    assert edited(read(reel)) == []


def test_another_run_replaces_the_markers_of_its_shots_alone(reel: Path) -> None:
    assert spot(reel)[0] == 0
    before = found(reel)
    assert spot(reel)[0] == 0
    assert found(reel) == before

    # What the threshold leaves out goes, in the selected shot alone.
    assert spot(reel, "--clip", "slow", "--threshold", "1")[0] == 0
    assert [frame for frame, _ in found(reel)] == [10, 74]

    # A range cuts the shot: its events are known by their place.
    assert spot(reel, "--range", "8-20")[0] == 0
    assert [frame for frame, _ in found(reel)] == [10, 74]
    assert spot(reel, "--range", "8-20", "--threshold", "1")[0] == 0
    assert [frame for frame, _ in found(reel)] == [74]


def test_an_overwritten_timeline_and_list_are_kept_as_backups(reel: Path) -> None:
    untouched = reel.read_bytes()
    table = reel.with_name("events.csv")
    table.write_text("theirs")
    assert spot(reel, "--csv", table)[0] == 0
    assert reel.with_name("reel.otio.bak").read_bytes() == untouched
    assert table.with_name("events.csv.bak").read_text() == "theirs"
    assert table.read_text().startswith("shot,timecode,")


def test_an_output_of_its_own_is_found_again(reel: Path) -> None:
    untouched, out = reel.read_bytes(), reel.with_name("spotted.otio")
    assert spot(reel, "--clip", "straight", "-o", out)[0] == 0
    assert spot(reel, "--clip", "back", "-o", out)[0] == 0
    assert reel.read_bytes() == untouched
    assert [frame for frame, _ in found(out)] == [10, 74]


def test_remove_takes_them_off(reel: Path) -> None:
    assert spot(reel)[0] == 0
    ran = CliRunner().invoke(app, ["remove", str(reel)])
    assert ran.exit_code == 0
    assert not has_ours(read(reel))
    assert [marker.name for marker in read(reel).tracks.markers] == ["their marker"]


def test_foley_and_regenerate_leave_them_alone(reel: Path) -> None:
    assert spot(reel)[0] == 0
    before = found(reel)
    shell = CliRunner()
    made = shell.invoke(app, ["foley", str(reel), "--model", "toy-one", "--caption", "a slam", "--json"])
    assert made.exit_code == 0, made.output
    assert found(reel) == before
    timeline = read(reel)
    for marker in timeline.tracks.markers:
        if marker in [one for of_shot in event_markers(timeline).values() for one in of_shot]:
            marker.comment, marker.name = "a comment of the editor's", "renamed"
    otio.adapters.write_to_file(timeline, str(reel))
    again = shell.invoke(app, ["regenerate", str(reel), "--json"])
    assert json.loads(again.stdout.splitlines()[0])["shots"] == []
    assert [frame for frame, _ in found(reel)] == [frame for frame, _ in before]


def test_what_cannot_be_looked_at_is_said_and_the_rest_is_done(reel: Path) -> None:
    timeline = read(reel)
    broken = reel.with_name("broken.mp4")
    broken.write_bytes(b"no video")
    list(timeline.find_clips())[1].media_reference.target_url = broken.name
    list(timeline.find_clips())[2].media_reference.target_url = "absent.mp4"
    otio.adapters.write_to_file(timeline, str(reel))
    code, said = spot(reel)
    assert code == 1
    reasons = {problem["clip"]: problem["reason"] for problem in said[0]["problems"]}
    assert "broken.mp4" in reasons["slow"]
    assert "absent.mp4" in reasons["back"]
    assert [frame for frame, _ in found(reel)] == [10]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--all", "--clip", "slow"], "cannot be combined"), (["--csv", "events.txt"], "not the name of a .csv file")],
)
def test_wrong_usage(reel: Path, arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(app, ["spot", str(reel), "--model", "toy-one", *arguments], env={"COLUMNS": "200"})
    assert ran.exit_code == 2
    assert says in ran.output
