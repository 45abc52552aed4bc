"""Frieren's losses go down on a tiny set, and clips are joined where picture and sound agree."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.models.frieren.config import NANO, ContrastiveConfig
from avfoley_engine.models.frieren.estimator import Estimator
from avfoley_engine.models.frieren.features import Seen, event_stem
from avfoley_engine.training.dataset import Clip
from avfoley_engine.training.frieren.data import SeenClips
from avfoley_engine.training.frieren.estimator import EstimatorOptions, density, estimator_loss
from avfoley_engine.training.frieren.features import (
    ContrastiveTraining,
    FeaturesOptions,
    contrastive_loss,
    contrastive_losses,
)
from avfoley_engine.training.recipe import Objective
from avfoley_engine.training.run import train
from avfoley_engine.training.shards import ShardFormat
from avfoley_engine.vision.events import EventStem

CPU = torch.device("cpu")
SIZES = NANO.features
assert isinstance(SIZES, ContrastiveConfig)


def write_shard(folder: Path, clips: int = 4) -> None:
    """Clips in which a patch moves once, at a time of its own, and the latents say when."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    frames = rng.integers(0, 60, (clips, 124, 36, 64, 3), dtype=np.uint8)
    motion = np.zeros((clips, 124, 6, 6, 9), np.float16)
    latents = np.zeros((clips, 129, 32), np.float16)
    rows = []
    for n in range(clips):
        at = 0.7 + n
        motion[n, int(24 * at) - 3 : int(24 * at), 2:4, 2:4, n] = 3
        latents[n, int(25 * at) : int(25 * at) + 8, n] = 3
        rows.append(Clip(n, "drop", "a drop", "a thing falls", [at], [True]))
    np.save(folder / "frames.npy", frames)
    np.save(folder / "motion.npy", motion)
    np.save(folder / "latents.npy", latents)
    np.save(folder / "looks.npy", rng.random((clips, 15, 1280)).astype(np.float16))
    form = ShardFormat(None, 32, Fraction(25), 129, Fraction(24), 124, 36, 64)
    (folder / "shard.json").write_text(json.dumps(asdict(form), default=str))
    (folder / "clips.jsonl").write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))


@pytest.fixture
def stem() -> EventStem:
    torch.manual_seed(0)
    return event_stem(SIZES).eval().requires_grad_(False)


@pytest.fixture
def data(tmp_path: Path, stem: EventStem) -> SeenClips:
    write_shard(tmp_path / "world" / "0")
    return SeenClips([tmp_path / "world"], NANO, stem, CPU)


def test_what_the_stem_sees_is_written_once_a_stem(data: SeenClips, tmp_path: Path, stem: EventStem) -> None:
    folder = tmp_path / "world" / "0"
    (written,) = folder.glob("seen-*.npy")
    before = written.stat().st_mtime_ns
    again = SeenClips([tmp_path / "world"], NANO, stem, CPU)
    assert written.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.events[0], data.events[0])
    with torch.no_grad():
        stem.flow.output.bias += 1  # type: ignore[union-attr,operator]
    SeenClips([tmp_path / "world"], NANO, stem, CPU)
    assert len(list(folder.glob("seen-*.npy"))) == 2


def test_clips_without_motion_are_refused(data: SeenClips, tmp_path: Path, stem: EventStem) -> None:
    (tmp_path / "world" / "0" / "motion.npy").unlink()
    with pytest.raises(ModelError, match=r"no motion\.npy"):
        SeenClips([tmp_path / "world"], NANO, stem, CPU)


def test_shares_of_a_batch_are_not_looked_at(data: SeenClips) -> None:
    rng = np.random.default_rng(0)
    looks = data.batch(64, rng, unlooked=0.5).seen.looks.abs().sum((1, 2))
    assert 16 < (looks == 0).sum() < 48
    assert (data.batch(64, rng).seen.looks.abs().sum((1, 2)) > 0).all()


