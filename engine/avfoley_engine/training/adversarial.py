"""Training a vocoder against discriminators: the losses, and the trainer with a second learner."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from avfoley_engine.training.discriminators import Discriminators, Opinion
from avfoley_engine.training.trainer import Learner, Trainer, TrainerConfig

#: So that the gradients on the vocoder weigh about as much as those of the reconstruction losses.
ADVERSARIAL_WEIGHT, MATCHING_WEIGHT = 0.5, 2.0

#: Draws a batch with a step's own random generator: what the generator made (B, samples), and the recording it should have been.
Pair = Callable[[np.random.Generator], tuple[torch.Tensor, torch.Tensor]]
#: Compares a pair: (generated, recorded) -> (loss, figures for the curve).
Reconstruction = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, dict[str, float]]]


def discriminator_loss(recorded: list[Opinion], generated: list[Opinion]) -> torch.Tensor:
    """Hinge (arXiv 1705.02894) at scores of 1 for recordings, -1 for what was generated; a mean."""
    losses = [F.relu(1 - r).mean() + F.relu(1 + g).mean() for (r, _), (g, _) in zip(recorded, generated, strict=True)]
    return torch.stack(losses).mean()


def adversarial_loss(generated: list[Opinion]) -> torch.Tensor:
    """The hinge at a score of 1 of what was generated, the mean over the discriminators."""
    return torch.stack([F.relu(1 - score).mean() for score, _ in generated]).mean()


def feature_matching_loss(recorded: list[Opinion], generated: list[Opinion]) -> torch.Tensor:
    """L1 between features over the recording's level, the mean over layers (EnCodec, arXiv 2210.13438, eq. 3)."""
    distances = [
        F.l1_loss(g, r.detach()) / r.detach().abs().mean().clamp_min(1e-3)
        for (_, real), (_, fake) in zip(recorded, generated, strict=True)
        for r, g in zip(real, fake, strict=True)
    ]
    return torch.stack(distances).mean()


class AdversarialTrainer(Trainer):
    """Reconstruction alone until step `adversarial_from`, then generator against discriminators.

    The checkpoint of the second phase also holds the discriminators and their optimiser, under
    `discriminator.`.
    """

    def __init__(
        self,
        generator: torch.nn.Module,
        discriminators: Discriminators,
        pair: Pair,
        reconstruction: Reconstruction,
        folder: Path,
        config: TrainerConfig,
        adversarial_from: int,
    ) -> None:
        self.discriminators, self.pair, self.reconstruction = discriminators, pair, reconstruction
        self.adversarial_from = adversarial_from
        self.critic = Learner(discriminators, config, prefix="discriminator.")
        super().__init__(generator, lambda _, rng: reconstruction(*pair(rng)), folder, config)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        if self.step < self.adversarial_from:
            return super().update(rng)
        with self.autocast():
            generated, recorded = self.pair(rng)
            loss, figures = self.reconstruction(generated, recorded)
            # At one level, that of the recording: else the discriminators would hear the loud sounds only.
            level = recorded.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-3)
            real, fake = self.discriminators(recorded / level), self.discriminators(generated / level)
            adversarial, matching = adversarial_loss(fake), feature_matching_loss(real, fake)
            loss = loss + ADVERSARIAL_WEIGHT * adversarial + MATCHING_WEIGHT * matching
            critic_loss = discriminator_loss(real, fake)
        # Both descend from the same opinions, which are formed once.
        learning_rate = self.config.learning_rate_at(self.step)
        self.learner.descend(loss, learning_rate, keep_graph=True)
        self.critic.descend(critic_loss, learning_rate)
        opinions = {"adversarial": adversarial, "feature_matching": matching, "discriminator": critic_loss}
        return {"loss": loss.item(), **figures, **{name: value.item() for name, value in opinions.items()}}

    def tensors(self) -> dict[str, torch.Tensor]:
        begun = bool(self.critic.optimizer.state)
        return super().tensors() | (self.critic.tensors() if begun else {})

    def prepare(self, stored: Container[str]) -> None:
        super().prepare(stored)
        # Which holds the discriminators from their first step on.
        if any(f"{self.critic.prefix}optimizer.step.{name}" in stored for name in self.critic.parameters):
            self.critic.prepare(stored)
