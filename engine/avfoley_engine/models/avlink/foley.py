"""Video-to-audio with AV-Link: picture and caption to waveform, at any length."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.solver import euler
from avfoley_engine.models.avlink.alignment import Alignment
from avfoley_engine.models.avlink.backbones import to_pixels
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.velocity import guided_velocity
from avfoley_engine.models.interface import OnStep
from avfoley_engine.models.text import TextEncoder
from avfoley_engine.nn.dit import TextStates


class AVLinkFoley:
    """The linked model with its codec and text encoder: a `FoleyModel`.

    Pictures longer than a window are sampled in overlapping windows whose velocities are cross-faded in every solver step (MultiDiffusion,
    arXiv 2302.08113): all windows agree on one latent sequence, which is decoded whole, so there is no seam.
    """

    #: Seconds that neighbouring windows share, at least.
    overlap = Fraction(1)
    #: Windows run through the network at once: bounds the memory of long shots.
    windows_at_once = 8

    def __init__(
        self,
        name: str,
        revision: str,
        link: AVLink,
        codec: AudioCodec,
        text: TextEncoder,
        *,
        default_steps: int,
        default_guidance_scale: float,
    ) -> None:
        self.name, self.revision = name, revision
        self.link = link.eval().requires_grad_(False)
        self.codec = codec.eval().requires_grad_(False)
        self.text = text
        self.default_steps, self.default_guidance_scale = default_steps, default_guidance_scale
        video = link.config.video
        self.sample_rate = codec.config.mel.sample_rate
        self.frame_rate = video.frame_rate
        self.frame_size = (video.height, video.width)
        self.window_frames = video.frames
        self.device = next(link.parameters()).device
        aligned = Alignment.of(link.config, self.overlap)
        self.window_latents = aligned.window_latents
        self.hop_latents, self.hop_frames = aligned.hop_latents, aligned.hop_frames

    def generate(
        self,
        frames: torch.Tensor | None,
        samples: int,
        *,
        caption: str = "",
        negative_caption: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance_scale: float | None = None,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """See `FoleyModel.generate`."""
        return self.generate_batch(
            None if frames is None else frames[None],
            samples,
            captions=[caption],
            negative_captions=[negative_caption],
            seeds=[seed],
            steps=steps,
            guidance_scale=guidance_scale,
            on_step=on_step,
        )[0]

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
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """Makes B sounds of one length: frames (B, T, H, W, 3) uint8 or None -> (B, samples) float32 in [-1, 1]."""
        if samples < 1:
            raise ModelError(f"{samples} samples asked for: a sound has at least one")
        steps = self.default_steps if steps is None else steps
        scale = self.default_guidance_scale if guidance_scale is None else guidance_scale
        batch = len(captions)
        windows = 1 + max(
            0, ceil((ceil(samples / self.codec.config.samples_per_latent) - self.window_latents) / self.hop_latents)
        )
        latents = self.window_latents + (windows - 1) * self.hop_latents
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        width = self.link.config.audio.latent_width
        noise = torch.stack([torch.randn(latents, width, generator=g) for g in generators]).to(self.device)
        video = None if frames is None else self._condition(frames, windows, generators)
        text = _repeat(self.text(captions), windows)
        negative = _repeat(self.text(negative_captions or [""] * batch), windows)

        def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
            cut = self._cut(x, windows)
            parts = []
            for start in range(0, len(cut), self.windows_at_once):
                rows = slice(start, start + self.windows_at_once)
                seen = None if video is None else video[rows]
                time = x.new_full((len(cut[rows]),), t)
                words = (_rows(text, rows), _rows(negative, rows))
                parts.append(guided_velocity(self.link, "v2a", cut[rows], time, seen, *words, scale))
            return self._blend(torch.cat(parts), windows)

        waveform = self.codec.decode(euler(velocity, noise, steps, on_step))
        return waveform[:, :samples].clamp(-1, 1).float().cpu()

    def _condition(self, frames: torch.Tensor, windows: int, generators: list[torch.Generator]) -> torch.Tensor:
        """The partially noised picture of every window (B * windows, frames, H, W, 3); the last frame is held where the picture ends."""
        height, width = self.frame_size
        if frames.shape[2:] != (height, width, 3):
            raise ModelError(f"frames of shape {tuple(frames.shape[2:])}; {self.name} looks at ({height}, {width}, 3)")
        total = self.window_frames + (windows - 1) * self.hop_frames
        index = torch.arange(total).clamp_max(frames.shape[1] - 1)
        pixels = to_pixels(frames[:, index].to(self.device))
        noise = torch.stack([torch.randn(pixels.shape[1:], generator=g) for g in generators]).to(self.device)
        t = pixels.new_full((len(pixels),), self.link.config.video_time)
        noised = interpolate(pixels, noise, t)
        cut = [noised[:, k * self.hop_frames : k * self.hop_frames + self.window_frames] for k in range(windows)]
        return torch.stack(cut, dim=1).flatten(0, 1)

    def _cut(self, x: torch.Tensor, windows: int) -> torch.Tensor:
        """x (B, latents, width) -> its windows (B * windows, window_latents, width)."""
        cut = [x[:, k * self.hop_latents : k * self.hop_latents + self.window_latents] for k in range(windows)]
        return torch.stack(cut, dim=1).flatten(0, 1)

    def _blend(self, parts: torch.Tensor, windows: int) -> torch.Tensor:
        """The windows' velocities (B * windows, window_latents, width) -> (B, latents, width), cross-faded linearly where they overlap."""
        if windows == 1:
            return parts
        parts = parts.unflatten(0, (-1, windows))
        overlap = self.window_latents - self.hop_latents
        ramp = torch.linspace(0, 1, overlap + 2, device=parts.device)[1:-1]
        total = parts.new_zeros(len(parts), self.window_latents + (windows - 1) * self.hop_latents, parts.shape[-1])
        for k in range(windows):
            weight = parts.new_ones(self.window_latents)
            if k > 0:
                weight[:overlap] = ramp
            if k < windows - 1:
                weight[-overlap:] = ramp.flip(0)
            start = k * self.hop_latents
            total[:, start : start + self.window_latents] += weight[:, None] * parts[:, k]
        return total


def _repeat(text: TextStates, windows: int) -> TextStates:
    return TextStates(text.states.repeat_interleave(windows, 0), text.mask.repeat_interleave(windows, 0))


def _rows(text: TextStates, rows: slice) -> TextStates:
    return TextStates(text.states[rows], text.mask[rows])
