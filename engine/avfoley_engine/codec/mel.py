"""The log-mel front-end that the 1D-VAE encodes and the vocoder inverts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio
from torch import nn


@dataclass(frozen=True)
class MelConfig:
    """`hop` samples a frame; `window` samples under the Hann window, shorter than `n_fft` so that transients stay sharp."""

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


class LogMel(nn.Module):
    """Waveform to normalised natural-log mel magnitudes.

    Frame k is centred on sample k * hop, so a waveform of n * hop samples has exactly n frames.
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
        )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """waveform (B, samples) -> normalised log-mel (B, bands, samples // hop)."""
        mel: torch.Tensor = self.spectrogram(waveform)[..., : waveform.shape[-1] // self.config.hop]
        return (mel.clamp_min(self.config.floor).log() - self.config.mean) / self.config.std

    def magnitudes(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Undoes the logarithm and the normalisation: (B, bands, frames) -> linear mel magnitudes, same shape."""
        return (log_mel * self.config.std + self.config.mean).exp()
