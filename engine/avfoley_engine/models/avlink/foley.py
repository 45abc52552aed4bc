"""Video-to-audio and text-to-audio with AV-Link: picture and caption to waveform, at any length, also as a loop."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, lcm

import torch

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.solver import VelocityField, euler, guide
from avfoley_engine.models.avlink.backbones import to_pixels
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.windows import Windows
from avfoley_engine.models.interface import OnStep
from avfoley_engine.models.text import TextEncoder
from avfoley_engine.nn.dit import TextStates


class AVLinkFoley:
    """The linked model with its codec and text encoder: a `FoleyModel`.

    What is longer than a window is sampled in overlapping windows whose velocities are cross-faded in every solver step (MultiDiffusion,
    arXiv 2302.08113): all windows agree on one latent sequence, which is decoded whole, so there is no seam. With a picture that sequence
    is as long as whole windows, from words alone as long as the sound. The latents of a loop form a circle, which begins nowhere.
    """

    #: Seconds that neighbouring windows share, at least.
    overlap = Fraction(1)
    #: Seconds of the shortest sound that the audio backbone was trained on. One shorter than that is cut from it.
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
        video = link.config.video
        self.sample_rate = codec.config.mel.sample_rate
        self.frame_rate = video.frame_rate
        self.frame_size = (video.height, video.width)
        self.window_frames = video.frames
        self.device = next(link.parameters()).device
        # Windows may only start where a latent and a step of video tokens start together.
        latent_rate, step_rate = link.config.audio.latents_per_second, video.tokens_per_second
        # Rounded up, so that a picture of exactly one window needs no second one.
        self.window_latents = ceil(video.frames / video.frame_rate * latent_rate)
        grid = Fraction(lcm(latent_rate.denominator, step_rate.denominator), 1)
        while (grid * latent_rate).denominator != 1 or (grid * step_rate).denominator != 1:
            grid += 1
        window = self.window_latents / latent_rate
        hop = max(1, int((window - self.overlap) / grid)) * grid
        self.hop_latents, self.hop_frames = int(hop * latent_rate), int(hop * video.frame_rate)
        self.overlap_latents, self.shortest_latents = (ceil(s * latent_rate) for s in (self.overlap, self.shortest))

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
        loop: bool = False,
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
            loop=loop,
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
        loop: bool = False,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """Makes B sounds of one length: frames (B, T, H, W, 3) uint8 or None -> (B, samples) float32 in [-1, 1].

        A loop lasts as many whole latents as are nearest to `samples`.
        """
        if samples < 1:
            raise ModelError(f"{samples} samples asked for: a sound has at least one")
        if loop and frames is not None:
            raise ModelError("a loop follows no picture; make it from words alone")
        steps = self.default_steps if steps is None else steps
        scale = self.default_guidance_scale if guidance_scale is None else guidance_scale
        windows = self._windows(samples, picture=frames is not None, loop=loop)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        width = self.link.config.audio.latent_width
        noise = torch.stack([torch.randn(windows.total, width, generator=g) for g in generators]).to(self.device)
        video = None if frames is None else self._condition(frames, len(windows.starts), generators)
        text = self.text([*captions, *(negative_captions or [""] * len(captions))])

        def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
            cut = windows.cut(x)
            parts = []
            for rows in torch.arange(len(cut)).split(self.windows_at_once):
                sounds = rows // len(windows.starts)
                seen = None if video is None else video[rows]
                parts.append(
                    self._velocity(cut[rows], t, seen, _rows(text, sounds), _rows(text, len(captions) + sounds), scale)
                )
            return windows.blend(torch.cat(parts))

        latents = euler(turning(velocity, generators) if loop else velocity, noise, steps, on_step)
        waveform = self.decode_circle(latents) if loop else self.codec.decode(latents)[:, :samples]
        return waveform.clamp(-1, 1).float().cpu()

    def decode_circle(self, latents: torch.Tensor) -> torch.Tensor:
        """latents (B, L, latent_width) whose last is followed by the first -> waveform (B, L * samples_per_latent), likewise.

        Each latent is decoded among its neighbours around the circle: turned latents give the turned sound.
        """
        reach, total = self.codec.config.reach, latents.shape[1]
        around = torch.arange(-reach, total + reach, device=latents.device) % total
        edge = reach * self.codec.config.samples_per_latent
        return self.codec.decode(latents[:, around])[:, edge:-edge]

    def _windows(self, samples: int, *, picture: bool, loop: bool) -> Windows:
        latents = samples / self.codec.config.samples_per_latent
        if loop:
            return Windows.circle(max(1, round(latents)), self.window_latents, self.overlap_latents)
        if not picture:
            total = max(self.shortest_latents, ceil(latents))
            return Windows.line(total, self.window_latents, self.overlap_latents)
        hops = max(0, ceil((ceil(latents) - self.window_latents) / self.hop_latents))
        starts = tuple(k * self.hop_latents for k in range(hops + 1))
        return Windows(starts, self.window_latents, self.window_latents + hops * self.hop_latents)

    def _velocity(
        self,
        x: torch.Tensor,
        t: float,
        video: torch.Tensor | None,
        text: TextStates,
        negative: TextStates,
        scale: float,
    ) -> torch.Tensor:
        """The guided velocity of some windows x (W, L, width). The unconditional half runs the audio backbone alone."""
        time = x.new_full((len(x),), t)
        if video is not None:
            # The video's own prompt is dropped: an editor's caption speaks of the sound.
            silent = TextStates(text.states, torch.zeros_like(text.mask))
            t_video = x.new_full((len(x),), self.link.config.video_time)
            conditional, _, _ = self.link(x, time, text, video, t_video, silent, need_video=False)
            return conditional if scale == 1 else guide(conditional, self.link.audio(x, time, negative), scale)
        if scale == 1:
            return self.link.audio(x, time, text)
        both = TextStates(torch.cat([text.states, negative.states]), torch.cat([text.mask, negative.mask]))
        conditional, unconditional = self.link.audio(torch.cat([x, x]), torch.cat([time, time]), both).chunk(2)
        return guide(conditional, unconditional, scale)

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


def turning(velocity: VelocityField, generators: list[torch.Generator]) -> VelocityField:
    """The velocity of circles x (B, L, ...), which `velocity` is shown cut open at another latent each time, drawn by a row's generator.

    The network knows sequences with two ends, where sounds begin and fade; so no place is an end for longer than a solver step.
    """

    def field(x: torch.Tensor, t: float) -> torch.Tensor:
        first = [int(torch.randint(x.shape[1], (1,), generator=g)) for g in generators]
        shown = torch.stack([row.roll(-n, 0) for row, n in zip(x, first, strict=True)])
        return torch.stack([row.roll(n, 0) for row, n in zip(velocity(shown, t), first, strict=True)])

    return field


def _rows(text: TextStates, rows: torch.Tensor) -> TextStates:
    return TextStates(text.states[rows], text.mask[rows])
