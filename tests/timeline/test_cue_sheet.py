"""The cue sheet lists what is on the timeline."""

from __future__ import annotations

import csv
import io
from typing import Any

from avfoley_plugin.timeline.cue_sheet import COLUMNS, cue_sheet
from avfoley_plugin.timeline.placing import Placement, place_takes


def test_every_take_has_a_row(build: Any, shoot: Any, take: Any) -> None:
    build.rate = 29.97
    timeline = build.timeline([build.gap(15), build.clip("door", 100, 30), build.clip('"b", é', 100, 9)], start=107_892)
    door, other = shoot(timeline)
    takes = [take(door, seed=1, caption="a door, slammed"), take(door, seed=2)]
    place_takes(timeline, [Placement(door, takes), Placement(other, [take(other)])])
    first, second, third = csv.DictReader(io.StringIO(cue_sheet(timeline), newline=""))
    assert tuple(first) == COLUMNS
    assert first == {
        "shot": "door",
        "track": "V1",
        "record in": "01:00:00;15",
        "record out": "01:00:01;15",
        "duration": "00:00:01:00",
        "file": "door-1.wav",
        "caption": "a door, slammed",
        "model": "avlink-nano",
        "seed": "1",
        "take": "take 1",
        "active": "yes",
        "loudness LUFS": "-23.0",
        "peak dBTP": "-1.5",
    }
    assert (second["take"], second["active"], second["seed"]) == ("take 2", "no", "2")
    assert (third["shot"], third["record in"], third["loudness LUFS"]) == ('"b", é', "01:00:01;15", "")


def test_the_cue_sheet_of_an_untouched_timeline_is_its_header(build: Any) -> None:
    assert cue_sheet(build.timeline([build.clip("a", 0, 9)])).strip() == ",".join(COLUMNS)
