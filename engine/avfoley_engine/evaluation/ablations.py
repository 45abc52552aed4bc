"""`evaluate ablations`: AV-Link's design choices (Tab. 2 of the paper), trained on the world.

Every variant gets the same frozen backbones, clips in the same order, and small number of steps. It
is then scored on held-out clips as by `evaluate sync`, and by its flow-matching loss on them, the
steadier figure where a budget is small. A variant resumes where it stopped, and a finished one is
not run again. The default budget takes about an hour and a half on two CPU cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import RenderableType

from avfoley_engine.errors import ModelError
from avfoley_engine.evaluation import options, sync
from avfoley_engine.evaluation.clips import SPLIT, world_clips
from avfoley_engine.evaluation.generated import Sampling
from avfoley_engine.models.avlink.config import AVLinkConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.training.avlink.fusion import FusionOptions, FusionTraining, fusion_loss, fusion_objective
from avfoley_engine.training.dataset import CaptionStates, PairedClips
from avfoley_engine.training.rendering import render_shard
from avfoley_engine.training.run import train
from avfoley_engine.world import RecordedBank, SoundBank, SyntheticBank

_SHARD = 100
#: Batches over which the held-out loss is averaged.
_LOSS_BATCHES = 16
_WORLD_RATE, _WORLD_SIZE = Fraction(24), (36, 64)


@dataclass(frozen=True)
class Variant:
    """A change of the fusion's or the training's config, and the paper's figures on VGGSound.

    `fad`: Fréchet audio distance; `ib_av`: ImageBind similarity; `onset_accuracy`: CondFoleyGen's.
    """

    question: str
    label: str
    fad: float
    ib_av: float
    onset_accuracy: float
    fusion: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def config(self, base: AVLinkConfig) -> AVLinkConfig:
        return replace(base, fusion=replace(base.fusion, joint=False, **self.fusion))


OURS = "ours"
VARIANTS: dict[str, Variant] = {
    OURS: Variant("", "fixed time, interleaved, fusion blocks", 4.79, 0.222, 0.415),
    "uniform": Variant("conditioning time", "uniform", 6.91, 0.190, 0.413, training={"conditioning_time": "uniform"}),
    "early": Variant("placement", "early (after block 1)", 5.02, 0.170, 0.433, {"placement": "early"}),
    "middle": Variant("placement", "middle (after block 11)", 5.30, 0.191, 0.382, {"placement": "middle"}),
    "late": Variant("placement", "late (after block 22)", 6.90, 0.174, 0.37, {"placement": "late"}),
    "no-reinjection": Variant("injection", "without reinjection", 6.60, 0.143, 0.365, {"reinjection": False}),
    "cross": Variant("injection", "symmetric cross-attention", 8.47, 0.210, 0.410, {"attention": "cross"}),
}


@dataclass(frozen=True)
class Budget:
    """A variant's training clips, steps and batch; its held-out clips, and how they are sampled."""

    clips: int = 400
    steps: int = 300
    batch: int = 8
    evaluate: int = 32
    sampling_steps: int = 10
    guidance_scale: float = 5.0
    learning_rate: float = 1e-3
    seed: int = 0


