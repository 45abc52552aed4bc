"""The training loop that all parts share: resumable, with EMA, a learning curve, and the same result for the same seed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.distributed.tensor import DTensor

#: Computes the loss of one step and named figures for the curve: (step, that step's own random generator) -> (loss, figures).
LossFunction = Callable[[int, np.random.Generator], tuple[torch.Tensor, dict[str, float]]]


@dataclass(frozen=True)
class TrainerConfig:
    """`minutes` stops a run early, whatever `steps` says: the run can then be resumed."""

    steps: int = 10_000
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-5
    warm_up: int = 200
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    minutes: float | None = None
    log_every: int = 50
    save_every: int = 500
    bf16: bool = False


def local_share(tensor: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor, without its history: its shard, or all of it."""
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).detach()


class ExponentialMovingAverage:
    """Shadow weights: w_ema <- d w_ema + (1 - d) w, with d warmed up so that early steps are not remembered for ever."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        names = [name for name, p in module.named_parameters() if p.requires_grad]
        parameters = dict(module.named_parameters())
        torch._foreach_lerp_(
            [local_share(self.shadow[n]) for n in names], [local_share(parameters[n]) for n in names], 1 - decay
        )


class Learner:
    """A module's trainable parameters and their AdamW: how they descend, and what a checkpoint holds of them, under `prefix`."""

    def __init__(self, module: nn.Module, config: TrainerConfig, prefix: str = "") -> None:
        self.config, self.prefix = config, prefix
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(),
            config.learning_rate,
            betas=config.betas,
            eps=1e-8,
            weight_decay=config.weight_decay,
        )

    def descend(self, loss: torch.Tensor, learning_rate: float, *, keep_graph: bool = False) -> None:
        """One optimiser step down the gradient of `loss`, clipped; other learners' parameters get no gradient.

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
        """Makes room for the optimiser state that a checkpoint holds under the names `stored`; a parameter without gradients has none."""
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

    def restore(self, checkpoint: Any) -> None:
        """Takes weights and optimiser state from an open checkpoint."""
        keys = set(checkpoint.keys())
        for name, p in self.parameters.items():
            p.data.copy_(checkpoint.get_tensor(f"{self.prefix}model.{name}"))
            state = {
                key: checkpoint.get_tensor(stored)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if (stored := f"{self.prefix}optimizer.{key}.{name}") in keys
            }
            if state:
                self.optimizer.state[p] = {k: v if k == "step" else v.to(p.device) for k, v in state.items()}


class Trainer:
    """Runs `loss_function` with AdamW and a cosine schedule after a linear warm-up.

    Every step draws its randomness from (seed, step) alone, so a resumed run equals an uninterrupted one. The run folder holds
    `checkpoint.safetensors` (weights, EMA and optimiser state; no pickle), `curve.jsonl` and `curve.png`.
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

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine down to `final_learning_rate` at `steps`."""
        c = self.config
        if step < c.warm_up:
            return c.learning_rate * (step + 1) / c.warm_up
        share = min(1.0, (step - c.warm_up) / max(1, c.steps - c.warm_up))
        return c.final_learning_rate + 0.5 * (c.learning_rate - c.final_learning_rate) * (
            1 + float(np.cos(np.pi * share))
        )

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
        self.learner.descend(loss, self.learning_rate(self.step))
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
        tensors = self.tensors()
        path = self.folder / "checkpoint.safetensors"
        part = path.with_suffix(".part")
        save_file({k: v.contiguous() for k, v in tensors.items()}, part, metadata={"step": str(self.step)})
        part.replace(path)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that a resumed run needs, by its name in the checkpoint."""
        return self.learner.tensors() | {f"ema.{n}": p for n, p in self.ema.shadow.items()}

    def restore(self, checkpoint: Any) -> None:
        """Takes `tensors` back from an open checkpoint."""
        self.learner.restore(checkpoint)
        for name, shadow in self.ema.shadow.items():
            shadow.copy_(checkpoint.get_tensor(f"ema.{name}"))

    def resume(self) -> None:
        """Goes on from the checkpoint in the run folder."""
        with safe_open(self.folder / "checkpoint.safetensors", "pt") as f:
            self.step = int(f.metadata()["step"])
            self.restore(f)
        print(f"resumed {self.folder} at step {self.step}", flush=True)

    def draw(self) -> None:
        """Draws the learning curve, one panel a figure, to `curve.png`."""
        draw_curve(self.folder / "curve.jsonl", self.folder / "curve.png")


def draw_curve(log: Path, picture: Path) -> None:
    """Draws every figure of a `curve.jsonl` over steps."""
    if not log.exists():
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

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


def trainable(modules: Iterable[nn.Module]) -> int:
    """Number of parameters that a run would change."""
    return sum(p.numel() for m in modules for p in m.parameters() if p.requires_grad)
