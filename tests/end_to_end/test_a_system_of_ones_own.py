"""A system that is one folder and one registry line is served like any other: engine, client, shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from avfoley_engine.errors import ModelError
from avfoley_engine.models import registry
from avfoley_engine.protocol import CaptionRequest, CaptionResult, FoleyRequest, Job, PictureRange
from typer.testing import CliRunner

from avfoley_plugin.cli import app
from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import EngineError
from avfoley_plugin.timeline.captions import captions
from support import toy
from support.toy.system import ToySystem

MODELS = Path(toy.__file__).parent / "models"
TESTS = Path(__file__).parents[1]
FLASH_AT = 18


@pytest.fixture
def clip(make_media) -> Path:
    """Two seconds that are dark, then bright."""
    frames = [np.full((36, 64, 3), 220 if n >= FLASH_AT else 10, np.uint8) for n in range(48)]
    return make_media("lamp.mp4", frames, rate=Fraction(24))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    home = tmp_path / "home"
    monkeypatch.setenv("AVFOLEY_HOME", str(home))
    monkeypatch.setenv("AVFOLEY_MODELS", str(MODELS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen([sys.executable, "-m", "support.toy.engine", "serve", str(home)])
    client = LocalEngine(home, command=None)
    deadline = time.monotonic() + 120
    while True:
        try:
            client.status()
            break
        except EngineError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield client
    client.shut_down()
    process.wait(30)


def test_engine_client_and_shell_serve_it(engine: LocalEngine, clip: Path) -> None:
    listed = {model.name: model for model in engine.models()}["toy-one"]
    assert (listed.tasks, listed.sample_rate, listed.window_seconds) == (["foley", "caption"], 16_000, None)

    picture = PictureRange(media=clip, source_start=Fraction(0), source_rate=Fraction(24))
    about = {"picture": picture, "frames": 48, "record_rate": Fraction(24), "model": "toy-one"}
    jobs = engine.submit([FoleyRequest(**about), CaptionRequest(**about, proposals=1)])
    done = {update.id: update for update in engine.follow([job.id for job in jobs]) if isinstance(update, Job)}
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


def test_an_engine_without_the_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFOLEY_MODELS", str(MODELS))
    with pytest.raises(ModelError, match="is of the system 'toy'; this version knows avlink"):
        registry.info("toy-one")
    monkeypatch.setitem(registry.SYSTEMS, "toy", ToySystem())
    assert registry.info("toy-one").tasks == ["foley", "caption"]
    with pytest.raises(ModelError, match="toy-one does not offer the task 'visualize', but foley, caption"):
        registry.load("toy-one", "visualize")
