"""Griffin-Lim (1984; fast: Perraudin et al. 2013): log-mel to waveform, the vocoder's control."""

from __future__ import annotations

import torch
import torchaudio
from torch import nn
from torch.nn import functional as F

from avfoley_engine.codec.mel import LogMel


class GriffinLim(nn.Module):
    """Inverts a `LogMel`: least squares from bands to bins, then phases from a random start."""

    def __init__(self, mel: LogMel, iterations: int = 64) -> None:
        super().__init__()
        self.mel = mel
        config = mel.config
        self.to_bins = torchaudio.transforms.InverseMelScale(
            n_stft=config.n_fft // 2 + 1,
            n_mels=config.bands,
            sample_rate=config.sample_rate,
            f_min=config.f_min,
            f_max=config.f_max,
            norm="slaney",
            mel_scale="slaney",
            driver="gelsd",
        )
        self.to_waveform = torchaudio.transforms.GriffinLim(
            n_fft=config.n_fft, n_iter=iterations, win_length=config.window, hop_length=config.hop, power=1
        )

    @torch.no_grad()
    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Normalised log-mel (B, bands, frames) -> waveform (B, frames * hop), random phases."""
        config, frames = self.mel.config, log_mel.shape[-1]
        magnitudes = self.to_bins(self.mel.magnitudes(log_mel))
        # A transform centred on hops from 0 to `frames` has one frame more: the last is repeated.
        waveform: torch.Tensor = self.to_waveform(torch.cat([magnitudes, magnitudes[..., -1:]], dim=-1))
        late = config.hop // 2 if config.centred_on == "middle" else 0
        return F.pad(waveform, (late, 0))[..., : frames * config.hop]
