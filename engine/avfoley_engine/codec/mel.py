"""The log-mel front-end that the 1D-VAE encodes and the vocoder inverts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torchaudio
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class MelConfig:
    """`hop` samples a frame; a Hann `window` shorter than `n_fft`, so that transients stay sharp.

    A frame is centred on the `start` of its hop, or on its `middle` as in HiFi-GAN and BigVGAN.
    """

    sample_rate: int = 48_000
    n_fft: int = 2048
    window: int = 1200
    hop: int = 480
    bands: int = 100
    f_min: float = 20.0
    f_max: float = 24_000.0
    floor: float = 1e-5
    #: Mean and standard deviation of the log-mel over recorded effects: what `LogMel` normalises by.
    mean: float = -6.2
    std: float = 3.4
    centred_on: Literal["start", "middle"] = "start"


class LogMel(nn.Module):
    """Waveform to normalised natural-log mel magnitudes.

    Frame k belongs to samples k * hop to (k + 1) * hop, so a waveform of n * hop samples has exactly n frames.
    """

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.spectrogram = torchaudio.transforms.MelSpectrogram(
            sample_rate=config.sample_rate,
            n_fft=config.n_fft,
            win_length=config.window,
            hop_length=config.hop,
            f_min=config.f_min,
            f_max=config.f_max,
            n_mels=config.bands,
            power=1,
            norm="slaney",
            mel_scale="slaney",
            center=config.centred_on == "start",
        )

    @property
    def centres(self) -> torch.Tensor:
        """Centre frequency of every band in Hz: (bands,)."""
        filters: torch.Tensor = self.spectrogram.mel_scale.fb
        return filters.argmax(dim=0) * self.config.sample_rate / self.config.n_fft

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """waveform (B, samples) -> normalised log-mel (B, bands, samples // hop)."""
        frames = waveform.shape[-1] // self.config.hop
        if self.config.centred_on == "middle":
            beyond = (self.config.n_fft - self.config.hop) // 2
            waveform = F.pad(waveform, (beyond, beyond), mode="reflect")
        mel: torch.Tensor = self.spectrogram(waveform)[..., :frames]
        return (mel.clamp_min(self.config.floor).log() - self.config.mean) / self.config.std

    def magnitudes(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Undoes the logarithm and the normalisation: (B, bands, frames) -> linear mel magnitudes, same shape."""
        return (log_mel * self.config.std + self.config.mean).exp()
