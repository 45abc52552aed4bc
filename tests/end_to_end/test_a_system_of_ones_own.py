"""A system that is one folder and one registry line is served like any other: engine, client, shell."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
from avfoley_engine.errors import ModelError
from avfoley_engine.models import registry
from avfoley_engine.protocol import CaptionRequest, CaptionResult, FoleyRequest, Job, PictureRange
from typer.testing import CliRunner

from avfoley_plugin.cli import app
from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.timeline.captions import captions
from support import toy
from support.toy.system import ToySystem

MODELS = Path(toy.__file__).parent / "models"
FLASH_AT = 18


@pytest.fixture
def clip(make_media) -> Path:
    """Two seconds that are dark, then bright."""
    frames = [np.full((36, 64, 3), 220 if n >= FLASH_AT else 10, np.uint8) for n in range(48)]
    return make_media("lamp.mp4", frames, rate=Fraction(24))


def test_engine_client_and_shell_serve_it(toy_engine: LocalEngine, clip: Path) -> None:
    listed = {model.name: model for model in toy_engine.models()}["toy-one"]
    assert (listed.tasks, listed.sample_rate, listed.window_seconds) == (["foley", "caption", "spot"], 16_000, None)

    picture = PictureRange(media=clip, source_start=Fraction(0), source_rate=Fraction(24))
    about = {"picture": picture, "frames": 48, "record_rate": Fraction(24), "model": "toy-one"}
    jobs = toy_engine.submit([FoleyRequest(**about), CaptionRequest(**about, proposals=1)])
    done = {update.id: update for update in toy_engine.follow([job.id for job in jobs]) if isinstance(update, Job)}
    assert [done[job.id].error for job in jobs] == [None, None]
    sound, text = (done[job.id].result for job in jobs)
    assert (sound.task, sound.steps) == ("foley", 2)
    assert abs(sound.onsets[0] - FLASH_AT * 2000) < 480
    assert isinstance(text, CaptionResult)
    assert [(p.text, p.confidence) for p in text.proposals] == [("a light is switched on, 1x", 0.9)]

    shell = CliRunner()
    captioned = shell.invoke(app, ["caption", str(clip), "--json"])
    assert captioned.exit_code == 0, captioned.output
    events = [json.loads(line) for line in captioned.stdout.splitlines()]
    assert [len(event["proposals"]) for event in events if event["event"] == "captions"] == [2]
    timeline = Path(events[-1]["timeline"])
    assert list(captions(otio.adapters.read_from_file(str(timeline))).values()) == ["a light is switched on, 1x"]

    made = shell.invoke(app, ["foley", str(timeline), "--model", "toy-one", "--json"])
    assert made.exit_code == 0, made.output
    finished = json.loads(made.stdout.splitlines()[-1])
    assert finished["takes"][0]["result"]["caption"] == "a light is switched on, 1x"
    assert finished["takes"][0]["result"]["model"] == "toy-one"

    # What has a caption keeps it.
    again = shell.invoke(app, ["caption", str(timeline), "--json"])
    assert json.loads(again.stdout.splitlines()[0])["shots"] == []


def test_the_shell_spots_events(toy_engine: LocalEngine, clip: Path, tmp_path: Path) -> None:
    """Markers and a list on the first run; a second one, and one that finds nothing, replace them; remove takes them off."""
    shell, listed = CliRunner(), tmp_path / "events.csv"

    def spot(source: Path, *options: str) -> list[dict[str, Any]]:
        ran = shell.invoke(app, ["spot", str(source), "--model", "toy-one", "--json", *options])
        assert ran.exit_code == 0, ran.output
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def markers(timeline: Path) -> list[tuple[str, str, float]]:
        found = otio.adapters.read_from_file(str(timeline)).tracks.markers
        return [(m.name, m.comment, m.marked_range.start_time.value) for m in found]

    lines = spot(clip, "--csv", str(listed))
    (spotted,) = [line for line in lines if line["event"] == "events"]
    assert (spotted["events"], spotted["threshold"]) == ([{"frame": FLASH_AT, "confidence": 0.75}], 0.5)
    timeline = Path(lines[-1]["timeline"])
    assert markers(timeline) == [("event", "75%", FLASH_AT)]
    rows = list(csv.DictReader(listed.open(newline="")))
    assert rows == [
        {
            "shot": "lamp.mp4",
            "timecode": "00:00:00:18",
            "seconds": "0.750",
            "frame": "18",
            "confidence": "0.750",
            "name": "event",
        }
    ]

    shell.invoke(app, ["caption", str(timeline)])
    spot(timeline)
    captioned = markers(timeline)
    assert [name for name, _, _ in captioned].count("event") == 0
    assert ("a light is switched on, 1x", "75%", FLASH_AT) in captioned
    spot(timeline, "--threshold", "0.8")
    assert len(markers(timeline)) == len(captioned) - 1
    spot(timeline)
    assert shell.invoke(app, ["remove", str(timeline)]).exit_code == 0
    assert markers(timeline) == []


def test_the_list_goes_to_a_place_that_there_is(toy_engine: LocalEngine, clip: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["spot", str(clip), "--csv", str(tmp_path / "nowhere" / "events.csv")])
    assert ran.exit_code == 3
    assert "nowhere" in ran.output
    assert "Give --csv another place" in " ".join(ran.output.split())


def test_an_engine_without_the_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFOLEY_MODELS", str(MODELS))
    with pytest.raises(ModelError, match="is of the system 'toy'; this version knows avlink"):
        registry.info("toy-one")
    monkeypatch.setitem(registry.SYSTEMS, "toy", ToySystem())
    assert registry.info("toy-one").tasks == ["foley", "caption", "spot"]
    with pytest.raises(ModelError, match="toy-one does not offer the task 'visualize', but foley, caption, spot"):
        registry.load("toy-one", "visualize")
