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
import torch
from avfoley_engine import zoo
from avfoley_engine.evaluation import motion
from avfoley_engine.evaluation.matching import Counts, count
from avfoley_engine.media import onsets
from avfoley_engine.models.avlink import system
from avfoley_engine.world import SyntheticBank, render_sound, sample_scene

from avfoley_plugin.timeline.placing import placed

Shell = Callable[..., subprocess.CompletedProcess[str]]

NAME = "avlink-nano"
MOST_BYTES = 44 * 2**20


def test_every_file_is_the_one_that_its_config_names() -> None:
    entry = zoo.entry(NAME)
    for name in entry.config["files"]:
        assert entry.file(name) == zoo.SHIPPED / NAME / name


def test_all_weights_together_stay_small() -> None:
    assert 2**20 < sum(file.stat().st_size for file in zoo.SHIPPED.rglob("*.safetensors")) <= MOST_BYTES


@pytest.mark.parametrize("time", [0.5, 0.507, 0.515, 0.531])
def test_the_codec_keeps_a_hit_sharp(time: float) -> None:
    """10 ms before a burst of noise it is as good as silent, 10 ms after its start within 3 dB of its loudest."""
    rate, rng = 48_000, np.random.default_rng(0)
    sound = 1e-5 * rng.normal(size=rate * 48 // 50)
    start = round(time * rate)
    sound[start : start + 4800] += 0.3 * rng.normal(size=4800) * np.exp(-np.arange(4800) / 800)
    codec = system.load(zoo.entry(NAME)).codec
    decoded = codec.decode(codec.encode(torch.from_numpy(sound.astype(np.float32))[None]))[0].double().numpy()

    def level(begins: float, ends: float) -> float:
        """In dB, between two times in seconds after the onset."""
        return float(10 * np.log10((decoded[round((time + begins) * rate) : round((time + ends) * rate)] ** 2).mean()))

    loudest = max(level(n / 1000, (n + 5) / 1000) for n in range(0, 40, 5))
    assert level(-0.05, -0.01) < loudest - 35
    assert max(level(0, 0.005), level(0.005, 0.01)) > loudest - 3


def test_every_sound_of_the_attribution_has_its_licence() -> None:
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


@pytest.mark.slow
def test_a_picture_moves_when_its_sound_strikes() -> None:
    """Two clips of the world whose pictures the model is not shown: sound and caption alone."""
    model = system.load_video(zoo.entry(NAME))
    own, elsewhere = Counts(), Counts()
    for seed in (14, 15):
        scene = sample_scene(seed, split="shipped-model", duration=4.0)
        sound = torch.from_numpy(render_sound(scene, SyntheticBank()))
        frames = model.generate(sound, 96, caption=scene.video_caption, seed=seed)
        moved, _ = motion.detect(frames.numpy(), float(model.frame_rate))
        events = np.array([event.time for event in scene.events])
        assert len(events) >= 4
        own += count(events, moved, 0.08)
        elsewhere += count((events + 2.0) % 4.0, moved, 0.08)
    assert own.f1 >= 0.5
    assert own.f1 >= elsewhere.f1 + 0.2
