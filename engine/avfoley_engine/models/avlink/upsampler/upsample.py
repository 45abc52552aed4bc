"""Small frames to large ones, piece by piece: by the flow model, or by plain interpolation."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import torch
from torch import nn

from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.solver import euler
from avfoley_engine.flow.windows import Windows
from avfoley_engine.media.pixels import from_pixels, to_pixels
from avfoley_engine.models.acceleration import CapturedField, windowed
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.flow import UpsamplerDiT
from avfoley_engine.models.avlink.upsampler.frames import at_rate, bicubic, condition, latents_for
from avfoley_engine.models.interface import OnStep, UpsamplingMethod
from avfoley_engine.models.text import TextEncoder


class UpsamplerNetworks(nn.Module):
    """The two trained parts of an upsampler."""

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = VideoAutoencoder(config.autoencoder)
        self.flow = UpsamplerDiT(config)


class Interpolation:
    """Bicubic in space, linear in time: an `Upsampler` that needs no weights and adds no detail."""

    method: UpsamplingMethod = "interpolation"
    #: Frames enlarged at once.
    piece = 24

    def __init__(self, frame_rate: Fraction = Fraction(24), frame_size: tuple[int, int] = (288, 512)) -> None:
        self.frame_rate, self.frame_size = frame_rate, frame_size

    def upsample(
        self,
        frames: torch.Tensor,
        frame_rate: Fraction,
        *,
        caption: str = "",
        seed: int = 0,
        on_step: OnStep | None = None,
    ) -> Iterator[torch.Tensor]:
        """See `Upsampler.upsample`; caption and seed change nothing."""
        total = ceil(len(frames) / frame_rate * self.frame_rate)
        for start in range(0, total, self.piece):
            count = min(self.piece, total - start)
            small = at_rate(frames[None], frame_rate, self.frame_rate, count, start)[0]
            yield bicubic(small, self.frame_size).clamp(0, 255).round().to(torch.uint8)
            if on_step is not None:
                on_step((start + count) / total)


class LatentUpsampler:
    """The flow model in its autoencoder: an `Upsampler`.

    All windows agree on one latent sequence in every solver step (see `Windows`), so there is no
    cut between them. What grows with the length is that sequence, a hundredth of the pixels;
    windows run a few at a time, and frames are decoded piece by piece.
    """

    method: UpsamplingMethod = "latent flow"
    windows_at_once = 4
    #: Latents decoded at once.
    piece = 12
    #: Share of the work that is sampling; the rest is decoding.
    _sampling_share = 0.7

    def __init__(self, networks: UpsamplerNetworks, text: TextEncoder) -> None:
        self.networks = networks.eval().requires_grad_(False)
        self.text = text
        self.config = networks.config
        self.frame_rate = self.config.frame_rate
        self.frame_size = (self.config.height, self.config.width)
        self.device = networks.autoencoder.latent_mean.device

    @torch.no_grad()
    def upsample(
        self,
        frames: torch.Tensor,
        frame_rate: Fraction,
        *,
        caption: str = "",
        seed: int = 0,
        on_step: OnStep | None = None,
    ) -> Iterator[torch.Tensor]:
        """See `Upsampler.upsample`."""
        report, share = on_step or (lambda done: None), self._sampling_share
        generator = torch.Generator().manual_seed(seed)
        total = ceil(len(frames) / frame_rate * self.frame_rate)
        count = latents_for(len(frames), frame_rate, self.frame_rate)
        small = to_pixels(frames[None]).to(self.device)
        noise = torch.randn(small.shape, generator=generator).to(self.device)
        noised = interpolate(small, noise, small.new_tensor([self.config.condition_time]))
        seen = condition(noised, frame_rate, self.frame_rate, count)
        latents = self._sample(seen, caption, generator, lambda done: report(share * done))
        conditioning = condition(small, frame_rate, self.frame_rate, count)
        done = 0
        for piece in self.networks.autoencoder.decode_in_pieces(latents, conditioning, self.piece):
            large = from_pixels(piece[0, : total - done]).cpu()
            done += len(large)
            yield large
            report(share + (1 - share) * done / total)

    def _sample(self, seen: torch.Tensor, caption: str, generator: torch.Generator, report: OnStep) -> torch.Tensor:
        """`condition` of noised small frames (1, L, h, w, 12) -> latents (1, L, h, w, width)."""
        config, text_states = self.config, self.text([caption])
        noise = torch.randn(*seen.shape[:-1], config.autoencoder.latent_width, generator=generator).to(self.device)
        windows = Windows.line(seen.shape[1], config.window_latents, config.overlap_latents)
        cut = windows.cut(seen)

        def of_rows(rows: torch.Tensor) -> CapturedField:
            captions, given = text_states.rows(torch.zeros_like(rows)), cut[rows]
            return CapturedField(lambda x, t: self.networks.flow(torch.cat([x, given], dim=-1), t, captions))

        velocity = windowed(windows, self.windows_at_once, of_rows)
        return euler(velocity, config.temperature * noise, config.steps, report, shift=config.time_shift)
