"""Trains the codec on recorded sounds: the 1D-VAE on log-mel, its grain, the vocoder on the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.grain import Grain, GrainConfig
from avfoley_engine.errors import MediaError
from avfoley_engine.training.adversarial import AdversarialTrainer
from avfoley_engine.training.checkpoints import ema_weights
from avfoley_engine.training.discriminators import NANO, DiscriminatorConfig, Discriminators
from avfoley_engine.training.loading import load_codec, save_vae
from avfoley_engine.training.options import option
from avfoley_engine.training.recipe import Objective, Recipe, RecipeOptions
from avfoley_engine.training.trainer import TrainerConfig
from avfoley_engine.world.recordings import ByLabel, Sound, training_sounds

KL_WEIGHT = 2e-3
VOCODER_CROP_SECONDS, MEL_WEIGHT = 0.5, 10.0
STFT_SIZES = (256, 512, 1024, 2048)


@dataclass(frozen=True, kw_only=True)
class SoundOptions(RecipeOptions):
    """What all parts of the codec learn from."""

    sounds: Path = option(what="folder of recorded sounds with an index.csv")
    batch: int = 24


@dataclass(frozen=True, kw_only=True)
class VAEOptions(SoundOptions):
    """See `vae_objective`."""

    steps: int = 3600
    learning_rate: float = 2e-3


@dataclass(frozen=True, kw_only=True)
class GrainOptions(SoundOptions):
    """See `grain_objective`."""

    steps: int = 1500
    ema_decay: float = 0.995


@dataclass(frozen=True, kw_only=True)
class VocoderOptions(SoundOptions):
    """See `vocoder_objective`."""

    steps: int = 6000
    batch: int = 6
    learning_rate: float = 5e-4
    #: HiFi-GAN's: a memory of the gradient that is too long makes the two players circle each other.
    betas: tuple[float, float] = (0.8, 0.99)
    adversarial_from: int = option(3000, "reconstruction losses alone before", metavar="STEP")
    init: Path | None = option(None, "start from this run's averaged weights", metavar="CHECKPOINT")


class SoundCrops:
    """Random crops of recorded sounds at random gain; half of them start near the loudest attack, where it is hardest."""

    def __init__(self, sounds: list[Sound], samples: int, device: torch.device) -> None:
        self.draw, self.samples, self.device = ByLabel(sounds), samples, device

    def batch(self, size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """size crops -> (size, samples) float32 with peaks below 1, and the bandwidth (size,) of each in Hz."""
        out = np.zeros((size, self.samples), np.float32)
        bandwidths = np.zeros(size, np.float32)
        for index, row in enumerate(out):
            sound = self.draw(rng)
            x, bandwidths[index] = sound.samples, sound.bandwidth
            if rng.random() < 0.5:
                start = int(np.abs(x.astype(np.int32)).argmax()) - int(rng.integers(self.samples))
            else:
                start = int(rng.integers(-self.samples // 2, max(1, len(x) - self.samples // 2)))
            low, high = max(0, start), min(len(x), start + self.samples)
            if high > low:
                row[low - start : high - start] = x[low:high]
            peak = np.abs(row).max() + 1e-9
            row *= 10 ** (rng.uniform(-30, 0) / 20) / max(peak, 3000)
        return torch.from_numpy(out).to(self.device), torch.from_numpy(bandwidths).to(self.device)


def vae_objective(codec: AudioCodec, sounds: list[Sound], options: VAEOptions) -> Objective:
    """L1 + L2 on normalised log-mel and a small KL; at last the latent statistics are measured.

    What a lossy file has lost above its bandwidth is no silence to be learned: the loss leaves it out.
    """
    device = codec.latent_mean.device
    crops = SoundCrops(sounds, 96 * codec.config.mel.hop, device)
    centres = codec.mel.centres.to(device)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        waveform, bandwidth = crops.batch(options.at_once, rng)
        mel = codec.mel(waveform)
        heard = (centres < bandwidth[:, None])[..., None]
        reconstruction, kl = codec.vae(mel)
        difference = (reconstruction - mel) * heard
        share = heard.float().mean()
        l1, l2 = difference.abs().mean() / share, difference.square().mean() / share
        return l1 + l2 + KL_WEIGHT * kl, {"mel_l1": l1.item(), "kl": kl.item()}

    def finish() -> None:
        codec.measure(crops.batch(512, np.random.default_rng(options.seed))[0])
        save_vae(codec, options.runs)

    return Objective("vae", codec.vae, loss, finish=finish)


def build_vae(options: VAEOptions, device: torch.device) -> Objective:
    """A new VAE."""
    codec = AudioCodec(CodecConfig()).to(device)
    return vae_objective(codec, training_sounds(options.sounds, options.runs), options)


def grain_objective(codec: AudioCodec, sounds: list[Sound], options: GrainOptions) -> Objective:
    """Likelihood of recordings' mels around what the VAE, which stays as it is, decodes of them.

    Raises:
        MediaError: all sounds are cut off: what the VAE adds above their bandwidth is no residual.
    """
    grain = codec.grain
    assert grain is not None
    crops = SoundCrops(_whole(sounds), 96 * codec.config.mel.hop, codec.latent_mean.device)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        with torch.no_grad():
            mel = codec.mel(crops.batch(options.at_once, rng)[0])
            decoded = codec.vae.decode(codec.vae.posterior(mel)[0])
        return grain.loss(decoded, mel), {}

    return Objective("grain", grain, loss)


def build_grain(options: GrainOptions, device: torch.device) -> Objective:
    """The grain of the runs' codec, new if it has none."""
    codec = load_codec(options.runs, device)
    if codec.grain is None:
        codec.grain = Grain(GrainConfig(), codec.config.mel.bands).to(device)
    codec.grain.requires_grad_(True)
    return grain_objective(codec, training_sounds(options.sounds, options.runs), options)


