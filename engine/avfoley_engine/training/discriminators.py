"""What tells a vocoder's sound from a recording: by periods (HiFi-GAN, arXiv 2010.05646), and by spectra (UnivNet, arXiv 2106.07889)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

#: One discriminator's opinion: its scores (B, ...), above 0 for a recording, and the features of its layers.
Opinion = tuple[torch.Tensor, list[torch.Tensor]]


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Small enough for a CPU; `PAPER` has the published widths. `fft_sizes`: one spectral discriminator each, hop a quarter."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    period_widths: tuple[int, ...] = (8, 16, 32, 64, 64)
    fft_sizes: tuple[int, ...] = (512, 1024, 2048)
    spectral_widths: tuple[int, ...] = (8, 8, 16, 16)


NANO = DiscriminatorConfig()
PAPER = DiscriminatorConfig(period_widths=(32, 128, 512, 1024, 1024), spectral_widths=(32, 32, 32, 32))


class PeriodDiscriminator(nn.Module):
    """Looks at every `period`-th sample alone: the waveform folded into `period` rows, convolved along each."""

    def __init__(self, period: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv1d(narrower, wider, 5, stride=1 if n == len(widths) - 1 else 3, padding=2))
            for n, (narrower, wider) in enumerate(zip((1, *widths), widths, strict=False))
        )
        self.score = weight_norm(nn.Conv1d(widths[-1], 1, 3, padding=1))

    def forward(self, waveform: torch.Tensor) -> Opinion:
        """waveform (B, samples) -> scores (B, period * steps) and features (B * period, width, steps)."""
        x = F.pad(waveform, (0, -waveform.shape[-1] % self.period), mode="reflect")
        # The paper's two-dimensional kernels are one wide across the period: its rows are a batch.
        x = x.unflatten(-1, (-1, self.period)).transpose(1, 2).flatten(0, 1)[:, None]
        score, features = _layers(x, self.layers, self.score)
        return score.reshape(len(waveform), -1), features


class SpectralDiscriminator(nn.Module):
    """Looks at the complex spectrogram of one resolution, real and imaginary part as two channels (as in Vocos and EnCodec)."""

    window: torch.Tensor

    def __init__(self, fft_size: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.fft_size = fft_size
        self.register_buffer("window", torch.hann_window(fft_size), persistent=False)
        self.layers = nn.ModuleList(
            # Frequency is halved by all layers but the last.
            weight_norm(nn.Conv2d(narrower, wider, (9, 3), stride=(2, 1), padding=(4, 1)))
            for narrower, wider in zip((2, *widths), widths[:-1], strict=False)
        )
        narrower, wider = (2, *widths)[-2:]
        self.layers.append(weight_norm(nn.Conv2d(narrower, wider, (3, 3), padding=1)))
        self.score = weight_norm(nn.Conv2d(widths[-1], 1, (3, 3), padding=1))

    def forward(self, waveform: torch.Tensor) -> Opinion:
        """waveform (B, samples) -> scores (B, bins * frames) and features (B, width, bins, frames)."""
        size = self.fft_size
        spectrum = torch.stft(waveform, size, size // 4, window=self.window, normalized=True, return_complex=True)
        score, features = _layers(torch.stack([spectrum.real, spectrum.imag], dim=1), self.layers, self.score)
        return score.flatten(1), features


class Discriminators(nn.Module):
    """All of them: waveform (B, samples) -> one opinion each."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        periods = [PeriodDiscriminator(period, config.period_widths) for period in config.periods]
        spectra = [SpectralDiscriminator(size, config.spectral_widths) for size in config.fft_sizes]
        self.parts = nn.ModuleList([*periods, *spectra])

    def forward(self, waveform: torch.Tensor) -> list[Opinion]:
        return [part(waveform) for part in self.parts]


def _layers(x: torch.Tensor, layers: nn.ModuleList, score: Callable[[torch.Tensor], torch.Tensor]) -> Opinion:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), 0.1)
        features.append(x)
    return score(x), features
