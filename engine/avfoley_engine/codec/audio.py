"""The audio codec: waveform -> log-mel -> 1D-VAE latent, and back through the vocoder."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from avfoley_engine.codec.bigvgan import BigVGAN, BigVGANConfig
from avfoley_engine.codec.grain import Grain, GrainConfig
from avfoley_engine.codec.kl_vae import KLVAE, KLVAEConfig
from avfoley_engine.codec.mel import LogMel, MelConfig
from avfoley_engine.codec.vae import VAE, VAEConfig
from avfoley_engine.codec.vocoder import Vocoder, VocoderConfig


@dataclass(frozen=True)
class CodecConfig:
    """The vocoder's class follows from its config's; in JSON its `kind` tells which that is."""

    mel: MelConfig = field(default_factory=MelConfig)
    vae: VAEConfig | KLVAEConfig = field(default_factory=VAEConfig)
    vocoder: Annotated[VocoderConfig | BigVGANConfig, Field(discriminator="kind")] = field(
        default_factory=VocoderConfig
    )
    #: None: the vocoder is given the mean of what a latent may stand for.
    grain: GrainConfig | None = None

    @property
    def samples_per_latent(self) -> int:
        return self.mel.hop * self.vae.stride

    @property
    def latents_per_second(self) -> float:
        return self.mel.sample_rate / self.samples_per_latent

    @property
    def reach(self) -> int:
        """Latents on either side that decide a sample: half the decoder's receptive field."""
        return self.vae.decoder_reach(self.vocoder.reach + (self.grain.reach if self.grain else 0))


NANO = CodecConfig()
#: 16 kHz as in Frieren, of whose family AV-Link's codec is; its mel is log10: ln over ln 10.
PAPER = CodecConfig(
    mel=MelConfig(
        sample_rate=16_000,
        n_fft=1024,
        window=1024,
        hop=256,
        bands=80,
        f_min=0.0,
        f_max=8_000.0,
        mean=0.0,
        std=math.log(10),
        centred_on="middle",
    ),
    vae=VAEConfig(bands=80, latent_width=20, widths=(384, 768), blocks=4),
    vocoder=BigVGANConfig(),
)


class AudioCodec(nn.Module):
    """Encodes sound to latents of zero mean, each channel's deviation at most one, and decodes them.

    The statistics are buffers, measured on the training sounds after the VAE is trained (`measure`).
    """

    latent_mean: torch.Tensor
    latent_std: torch.Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = LogMel(config.mel)
        self.vae: VAE | KLVAE = KLVAE(config.vae) if isinstance(config.vae, KLVAEConfig) else VAE(config.vae)
        match config.vocoder:
            case VocoderConfig():
                self.vocoder: Vocoder | BigVGAN = Vocoder(config.vocoder, config.mel)
            case BigVGANConfig():
                self.vocoder = BigVGAN(config.vocoder)
        self.grain = Grain(config.grain, config.mel.bands) if config.grain else None
        self.register_buffer("latent_mean", torch.zeros(config.vae.latent_width))
        self.register_buffer("latent_std", torch.ones(config.vae.latent_width))

    @torch.no_grad()
    def encode(self, waveform: torch.Tensor) -> torch.Tensor:
        """waveform (B, L * samples_per_latent) -> the posterior's mean (B, L, latent_width)."""
        if waveform.shape[-1] % self.config.samples_per_latent:
            raise ValueError(f"{waveform.shape[-1]} samples are not a multiple of {self.config.samples_per_latent}")
        mean, _ = self.vae.posterior(self.mel(waveform))
        return (mean.transpose(1, 2) - self.latent_mean) / self.latent_std

    @torch.no_grad()
    def decode(self, latent: torch.Tensor, chunk: int = 750, *, circle: bool = False) -> torch.Tensor:
        """latent (B, L, latent_width) -> waveform (B, L * samples_per_latent).

        Long latents are decoded in pieces of `chunk`, each within as much of its surroundings as
        decides it (`CodecConfig.reach`): memory is bounded and the waveform that of the whole. In a
        circle the last latent is followed by the first, and so is its sound.
        """
        length, reach, samples = latent.shape[1], self.config.reach, self.config.samples_per_latent
        stride, margin = self.config.vae.stride, reach if circle else 0
        if length <= chunk + 2 * reach:
            chunk = length
        noise = None if self.grain is None else self.grain.noise(length * stride).to(latent.device)
        positions = torch.arange(-margin, length + margin, device=latent.device) % length
        parts = []
        for start in range(margin, margin + length, chunk):
            first, end = max(0, start - reach), min(margin + length, start + chunk)
            around = positions[first : end + reach]
            some = None if noise is None else noise.unflatten(1, (-1, stride))[:, around].flatten(1)
            part = self._decode(latent[:, around], some)
            parts.append(part[:, (start - first) * samples : (end - first) * samples])
        return torch.cat(parts, dim=1)

    def _decode(self, latent: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        mel = self.vae.decode((latent * self.latent_std + self.latent_mean).transpose(1, 2))
        if self.grain and noise is not None:
            mel = self.grain(mel, noise)
        waveform: torch.Tensor = self.vocoder(mel)
        return waveform

    def invert(self, mel: torch.Tensor) -> torch.Tensor:
        """A recording's log-mel (B, bands, frames) -> waveform (B, frames * hop) near to it."""
        return self.vocoder.invert(mel) if isinstance(self.vocoder, Vocoder) else self.vocoder(mel)

    @torch.no_grad()
    def measure(self, waveforms: torch.Tensor) -> None:
        """Sets the latent statistics from waveforms (B, samples).

        The deviation is that of z, not of its mean: a channel that the posterior leaves to the
        prior stays small, and costs the model that learns to make latents nothing.
        """
        mean, log_variance = self.vae.posterior(self.mel(waveforms))
        self.latent_mean.copy_(mean.mean(dim=(0, 2)))
        self.latent_std.copy_((mean.var(dim=(0, 2)) + log_variance.exp().mean(dim=(0, 2))).sqrt())


def within_full_scale(waveforms: torch.Tensor) -> torch.Tensor:
    """Scales down each of waveforms (B, samples) that leaves [-1, 1]: clipping would distort it."""
    return waveforms / waveforms.abs().amax(dim=1, keepdim=True).clamp_min(1)
