"""The codec's parts: exact lengths, positions in time, independence of what is far away, and decoding in pieces."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from avfoley_engine.codec.audio import NANO, PAPER, AudioCodec, CodecConfig
from avfoley_engine.codec.bigvgan import BigVGAN, BigVGANConfig
from avfoley_engine.codec.grain import Grain, GrainConfig
from avfoley_engine.codec.mel import LogMel
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.codec.vocoder import MagnitudePrior, MelConsistency, Vocoder, VocoderConfig
from avfoley_engine.models.avlink import config as avlink
from pydantic import TypeAdapter, ValidationError

#: The presets' structure with few channels: as far a reach in time, less to compute.
SMALL = {
    "nano": replace(NANO, vae=replace(NANO.vae, widths=(16, 16, 16)), vocoder=replace(NANO.vocoder, width=16)),
    "paper": replace(
        PAPER,
        vae=replace(PAPER.vae, widths=(16, 16)),
        # The widest of the parallel blocks alone.
        vocoder=BigVGANConfig(
            upsample_initial_channel=64, resblock_kernel_sizes=(11,), resblock_dilation_sizes=((1, 3, 5),)
        ),
    ),
}


def make(config: CodecConfig) -> AudioCodec:
    """A codec with random weights and no zeros left from initialisation, in double precision: what does not matter makes no difference."""
    torch.manual_seed(0)
    codec = AudioCodec(config).eval().requires_grad_(False)
    for p in codec.parameters():
        p += 0.05 * torch.randn(p.shape)
    return codec.double()


@pytest.fixture
def codec() -> AudioCodec:
    torch.manual_seed(0)
    return AudioCodec(NANO).eval()


@pytest.mark.parametrize("latents", [1, 25, 129])
def test_lengths(codec: AudioCodec, latents: int) -> None:
    waveform = torch.randn(2, latents * 1920)
    encoded = codec.encode(waveform)
    assert encoded.shape == (2, latents, 32)
    assert codec.decode(encoded).shape == waveform.shape


def test_a_partial_latent_is_refused(codec: AudioCodec) -> None:
    with pytest.raises(ValueError, match="multiple of 1920"):
        codec.encode(torch.zeros(1, 1921))


@pytest.mark.parametrize("preset", ["nano", "paper"])
def test_a_mel_frame_lies_where_its_hop_does(preset: str) -> None:
    codec = AudioCodec(SMALL[preset])
    hop = codec.config.mel.hop
    waveform = torch.zeros(1, 100 * hop)
    waveform[0, 50 * hop + (hop // 2 if preset == "paper" else 0)] = 1
    mel = codec.mel(waveform)
    assert mel.shape == (1, codec.config.mel.bands, 100)
    energy = codec.mel.magnitudes(mel).sum(1)[0]
    assert energy.argmax() == 50
    assert torch.allclose(energy[49], energy[51], rtol=1e-3)


@pytest.mark.parametrize("preset", ["nano", "paper"])
def test_a_latent_is_heard_within_the_stated_reach_and_as_far_as_that(preset: str) -> None:
    codec = make(SMALL[preset])
    reach, samples = codec.config.reach, codec.config.samples_per_latent
    length, changed_at = 2 * reach + 11, reach + 5
    latent = torch.randn(1, length, codec.config.vae.latent_width, dtype=torch.float64)
    changed = latent.clone()
    changed[:, changed_at] += 1
    difference = (codec.decode(latent) - codec.decode(changed))[0].abs().reshape(length, samples).amax(1)
    heard = difference.nonzero()[:, 0] - changed_at
    assert heard.min() >= -reach
    assert heard.max() <= reach
    # Not much more context is asked for than is needed; the outermost taps of BigVGAN's filters are below rounding.
    assert heard.max() >= 0.75 * reach


@pytest.mark.parametrize("preset", ["nano", "paper"])
def test_decoded_in_pieces_there_is_no_seam(preset: str) -> None:
    codec = make(SMALL[preset]).float()
    length = 2 * codec.config.reach + 40
    latent = torch.randn(2, length, codec.config.vae.latent_width)
    whole = codec.decode(latent)
    assert whole.abs().max() > 1e-3
    for chunk in (7, 39):
        assert torch.allclose(codec.decode(latent, chunk=chunk), whole, rtol=0, atol=1e-4 * whole.abs().max().item())


def test_ten_minutes_are_decoded_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = AudioCodec(SMALL["nano"]).eval()
    longest = []
    vocoder = codec.vocoder.forward
    monkeypatch.setattr(codec.vocoder, "forward", lambda mel: longest.append(mel.shape[-1]) or vocoder(mel))
    assert codec.decode(torch.zeros(1, 15_000, 32)).shape == (1, 600 * 48_000)
    assert max(longest) <= 40 * 100


def test_grain_makes_the_mel_rough_and_leaves_its_mean() -> None:
    grain = Grain(GrainConfig(share=0.5), 100).eval()
    mel = torch.zeros(1, 100, 2000)
    with torch.no_grad():
        deviation = grain.log_deviation(mel).exp()
        added = (grain(mel, grain.noise(2000)) - mel) / deviation
        assert torch.equal(grain(mel, grain.noise(2000)), grain(mel, grain.noise(2000)))
    assert added.mean().abs() < 0.01
    assert abs(added.std() - 0.5) < 0.01

    def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a * b).mean() / added.square().mean())

    # A filter of a, 1, a correlates neighbours by 2a / (1 + 2a^2).
    assert correlation(added[:, 1:], added[:, :-1]) == pytest.approx(0.7 / 1.245, abs=0.02)
    assert correlation(added[..., 1:], added[..., :-1]) == pytest.approx(0.26 / 1.0338, abs=0.02)
    assert abs(correlation(added[:, 4:], added[:, :-4])) < 0.02


def test_with_grain_too_there_is_no_seam_and_no_step_beyond_the_reach() -> None:
    plain, codec = (make(replace(SMALL["nano"], grain=grain)).float() for grain in (None, GrainConfig(width=8)))
    length = 2 * codec.config.reach + 40
    assert codec.config.reach == plain.config.reach + 1
    latent = torch.randn(2, length, 32)
    whole = codec.decode(latent)
    near = 1e-4 * whole.abs().max().item()
    for chunk in (7, 39):
        assert torch.allclose(codec.decode(latent, chunk=chunk), whole, rtol=0, atol=near)
    changed = latent.clone()
    changed[:, 40] += 1
    difference = (codec.decode(changed) - whole)[0].abs().reshape(length, -1).amax(1)
    heard = (difference > near).nonzero()[:, 0] - 40
    assert heard.abs().max() <= codec.config.reach
    # A circle's sound goes on where it begins, and is that of its latents elsewhere.
    circle = codec.decode(latent, circle=True)
    reach = codec.config.reach * codec.config.samples_per_latent
    assert torch.allclose(circle[:, reach:-reach], whole[:, reach:-reach], rtol=0, atol=near)
    assert torch.allclose(codec.decode(latent, circle=True, chunk=7), circle, rtol=0, atol=near)
    assert not torch.allclose(circle, whole, rtol=0, atol=100 * near)


def test_measured_statistics_normalise_the_latents(codec: AudioCodec) -> None:
    waveforms = 0.1 * torch.randn(4, 25 * 1920)
    codec.measure(waveforms)
    encoded = codec.encode(waveforms)
    assert encoded.mean(dim=(0, 1)).abs().max() < 1e-3
    # One is the deviation of what the posterior draws, of which its mean is a part.
    log_variance = codec.vae.posterior(codec.mel(waveforms))[1].transpose(1, 2)
    drawn = encoded + (0.5 * log_variance).exp() / codec.latent_std * torch.randn(64, *encoded.shape)
    assert (drawn.std(dim=(0, 1, 2)) - 1).abs().max() < 0.05
    assert encoded.std(dim=(0, 1)).max() < 0.5


@pytest.mark.parametrize(("codec_preset", "model"), [(NANO, avlink.NANO), (PAPER, avlink.PAPER)])
def test_presets_agree_with_the_audio_backbone(codec_preset: CodecConfig, model: avlink.AVLinkConfig) -> None:
    assert Fraction(codec_preset.latents_per_second) == model.audio.latents_per_second
    assert codec_preset.vae.latent_width == model.audio.latent_width
    assert codec_preset.vae.bands == codec_preset.mel.bands


def test_the_vocoder_follows_from_the_config_also_through_json() -> None:
    adapter = TypeAdapter(CodecConfig)
    for preset, kind in ((NANO, Vocoder), (SMALL["paper"], BigVGAN)):
        again = adapter.validate_json(adapter.dump_json(preset))
        assert again == preset
        assert isinstance(AudioCodec(again).vocoder, kind)
    with pytest.raises(ValidationError, match="kind"):
        adapter.validate_python({"vocoder": {"kind": "melgan"}})


def test_small_configs_keep_the_reach() -> None:
    assert {name: config.reach for name, config in SMALL.items()} == {"nano": NANO.reach, "paper": PAPER.reach}
    assert VAEConfig().decoder_reach() < NANO.reach
    assert VocoderConfig().reach == 20


def test_the_vocoders_magnitudes_start_from_those_of_the_mel() -> None:
    torch.manual_seed(0)
    mel = LogMel(NANO.mel)
    log_mel = mel(0.1 * torch.randn(1, 100 * NANO.mel.hop))
    prior = MagnitudePrior(NANO.mel, NANO.mel.n_fft)(log_mel)
    assert prior.shape == (1, NANO.mel.n_fft // 2 + 1, 100)
    again = mel.spectrogram.mel_scale(prior.exp())
    assert ((again.log() - mel.magnitudes(log_mel).log()).abs() < 0.05).float().mean() > 0.9

    vocoder = Vocoder(VocoderConfig(width=32, layers=1), NANO.mel)
    quieter = log_mel - math.log(10) / NANO.mel.std
    loud, quiet = vocoder(log_mel), vocoder(quieter)
    # The network has not learned to correct anything: a tenth of the mel is about a tenth of the sound, whatever the phases.
    assert (loud.std() / quiet.std()).item() == pytest.approx(10, rel=0.1)


def test_iterations_bring_a_waveform_to_its_mel() -> None:
    torch.manual_seed(0)
    mel = LogMel(NANO.mel)
    samples = 60 * NANO.mel.hop
    strokes = torch.zeros(1, samples)
    strokes[:, samples // 3 :: samples // 3] = 1
    log_mel = mel(strokes + 0.01 * torch.randn(1, samples))
    wrong = 0.1 * torch.randn(1, samples)

    def brought(waveform: torch.Tensor, iterations: int) -> torch.Tensor:
        module = MelConsistency(NANO.mel, iterations, training_iterations=iterations + 1).eval()
        return module(waveform, log_mel if waveform is wrong else mel(waveform))

    def distance(iterations: int) -> float:
        return float((mel(brought(wrong, iterations)) - log_mel).abs().mean())

    assert distance(0) == pytest.approx(float((mel(wrong) - log_mel).abs().mean()))
    distances = [distance(iterations) for iterations in (0, 1, 2, 4)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.15 * distances[0]
    # What says its mel already is not changed, but for the end, where the last frame stands for one that the mel does not have.
    exact = torch.randn(1, samples)
    kept = brought(exact, 4)
    end = samples - 4 * 3 * NANO.mel.hop
    assert torch.allclose(kept[:, :end], exact[:, :end], atol=1e-3)


def test_a_recordings_mel_is_kept_to_and_a_decoded_one_left_to_the_network(codec: AudioCodec) -> None:
    mel = codec.mel(0.1 * torch.randn(1, 40 * NANO.mel.hop))

    def distance(waveform: torch.Tensor) -> float:
        return float((codec.mel(waveform) - mel).abs().mean())

    with torch.no_grad():
        assert distance(codec.invert(mel)) < 0.5 * distance(codec.vocoder(mel))
        latent = codec.encode(torch.randn(1, 50 * 1920))
        decoded = codec.vae.decode((latent * codec.latent_std + codec.latent_mean).transpose(1, 2))
        assert torch.equal(codec.decode(latent), codec.vocoder(decoded))
        bigvgan = AudioCodec(SMALL["paper"]).eval()
        mel = torch.randn(1, 80, 9)
        assert torch.equal(bigvgan.invert(mel), bigvgan.vocoder(mel))


def test_iterations_refuse_frames_that_lie_elsewhere() -> None:
    with pytest.raises(ValueError, match="centred on the middle"):
        MelConsistency(replace(NANO.mel, centred_on="middle"), 1, 1)