def _whole(sounds: list[Sound]) -> list[Sound]:
    """Those that reach their full bandwidth. Raises `MediaError` where there are none."""
    whole = [sound for sound in sounds if np.isinf(sound.bandwidth)]
    if not whole:
        raise MediaError(
            f"None of {len(sounds)} sounds reaches its full bandwidth: lossy files have lost their high frequencies. "
            "Add WAV or FLAC files."
        )
    return whole


class SpectralDistance(nn.Module):
    """Multi-resolution STFT distance: log-magnitude L1 plus spectral convergence, averaged over window sizes."""

    def __init__(self) -> None:
        super().__init__()
        for size in STFT_SIZES:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor, band: float = 1.0) -> torch.Tensor:
        """x, y (B, samples) -> scalar. Only the lowest bins count, up to the share `band` of the Nyquist frequency."""
        total = x.new_zeros(())
        for size in STFT_SIZES:
            window = self.get_buffer(f"window_{size}")
            bins = max(1, int(min(band, 1.0) * size / 2)) + 1
            a, b = (torch.stft(s, size, size // 4, window=window, return_complex=True)[:, :bins].abs() for s in (x, y))
            convergence = (b - a).norm() / b.norm().clamp_min(1e-3)
            # A floor of -80 dB: below it, differences are inaudible and would drown the loss.
            logarithmic = F.l1_loss(a.clamp_min(1e-4 * size**0.5).log(), b.clamp_min(1e-4 * size**0.5).log())
            total = total + convergence + logarithmic
        return total / len(STFT_SIZES)


def vocoder_objective(
    codec: AudioCodec, sounds: list[Sound], options: VocoderOptions, discriminators: DiscriminatorConfig = NANO
) -> Objective:
    """Log-mel L1 and multi-resolution STFT distance; at last against discriminators, too.

    Half of the inputs are the VAE's reconstructions, so that the vocoder learns to sharpen what it
    will really be given; in a codec with grain, which is as rough as a recording, it learns from
    recordings alone. Only sounds that nothing has cut off are used: from the others it would learn
    that high frequencies are silent.

    Raises:
        MediaError: all sounds are cut off.
    """
    device = codec.latent_mean.device
    mel_config = codec.config.mel
    latents = round(VOCODER_CROP_SECONDS * mel_config.sample_rate / codec.config.samples_per_latent)
    crops = SoundCrops(_whole(sounds), latents * codec.vae.config.stride * mel_config.hop, device)
    distance = SpectralDistance().to(device)

    def pair(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        waveform, _ = crops.batch(options.at_once, rng)
        with torch.no_grad():
            mel = codec.mel(waveform)
            half = options.at_once // 2
            given = mel[:half] if codec.grain else codec.vae.decode(codec.vae.posterior(mel[:half])[0])
        return torch.cat([codec.vocoder(given), codec.invert(mel[half:])]), waveform

    def reconstruction(generated: torch.Tensor, recorded: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        spectral = distance(generated, recorded)
        mel_l1 = F.l1_loss(codec.mel(generated), codec.mel(recorded))
        return spectral + MEL_WEIGHT * mel_l1, {"stft": spectral.item(), "mel_l1": mel_l1.item()}

    def trainer(folder: Path, config: TrainerConfig) -> AdversarialTrainer:
        torch.manual_seed(config.seed)
        critics = Discriminators(discriminators).to(device)
        start = options.adversarial_from
        return AdversarialTrainer(codec.vocoder, critics, pair, reconstruction, folder, config, start)

    return Objective("vocoder", codec.vocoder, lambda step, rng: reconstruction(*pair(rng)), trainer=trainer)


def build_vocoder(options: VocoderOptions, device: torch.device) -> Objective:
    """A new vocoder, or one with another run's weights, for the runs' codec."""
    codec = load_codec(options.runs, device)
    if options.init:
        codec.vocoder.load_state_dict(ema_weights(options.init))
    codec.vocoder.requires_grad_(True)
    return vocoder_objective(codec, training_sounds(options.sounds, options.runs), options)


RECIPES = {
    "vae": Recipe("the 1D-VAE on recorded sounds", VAEOptions, build_vae),
    "grain": Recipe("what the VAE's mels lack: the deviation of its residual", GrainOptions, build_grain),
    "vocoder": Recipe("the vocoder on recorded sounds, at last against discriminators", VocoderOptions, build_vocoder),
}
