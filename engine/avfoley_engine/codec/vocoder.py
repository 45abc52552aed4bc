"""Log-mel to waveform: ConvNeXt blocks at frame rate and an inverse-STFT head (Vocos, arXiv 2306.00814).

The magnitudes start from the mel's pseudo-inverse, which the network only corrects (FreeV, arXiv
2406.08196). A recording's mel is worth keeping to: a few iterations of Griffin-Lim from the
network's phases bring the waveform to say it again (`Vocoder.invert`). A mel decoded from a latent
is smoother than any sound's: there the network's own detail is the better guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    #: Of `MelConsistency`. In training, where gradients through them are costly, fewer will do.
    iterations: int = 16
    training_iterations: int = 4

    @property
    def reach(self) -> int:
        """Frames on either side of its own that decide a sample of the network's."""
        return 3 + ConvNeXtBlock.reach * self.layers + math.ceil(self.n_fft / 2 / self.hop)


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
        # Where least squares goes below nothing, there is as good as nothing.
        return magnitudes.clamp_min(self.mel.floor).log()


class MelConsistency(nn.Module):
    """Fast Griffin-Lim (Perraudin et al. 2013) towards a mel, from a waveform that is nearly right.

    Griffin-Lim puts the magnitudes that it was given. This scales those that are there by what
    their mel bands lack, so that what lies between the bands stays.
    """

    filters: torch.Tensor
    shares: torch.Tensor
    window: torch.Tensor

    #: How far a spectrogram goes beyond the last one, along the way between the two.
    momentum = 0.9
    #: A band is changed by no more than this at a time, in nepers.
    largest_change = 3.0

    def __init__(self, mel: MelConfig, iterations: int, training_iterations: int) -> None:
        super().__init__()
        if mel.centred_on != "start":
            raise ValueError(f"frames are centred on the {mel.centred_on} of their hops, not on the start")
        self.mel, self.iterations, self.training_iterations = mel, iterations, training_iterations
        filters = torchaudio.functional.melscale_fbanks(
            mel.n_fft // 2 + 1, mel.f_min, mel.f_max, mel.bands, mel.sample_rate, norm="slaney", mel_scale="slaney"
        )
        # A bin changes as its bands do, by its shares in them.
        shares = filters / filters.sum(dim=1, keepdim=True).clamp_min(1e-12)
        self.register_buffer("filters", filters.T.contiguous(), persistent=False)
        self.register_buffer("shares", shares, persistent=False)
        self.register_buffer("window", torch.hann_window(mel.window), persistent=False)

    def forward(self, waveform: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        """waveform (B, L * hop), normalised log-mel (B, bands, L) -> waveform (B, L * hop)."""
        target = (mel * self.mel.std + self.mel.mean).clamp_min(math.log(self.mel.floor))
        # Frames are centred on the hops from 0 to L: one more than the mel has, and the last is repeated.
        target = torch.cat([target, target[..., -1:]], dim=-1)
        transform = self.mel.n_fft, self.mel.hop, self.mel.window, self.window
        before = None
        for _ in range(self.training_iterations if self.training else self.iterations):
            spectrum = torch.stft(waveform, *transform, center=True, return_complex=True)
            magnitude = _magnitude(spectrum)
            level = (self.filters @ magnitude).clamp_min(self.mel.floor).log()
            change = (target - level).clamp(-self.largest_change, self.largest_change)
            gain = (self.shares @ change).exp()
            spectrum = ahead = spectrum * gain
            if before is not None:
                ahead = torch.lerp(before, spectrum, 1 + self.momentum)
                ahead = ahead * (magnitude * gain / _magnitude(ahead))
            before = spectrum
            waveform = torch.istft(ahead, *transform, center=True, length=waveform.shape[-1])
        return waveform


def _magnitude(spectrum: torch.Tensor) -> torch.Tensor:
    """abs(), several times faster on a CPU, with a gradient also where there is silence."""
    return (spectrum.real.square() + spectrum.imag.square()).clamp_min(1e-18).sqrt()


class ISTFTHead(nn.Module):
    """Predicts bins' phases and corrections of log-magnitudes, and overlap-adds the frames."""

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
        # A full-scale frame stays below n_fft; a higher bound would let a bad one explode the loss.
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
        self.consistency = MelConsistency(mel, config.iterations, config.training_iterations)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames), normalised log-mel -> waveform (B, frames * hop)."""
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return self.head(self.final_norm(x.transpose(1, 2)), self.prior(mel))

    def invert(self, mel: torch.Tensor) -> torch.Tensor:
        """As `forward`, for the mel of a recording: the waveform's own mel is brought close to it."""
        return self.consistency(self(mel), mel)
