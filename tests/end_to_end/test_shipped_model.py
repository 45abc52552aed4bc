"""The weights that ship: whole, attributed, small enough, and in sync with what they were shown."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from avfoley_engine import zoo
from avfoley_engine.evaluation import onsets
from avfoley_engine.evaluation.matching import count

from avfoley_plugin.timeline.takes import placed

Shell = Callable[..., subprocess.CompletedProcess[str]]

NAME = "avlink-nano"
MOST_BYTES = 40 * 2**20


def test_every_file_is_the_one_that_its_config_names() -> None:
    entry = zoo.entry(NAME)
    for name in entry.config["files"]:
        assert entry.file(name) == zoo.SHIPPED / NAME / name


def test_all_weights_together_stay_small() -> None:
    assert 2**20 < sum(file.stat().st_size for file in zoo.SHIPPED.rglob("*.safetensors")) <= MOST_BYTES


def test_every_sound_that_was_learned_from_is_attributed() -> None:
    with (zoo.SHIPPED / NAME / "ATTRIBUTION.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1000
    assert all(row["file"] and row["license"] for row in rows)


def test_the_model_card_gives_data_licences_and_the_figures_of_the_evaluation() -> None:
    card = (zoo.SHIPPED / NAME / "README.md").read_text(encoding="utf-8")
    for said in (
        "ATTRIBUTION.csv",
        "avfoley evaluate sync",
        "shuffled",
        "frame difference",
        "real sound",
        "## History",
    ):
        assert said in card


@pytest.mark.slow
def test_the_demo_sounds_when_its_hammer_strikes(avfoley: Shell, tmp_path: Path) -> None:
    clip = tmp_path / "again.mp4"
    told = subprocess.run(
        [sys.executable, "-m", "avfoley_engine", "demo-clip", str(clip), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    shown = json.loads(told.stdout)
    ran = avfoley("demo", "-o", tmp_path / "demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (timeline,) = (tmp_path / "demo").glob("*.otio")
    (take,) = placed(otio.adapters.read_from_file(str(timeline)))
    samples, rate = soundfile.read(timeline.parent / take.url, dtype="float32")
    assert len(samples) == round(shown["duration"] * rate)

    events = np.array(shown["events"])
    heard = onsets.detect(samples, rate)
    assert count(events, heard, 0.08).f1 >= 0.7
    # Half a beat off, the same onsets are wrong: it is no rattle that is always right.
    elsewhere = (events + np.diff(events).mean() / 2)[:-1]
    assert count(elsewhere, heard, 0.08).f1 <= 0.3
