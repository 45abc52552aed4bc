"""`nano`'s visual features, trained as CAVP was (Diff-Foley, arXiv 2306.17203, Sec. 3.1).

Two contrasts: the semantic one tells a clip's sound from those of other clips, the temporal one the
sound of an instant from those of other instants of the same clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.frieren.config import NANO, ContrastiveConfig
from avfoley_engine.models.frieren.features import ContrastiveEncoder, Seen
from avfoley_engine.nn.convolutions import along_time, depthwise
from avfoley_engine.training.frieren.data import SeenClips
from avfoley_engine.training.loading import model_named
from avfoley_engine.training.options import Share, option
from avfoley_engine.training.recipe import Objective, Recipe, RecipeOptions
from avfoley_engine.training.rendering import SEEN
from avfoley_engine.training.trainer import LossFunction


@dataclass(frozen=True, kw_only=True)
class SeenOptions(RecipeOptions):
    """What learns from what is seen in clips."""

    base: str = option("avlink-nano", "AV-Link model, name or folder, that gives event stem and codec")
    data: Path | None = option(None, "folder of shards (default: the runs' world and physics)")
    unlooked: Share = option(0.2, "share of clips that the image network does not see")

    def clips(self, device: torch.device) -> SeenClips:
        """The clips, as the base's event stem sees them.

        Raises:
            ModelError: see `SeenClips`; or the base has no event stem.
        """
        folders = [self.data] if self.data else [self.runs / name for name in SEEN]
        stem = model_named(self.base, device).stem()
        return SeenClips(folders, NANO, stem, device)


@dataclass(frozen=True, kw_only=True)
class FeaturesOptions(SeenOptions):
    """See `contrastive_loss`."""

    batch: int = 64
    steps: int = 3000
    temporal_weight: float = option(1.0, "weight of the temporal contrast beside the semantic one")


class ContrastiveTraining(nn.Module):
    """The encoder of pictures, and the encoder of latents that it is trained against."""

    def __init__(self, config: ContrastiveConfig, latent_width: int) -> None:
        super().__init__()
        self.encoder = ContrastiveEncoder(config)
        self.enter = nn.Linear(latent_width, config.width)
        self.temporal = depthwise(config.width, 1, 2, 4)
        self.leave = nn.Linear(config.width, config.embedding)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def heard(self, latents: torch.Tensor, steps: int) -> torch.Tensor:
        """Latents (B, L, latent_width) -> unit vectors (B, steps, embedding)."""
        x = along_time(self.temporal, F.gelu(self.enter(latents)).transpose(1, 2))
        x = F.interpolate(x, steps, mode="linear", align_corners=False).transpose(1, 2)
        return F.normalize(self.leave(x), dim=-1)


def contrastive_loss(
    training: ContrastiveTraining, seen: Seen, latents: torch.Tensor, temporal_weight: float
) -> tuple[torch.Tensor, dict[str, float]]:
    """InfoNCE both ways over the clips of a batch, of vectors averaged over time, and over the steps of
    each clip, where neighbouring steps are neither the same nor another instant.
    """
    pictures = training.encoder.embed(seen)
    steps = pictures.shape[1]
    sounds = training.heard(latents, steps)
    scale = training.log_scale.exp().clamp_max(100)
    whole = scale * F.normalize(pictures.mean(1), dim=-1) @ F.normalize(sounds.mean(1), dim=-1).T
    semantic = _both_ways(whole[None])
    instants = scale * pictures @ sounds.transpose(1, 2)
    places = torch.arange(steps, device=latents.device)
    beside = (places[:, None] - places).abs() == 1
    temporal = _both_ways(instants.masked_fill(beside, -torch.inf))
    figures = {"semantic": semantic.item(), "temporal": temporal.item()}
    return semantic + temporal_weight * temporal, figures


def _both_ways(scores: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of (B, N, N) scores whose diagonal is right, of rows and of columns."""
    right = torch.arange(scores.shape[1], device=scores.device).expand(len(scores), -1)
    ways = (scores, scores.transpose(1, 2))
    return torch.stack([F.cross_entropy(way.flatten(0, 1), right.flatten()) for way in ways]).mean()


def contrastive_losses(training: ContrastiveTraining, data: SeenClips, options: FeaturesOptions) -> LossFunction:
    """`contrastive_loss` on random batches."""

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.at_once, rng, unlooked=options.unlooked)
        return contrastive_loss(training, batch.seen, batch.latents, options.temporal_weight)

    return loss


def build_features(options: FeaturesOptions, device: torch.device) -> Objective:
    """A new encoder."""
    assert isinstance(NANO.features, ContrastiveConfig)
    data = options.clips(device)
    training = ContrastiveTraining(NANO.features, NANO.estimator.latent_width).to(device)
    return Objective("frieren-features", training, contrastive_losses(training, data, options))


FEATURES = Recipe("Frieren's visual features, by contrast with sound", FeaturesOptions, build_features)
