"""Trains AV-Link: the audio backbone, the video backbone, then the fusion blocks between the two, frozen.

Two documented additions to the paper, both in training only, both switches: an event loss on the video backbone's features at the
conditioning flow time, and an onset loss on the audio tokens behind each fusion block near pure noise. The paper's backbones learned events
from months of video; ours must learn them in an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.models.avlink.backbones import AudioDiT, VideoDiT
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.training.dataset import CaptionStates, PairedClips, event_targets
from avfoley_engine.training.labelled import AudioSource
from avfoley_engine.training.trainer import Trainer, TrainerConfig


@dataclass(frozen=True)
class AVLinkTraining:
    """Shares and weights as in the paper where it gives them; `event_weight` and `onset_weight` 0 give the paper's losses alone."""

    batch: int = 16
    caption_drop: float = 0.1
    generated_caption_drop: float = 0.5
    conditioning_caption_drop: float = 0.2
    #: Share of a video batch that stands at the conditioning flow time and feels the event loss.
    event_share: float = 0.5
    event_weight: float = 0.5
    onset_weight: float = 0.3
    #: The onset loss is felt only where the audio is noisier than this: else its head reads the half-denoised audio, not the picture.
    onset_latest_time: float = 0.3


def dropped(size: int, share: float, rng: np.random.Generator, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(rng.random(size) < share).to(device)


def train_audio(
    audio: AudioDiT,
    data: AudioSource,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
) -> None:
    """Text-to-audio flow matching; flow time logit-normal (0, 1), captions dropped 10 %. Leaves the EMA weights in `audio`."""

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data(options.batch, rng)
        x1, mask = batch.latents, batch.mask
        x0, t = torch.randn_like(x1), logit_normal(len(x1), 0.0, 1.0, x1.device)
        states = text(batch.captions).drop(dropped(len(x1), options.caption_drop, rng, x1.device))
        velocity = audio(interpolate(x1, x0, t), t, states, mask)
        return F.mse_loss(velocity[mask], (x1 - x0)[mask]), {}

    trainer = Trainer(audio, loss, folder, config)
    trainer.run()
    audio.load_state_dict(trainer.ema.shadow)


class EventHead(nn.Module):
    """Reads events from a video backbone's tokens: two cells, so frames of 1/24 s, a step of tokens."""

    def __init__(self, width: int, cells: int = 2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.features = nn.Linear(width, 64)
        self.cells = nn.Linear(64, cells)

    def forward(self, tokens: torch.Tensor, per_step: int) -> torch.Tensor:
        """tokens (B, steps * per_step, width) -> logits (B, steps * cells)."""
        features = F.gelu(self.features(self.norm(tokens))).unflatten(1, (-1, per_step)).mean(dim=2)
        return self.cells(features).flatten(1)


def event_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy, positive cells weighted, as most cells are empty."""
    return F.binary_cross_entropy_with_logits(logits, target, pos_weight=logits.new_tensor(4.0))


class VideoTraining(nn.Module):
    """The video backbone with the event head that reads its tokens behind every second block."""

    def __init__(self, video: VideoDiT) -> None:
        super().__init__()
        self.video = video
        self.read_after = list(range(1, video.config.depth, 2))
        self.heads = nn.ModuleList(EventHead(video.config.width, video.video.patch[0]) for _ in self.read_after)


def train_video(
    training: VideoTraining,
    data: PairedClips,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
    video_time: float,
) -> None:
    """Text-to-video flow matching on pixels; a share of each batch at the conditioning flow time feels the event loss instead."""
    video = training.video
    down, across = video.grid

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.batch, rng)
        x1 = batch.frames
        assert x1 is not None
        size = len(x1)
        conditioning = int(options.event_share * size) if options.event_weight else 0
        t = logit_normal(size, 0.0, 1.0, x1.device)
        t[:conditioning] = video_time
        x0 = torch.randn_like(x1)
        states = text([c.video_caption for c in batch.clips]).drop(dropped(size, options.caption_drop, rng, x1.device))
        xt = interpolate(x1, x0, t)
        state = video.embed(xt, t, states)
        target = event_targets(batch.clips[:conditioning], x1.shape[1], float(video.video.frame_rate), x1.device)
        events = x1.new_zeros(())
        for index in range(video.config.depth):
            video.block(index, state)
            if conditioning and index in training.read_after:
                head = training.heads[training.read_after.index(index)]
                events = events + event_loss(head(state.tokens[:conditioning], down * across), target)
        events = events / len(training.read_after)
        velocity = video.head(state.rows(conditioning), xt[conditioning:], t[conditioning:])
        flow = F.mse_loss(velocity, x1[conditioning:] - x0[conditioning:])
        return flow + options.event_weight * events, {"flow": flow.item(), "events": events.item()}

    trainer = Trainer(training, loss, folder, config)
    trainer.run()
    training.load_state_dict(trainer.ema.shadow)


class FusionTraining(nn.Module):
    """The linked model, backbones frozen, with an onset head behind each fusion block."""

    def __init__(self, link: AVLink) -> None:
        super().__init__()
        self.link = link
        link.freeze_backbones()
        width = link.config.audio.dit.width
        self.heads = nn.ModuleList(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1)) for _ in link.fusion.blocks)


def train_fusion(
    training: FusionTraining,
    data: PairedClips,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
) -> None:
    """Video-to-audio: audio flow time logit-normal (-1, 1), video at its fixed flow time, prompts dropped 50 % and 20 %."""
    link = training.link

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.batch, rng)
        a1, v1 = batch.latents, batch.frames
        assert v1 is not None
        size, device = len(a1), a1.device
        a0, v0 = torch.randn_like(a1), torch.randn_like(v1)
        t_audio = logit_normal(size, -1.0, 1.0, device)
        t_video = torch.full_like(t_audio, link.config.video_time)
        audio_text = text([c.caption for c in batch.clips]).drop(
            dropped(size, options.generated_caption_drop, rng, device)
        )
        video_text = text([c.video_caption for c in batch.clips]).drop(
            dropped(size, options.conditioning_caption_drop, rng, device)
        )
        velocity, _, fused = link(
            interpolate(a1, a0, t_audio),
            t_audio,
            audio_text,
            interpolate(v1, v0, t_video),
            t_video,
            video_text,
            need_video=False,
        )
        flow = F.mse_loss(velocity, a1 - a0)
        noisy = (t_audio < options.onset_latest_time).float()[:, None]
        onsets = flow.new_zeros(())
        if options.onset_weight:
            target = event_targets(batch.clips, a1.shape[1], float(link.config.audio.latents_per_second), device)
            for head, tokens in zip(training.heads, fused, strict=True):
                cells = F.binary_cross_entropy_with_logits(
                    head(tokens).squeeze(-1), target, pos_weight=flow.new_tensor(4.0), reduction="none"
                )
                onsets = onsets + (cells * noisy).mean() / len(training.heads)
        return flow + options.onset_weight * onsets, {"flow": flow.item(), "onsets": onsets.item()}

    trainer = Trainer(training, loss, folder, config)
    trainer.run()
    training.load_state_dict(trainer.ema.shadow, strict=False)
