"""Log-mel to waveform: ConvNeXt blocks at frame rate and an inverse-STFT head (Vocos, arXiv 2306.00814).

The magnitudes start from what the mel says of them: its pseudo-inverse, which the network only corrects (FreeV, arXiv 2406.08196).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import torch
import torchaudio
from torch import nn

from avfoley_engine.codec.convnext import ConvNeXtBlock
from avfoley_engine.codec.mel import MelConfig


@dataclass(frozen=True)
class VocoderConfig:
    kind: Literal["vocos"] = "vocos"
    bands: int = 100
    width: int = 160
    layers: int = 5
    expansion: int = 3
    n_fft: int = 1920
    hop: int = 480

    @property
    def reach(self) -> int:
        """Frames on either side of its own that decide a sample."""
        return 3 + ConvNeXtBlock.reach * self.layers + ceil(self.n_fft / 2 / self.hop)


class MagnitudePrior(nn.Module):
    """The log-magnitudes of all bins that a log-mel frame says: the pseudo-inverse of its filters."""

    to_bins: torch.Tensor

    def __init__(self, mel: MelConfig, n_fft: int) -> None:
        super().__init__()
        self.mel = mel
        filters = torchaudio.functional.melscale_fbanks(
            n_fft // 2 + 1, mel.f_min, mel.f_max, mel.bands, mel.sample_rate, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("to_bins", torch.linalg.pinv(filters.T), persistent=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, L), normalised log-mel -> (B, n_fft / 2 + 1, L)."""
        magnitudes = self.to_bins @ (mel * self.mel.std + self.mel.mean).exp()
        # Least squares knows no sign; where it went below nothing, there is as good as nothing.
        return magnitudes.clamp_min(self.mel.floor).log()


class ISTFTHead(nn.Module):
    """Predicts every bin's phase and the correction of its log-magnitude, and overlap-adds the frames into a waveform."""

    window: torch.Tensor

    def __init__(self, width: int, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.projection = nn.Linear(width, n_fft + 2)
        with torch.no_grad():
            self.projection.weight[: n_fft // 2 + 1] = 0
            self.projection.bias[: n_fft // 2 + 1] = 0
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, x: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
        """x (B, L, width), prior log-magnitudes (B, n_fft / 2 + 1, L) -> waveform (B, L * hop)."""
        correction, phase = self.projection(x).transpose(1, 2).chunk(2, dim=1)
        # The spectrum of a full-scale frame stays below n_fft; a higher bound would let a bad frame explode the loss.
        spectrum = torch.polar((prior + correction).clamp(max=7.0).exp(), phase)
        frames = x.shape[1]
        # torch.istft wants one frame more than the samples it returns: the last is repeated.
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], dim=-1)
        return torch.istft(spectrum, self.n_fft, self.hop, window=self.window, center=True, length=frames * self.hop)


class Vocoder(nn.Module):
    """The whole vocoder; convolutional, so any length."""

    def __init__(self, config: VocoderConfig, mel: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.prior = MagnitudePrior(mel, config.n_fft)
        self.embed = nn.Conv1d(config.bands, config.width, 7, padding=3)
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.width, config.expansion * config.width, 1 / config.layers)
            for _ in range(config.layers)
        )
        self.final_norm = nn.LayerNorm(config.width, eps=1e-6)
        self.head = ISTFTHead(config.width, config.n_fft, config.hop)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames), normalised log-mel -> waveform (B, frames * hop)."""
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return self.head(self.final_norm(x.transpose(1, 2)), self.prior(mel))