def test_joined_clips_keep_picture_and_sound_together(data: SeenClips) -> None:
    # Everything says its own second: then so must everything in a joined clip.
    counted = [(np.arange(n) * 1.0 / rate) for n, rate in ((62, 12), (15, 3), (129, 25))]
    data.events = [np.tile(counted[0][:, None], (4, 2, 1, 322))]
    data.looks = [np.tile(counted[1][:, None], (4, 1, 1280))]
    data.clips.latents = [np.tile(counted[2][:, None], (4, 1, 32))]
    batch = data.batch(40, np.random.default_rng(1), joined=1.0)
    # From the second piece on, its seconds go on from another one than the first piece's.
    cuts = set()
    for events, looks, latents in zip(batch.seen.events, batch.seen.looks, batch.latents, strict=True):
        offsets = [
            (part[:, 0] - torch.arange(len(part)) / rate).round(decimals=3)
            for part, rate in ((events, 12), (looks, 3), (latents, 25))
        ]
        assert len({part[0].item() for part in offsets}) == 1
        assert len({part[-1].item() for part in offsets}) == 1
        changes = [(part.diff().abs() > 0.5).nonzero().flatten() + 1 for part in offsets]
        if len(changes[2]):
            (cut,) = {round(change.item() / rate, 3) for change, rate in zip(changes, (12, 3, 25), strict=True)}
            cuts.add(cut)
    assert cuts == {2.0, 3.0}


def test_the_weight_is_a_density() -> None:
    t = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    assert density(t).mean().item() == pytest.approx(1, abs=1e-3)
    assert density(torch.tensor([0.5])).item() == pytest.approx(4 * 0.398942, abs=1e-4)
    assert density(torch.tensor([0.0, 1.0])).isfinite().all()


def test_contrast_learns_which_sound_and_when(data: SeenClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = FeaturesOptions(steps=60, batch=8, learning_rate=3e-3, log_every=20, unlooked=0.0)
    training = ContrastiveTraining(SIZES, 32)
    losses = contrastive_losses(training, data, options)
    train(Objective("frieren-features", training, losses), tmp_path, options)
    batch = data.batch(8, np.random.default_rng(2))
    with torch.no_grad():
        steps = training.encoder.embed(batch.seen)
        sounds = training.heard(batch.latents, steps.shape[1])
    # When a clip sounds, its picture is nearer to that instant's sound than to silence.
    for row, clip in enumerate(batch.clips):
        at = int(12 * clip.events[0]) + 1
        alike = steps[row] @ sounds[row].T
        assert alike[at, at] > alike[at, (at + 25) % 62] + 0.1
    rows = [json.loads(line) for line in (tmp_path / "frieren-features" / "curve.jsonl").read_text().splitlines()]
    assert rows[-1]["temporal"] < rows[0]["temporal"]


def test_neighbouring_steps_are_not_told_apart() -> None:
    torch.manual_seed(0)
    training = ContrastiveTraining(SIZES, 32)
    seen = Seen(torch.randn(2, 62, 322), torch.randn(2, 15, 1280))
    loss, figures = contrastive_loss(training, seen, torch.randn(2, 129, 32), 0.5)
    assert loss.item() == pytest.approx(figures["semantic"] + 0.5 * figures["temporal"], rel=1e-4)
    # 60 of 62 steps are others or the step itself: an untrained encoder guesses among them.
    assert figures["temporal"] < 3 * np.log(60)


def test_the_estimator_learns(data: SeenClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = ContrastiveTraining(SIZES, 32).encoder.eval().requires_grad_(False)
    estimator = Estimator(NANO)
    options = EstimatorOptions(steps=40, batch=8, learning_rate=2e-3, log_every=10)
    loss = estimator_loss(estimator, encoder, data, options)
    train(Objective("frieren", estimator, loss, frozen={"encoder": encoder}), tmp_path, options)
    rows = [json.loads(line) for line in (tmp_path / "frieren" / "curve.jsonl").read_text().splitlines()]
    assert rows[-1]["flow"] < 0.7 * rows[0]["flow"]
