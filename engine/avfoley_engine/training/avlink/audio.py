"""The audio backbone: text to audio on latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.models.avlink.backbones import AudioDiT
from avfoley_engine.training.avlink.options import ResumedOptions, dropped, format_for, units
from avfoley_engine.training.dataset import CaptionStates, PairedClips, caption_states
from avfoley_engine.training.labelled import AudioSource, LabelledClips, encode_sounds, mixed, sounds_of
from avfoley_engine.training.loading import identity_in_use, load_codec, model_named
from avfoley_engine.training.options import Share, option
from avfoley_engine.training.recipe import Objective, Recipe
from avfoley_engine.training.shards import ShardFormat
from avfoley_engine.training.trainer import LossFunction
from avfoley_engine.world.recordings import index_hash, load_sounds


@dataclass(frozen=True, kw_only=True)
class AudioOptions(ResumedOptions):
    """See `audio_loss`."""

    batch: int = 24
    data: Path | None = option(
        None, "recorded sounds with an index.csv to fine-tune on, or shards (default: the runs' sounds and world)"
    )
    world_share: Share = option(0.4, "share of a batch that comes from the world")
    caption_drop: Share = option(0.1, "share of captions that are dropped")


def audio_loss(audio: AudioDiT, data: AudioSource, text: CaptionStates, options: AudioOptions) -> LossFunction:
    """Text-to-audio flow matching; flow time logit-normal (0, 1), captions dropped 10 %."""

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data(options.at_once, rng)
        x1, mask = batch.latents, batch.mask
        x0, t = torch.randn_like(x1), logit_normal(len(x1), 0.0, 1.0, x1.device)
        states = text(batch.captions).drop(dropped(len(x1), options.caption_drop, rng, x1.device))
        velocity = audio(interpolate(x1, x0, t), t, states, mask)
        return F.mse_loss(velocity[mask], (x1 - x0)[mask]), {}

    return loss


def build_audio(options: AudioOptions, device: torch.device) -> Objective:
    """The audio backbone, new or a model's, on the clips that the options name."""
    base = model_named(options.resume, device) if options.resume else None
    config = options.network
    audio = base.link.audio.requires_grad_(True) if base else AudioDiT(config.audio).to(device)
    audio.checkpointing = options.checkpointing
    if options.data is not None and (options.data / "index.csv").exists():
        codec = base.codec if base else load_codec(options.runs, device)
        needed = ShardFormat.of(codec, config.window_latents)
        recorded = load_sounds(options.data, options.runs / "cache")
        # Enough clips that every sound comes at several lengths and pitches, few enough to be encoded in minutes.
        clips = min(16_000, max(500, 20 * len(recorded)))
        folder = options.runs / "data" / index_hash(options.data)
        encode_sounds(folder, codec, recorded, clips, config.window_latents, seed=options.seed)
        data: AudioSource = LabelledClips(folder, device, needed)
    else:
        paired = format_for(config, identity_in_use(options.runs, base))
        needed = ShardFormat(paired.codec, paired.latent_width, paired.latents_per_second)
        shards = PairedClips(options.data or options.runs / "world", device)
        shards.check(needed)
        data = sounds_of(shards)
        if options.data is None:
            data = mixed(data, LabelledClips(options.runs / "sounds", device, needed), options.world_share)
    loss = audio_loss(audio, data, caption_states(config.text, device), options)
    return Objective("audio", audio, loss, units(audio), casts=True)


AUDIO = Recipe(
    "the text-to-audio backbone, on the labelled sounds and on the sound of the world", AudioOptions, build_audio
)
