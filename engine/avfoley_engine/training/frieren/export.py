"""From the runs of Frieren to a model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from avfoley_engine.models.frieren import system
from avfoley_engine.models.frieren.config import NANO, ContrastiveConfig
from avfoley_engine.models.frieren.estimator import Estimator
from avfoley_engine.models.frieren.features import ContrastiveFeatures
from avfoley_engine.training.loading import load_averaged, model_named, named
from avfoley_engine.training.options import Command, CommandOptions, option


@dataclass(frozen=True, kw_only=True)
class FrierenExportOptions(CommandOptions):
    """See `export`."""

    out: Path = option(what="the model's folder")
    title: str = option("Frieren nano", "what users read")
    base: str = option("avlink-nano", "AV-Link model, name or folder, that gave event stem and codec")
    sampling_steps: int = option(25, "solver steps unless a request says otherwise")
    guidance: float = option(3.0, "guidance scale unless a request says otherwise")


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


EXPORT = Command("write the folder of a Frieren model from the runs", FrierenExportOptions, export)
