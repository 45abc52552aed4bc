"""`evaluate ablations`: AV-Link's design choices (Tab. 2 of the paper), each trained for the same small budget on the world.

Every variant gets the same frozen backbones, the same clips in the same order and the same number of steps; it is then scored on held-out
clips like `evaluate sync`, and by its flow-matching loss on them, which is the steadier figure where a budget is small. Every variant
resumes where it stopped, and one that is finished is not run again. The default budget is about an hour and a half on two CPU cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from avfoley_engine.errors import ModelError
from avfoley_engine.evaluation import sync
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
    """A change of the fusion's or the training's config, and what the paper measured of it on VGGSound.

    `fad` is Fréchet audio distance, `ib_av` ImageBind similarity of sound and picture, `onset_accuracy` CondFoleyGen's.
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
    """What every variant is given: training clips, steps and batch; held-out clips, and how they are sampled."""

    clips: int = 400
    steps: int = 300
    batch: int = 8
    evaluate: int = 32
    sampling_steps: int = 10
    guidance_scale: float = 5.0
    learning_rate: float = 1e-3
    seed: int = 0


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `ablations` to the evaluation's commands."""
    parser = commands.add_parser(
        "ablations", help="the paper's design choices, trained and compared", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    budget = Budget()
    parser.add_argument("--model", default="avlink-nano", help="whose backbones and codec (default: %(default)s)")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/ablations"), help="folder of the runs (default: %(default)s)"
    )
    parser.add_argument(
        "--variant", action="append", choices=VARIANTS, help="only this one, and `ours`; may be repeated"
    )
    parser.add_argument("--sounds", type=Path, help="folder of recorded sounds for the world; synthetic ones without")
    parser.add_argument("--clips", type=int, default=budget.clips, help="training clips (default: %(default)s)")
    parser.add_argument(
        "--steps", type=int, default=budget.steps, help="training steps of each variant (default: %(default)s)"
    )
    parser.add_argument("--batch", type=int, default=budget.batch, help="clips a step (default: %(default)s)")
    parser.add_argument("--evaluate", type=int, default=budget.evaluate, help="held-out clips (default: %(default)s)")
    parser.add_argument(
        "--sampling-steps", type=int, default=budget.sampling_steps, help="solver steps (default: %(default)s)"
    )
    parser.add_argument(
        "--guidance", type=float, default=budget.guidance_scale, help="guidance scale (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=budget.seed)
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `evaluate ablations`; returns the exit status. Raises `AVFoleyError`."""
    from avfoley_engine import zoo
    from avfoley_engine.jobs.worker import best_device
    from avfoley_engine.models.avlink import system

    budget = Budget(
        clips=arguments.clips,
        steps=arguments.steps,
        batch=arguments.batch,
        evaluate=arguments.evaluate,
        sampling_steps=arguments.sampling_steps,
        guidance_scale=arguments.guidance,
        seed=arguments.seed,
    )
    device = torch.device(arguments.device or best_device())
    model = system.load(zoo.entry(arguments.model), device)
    settings = {"model": model.name, "revision": model.revision, "sounds": str(arguments.sounds or ""), **vars(budget)}
    _claim(arguments.runs, settings)
    names = [name for name in VARIANTS if not arguments.variant or name in (OURS, *arguments.variant)]
    # The trainer tells of its progress; what is printed here may be read by a program.
    with contextlib.redirect_stdout(sys.stderr):
        bank: SoundBank = RecordedBank(arguments.sounds, "train") if arguments.sounds else SyntheticBank()
        data, held_out = world_data(arguments.runs, model, bank, budget)
        results = {name: measured(name, model, data, held_out, arguments.runs, budget) for name in names}
    report = {**settings, "variants": compared(results)}
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(report, Console())
    return 0


def _claim(runs: Path, settings: Mapping[str, Any]) -> None:
    """Figures of different settings must not meet in one table."""
    path = runs / "settings.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != dict(settings):
        raise ModelError(
            f"{path} tells of runs with another model or budget. Give the same options, or another folder with --runs."
        )
    runs.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def world_data(runs: Path, model: AVLinkFoley, bank: SoundBank, budget: Budget) -> tuple[PairedClips, PairedClips]:
    """Training clips and held-out ones of the world, encoded by the model's codec; rendered where they are not there yet.

    Raises:
        ModelError: the model does not look at pictures of the world's rate and size.
    """
    config = model.link.config
    if (config.video.frame_rate, (config.video.height, config.video.width)) != (_WORLD_RATE, _WORLD_SIZE):
        raise ModelError(
            f"{model.name} looks at other pictures than the world's 36 x 64 at 24 frames a second; choose another model."
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
    """A variant's figures, trained and measured where that is not done yet."""
    path = runs / name / "result.json"
    if path.exists():
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return result
    variant = VARIANTS[name]
    torch.manual_seed(budget.seed)
    link = AVLink(variant.config(model.link.config), ["v2a"])
    link.audio.load_state_dict(model.link.audio.state_dict())
    link.video.load_state_dict(model.link.video.state_dict())
    training = FusionTraining(link).to(model.device)
    text = CaptionStates(model.text, model.device)
    options = FusionOptions(
        batch=budget.batch,
        steps=budget.steps,
        learning_rate=budget.learning_rate,
        # A memory of a tenth of the run.
        ema_decay=1 - 10 / max(20, budget.steps),
        seed=budget.seed,
        save_every=100,
        **variant.training,
    )
    train(replace(fusion_objective(training, data, text, options), name=name), runs, options)
    loss = held_out_loss(training, held_out, text, budget)
    foley = AVLinkFoley(
        name,
        model.revision,
        link,
        model.codec,
        model.text,
        default_steps=budget.sampling_steps,
        default_guidance_scale=budget.guidance_scale,
    )
    sampling = Sampling(budget.sampling_steps, budget.guidance_scale, seed=budget.seed)
    rows = sync.report(list(sync.evaluate(world_clips(budget.evaluate), foley, sampling)))
    result = {"loss": loss, "matched": rows["matched"], "shuffled": rows["shuffled"]}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    return result


@torch.no_grad()
def held_out_loss(training: FusionTraining, data: PairedClips, text: CaptionStates, budget: Budget) -> float:
    """Flow-matching loss on held-out clips, with all captions, at the fixed conditioning time: the same draws for every variant."""
    training.eval()
    options = FusionOptions(caption_drop=(0, 0), onset_weight=0)
    losses = []
    for n in range(_LOSS_BATCHES):
        torch.manual_seed(n)
        rng = np.random.default_rng((budget.seed, n))
        loss, _ = fusion_loss(training, "v2a", data.batch(budget.batch, rng), text, options, rng)
        losses.append(loss.item())
    return float(np.mean(losses))


def compared(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a variant: the paper's figures, ours, and whether both say the same of the variant beside `ours`."""
    rows = []
    reference = results[OURS]
    for name, result in results.items():
        variant = VARIANTS[name]
        gap, accuracy = _gap(result), result["matched"]["onset_accuracy"]
        beside = None
        if name != OURS and accuracy is not None:
            paper = variant.onset_accuracy - VARIANTS[OURS].onset_accuracy
            beside = bool(paper * (accuracy - reference["matched"]["onset_accuracy"]) > 0)
        rows.append(
            {
                "variant": name,
                "question": variant.question,
                "label": variant.label,
                "paper": {"fad": variant.fad, "ib_av": variant.ib_av, "onset_accuracy": variant.onset_accuracy},
                "loss": result["loss"],
                "f1_80": result["matched"]["f1_80"],
                "f1_80_shuffled": result["shuffled"]["f1_80"],
                "f1_80_gap": gap,
                "onset_accuracy": accuracy,
                "as_in_the_paper": beside,
            }
        )
    return rows


def _gap(result: Mapping[str, Any]) -> float | None:
    matched, shuffled = result["matched"]["f1_80"], result["shuffled"]["f1_80"]
    return None if matched is None or shuffled is None else matched - shuffled


def _print(report: Mapping[str, Any], console: Console) -> None:
    table = Table(
        title=f"{report['model']}: {report['steps']} steps a variant on {report['clips']} clips, {report['evaluate']} held out"
    )
    table.add_column("")
    table.add_column("", no_wrap=True)
    headings = ("paper: FAD", "onset accuracy", "ours: held-out loss", "F1 ±80 ms", "above shuffled", "onset accuracy")
    for heading in (*headings, "as in the paper"):
        table.add_column(heading, justify="right")
    for row in report["variants"]:
        figures = (row["loss"], row["f1_80"], row["f1_80_gap"], row["onset_accuracy"])
        table.add_row(
            row["question"],
            row["label"],
            f"{row['paper']['fad']:.2f}",
            f"{row['paper']['onset_accuracy']:.3f}",
            *("–" if figure is None else f"{figure:.3f}" for figure in figures),
            {None: "", True: "yes", False: "no"}[row["as_in_the_paper"]],
        )
    console.print(table)
    console.print(
        "FAD and the loss: lower is better. The rest: higher. Compared with the paper by onset accuracy.",
        highlight=False,
    )