#: The figures of a variant, and their headings in the table.
_FIGURES = {
    "loss": "ours: held-out loss",
    "f1_80": "F1 ±80 ms",
    "f1_80_gap": "above shuffled",
    "onset_accuracy": "onset accuracy",
}
#: Flags of the budget: its field, and the help.
_FLAGS = {
    "--clips": ("clips", "training clips"),
    "--steps": ("steps", "training steps of each variant"),
    "--batch": ("batch", "clips per step"),
    "--evaluate": ("evaluate", "held-out clips"),
    "--sampling-steps": ("sampling_steps", "solver steps"),
    "--guidance": ("guidance_scale", "guidance scale"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate ablations`."""
    options.add_model(parser)
    what = "folder of the runs (default: %(default)s)"
    parser.add_argument("--runs", type=Path, default=Path("runs/ablations"), help=what)
    what = "only this one, and `ours`; may be repeated"
    parser.add_argument("--variant", action="append", choices=VARIANTS, help=what)
    parser.add_argument("--sounds", type=Path, metavar="DIR", help="recorded sounds for the world, else synthetic ones")
    for flag, (name, what) in _FLAGS.items():
        default = getattr(Budget, name)
        parser.add_argument(flag, dest=name, type=type(default), default=default, help=f"{what} (default: %(default)s)")
    options.add_device(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate ablations`. Raises `AVFoleyError`."""
    from avfoley_engine import zoo
    from avfoley_engine.models.avlink import system

    sync.check_installed()
    budget = Budget(seed=arguments.seed, **{name: getattr(arguments, name) for name, _ in _FLAGS.values()})
    model = system.load(zoo.entry(arguments.model), options.device(arguments))
    identity = {"model": model.name, "revision": model.revision, "sounds": str(arguments.sounds or "")}
    settings = {**identity, **asdict(budget)}
    _claim(arguments.runs, settings)
    names = [name for name in VARIANTS if not arguments.variant or name in (OURS, *arguments.variant)]
    # The trainer reports its progress on standard output, which belongs to the result.
    with contextlib.redirect_stdout(sys.stderr):
        bank: SoundBank = RecordedBank(arguments.sounds, "train") if arguments.sounds else SyntheticBank()
        data, held_out = world_data(arguments.runs, model, bank, budget)
        results = {name: measured(name, model, data, held_out, arguments.runs, budget) for name in names}
    return {**settings, "variants": compared(results)}


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as a table."""
    table = options.table(
        f"{result['model']}: {result['steps']} steps per variant on {result['clips']} clips, "
        f"{result['evaluate']} held out",
        ["", ""],
        ["paper: FAD", "onset accuracy", *_FIGURES.values(), "as in the paper"],
    )
    for row in result["variants"]:
        paper = f"{row['paper']['fad']:.2f}", f"{row['paper']['onset_accuracy']:.3f}"
        ours = (options.figure(row[name]) for name in _FIGURES)
        agrees = {None: "", True: "yes", False: "no"}[row["as_in_the_paper"]]
        table.add_row(row["question"], row["label"], *paper, *ours, agrees)
    yield table
    yield "FAD and the loss: lower is better. The rest: higher. Compared with the paper by onset accuracy."


def _claim(runs: Path, settings: Mapping[str, Any]) -> None:
    """Writes down a folder's settings, for figures of different ones do not compare."""
    path = runs / "settings.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != dict(settings):
        raise ModelError(
            f"{path} describes runs with another model or budget. Give the same options, or another folder with --runs."
        )
    runs.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def world_data(runs: Path, model: AVLinkFoley, bank: SoundBank, budget: Budget) -> tuple[PairedClips, PairedClips]:
    """Training clips and held-out ones of the world, encoded; renders what the folder lacks.

    Raises:
        ModelError: the model does not take pictures of the world's rate and size.
    """
    config = model.link.config
    if (config.video.frame_rate, (config.video.height, config.video.width)) != (_WORLD_RATE, _WORLD_SIZE):
        raise ModelError(
            f"{model.name} does not take the world's pictures of 36 x 64 at 24 frames per second; choose another model."
        )
    for folder, clips, split in (("world", budget.clips, "train"), ("held_out", budget.evaluate, SPLIT)):
        for first in range(0, clips, _SHARD):
            seeds = range(first, min(first + _SHARD, clips))
            shard = runs / folder / f"{first:07d}"
            render_shard(shard, model.codec, bank, seeds, config.window_latents, split, device=model.device.type)
    return PairedClips(runs / "world", model.device), PairedClips(runs / "held_out", model.device)


def measured(
    name: str, model: AVLinkFoley, data: PairedClips, held_out: PairedClips, runs: Path, budget: Budget
) -> dict[str, Any]:
    """A variant's figures; trains and measures it unless the folder has its result."""
    path = runs / name / "result.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    variant = VARIANTS[name]
    torch.manual_seed(budget.seed)
    link = AVLink(variant.config(model.link.config), ["v2a"])
    link.audio.load_state_dict(model.link.audio.state_dict())
    link.video.load_state_dict(model.link.video.state_dict())
    training = FusionTraining(link).to(model.device)
    text = CaptionStates(model.text, model.device)
    training_options = FusionOptions(
        batch=budget.batch,
        steps=budget.steps,
        learning_rate=budget.learning_rate,
        # The average spans a tenth of the run.
        ema_decay=1 - 10 / max(20, budget.steps),
        seed=budget.seed,
        save_every=100,
        **variant.training,
    )
    objective = fusion_objective(training, data, text, training_options)
    train(replace(objective, name=name), runs, training_options)
    loss = held_out_loss(training, held_out, text, budget)
    defaults: dict[str, Any] = {"default_steps": budget.sampling_steps, "default_guidance_scale": budget.guidance_scale}
    foley = AVLinkFoley(name, model.revision, link, model.codec, model.text, **defaults)
    sampling = Sampling(budget.sampling_steps, budget.guidance_scale, seed=budget.seed)
    rows = sync.report(list(sync.evaluate(world_clips(budget.evaluate).clips, foley, sampling)))
    result = {"loss": loss, "matched": rows["matched"], "shuffled": rows["shuffled"]}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    return result


@torch.no_grad()
def held_out_loss(training: FusionTraining, data: PairedClips, text: CaptionStates, budget: Budget) -> float:
    """Flow-matching loss on held-out clips, captioned, at the fixed conditioning time and draws."""
    training.eval()
    config = FusionOptions(caption_drop=(0, 0), onset_weight=0)
    losses = []
    for n in range(_LOSS_BATCHES):
        torch.manual_seed(n)
        rng = np.random.default_rng((budget.seed, n))
        loss, _ = fusion_loss(training, "v2a", data.batch(budget.batch, rng), text, config, rng)
        losses.append(loss.item())
    return float(np.mean(losses))


def compared(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per variant: the paper's figures, ours, and whether both rank it alike."""
    rows = []
    for name, result in results.items():
        variant, accuracy = VARIANTS[name], result["matched"]["onset_accuracy"]
        matched, shuffled = result["matched"]["f1_80"], result["shuffled"]["f1_80"]
        agrees = None
        if name != OURS and accuracy is not None:
            paper = variant.onset_accuracy - VARIANTS[OURS].onset_accuracy
            agrees = bool(paper * (accuracy - results[OURS]["matched"]["onset_accuracy"]) > 0)
        rows.append(
            {
                "variant": name,
                "question": variant.question,
                "label": variant.label,
                "paper": {figure: getattr(variant, figure) for figure in ("fad", "ib_av", "onset_accuracy")},
                "loss": result["loss"],
                "f1_80": matched,
                "f1_80_shuffled": shuffled,
                "f1_80_gap": None if None in (matched, shuffled) else matched - shuffled,
                "onset_accuracy": accuracy,
                "as_in_the_paper": agrees,
            }
        )
    return rows
