"""From the runs of Frieren to a model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from avfoley_engine.models.frieren import system
from avfoley_engine.models.frieren.config import NANO, ContrastiveConfig
from avfoley_engine.models.frieren.estimator import Estimator
from avfoley_engine.models.frieren.features import ContrastiveFeatures
from avfoley_engine.nn.low_rank import low_rank_state
from avfoley_engine.training.frieren.reflow import RUN, untrained_student
from avfoley_engine.training.loading import load_averaged, model_named, named
from avfoley_engine.training.options import Command, CommandOptions, option


@dataclass(frozen=True, kw_only=True)
class FrierenExportOptions(CommandOptions):
    """See `export`."""

    out: Path = option(what="the model's folder")
    title: str = option("Frieren nano", "what users read")
    base: str = option("avlink-nano", "AV-Link model, name or folder, that gave event stem and codec")
    sampling_steps: int = option(25, "solver steps unless a request says otherwise")
    guidance: float = option(4.5, "guidance scale unless a request says otherwise")


def export(options: FrierenExportOptions, device: torch.device) -> None:
    """Writes the folder of a model from the runs; what it has from the base is shared with that.

    Raises:
        ModelError: a run is missing, or of another version's network.
    """
    assert isinstance(NANO.features, ContrastiveConfig)
    base = model_named(options.base, torch.device("cpu"))
    features, estimator = ContrastiveFeatures(NANO.features), Estimator(NANO)
    features.events.load_state_dict(base.stem().state_dict())
    load_averaged(features.encoder, options.runs, "frieren-features", "encoder.")
    load_averaged(estimator, options.runs, "frieren")
    system.save(
        options.out,
        estimator,
        features,
        base.codec,
        title=options.title,
        licence="Apache-2.0",
        steps=options.sampling_steps,
        guidance_scale=options.guidance,
        lender=named(options.base),
    )


@dataclass(frozen=True, kw_only=True)
class StudentExportOptions(CommandOptions):
    """See `export_student`."""

    out: Path = option(what="the model's folder")
    title: str = option("Frieren nano, reflowed", "what users read")
    teacher: str = option("frieren-nano", "Frieren model, name or folder, that was the teacher")
    sampling_steps: int = option(4, "solver steps unless a request says otherwise")
    rank: int | None = option(32, "as the student was trained")


def export_student(options: StudentExportOptions, device: torch.device) -> None:
    """Writes the folder of a reflowed model; what is the teacher's is shared with it.

    Raises:
        ModelError: the run is missing, or of another rank.
    """
    teacher = system.load(named(options.teacher), "cpu")
    student = untrained_student(teacher, options.rank)
    load_averaged(student, options.runs, RUN, strict=False)
    lent = {"lender": named(options.teacher), "reflow": None if options.rank is None else low_rank_state(student)}
    system.save(
        options.out,
        student if options.rank is None else teacher.estimator,  # type: ignore[arg-type]
        teacher.features,
        teacher.codec,
        title=options.title,
        licence="Apache-2.0",
        steps=options.sampling_steps,
        guidance_scale=teacher.default_guidance_scale,
        **lent,  # type: ignore[arg-type]
    )


EXPORT = Command("write the folder of a Frieren model from the runs", FrierenExportOptions, export)
EXPORT_STUDENT = Command("write the folder of a reflowed Frieren model", StudentExportOptions, export_student)
