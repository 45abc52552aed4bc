"""The training loop of all parts: resumable, with EMA and a curve, the same for the same seed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.distributed.tensor import DTensor

from avfoley_engine.extras import require
from avfoley_engine.training.options import option

#: Computes the loss of a step and figures for the curve: (step, its random generator) -> (loss, figures).
LossFunction = Callable[[int, np.random.Generator], tuple[torch.Tensor, dict[str, float]]]


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """How long and how fast a run learns."""

    steps: int = option(10_000, "steps of the whole schedule")
    minutes: float | None = option(None, "stop earlier, to be resumed")
    learning_rate: float = option(1e-3, "at the end of the warm-up")
    final_learning_rate: float = option(1e-5, "at the last step; a cosine leads there")
    warm_up: int | None = option(None, "steps of warm-up (default: 200, or a tenth of a short run)")
    betas: tuple[float, float] = option((0.9, 0.99), "AdamW's", metavar=("FIRST", "SECOND"))
    weight_decay: float = option(0.01, "AdamW's")
    clip_norm: float = option(1.0, "largest norm of a gradient")
    ema_decay: float = option(0.999, "decay of the averaged weights", flag="--ema")
    seed: int = option(0, "the same seed gives the same run")
    log_every: int = option(50, "steps between two rows of the curve")
    save_every: int = option(500, "steps between two checkpoints")
    bf16: bool = option(False, "bfloat16 autocast")

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then a cosine down to `final_learning_rate` at `steps`."""
        warm_up = min(200, self.steps // 10 + 1) if self.warm_up is None else self.warm_up
        if step < warm_up:
            return self.learning_rate * (step + 1) / warm_up
        share = min(1.0, (step - warm_up) / max(1, self.steps - warm_up))
        left = 0.5 * (1 + float(np.cos(np.pi * share)))
        return self.final_learning_rate + left * (self.learning_rate - self.final_learning_rate)


def local_share(tensor: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor, without its history: its shard, or all of it."""
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).detach()


class ExponentialMovingAverage:
    """Shadow weights: w_ema <- d w_ema + (1 - d) w; d is warmed up, so that early steps are forgotten."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        learned = {name: p for name, p in module.named_parameters() if p.requires_grad}
        shadows = [local_share(self.shadow[name]) for name in learned]
        torch._foreach_lerp_(shadows, [local_share(p) for p in learned.values()], 1 - decay)


class Learner:
    """A module's trainable parameters and their AdamW; a checkpoint holds them under `prefix`."""

    def __init__(self, module: nn.Module, config: TrainerConfig, prefix: str = "") -> None:
        self.config, self.prefix = config, prefix
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        parameters, betas = self.parameters.values(), config.betas
        self.optimizer = torch.optim.AdamW(parameters, config.learning_rate, betas, 1e-8, config.weight_decay)

    def descend(self, loss: torch.Tensor, learning_rate: float, *, keep_graph: bool = False) -> None:
        """One optimiser step down the clipped gradient of `loss`; other learners' parameters get none.

        `keep_graph` where another learner descends through the same computation next.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(self.parameters.values()), retain_graph=keep_graph)
        self.step(learning_rate)

    def step(self, learning_rate: float) -> None:
        """One optimiser step down the gradients that are there, clipped; none where they are not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip_norm)
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        # One poisoned batch must not end a run of hours.
        if torch.isfinite(norm):
            self.optimizer.step()

    def prepare(self, stored: Container[str]) -> None:
        """Makes room for the optimiser state that a checkpoint has under the names `stored`."""
        for name, p in self.parameters.items():
            if f"{self.prefix}optimizer.step.{name}" not in stored:
                continue
            state = {key: torch.zeros_like(p) for key in ("exp_avg", "exp_avg_sq")}
            self.optimizer.state[p] = {"step": torch.zeros(()), **state}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Weights and optimiser state by their names in the checkpoint."""
        tensors = {f"{self.prefix}model.{n}": p.detach() for n, p in self.parameters.items()}
        for name, p in self.parameters.items():
            for key, value in self.optimizer.state.get(p, {}).items():
                tensors[f"{self.prefix}optimizer.{key}.{name}"] = value
        return tensors


class Trainer:
    """Runs `loss_function` with AdamW and a cosine schedule after a linear warm-up.

    Every step draws its randomness from (seed, step) alone, so a resumed run equals an
    uninterrupted one. The run folder holds `checkpoint.safetensors` (weights, EMA and optimiser
    state; no pickle), `curve.jsonl` and `curve.png`.
    """

    def __init__(self, module: nn.Module, loss_function: LossFunction, folder: Path, config: TrainerConfig) -> None:
        self.module, self.loss_function, self.folder, self.config = module, loss_function, folder, config
        self.learner = Learner(module, config)
        self.ema = ExponentialMovingAverage(module, config.ema_decay)
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self.saved():
            self.resume()

    def saved(self) -> bool:
        """Whether the run folder holds a checkpoint to go on from."""
        return (self.folder / "checkpoint.safetensors").exists()

    def in_time(self, started: float) -> bool:
        """Whether the run, begun at `started` (`time.monotonic`), has minutes left."""
        return self.config.minutes is None or time.monotonic() - started < 60 * self.config.minutes

    def run(self) -> None:
        """Trains until `steps` or `minutes` is reached, then saves."""
        c = self.config
        started = window = time.monotonic()
        recent: dict[str, list[float]] = {}
        self.module.train()
        while self.step < c.steps and self.in_time(started):
            rng = np.random.default_rng((c.seed, self.step))
            torch.manual_seed(int(rng.integers(2**62)))
            figures = self.update(rng)
            self.ema.update(self.module, self.step)
            self.step += 1
            for name, value in figures.items():
                recent.setdefault(name, []).append(value)
            if self.step % c.log_every == 0:
                row = {"step": self.step, **{name: sum(values) / len(values) for name, values in recent.items()}}
                row["steps_per_second"] = len(recent["loss"]) / (time.monotonic() - window)
                self.log(row)
                recent, window = {}, time.monotonic()
            if self.step % c.save_every == 0:
                self.save()
        self.save()
        self.draw()

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """One step; returns the loss and the figures for the curve."""
        with self.autocast():
            loss, figures = self.loss_function(self.step, rng)
        self.learner.descend(loss, self.config.learning_rate_at(self.step))
        return {"loss": loss.detach().item(), **figures}

    def autocast(self) -> torch.autocast:
        """bfloat16 where the config says so."""
        device = next(iter(self.learner.parameters.values())).device
        return torch.autocast(device.type, torch.bfloat16, enabled=self.config.bf16)

    def log(self, row: dict[str, float]) -> None:
        with (self.folder / "curve.jsonl").open("a") as f:
            f.write(json.dumps(row) + "\n")
        print("  ".join(f"{k} {v:.5g}" for k, v in row.items()), flush=True)

    def save(self) -> None:
        """Writes the checkpoint to `.part`, then renames it."""
        path = self.folder / "checkpoint.safetensors"
        part = path.with_suffix(".part")
        save_file({k: v.contiguous() for k, v in self.tensors().items()}, part, metadata={"step": str(self.step)})
        part.replace(path)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that a resumed run needs, by its name in the checkpoint."""
        return self.learner.tensors() | {f"ema.{n}": p for n, p in self.ema.shadow.items()}

    def prepare(self, stored: Container[str]) -> None:
        """Makes room for the optimiser state that a checkpoint holds under the names `stored`."""
        self.learner.prepare(stored)

    def resume(self) -> None:
        """Goes on from the checkpoint in the run folder."""
        with safe_open(self.folder / "checkpoint.safetensors", "pt") as f:
            self.step = int(f.metadata()["step"])
            self.prepare(set(f.keys()))
            for name, tensor in self.tensors().items():
                tensor.copy_(f.get_tensor(name))
        print(f"resumed {self.folder} at step {self.step}", flush=True)

    def draw(self) -> None:
        """Draws the learning curve, one panel a figure, to `curve.png`."""
        draw_curve(self.folder / "curve.jsonl", self.folder / "curve.png")


def draw_curve(log: Path, picture: Path) -> None:
    """Draws every figure of a `curve.jsonl` over steps."""
    if not log.exists():
        return
    require("matplotlib", "train").use("Agg")
    plt = require("matplotlib.pyplot", "train")

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    names = [n for n in rows[-1] if n not in ("step", "steps_per_second")]
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        points = [(r["step"], r[name]) for r in rows if name in r]
        axis.plot(*zip(*points, strict=True))
        axis.set(title=name, xlabel="step")
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    plt.close(figure)
