"""Audio-to-video and text-to-video with AV-Link: sound and caption to frames, at any length."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.solver import euler
from avfoley_engine.flow.windows import Windows
from avfoley_engine.media.pixels import from_pixels
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.upsampler.upsample import Interpolation
from avfoley_engine.models.avlink.velocity import evaluations, windowed_velocity
from avfoley_engine.models.interface import OnStep, Upsampler, VideoModel
from avfoley_engine.models.text import TextEncoder


class AVLinkVideo(VideoModel):
    """The linked model with its codec and text encoder, as a `VideoModel`.

    Windows as in `AVLinkFoley`: all agree on one sequence of frames in every solver step, so there
    is no cut between them.
    """

    #: Windows run through the network at once: bounds the memory of long sounds.
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
        upsampler: Upsampler | None = None,
    ) -> None:
        self.name, self.revision = name, revision
        self.upsampler: Upsampler = upsampler or Interpolation()
        self.link = link.eval().requires_grad_(False)
        self.codec = codec.eval().requires_grad_(False)
        self.text = text
        self.default_steps, self.default_guidance_scale = default_steps, default_guidance_scale
        self.evaluations = evaluations(link.config, default_guidance_scale)
        video = link.config.video
        self.sample_rate = codec.config.mel.sample_rate
        self.frame_rate = video.frame_rate
        self.frame_size = (video.height, video.width)
        self.window_frames = video.frames
        self.device = next(link.parameters()).device
        self.aligned = link.config.alignment(AVLinkFoley.overlap)

    @classmethod
    def beside(cls, foley: AVLinkFoley, upsampler: Upsampler | None = None) -> AVLinkVideo:
        """Shares the backbones, codec and text encoder of `foley`.

        Without an upsampler frames are enlarged by interpolation.

        Raises:
            ModelError: the model has no audio-to-video fusion blocks.
        """
        if "a2v" not in foley.link.directions:
            raise ModelError(
                f"{foley.name} has no audio-to-video fusion blocks, so it cannot make a picture for a sound. "
                "Choose a model with the task `visualize`; `avfoley models` lists them."
            )
        return cls(
            foley.name,
            foley.revision,
            foley.link,
            foley.codec,
            foley.text,
            default_steps=foley.default_steps,
            default_guidance_scale=foley.default_guidance_scale,
            upsampler=upsampler,
        )

    @torch.no_grad()
    def generate_batch(
        self,
        sounds: torch.Tensor | None,
        frames: int,
        *,
        captions: list[str],
        seeds: list[int],
        negative_captions: list[str] | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """B pictures of one length: sounds (B, samples) in [-1, 1] or None -> (B, T, H, W, 3)
        uint8.
        """
        if frames < 1:
            raise ModelError(f"{frames} frames requested; a picture has at least one")
        steps = self.default_steps if steps is None else steps
        scale = self.default_guidance_scale if guidance_scale is None else guidance_scale
        over_latents, windows = self.aligned.windows(frames=frames)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        shape = (windows.total, *self.frame_size, 3)
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(self.device)
        audio = None
        if sounds is not None:
            noise = self.link.config.temperature * noise
            audio = self._condition(sounds, over_latents, generators)
        text_states = self.text(captions), self.text(negative_captions or [""] * len(captions))
        velocity = windowed_velocity(self.link, "a2v", windows, audio, *text_states, scale, self.windows_at_once)

        shift = self.link.config.video.time_shift
        return from_pixels(euler(velocity, noise, steps, on_step, shift=shift)[:, :frames]).cpu()

    def _condition(self, sounds: torch.Tensor, windows: Windows, generators: list[torch.Generator]) -> torch.Tensor:
        """The partially noised latents of every window (B * windows, window_latents, width).

        Silence follows the end of a sound.
        """
        samples = windows.total * self.codec.config.samples_per_latent
        sounds = sounds[:, :samples].to(self.device, torch.float32)
        latents = self.codec.encode(F.pad(sounds, (0, samples - sounds.shape[1])))
        noise = torch.stack([torch.randn(latents.shape[1:], generator=g) for g in generators]).to(self.device)
        t = latents.new_full((len(latents),), self.link.config.audio_time)
        return windows.cut(interpolate(latents, noise, t))
