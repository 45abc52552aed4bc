"""The upsampler: its autoencoder on frames, then the flow model in its latents."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import log10
from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.flow.solver import shifted
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.avlink.upsampler.config import PRESETS, UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.frames import STRIDE, condition
from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
from avfoley_engine.training.avlink.options import dropped, units
from avfoley_engine.training.dataset import CaptionStates, caption_states
from avfoley_engine.training.loading import keep_sizes, load_autoencoder, model_named, save_autoencoder, upsampler_sizes
from avfoley_engine.training.options import Share, option
from avfoley_engine.training.pictures import WorldPictures, render_pictures
from avfoley_engine.training.recipe import Objective, Recipe, RecipeOptions

#: The rates of small frames, because backbones differ: 6 in the paper, 24 in `nano`.
RATES = (Fraction(24), Fraction(12), Fraction(6))


@dataclass(frozen=True, kw_only=True)
class PictureOptions(RecipeOptions):
    """What both parts learn from."""

    steps: int = 20_000
    batch: int = 4
    clips: int = option(500, "clips of the world in large pictures: as many are rendered, unless they are there")
    rates: tuple[Fraction, ...] = option(RATES, "small frames a second, one drawn for every step", metavar="RATE")


@dataclass(frozen=True, kw_only=True)
class AutoencoderOptions(PictureOptions):
    """See `autoencoder_objective`."""

    preset: Literal["nano", "paper"] = option("nano", "sizes of the upsampler")
    frames: int = option(16, "frames that are learned from at once")
    crop: tuple[int, int] = option((96, 96), "rows and columns of them")
    square_weight: float = option(10.0, "weight of the mean squared error beside the mean error")
    kl_weight: float = option(1e-5, "weight of the latents' KL divergence")
    measured: int = option(64, "crops over which the statistics of the latents are measured in the end")


@dataclass(frozen=True, kw_only=True)
class UpsamplerOptions(PictureOptions):
    """See `flow_objective`."""

    from_video: str | None = option(None, "start from this model's video backbone: name or folder")
    crop: tuple[int, int] = option((288, 512), "rows and columns of the frames")
    caption_drop: Share = option(0.1, "share of captions that are dropped")


def shrunk(frames: torch.Tensor, every: int) -> torch.Tensor:
    """Frames (B, T, H, W, 3) -> small ones, every so many-th; a pixel is the mean over its part."""
    some = frames[:, ::every]
    return F.avg_pool2d(some.flatten(0, 1).movedim(-1, 1), STRIDE[1:]).movedim(1, -1).unflatten(0, some.shape[:2])


def conditioning_of(frames: torch.Tensor, rate: Fraction, frame_rate: Fraction, time: float = 1.0) -> torch.Tensor:
    """Frames (B, T, H, W, 3) at `frame_rate` -> what an upsampler sees, (B, T/4, H/8, W/8, 12).

    That is small ones at `rate`, noised up to the flow time `time`; 1 leaves them clean.
    """
    small = shrunk(frames, int(frame_rate / rate))
    if time < 1:
        small = interpolate(small, torch.randn_like(small), small.new_full((len(small),), time))
    return condition(small, rate, frame_rate, frames.shape[1] // STRIDE[0])


def autoencoder_objective(
    autoencoder: VideoAutoencoder, data: WorldPictures, frame_rate: Fraction, options: AutoencoderOptions
) -> Objective:
    """L1 and L2 on pixels, and a small KL; at last the latent statistics are measured.

    Most of a picture is as interpolation makes it: L1 alone would leave the edges that are not.
    """

    def batch(size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        frames = data.batch(size, options.frames, options.crop, rng).frames
        return frames, conditioning_of(frames, options.rates[rng.integers(len(options.rates))], frame_rate)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        frames, seen = batch(options.at_once, rng)
        made, kl = autoencoder(frames, seen)
        square = F.mse_loss(made, frames)
        # The range from -1 to 1 is 2 wide.
        figures = {"psnr_db": 10 * log10(4 / max(square.item(), 1e-9)), "kl": kl.item()}
        return F.l1_loss(made, frames) + options.square_weight * square + options.kl_weight * kl, figures

    def finish() -> None:
        rng = np.random.default_rng(options.seed)
        with torch.no_grad():
            batches = [batch(1, rng) for _ in range(options.measured)]
            autoencoder.measure(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
        save_autoencoder(autoencoder, options.runs)

    return Objective("autoencoder", autoencoder, loss, finish=finish)


def flow_objective(
    networks: UpsamplerNetworks, data: WorldPictures, text: CaptionStates, options: UpsamplerOptions
) -> Objective:
    """Flow matching of the latents, given small frames; t logit-normal (0, 1), shifted."""
    sizes, flow = networks.config, networks.flow
    autoencoder = networks.autoencoder.eval().requires_grad_(False)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.at_once, sizes.window_latents * STRIDE[0], options.crop, rng)
        rate = options.rates[rng.integers(len(options.rates))]
        with torch.no_grad():
            x1 = autoencoder.encode(batch.frames, conditioning_of(batch.frames, rate, sizes.frame_rate))
        seen = conditioning_of(batch.frames, rate, sizes.frame_rate, sizes.condition_time)
        x0, t = torch.randn_like(x1), shifted(logit_normal(len(x1), 0.0, 1.0, x1.device), sizes.time_shift)
        states = text(batch.captions).drop(dropped(len(x1), options.caption_drop, rng, x1.device))
        velocity = flow(torch.cat([interpolate(x1, x0, t), seen], dim=-1), t, states)
        return F.mse_loss(velocity, x1 - x0), {}

    return Objective("upsampler", flow, loss, units(flow))


def _pictures(options: PictureOptions, device: torch.device, sizes: UpsamplerConfig) -> WorldPictures:
    """The first clips of the world in the upsampler's size."""
    folder, size = options.runs / "pictures", (sizes.height, sizes.width)
    render_pictures(folder, range(options.clips), size, float(sizes.frame_rate), device=device.type)
    return WorldPictures(folder, device, size)


def build_autoencoder(options: AutoencoderOptions, device: torch.device) -> Objective:
    """A new autoencoder; the sizes of the whole upsampler are settled."""
    sizes = PRESETS[options.preset]
    keep_sizes(options.runs, sizes)
    autoencoder = VideoAutoencoder(sizes.autoencoder).to(device)
    return autoencoder_objective(autoencoder, _pictures(options, device, sizes), sizes.frame_rate, options)


def build_upsampler(options: UpsamplerOptions, device: torch.device) -> Objective:
    """A flow model of the sizes of the runs' autoencoder."""
    sizes = upsampler_sizes(options.runs)
    networks = UpsamplerNetworks(sizes)
    load_autoencoder(networks.autoencoder, options.runs)
    if options.from_video:
        networks.flow.start_from(model_named(options.from_video, device).link.video)
    data = _pictures(options, device, sizes)
    return flow_objective(networks.to(device), data, caption_states(sizes.text, device), options)


AUTOENCODER = Recipe(
    "the upsampler's autoencoder on large pictures of the world", AutoencoderOptions, build_autoencoder
)
UPSAMPLER = Recipe("the upsampler's flow model in the autoencoder's latents", UpsamplerOptions, build_upsampler)
