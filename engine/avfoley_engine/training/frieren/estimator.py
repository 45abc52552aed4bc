"""Frieren's estimator: rectified flow on latents, given visual features (Sec. 3.2-3.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from avfoley_engine.flow.path import interpolate
from avfoley_engine.models.frieren.config import NANO, ContrastiveConfig
from avfoley_engine.models.frieren.estimator import Estimator
from avfoley_engine.models.frieren.features import ContrastiveEncoder
from avfoley_engine.training.avlink.options import dropped
from avfoley_engine.training.frieren.data import SeenClips
from avfoley_engine.training.frieren.features import SeenOptions
from avfoley_engine.training.loading import load_averaged
from avfoley_engine.training.options import Share, option
from avfoley_engine.training.recipe import Objective, Recipe
from avfoley_engine.training.trainer import LossFunction


@dataclass(frozen=True, kw_only=True)
class EstimatorOptions(SeenOptions):
    """See `estimator_loss`."""

    batch: int = 16
    steps: int = 20_000
    joined: Share = option(0.5, "share of samples that are two clips, one after the other")
    condition_drop: Share = option(0.2, "share of samples that lose their visual features")


def density(t: torch.Tensor) -> torch.Tensor:
    """The density of the logit-normal distribution (0, 1) at t in (0, 1), which weighs the loss (Eq. 6)."""
    t = t.clamp(1e-3, 1 - 1e-3)
    return (-t.logit().square() / 2).exp() / (math.sqrt(2 * math.pi) * t * (1 - t))


def weighted_error(velocity: torch.Tensor, target: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The mean squared error of velocities (B, L, width) at uniform t (B,), weighed by `density`."""
    return (density(t) * (velocity.float() - target).square().mean((1, 2))).mean()


def estimator_loss(
    estimator: Estimator, encoder: ContrastiveEncoder, data: SeenClips, options: EstimatorOptions
) -> LossFunction:
    """Flow matching at uniform times (Eq. 2), its error weighed by the logit-normal density."""

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.at_once, rng, joined=options.joined, unlooked=options.unlooked)
        x1 = batch.latents
        with torch.no_grad():
            features = encoder(batch.seen)
        gone = dropped(len(x1), options.condition_drop, rng, x1.device)
        features = features * ~gone[:, None, None]
        x0, t = torch.randn_like(x1), torch.rand(len(x1), device=x1.device)
        velocity = estimator(interpolate(x1, x0, t), t, features)
        with torch.no_grad():
            seen = F.mse_loss(velocity[~gone], (x1 - x0)[~gone]).item() if not gone.all() else math.nan
        return weighted_error(velocity, x1 - x0, t), {"flow": seen}

    return loss


def trained_encoder(options: SeenOptions, device: torch.device) -> ContrastiveEncoder:
    """The encoder of the runs, frozen. Raises ModelError if it was not trained."""
    assert isinstance(NANO.features, ContrastiveConfig)
    encoder = ContrastiveEncoder(NANO.features)
    load_averaged(encoder, options.runs, "frieren-features", "encoder.")
    return encoder.to(device).eval().requires_grad_(False)


def build_estimator(options: EstimatorOptions, device: torch.device) -> Objective:
    """A new estimator beside the encoder of the runs."""
    encoder, data = trained_encoder(options, device), options.clips(device)
    estimator = Estimator(NANO).to(device)
    loss = estimator_loss(estimator, encoder, data, options)
    return Objective("frieren", estimator, loss, list(estimator.blocks), casts=True, frozen={"encoder": encoder})


ESTIMATOR = Recipe("Frieren's estimator, beside its visual features", EstimatorOptions, build_estimator)
