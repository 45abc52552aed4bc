"""The trainer: same result for the same seed, resumed or not, and a curve to look at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from avfoley_engine.training.checkpoints import ema_weights
from avfoley_engine.training.trainer import Trainer, TrainerConfig
from torch import nn

CONFIG = TrainerConfig(steps=40, learning_rate=1e-2, warm_up=5, log_every=10, save_every=10, ema_decay=0.9)


def run(folder: Path, *stops: int) -> nn.Module:
    """Trains a line to fit y = 3 x, in one go or in pieces that end after `stops` steps."""
    for stop in stops:
        torch.manual_seed(0)
        module = nn.Linear(1, 1)

        def loss(
            step: int, rng: np.random.Generator, module: nn.Linear = module
        ) -> tuple[torch.Tensor, dict[str, float]]:
            x = torch.from_numpy(rng.normal(size=(8, 1)).astype(np.float32)) + 0.01 * torch.randn(8, 1)
            error = (module(x) - 3 * x).square().mean()
            return error, {"error": error.item()}

        trainer = Trainer(module, loss, folder, CONFIG)
        trainer.config = replace(CONFIG, steps=CONFIG.steps)
        if stop < CONFIG.steps:
            # A run that is cut off: it trains up to a checkpoint and is then gone.
            original = trainer.save

            def save_and_stop(trainer: Trainer = trainer, stop: int = stop, original=original) -> None:  # type: ignore[no-untyped-def]
                original()
                if trainer.step >= stop:
                    raise KeyboardInterrupt

            trainer.save = save_and_stop  # type: ignore[method-assign]
            try:
                trainer.run()
            except KeyboardInterrupt:
                continue
        else:
            trainer.run()
    return module


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, pieces = run(tmp_path / "whole", 40), run(tmp_path / "pieces", 10, 30, 40)
    assert torch.equal(whole.weight, pieces.weight)
    a, b = (ema_weights(tmp_path / n / "checkpoint.safetensors") for n in ("whole", "pieces"))
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_it_learns_and_draws_its_curve(tmp_path: Path) -> None:
    run(tmp_path, 40)
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [r["step"] for r in rows] == [10, 20, 30, 40]
    assert rows[-1]["error"] < rows[0]["error"]
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_averaged_weights_lag_behind(tmp_path: Path) -> None:
    module = run(tmp_path, 40)
    shadow = ema_weights(tmp_path / "checkpoint.safetensors")["weight"]
    assert shadow.item() != module.weight.item()
    assert abs(shadow.item() - module.weight.item()) < 0.5


def test_a_poisoned_batch_does_not_spoil_the_weights(tmp_path: Path) -> None:
    module = nn.Linear(1, 1)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        return module(torch.ones(1, 1)).sum() * (float("nan") if step == 3 else 1.0), {}

    Trainer(module, loss, tmp_path, replace(CONFIG, steps=8)).run()
    assert module.weight.isfinite().all()
