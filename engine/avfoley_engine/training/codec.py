"""Trains the codec on recorded sounds: first the 1D-VAE on log-mel, then the vocoder on the waveform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.training.sounds import Sound
from avfoley_engine.training.trainer import Trainer, TrainerConfig

KL_WEIGHT = 2e-3
STFT_SIZES = (256, 512, 1024, 2048)


class SoundCrops:
    """Random crops of recorded sounds at random gain; half of them start near the loudest attack, where it is hardest."""

    def __init__(self, sounds: list[Sound], samples: int, device: torch.device) -> None:
        self.sounds, self.samples, self.device = sounds, samples, device
        labels = sorted({s.label for s in sounds})
        self.by_label = [[s for s in sounds if s.label == label] for label in labels]
        # Square root: rare labels are seen more often than their share, common ones less.
        weights = np.sqrt([len(group) for group in self.by_label])
        self.weights = weights / weights.sum()

    def batch(self, size: int, rng: np.random.Generator) -> torch.Tensor:
        """size crops -> (size, samples) float32 with peaks below 1."""
        out = np.zeros((size, self.samples), np.float32)
        for row in out:
            group = self.by_label[rng.choice(len(self.by_label), p=self.weights)]
            x = group[rng.integers(len(group))].samples
            if rng.random() < 0.5:
                start = int(np.abs(x.astype(np.int32)).argmax()) - int(rng.integers(self.samples))
            else:
                start = int(rng.integers(-self.samples // 2, max(1, len(x) - self.samples // 2)))
            low, high = max(0, start), min(len(x), start + self.samples)
            if high > low:
                row[low - start : high - start] = x[low:high]
            peak = np.abs(row).max() + 1e-9
            row *= 10 ** (rng.uniform(-30, 0) / 20) / max(peak, 3000)
        return torch.from_numpy(out).to(self.device)


def train_vae(codec: AudioCodec, sounds: list[Sound], folder: Path, config: TrainerConfig, batch: int = 24) -> None:
    """L1 + L2 on normalised log-mel and a small KL; then measures the latent statistics. Loads the EMA weights into the codec."""
    device = codec.latent_mean.device
    crops = SoundCrops(sounds, 96 * codec.config.mel.hop, device)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        mel = codec.mel(crops.batch(batch, rng))
        reconstruction, kl = codec.vae(mel)
        l1, l2 = F.l1_loss(reconstruction, mel), F.mse_loss(reconstruction, mel)
        return l1 + l2 + KL_WEIGHT * kl, {"mel_l1": l1.item(), "kl": kl.item()}

    trainer = Trainer(codec.vae, loss, folder, config)
    trainer.run()
    codec.vae.load_state_dict(trainer.ema.shadow)
    codec.measure(crops.batch(512, np.random.default_rng(config.seed)))


class SpectralDistance(nn.Module):
    """Multi-resolution STFT distance: log-magnitude L1 plus spectral convergence, averaged over window sizes."""

    def __init__(self) -> None:
        super().__init__()
        for size in STFT_SIZES:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """x, y (B, samples) -> scalar."""
        total = x.new_zeros(())
        for size in STFT_SIZES:
            window = self.get_buffer(f"window_{size}")
            a, b = (torch.stft(s, size, size // 4, window=window, return_complex=True).abs() for s in (x, y))
            convergence = (b - a).norm() / b.norm().clamp_min(1e-3)
            # A floor of -80 dB: below it, differences are inaudible and would drown the loss.
            logarithmic = F.l1_loss(a.clamp_min(1e-4 * size**0.5).log(), b.clamp_min(1e-4 * size**0.5).log())
            total = total + convergence + logarithmic
        return total / len(STFT_SIZES)


def train_vocoder(codec: AudioCodec, sounds: list[Sound], folder: Path, config: TrainerConfig, batch: int = 12) -> None:
    """Log-mel L1 and multi-resolution STFT distance.

    Half of the inputs are the VAE's reconstructions, so that the vocoder learns to sharpen what it will really be given.
    """
    device = codec.latent_mean.device
    frames = 64
    crops = SoundCrops(sounds, frames * codec.config.mel.hop, device)
    distance = SpectralDistance().to(device)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        waveform = crops.batch(batch, rng)
        with torch.no_grad():
            mel = codec.mel(waveform)
            half = batch // 2
            decoded = codec.vae.decode(codec.vae.posterior(mel[:half])[0])
        generated = codec.vocoder(torch.cat([decoded, mel[half:]]))
        spectral = distance(generated, waveform)
        mel_l1 = F.l1_loss(codec.mel(generated), mel)
        return spectral + 3 * mel_l1, {"stft": spectral.item(), "mel_l1": mel_l1.item()}

    trainer = Trainer(codec.vocoder, loss, folder, config)
    trainer.run()
    codec.vocoder.load_state_dict(trainer.ema.shadow, strict=False)
