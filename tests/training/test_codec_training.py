"""Training the codec: the discriminators learn to tell, the vocoder hears only whole sounds, and a resumed run is the same run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.grain import GrainConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.codec.vocoder import VocoderConfig
from avfoley_engine.errors import MediaError, ModelError
from avfoley_engine.training import cli, loading
from avfoley_engine.training import codec as codec_training
from avfoley_engine.training.adversarial import adversarial_loss, discriminator_loss, feature_matching_loss
from avfoley_engine.training.checkpoints import ema_weights
from avfoley_engine.training.codec import SoundCrops, SpectralDistance, VocoderOptions, vocoder_objective
from avfoley_engine.training.discriminators import DiscriminatorConfig, Discriminators, PeriodDiscriminator
from avfoley_engine.training.run import train as train_objective
from avfoley_engine.training.trainer import Trainer
from avfoley_engine.world.recordings import Sound
from safetensors.torch import load_file, save_file

DISCRIMINATORS = DiscriminatorConfig(periods=(2, 3), period_widths=(4, 8), fft_sizes=(256, 512), spectral_widths=(4, 4))
OPTIONS = VocoderOptions(
    sounds=Path(),
    batch=2,
    adversarial_from=4,
    steps=8,
    learning_rate=1e-3,
    warm_up=2,
    log_every=2,
    save_every=1,
    ema_decay=0.9,
)


def sound(name: str, bandwidth: float = float("inf")) -> Sound:
    rng = np.random.default_rng(len(name))
    samples = (rng.normal(size=48_000) * np.exp(-np.arange(48_000) / 9000) * 6000).astype(np.int16)
    return Sound(name, name, name, "", "", samples, bandwidth)


def small_codec() -> AudioCodec:
    torch.manual_seed(0)
    codec = AudioCodec(
        CodecConfig(vae=VAEConfig(widths=(16, 16, 16), blocks=1), vocoder=VocoderConfig(width=16, layers=1))
    )
    codec.requires_grad_(False)
    codec.vocoder.requires_grad_(True)
    return codec


def train_vocoder(codec: AudioCodec, sounds: list[Sound], folder: Path, options: VocoderOptions = OPTIONS) -> None:
    train_objective(
        replace(vocoder_objective(codec, sounds, options, DISCRIMINATORS), name=folder.name), folder.parent, options
    )


def train(folder: Path, *stops: int, monkeypatch: pytest.MonkeyPatch) -> AudioCodec:
    """Trains on one sound, adversarially from step 4 of 8, in pieces that are cut off after `stops` steps."""
    save = Trainer.save
    for stop in stops:

        def save_and_stop(trainer: Trainer, stop: int = stop) -> None:
            save(trainer)
            if trainer.step == stop < OPTIONS.steps:
                raise KeyboardInterrupt

        codec = small_codec()
        monkeypatch.setattr(Trainer, "save", save_and_stop)
        try:
            train_vocoder(codec, [sound("bang")], folder)
        except KeyboardInterrupt:
            continue
    return codec


def test_a_run_resumed_in_either_phase_equals_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tmp_path / "whole", 8, monkeypatch=monkeypatch)
    pieces = train(tmp_path / "pieces", 3, 6, 8, monkeypatch=monkeypatch)
    a, b = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "pieces"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert torch.equal(whole.vocoder.head.projection.weight, pieces.vocoder.head.projection.weight)
    for part in ("model", "optimizer.exp_avg", "optimizer.exp_avg_sq"):
        assert any(name.startswith(f"discriminator.{part}.parts.0.") for name in a)
    averaged = ema_weights(tmp_path / "whole" / "checkpoint.safetensors")
    assert all(torch.equal(averaged[name], p) for name, p in whole.vocoder.named_parameters())


def test_the_curve_tells_the_two_phases_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, 8, monkeypatch=monkeypatch)
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [("discriminator" in row, "feature_matching" in row) for row in rows] == [(False,) * 2] * 2 + [
        (True,) * 2
    ] * 2
    assert all("mel_l1" in row and "stft" in row for row in rows)


def test_a_checkpoint_of_the_first_phase_has_no_discriminators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, 3, monkeypatch=monkeypatch)
    assert not any("discriminator" in name for name in load_file(tmp_path / "checkpoint.safetensors"))


def test_sounds_that_were_cut_off_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    class Spy(SoundCrops):
        def __init__(self, sounds: list[Sound], samples: int, device: torch.device) -> None:
            used.extend(s.file for s in sounds)
            super().__init__(sounds, samples, device)

    monkeypatch.setattr(codec_training, "SoundCrops", Spy)
    sounds = [sound("whole.wav"), sound("cut.mp3", 16_000.0)]
    options = replace(OPTIONS, steps=1)
    train_vocoder(small_codec(), sounds, tmp_path / "a", options)
    assert used == ["whole.wav"]
    with pytest.raises(MediaError, match="high frequencies"):
        train_vocoder(small_codec(), sounds[1:], tmp_path / "b", options)


def test_discriminators_learn_to_tell_a_recording_from_a_smear() -> None:
    torch.manual_seed(0)
    discriminators = Discriminators(DISCRIMINATORS)
    optimizer = torch.optim.AdamW(discriminators.parameters(), 3e-3)

    def noise_and_smears() -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.randn(4, 2400)
        return noise, 5**0.5 * torch.nn.functional.avg_pool1d(noise, 5, 1, 2)

    first = None
    for _ in range(60):
        recorded, generated = (discriminators(x) for x in noise_and_smears())
        loss = discriminator_loss(recorded, generated)
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    recorded, generated = (discriminators(x) for x in noise_and_smears())
    assert first == pytest.approx(2, abs=0.3)
    assert discriminator_loss(recorded, generated) < 1.7
    for (real, _), (fake, _) in zip(recorded, generated, strict=True):
        assert real.mean() > fake.mean()
    # Who is found out has the more to gain by passing for a recording.
    assert adversarial_loss(generated) > adversarial_loss(recorded)


def test_the_losses_at_known_opinions() -> None:
    def opinion(score: float, feature: float) -> list[tuple[torch.Tensor, list[torch.Tensor]]]:
        return [(torch.full((2, 5), score), [torch.full((2, 3, 5), feature)])] * 2

    assert discriminator_loss(opinion(1.5, 0), opinion(-2.0, 0)) == 0
    assert discriminator_loss(opinion(0.5, 0), opinion(0.0, 0)) == pytest.approx(1.5)
    assert adversarial_loss(opinion(-0.5, 0)) == pytest.approx(1.5)
    assert adversarial_loss(opinion(3.0, 0)) == 0
    assert feature_matching_loss(opinion(0, 2.0), opinion(0, 2.0)) == 0
    assert feature_matching_loss(opinion(0, 2.0), opinion(0, 3.0)) == pytest.approx(0.5)


def test_a_period_discriminator_sees_each_phase_alone() -> None:
    torch.manual_seed(0)
    discriminator = PeriodDiscriminator(3, (4, 8)).eval()
    waveform = torch.randn(1, 300)
    changed = waveform.clone()
    changed[:, 1::3] += 1
    (_, before), (_, after) = discriminator(waveform), discriminator(changed)
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a[[0, 2]], b[[0, 2]])
        assert not torch.allclose(a[1], b[1])
    assert discriminator(torch.randn(2, 301))[0].shape[0] == 2


def test_the_distance_hears_only_the_band_it_is_given() -> None:
    time = torch.arange(24_000) / 48_000
    swell = torch.hann_window(24_000)
    low = (swell * torch.sin(2 * torch.pi * 1000 * time))[None]
    both = low + 0.3 * swell * torch.sin(2 * torch.pi * 15_000 * time)
    distance = SpectralDistance()
    assert distance(low, low) == 0
    assert distance(both, low) > 0.1
    assert distance(both, low, band=10_000 / 24_000) < 0.1 * distance(both, low)
    assert distance(2 * low, low, band=10_000 / 24_000) > 0.1


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run folder with an untrained VAE."""
    codec = AudioCodec(CodecConfig())
    state = {f"vae.{name}": tensor for name, tensor in codec.vae.state_dict().items()}
    (tmp_path / "vae").mkdir()
    save_file(
        state | {"latent_mean": torch.full((32,), 0.5), "latent_std": codec.latent_std},
        tmp_path / "vae" / "codec.safetensors",
    )
    return tmp_path


