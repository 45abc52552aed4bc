"""The audio codec: waveform -> log-mel -> 1D-VAE latent, and back through the vocoder."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from avfoley_engine.codec.mel import LogMel, MelConfig
from avfoley_engine.codec.vae import VAE, VAEConfig
from avfoley_engine.codec.vocoder import Vocoder, VocoderConfig


@dataclass(frozen=True)
class CodecConfig:
    mel: MelConfig = field(default_factory=MelConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    vocoder: VocoderConfig = field(default_factory=VocoderConfig)

    @property
    def samples_per_latent(self) -> int:
        return self.mel.hop * self.vae.stride

    @property
    def latents_per_second(self) -> float:
        return self.mel.sample_rate / self.samples_per_latent


class AudioCodec(nn.Module):
    """Encodes sound to latents of zero mean and unit variance a channel, and decodes them.

    The statistics are buffers, measured on the training sounds after the VAE is trained (`measure`).
    """

    latent_mean: torch.Tensor
    latent_std: torch.Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = LogMel(config.mel)
        self.vae = VAE(config.vae)
        self.vocoder = Vocoder(config.vocoder)
        self.register_buffer("latent_mean", torch.zeros(config.vae.latent_width))
        self.register_buffer("latent_std", torch.ones(config.vae.latent_width))

    @torch.no_grad()
    def encode(self, waveform: torch.Tensor) -> torch.Tensor:
        """waveform (B, samples), samples a multiple of `samples_per_latent` -> latent (B, L, latent_width), the posterior's mean."""
        if waveform.shape[-1] % self.config.samples_per_latent:
            raise ValueError(f"{waveform.shape[-1]} samples are not a multiple of {self.config.samples_per_latent}")
        mean, _ = self.vae.posterior(self.mel(waveform))
        return (mean.transpose(1, 2) - self.latent_mean) / self.latent_std

    @torch.no_grad()
    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """latent (B, L, latent_width) -> waveform (B, L * samples_per_latent)."""
        mel = self.vae.decode((latent * self.latent_std + self.latent_mean).transpose(1, 2))
        waveform: torch.Tensor = self.vocoder(mel)
        return waveform

    @torch.no_grad()
    def measure(self, waveforms: torch.Tensor) -> None:
        """Sets the latent statistics from waveforms (B, samples)."""
        mean, _ = self.vae.posterior(self.mel(waveforms))
        self.latent_mean.copy_(mean.mean(dim=(0, 2)))
        self.latent_std.copy_(mean.std(dim=(0, 2)))
