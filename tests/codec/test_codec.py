"""The codec's parts: exact lengths, positions in time, and independence of what is far away."""

from __future__ import annotations

import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig


@pytest.fixture
def codec() -> AudioCodec:
    torch.manual_seed(0)
    return AudioCodec(CodecConfig()).eval()


@pytest.mark.parametrize("latents", [1, 25, 129])
def test_lengths(codec: AudioCodec, latents: int) -> None:
    waveform = torch.randn(2, latents * 1920)
    encoded = codec.encode(waveform)
    assert encoded.shape == (2, latents, 32)
    assert codec.decode(encoded).shape == waveform.shape


def test_a_partial_latent_is_refused(codec: AudioCodec) -> None:
    with pytest.raises(ValueError, match="multiple of 1920"):
        codec.encode(torch.zeros(1, 1921))


def test_mel_frame_k_is_centred_on_sample_k_hop(codec: AudioCodec) -> None:
    waveform = torch.zeros(1, 48_000)
    waveform[0, 24_000] = 1
    energy = codec.mel.magnitudes(codec.mel(waveform)).sum(1)[0]
    assert energy.argmax() == 50


def test_decoding_is_local_in_time(codec: AudioCodec) -> None:
    latent = torch.randn(1, 100, 32)
    changed = latent.clone()
    changed[:, :10] = 0
    before, after = codec.decode(latent), codec.decode(changed)
    assert not torch.allclose(before[:, : 10 * 1920], after[:, : 10 * 1920], atol=1e-4)
    # Group normalisation ties the whole length together, but only as a level: far away, the waveform must stay closely alike.
    far = slice(60 * 1920, None)
    correlation = torch.corrcoef(torch.stack([before[0, far], after[0, far]]))[0, 1]
    assert correlation > 0.9


def test_measured_statistics_normalise_the_latents(codec: AudioCodec) -> None:
    waveforms = 0.1 * torch.randn(4, 25 * 1920)
    codec.measure(waveforms)
    encoded = codec.encode(waveforms)
    assert encoded.mean(dim=(0, 1)).abs().max() < 1e-3
    assert (encoded.std(dim=(0, 1)) - 1).abs().max() < 1e-2
