"""Video-to-audio and text-to-audio with AV-Link, at any length, also as a loop."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch

from avfoley_engine.codec.audio import AudioCodec, within_full_scale
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.solver import VelocityField, euler
from avfoley_engine.flow.windows import Windows
from avfoley_engine.media.optical_flow import motion_features, shrunk
from avfoley_engine.media.pixels import to_pixels
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.velocity import evaluations, windowed_velocity
from avfoley_engine.models.interface import FoleyModel, OnStep
from avfoley_engine.models.text import TextEncoder
from avfoley_engine.vision.events import EventStem


class AVLinkFoley(FoleyModel):
    """The linked model with its codec and text encoder: a `FoleyModel`.

    Longer sounds are sampled in overlapping windows whose velocities are cross-faded in every solver
    step (MultiDiffusion, arXiv 2302.08113). All windows agree on one latent sequence, which is
    decoded whole, so there is no seam. With a picture the sequence has the length of whole windows,
    without one that of the sound. The latents of a loop form a circle.
    """

    #: Seconds that neighbouring windows share, at least.
    overlap = Fraction(1)
    #: Seconds of the shortest training sound. A shorter one is cut from a sound of that length.
    shortest = Fraction(2, 5)
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
        self.evaluations = evaluations(link.config, default_guidance_scale)
        video = link.config.video
        self.sample_rate = codec.config.mel.sample_rate
        self.frame_rate = video.frame_rate
        self.frame_size = video.seen_size
        self.window_frames = video.frames
        self.device = next(link.parameters()).device
        self.aligned = link.config.alignment(self.overlap)
        latent_rate = link.config.audio.latents_per_second
        self.overlap_latents, self.shortest_latents = (ceil(s * latent_rate) for s in (self.overlap, self.shortest))

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
        """B sounds of one length: frames (B, T, H, W, 3) uint8 or None -> (B, samples) in [-1, 1].

        A loop lasts as many whole latents as are nearest to `samples`.
        """
        if samples < 1:
            raise ModelError(f"{samples} samples requested; a sound has at least one")
        if loop and frames is not None:
            raise ModelError("a loop cannot follow a picture; make it from a caption alone")
        if frames is not None and "v2a" not in self.link.directions:
            raise ModelError(
                f"{self.name} has no video-to-audio fusion blocks, so it cannot make sound for a picture. "
                "Choose a model with the task `foley`; `avfoley models` lists them."
            )
        if frames is None and self.link.config.guided:
            raise ModelError(
                f"{self.name} makes sound for pictures and not from words alone. Choose another model; "
                "`avfoley models` lists them."
            )
        steps = self.default_steps if steps is None else steps
        scale = self.default_guidance_scale if guidance_scale is None else guidance_scale
        if frames is None:
            windows = self._windows(samples, loop=loop)
        else:
            length = ceil(samples / self.codec.config.samples_per_latent)
            windows, over_frames = self.aligned.windows(latents=length)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        width = self.link.config.audio.latent_width
        noise = torch.stack([torch.randn(windows.total, width, generator=g) for g in generators]).to(self.device)
        video = motion = None
        if frames is not None:
            video, motion = self.condition(frames, over_frames, generators)
            noise = self.link.config.temperature * noise
        text_states = self.text(captions), self.text(negative_captions or [""] * len(captions))
        velocity = windowed_velocity(
            self.link, "v2a", windows, video, *text_states, scale, self.windows_at_once, motion=motion
        )

        latents = euler(randomly_rolled(velocity, generators) if loop else velocity, noise, steps, on_step)
        waveform = self.codec.decode(latents, circle=loop)
        return within_full_scale((waveform if loop else waveform[:, :samples]).float()).cpu()

    def _windows(self, samples: int, *, loop: bool) -> Windows:
        """The windows of sound from words alone."""
        latents = samples / self.codec.config.samples_per_latent
        longest = self.aligned.window_latents
        if loop:
            return Windows.circle(max(1, round(latents)), longest, self.overlap_latents)
        return Windows.line(max(self.shortest_latents, ceil(latents)), longest, self.overlap_latents)

    def stem(self) -> EventStem:
        """The event stem, with its head. Raises ModelError where there is none."""
        stem = self.link.video.events
        if stem is None or stem.head is None:
            raise ModelError(
                f"{self.name} has no event head, so it cannot spot events. Choose a model with the task `spot`; "
                "`avfoley models` lists them."
            )
        return stem

    def condition(
        self, frames: torch.Tensor, windows: Windows, generators: list[torch.Generator]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The partially noised picture of every window (B * windows, frames, H, W, 3), and its
        `motion_features`, if the model sees them.

        The last frame is held after the end of the picture.
        """
        height, width = self.frame_size
        if frames.shape[2:] != (height, width, 3):
            raise ModelError(f"frames of shape {tuple(frames.shape[2:])}; {self.name} needs ({height}, {width}, 3)")
        config = self.link.config
        held = frames[:, torch.arange(windows.total).clamp_max(frames.shape[1] - 1)]
        size = (config.video.height, config.video.width)
        small = torch.stack([torch.from_numpy(shrunk(one.numpy(), size)) for one in held])
        pixels = to_pixels(small.to(self.device))
        noise = torch.stack([torch.randn(pixels.shape[1:], generator=g) for g in generators]).to(self.device)
        t = pixels.new_full((len(pixels),), config.video_time)
        motion = None
        if config.video.flow_channels:
            motion = torch.stack([torch.from_numpy(motion_features(one.numpy())) for one in held]).to(self.device)
            motion = windows.cut(motion)
        return windows.cut(interpolate(pixels, noise, t)), motion


def randomly_rolled(velocity: VelocityField, generators: list[torch.Generator]) -> VelocityField:
    """The velocity of circular sequences x (B, L, ...), rolled at random in each call.

    The network has learned that sounds begin and end at the ends of a sequence. With another latent
    as the first in every solver step, drawn by each row's generator, no place stays an end.
    """

    def field(x: torch.Tensor, t: float) -> torch.Tensor:
        first = [int(torch.randint(x.shape[1], (1,), generator=g)) for g in generators]
        rolled = torch.stack([row.roll(-n, 0) for row, n in zip(x, first, strict=True)])
        return torch.stack([row.roll(n, 0) for row, n in zip(velocity(rolled, t), first, strict=True)])

    return field
