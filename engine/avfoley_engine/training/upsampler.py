"""Trains the upsampler: its autoencoder on frames, then the flow model in its latents."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import log10
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.models.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.upsampler.flow import condition
from avfoley_engine.models.upsampler.upsample import UpsamplerNetworks
from avfoley_engine.training.dataset import CaptionStates
from avfoley_engine.training.pictures import WorldPictures
from avfoley_engine.training.trainer import Trainer, TrainerConfig


@dataclass(frozen=True)
class AutoencoderTraining:
    """`frames` and `crop` (rows, columns) are what is learned from at once.

    `edge_weight` weighs the error of the picture's gradients, which keeps edges sharp that an error in brightness alone would blur.
    """

    batch: int = 4
    frames: int = 16
    crop: tuple[int, int] = (128, 128)
    edge_weight: float = 1.0
    kl_weight: float = 1e-4
    #: Crops over which the statistics of the latents are measured in the end.
    measured: int = 64


@dataclass(frozen=True)
class UpsamplerTraining:
    """`rates`: the small frames come at one of these, drawn for every step, because backbones differ (6 in the paper, 24 in `nano`)."""

    batch: int = 4
    crop: tuple[int, int] = (144, 256)
    caption_drop: float = 0.1
    rates: tuple[Fraction, ...] = (Fraction(24), Fraction(12), Fraction(6))


def _edges(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences between neighbours, down and across."""
    return frames.diff(dim=2), frames.diff(dim=3)


def train_autoencoder(
    autoencoder: VideoAutoencoder,
    data: WorldPictures,
    folder: Path,
    config: TrainerConfig,
    options: AutoencoderTraining,
) -> None:
    """L1 on pixels and on their gradients, and a small KL. Leaves the EMA weights and the latent statistics in `autoencoder`."""

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        frames = data.batch(options.batch, options.frames, options.crop, rng).frames
        made, kl = autoencoder(frames)
        pixels = F.l1_loss(made, frames)
        edges = torch.stack([F.l1_loss(a, b) for a, b in zip(_edges(made), _edges(frames), strict=True)]).sum()
        # The range from -1 to 1 is 2 wide.
        psnr = 10 * log10(4 / max(F.mse_loss(made, frames).item(), 1e-9))
        return pixels + options.edge_weight * edges + options.kl_weight * kl, {"psnr_db": psnr, "kl": kl.item()}

    trainer = Trainer(autoencoder, loss, folder, config)
    trainer.run()
    autoencoder.load_state_dict(trainer.ema.shadow, strict=False)
    rng = np.random.default_rng(config.seed)
    with torch.no_grad():
        autoencoder.measure(data.batch(options.measured, options.frames, options.crop, rng).frames)


def shrunk(frames: torch.Tensor, by: tuple[int, int], every: int) -> torch.Tensor:
    """Frames (B, T, H, W, 3) -> the small ones they are to be made from: every so many-th, the mean over `by` = (rows, columns)."""
    some = frames[:, ::every]
    pooled = F.avg_pool2d(some.flatten(0, 1).movedim(-1, 1), by).movedim(1, -1)
    return pooled.unflatten(0, some.shape[:2])


def train_flow(
    networks: UpsamplerNetworks,
    data: WorldPictures,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: UpsamplerTraining,
) -> None:
    """Flow matching of the frozen autoencoder's latents, given the small frames; flow time logit-normal (0, 1). Leaves the EMA weights."""
    sizes, flow = networks.config, networks.flow
    autoencoder = networks.autoencoder.eval().requires_grad_(False)
    fold, *by = autoencoder.stride

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.batch, sizes.window_latents * fold, options.crop, rng)
        rate = options.rates[rng.integers(len(options.rates))]
        with torch.no_grad():
            x1 = autoencoder.encode(batch.frames)
        small = shrunk(batch.frames, (by[0], by[1]), int(sizes.frame_rate / rate))
        noised = interpolate(small, torch.randn_like(small), small.new_full((len(small),), sizes.condition_time))
        seen = condition(noised, rate, sizes.frame_rate, x1.shape[1])
        x0, t = torch.randn_like(x1), logit_normal(len(x1), 0.0, 1.0, x1.device)
        dropped = torch.from_numpy(rng.random(len(x1)) < options.caption_drop).to(x1.device)
        states = text(batch.captions).drop(dropped)
        velocity = flow(torch.cat([interpolate(x1, x0, t), seen], dim=-1), t, states)
        return F.mse_loss(velocity, x1 - x0), {}

    trainer = Trainer(flow, loss, folder, config)
    trainer.run()
    flow.load_state_dict(trainer.ema.shadow)
