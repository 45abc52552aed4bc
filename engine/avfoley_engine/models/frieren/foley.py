"""Video-to-audio with Frieren, at any length."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch

from avfoley_engine.codec.audio import AudioCodec, within_full_scale
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.guidance import guide
from avfoley_engine.flow.solver import SOLVERS, Solver
from avfoley_engine.models.acceleration import CapturedField, windowed
from avfoley_engine.models.frieren.cavp import CAVPFeatures
from avfoley_engine.models.frieren.estimator import Estimator
from avfoley_engine.models.frieren.features import ContrastiveFeatures
from avfoley_engine.models.interface import FoleyModel, OnStep


class FrierenFoley(FoleyModel):
    """The estimator with its visual features and its codec: a `FoleyModel`.

    It reads no captions. Longer pictures are seen, and their sounds sampled, in overlapping windows
    whose velocities are cross-faded in every solver step (MultiDiffusion, arXiv 2302.08113).
    """

    #: Seconds that neighbouring windows share, at least.
    overlap = Fraction(1)
    #: Windows run through the network at once: bounds the memory of long shots.
    windows_at_once = 8

    def __init__(
        self,
        name: str,
        revision: str,
        estimator: Estimator,
        features: ContrastiveFeatures | CAVPFeatures,
        codec: AudioCodec,
        *,
        default_steps: int,
        default_guidance_scale: float,
        solver: Solver = "euler",
    ) -> None:
        self.name, self.revision = name, revision
        self.estimator = estimator.eval().requires_grad_(False)
        self.features = features.eval().requires_grad_(False)
        self.codec = codec.eval().requires_grad_(False)
        self.default_steps, self.default_guidance_scale = default_steps, default_guidance_scale
        self.solver = solver
        config = self.config = estimator.config
        self.sample_rate = codec.config.mel.sample_rate
        self.frame_rate, self.frame_size = config.frame_rate, config.features.frame_size
        self.window_frames = config.frames
        self.device = estimator.output.weight.device
        self.aligned = config.alignment(self.overlap)
        self.evaluations = 1 if config.guided or default_guidance_scale == 1 else 2

    @torch.no_grad()
    def generate_batch(
        self,
        frames: torch.Tensor | None,
        samples: int,
        *,
        captions: list[str],
        seeds: list[int],
        negative_captions: list[str] | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        loop: bool = False,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """See `FoleyModel.generate_batch`; captions change nothing.

        Raises:
            ModelError: there is no picture, or it has another size.
        """
        if samples < 1:
            raise ModelError(f"{samples} samples requested; a sound has at least one")
        if frames is None:
            raise ModelError(
                f"{self.name} makes sound for pictures and not from words alone. Choose another model; "
                "`avfoley models` lists them."
            )
        if loop:
            raise ModelError("a loop cannot follow a picture; make it from a caption alone, with another model")
        steps = self.default_steps if steps is None else steps
        scale = self.default_guidance_scale if guidance_scale is None else guidance_scale
        windows, over_frames = self.aligned.windows(latents=ceil(samples / self.codec.config.samples_per_latent))
        height, width = self.frame_size
        if frames.shape[2:] != (height, width, 3):
            raise ModelError(f"frames of shape {tuple(frames.shape[2:])}; {self.name} needs ({height}, {width}, 3)")
        # The last frame is held after the end of the picture.
        held = frames[:, torch.arange(over_frames.total).clamp_max(frames.shape[1] - 1)]
        features = torch.cat([self.features(some) for some in over_frames.cut(held).split(self.windows_at_once)])

        def of_rows(rows: torch.Tensor) -> CapturedField:
            """The guided velocity of some of the windows."""
            given = features[rows]
            return CapturedField(lambda x, t: guided_velocity(self.estimator, x, as_published(t), given, scale))

        def as_published(t: torch.Tensor) -> torch.Tensor:
            return on_float_grid(t, steps) if self.config.whole_times else t

        latent_width = self.config.estimator.latent_width
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        noise = torch.stack([torch.randn(windows.total, latent_width, generator=g) for g in generators])
        velocity = windowed(windows, self.windows_at_once, of_rows)
        latents = SOLVERS[self.solver](velocity, noise.to(self.device), steps, on_step)
        return within_full_scale(self.codec.decode(latents)[:, :samples].float()).cpu()


def on_float_grid(t: torch.Tensor, steps: int) -> torch.Tensor:
    """Times t (B,) of Euler steps on the grid that the published sampler adds up in single precision.

    Some of its times are a little less than k / steps, and cut off a thousandth lower.
    """
    grid = torch.linspace(0, 1, steps + 1, device=t.device)
    return grid[(t * steps).round().long()]


def guided_velocity(
    estimator: Estimator, x: torch.Tensor, t: torch.Tensor, features: torch.Tensor, scale: float
) -> torch.Tensor:
    """v_uncond + scale * (v_cond - v_uncond) at x (B, ...) and t (B,), in one batch of both (Sec. 3.4).

    A scale of 1, and a network with guidance inside, need one evaluation.
    """
    if scale == 1 or estimator.config.guided:
        return estimator(x, t, features)
    both = torch.cat([features, torch.zeros_like(features)])
    conditional, unconditional = estimator(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
    return guide(conditional, unconditional, scale)
