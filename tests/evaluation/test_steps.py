"""`evaluate steps` on a model whose sounds are known."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine.evaluation import steps
from avfoley_engine.evaluation.clips import WorldClip
from avfoley_engine.protocol import SAMPLE_RATE

from support.models import OneByOne


class Clicker(OneByOne):
    """Clicks when the clip it recognises by its first frame has events; with one step, late."""

    name, revision = "clicker", "r"
    frame_rate, frame_size = 24, (36, 64)
    sample_rate = SAMPLE_RATE
    window_frames, default_steps, default_guidance_scale = 124, 4, 2.0
    evaluations = 3

    def __init__(self, clips: list[WorldClip]) -> None:
        self.known = {clip.frames(24, (36, 64))[0].tobytes(): clip for clip in clips}  # type: ignore[arg-type]

    def generate(self, frames: torch.Tensor, samples: int, *, steps: int, **options: Any) -> torch.Tensor:
        sound = torch.zeros(samples)
        clip = self.known[frames[0].numpy().tobytes()]
        late = 0.3 if steps == 1 else 0.0
        for time in clip.reference.events + late:
            at = int(time * SAMPLE_RATE)
            sound[at : at + 240] = torch.randn(240, generator=torch.Generator().manual_seed(0))[: max(0, samples - at)]
        return sound


@pytest.fixture
def arguments(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(
        models=["clicker"],
        direction=None,
        steps=[1, 4],
        clips=4,
        videos=None,
        sounds=None,
        no_captions=False,
        batch=2,
        plot=tmp_path / "steps.png",
        cache=tmp_path,
        device="cpu",
        seed=0,
    )


def test_a_row_says_what_steps_cost_and_keep(arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Clicker([WorldClip(n) for n in range(4)])
    monkeypatch.setattr(steps.registry, "info", lambda name: SimpleNamespace(tasks=["foley"]))
    monkeypatch.setattr(steps.registry, "load", lambda name, task, device: model)
    entry = SimpleNamespace(config={"system": "toy", "variant": "distilled"})
    monkeypatch.setattr(steps.zoo, "entry", lambda name: entry)
    result = steps.run(arguments)
    late, right = result["rows"]
    assert (late["system"], late["variant"], late["direction"]) == ("toy", "distilled", "v2a")
    assert [(row["steps"], row["evaluations"]) for row in result["rows"]] == [(1, 3), (4, 12)]
    assert right["f1_80"] > 0.9
    assert right["f1_80"] > late["f1_80"] + 0.3
    assert right["f1_80_shuffled"] < 0.6
    assert right["real_f1_80"] is None
    assert right["label_accuracy"] is None
    assert right["seconds"] > 0
    assert arguments.plot.stat().st_size > 5000
    assert list(steps.tables(result))


def test_a_judge_names_sounds_and_measures_their_distance() -> None:
    class Half:
        """Names a sound by whether it is loud."""

        labels = ("loud", "soft")

        def embed(self, waveform: np.ndarray) -> np.ndarray:
            return np.array([np.abs(waveform).mean(), 1.0], np.float32)

        def ranking(self, embeddings: np.ndarray) -> np.ndarray:
            return np.stack([[0, 1] if row[0] > 0.5 else [1, 0] for row in embeddings])

    sounds = [torch.full((4800,), level) for level in (0.9, 0.1, 0.8)]
    clips: Any = [SimpleNamespace(label=label) for label in ("loud", "soft", "soft")]
    reference = np.stack([Half().embed(sound.numpy()) for sound in sounds])
    figures = steps.Judge(Half(), reference).figures(clips, sounds, SAMPLE_RATE)  # type: ignore[arg-type]
    assert figures["label_accuracy"] == pytest.approx(2 / 3)
    assert figures["frechet"] == pytest.approx(0, abs=1e-6)
    clips[2] = SimpleNamespace(label="unknown")
    assert steps.Judge(Half(), reference).figures(clips, sounds, SAMPLE_RATE)["label_accuracy"] == 1  # type: ignore[arg-type]