def test_a_run_can_start_from_another_ones_weights(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    vocoder = AudioCodec(CodecConfig()).vocoder
    save_file({f"ema.{name}": p.detach() for name, p in vocoder.named_parameters()}, runs / "other.safetensors")
    monkeypatch.setattr(codec_training, "training_sounds", lambda folder, runs: [sound("bang")])
    arguments = ["vocoder", "--runs", str(runs), "--sounds", "unused", "--steps", "0", "--device", "cpu"]
    assert cli.main([*arguments, "--init", str(runs / "other.safetensors")]) == 0
    codec = loading.load_codec(runs, torch.device("cpu"), vocoder=True)
    assert all(torch.equal(a, b) for a, b in zip(vocoder.parameters(), codec.vocoder.parameters(), strict=True))
    assert (codec.latent_mean == 0.5).all()


def test_the_grain_learns_what_the_vae_leaves(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained VAE decodes nearly nothing, so what it leaves is nearly all, in each band as much as there is."""
    monkeypatch.setattr(codec_training, "training_sounds", lambda folder, runs: [sound("bang"), sound("lossy", 9000)])
    arguments = ["grain", "--runs", str(runs), "--sounds", "unused", "--device", "cpu", "--batch", "4", "--ema", "0.9"]
    assert cli.main([*arguments, "--steps", "60", "--learning-rate", "3e-3"]) == 0
    codec = loading.load_codec(runs, torch.device("cpu"))
    assert codec.grain is not None
    with torch.no_grad():
        mel = codec.mel(
            SoundCrops([sound("bang")], 96 * 480, torch.device("cpu")).batch(32, np.random.default_rng(9))[0]
        )
        decoded = codec.vae.decode(codec.vae.posterior(mel)[0])
        deviation = codec.grain.log_deviation(decoded).exp()
    left = (mel - decoded).square().mean(dim=(0, 2)).sqrt()
    assert ((deviation.mean(dim=(0, 2)) / left).log().abs() < 0.5).all()


def test_a_codec_with_grain_trains_its_vocoder_on_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    for grain in (None, GrainConfig(width=8)):
        codec = small_codec()
        codec = AudioCodec(replace(codec.config, grain=grain))
        monkeypatch.setattr(
            codec.vae, "decode", lambda latent: heard.append(latent) or torch.zeros(len(latent), 100, 48)
        )
        train_vocoder(codec, [sound("bang")], tmp_path / str(grain is None), replace(OPTIONS, steps=1))
        assert len(heard) == 1


def test_runs_that_are_missing_or_of_another_version_are_refused(runs: Path) -> None:
    with pytest.raises(ModelError, match="train vocoder"):
        loading.load_codec(runs, torch.device("cpu"), vocoder=True)
    state = load_file(runs / "vae" / "codec.safetensors")
    state["vae.older"] = state.pop("vae.decoder.0.bias")
    save_file(state, runs / "vae" / "codec.safetensors")
    with pytest.raises(ModelError, match="Train it again"):
        loading.load_codec(runs, torch.device("cpu"))
