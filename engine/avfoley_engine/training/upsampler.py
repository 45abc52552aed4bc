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
from avfoley_engine.flow.solver import shifted
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.avlink.upsampler.frames import STRIDE, condition
from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
from avfoley_engine.training.dataset import CaptionStates
from avfoley_engine.training.pictures import WorldPictures
from avfoley_engine.training.trainer import Trainer, TrainerConfig

#: The rates of small frames, one drawn for every step, because backbones differ: 6 in the paper, 24 in `nano`.
RATES = (Fraction(24), Fraction(12), Fraction(6))


@dataclass(frozen=True)
class AutoencoderTraining:
    """`frames` and `crop` (rows, columns) are what is learned from at once.

    `square_weight` weighs the mean squared error beside the mean error: most of a picture is as interpolation makes it, and the mean error
    alone would leave the edges that are not.
    """

    batch: int = 4
    frames: int = 16
    crop: tuple[int, int] = (96, 96)
    rates: tuple[Fraction, ...] = RATES
    square_weight: float = 10.0
    kl_weight: float = 1e-5
    #: Crops over which the statistics of the latents are measured in the end.
    measured: int = 64


@dataclass(frozen=True)
class UpsamplerTraining:
    """`crop` (rows, columns) is what is learned from at once."""

    batch: int = 4
    crop: tuple[int, int] = (288, 512)
    caption_drop: float = 0.1
    rates: tuple[Fraction, ...] = RATES


def shrunk(frames: torch.Tensor, every: int) -> torch.Tensor:
    """Frames (B, T, H, W, 3) -> the small ones they are to be made from: every so many-th, a pixel the mean over its part."""
    some = frames[:, ::every]
    pooled = F.avg_pool2d(some.flatten(0, 1).movedim(-1, 1), STRIDE[1:]).movedim(1, -1)
    return pooled.unflatten(0, some.shape[:2])


def conditioning_of(frames: torch.Tensor, rate: Fraction, frame_rate: Fraction, time: float = 1.0) -> torch.Tensor:
    """Large frames (B, T, H, W, 3) at `frame_rate` -> what an upsampler sees of them, at `rate` and shrunk: (B, T/4, H/8, W/8, 12).

    time: the flow time up to which the small ones are noised; 1 leaves them clean.
    """
    small = shrunk(frames, int(frame_rate / rate))
    if time < 1:
        small = interpolate(small, torch.randn_like(small), small.new_full((len(small),), time))
    return condition(small, rate, frame_rate, frames.shape[1] // STRIDE[0])


def train_autoencoder(
    autoencoder: VideoAutoencoder,
    data: WorldPictures,
    frame_rate: Fraction,
    folder: Path,
    config: TrainerConfig,
    options: AutoencoderTraining,
) -> None:
    """L1 and L2 on pixels, and a small KL. Leaves the EMA weights and the latent statistics in `autoencoder`."""

    def batch(size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        frames = data.batch(size, options.frames, options.crop, rng).frames
        return frames, conditioning_of(frames, options.rates[rng.integers(len(options.rates))], frame_rate)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        frames, conditioning = batch(options.batch, rng)
        made, kl = autoencoder(frames, conditioning)
        square = F.mse_loss(made, frames)
        # The range from -1 to 1 is 2 wide.
        figures = {"psnr_db": 10 * log10(4 / max(square.item(), 1e-9)), "kl": kl.item()}
        return F.l1_loss(made, frames) + options.square_weight * square + options.kl_weight * kl, figures

    trainer = Trainer(autoencoder, loss, folder, config)
    trainer.run()
    autoencoder.load_state_dict(trainer.ema.shadow, strict=False)
    rng = np.random.default_rng(config.seed)
    with torch.no_grad():
        batches = [batch(1, rng) for _ in range(options.measured)]
        autoencoder.measure(*(torch.cat(parts) for parts in zip(*batches, strict=True)))


def train_flow(
    networks: UpsamplerNetworks,
    data: WorldPictures,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: UpsamplerTraining,
) -> None:
    """Flow matching of the frozen autoencoder's latents, given the small frames.

    Flow times are logit-normal (0, 1), shifted. Leaves the EMA weights in `networks`.
    """
    sizes, flow = networks.config, networks.flow
    autoencoder = networks.autoencoder.eval().requires_grad_(False)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.batch, sizes.window_latents * STRIDE[0], options.crop, rng)
        rate = options.rates[rng.integers(len(options.rates))]
        with torch.no_grad():
            x1 = autoencoder.encode(batch.frames, conditioning_of(batch.frames, rate, sizes.frame_rate))
        conditioning = conditioning_of(batch.frames, rate, sizes.frame_rate, sizes.condition_time)
        x0, t = torch.randn_like(x1), shifted(logit_normal(len(x1), 0.0, 1.0, x1.device), sizes.time_shift)
        dropped = torch.from_numpy(rng.random(len(x1)) < options.caption_drop).to(x1.device)
        states = text(batch.captions).drop(dropped)
        velocity = flow(torch.cat([interpolate(x1, x0, t), conditioning], dim=-1), t, states)
        return F.mse_loss(velocity, x1 - x0), {}

    trainer = Trainer(flow, loss, folder, config)
    trainer.run()
    flow.load_state_dict(trainer.ema.shadow)
