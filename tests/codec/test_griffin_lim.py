"""Griffin-Lim: the mel it makes is the mel it was given, in the same place."""

from __future__ import annotations

import pytest
import torch
from avfoley_engine.codec.audio import NANO, PAPER
from avfoley_engine.codec.griffin_lim import GriffinLim
from avfoley_engine.codec.mel import LogMel, MelConfig


@pytest.mark.parametrize("config", [NANO.mel, PAPER.mel], ids=["nano", "paper"])
def test_a_burst_comes_back_with_its_pitch_and_its_time(config: MelConfig) -> None:
    mel = LogMel(config)
    time = torch.arange(100 * config.hop) / config.sample_rate
    start = 0.6 * time[-1]
    tone = torch.where(time > start, torch.sin(2 * torch.pi * 1000 * time) * (-(time - start) * 12).exp(), 0.0)
    torch.manual_seed(0)
    waveform = GriffinLim(mel, iterations=16)(mel(tone[None]))
    assert waveform.shape == (1, len(time))
    spectrum = torch.fft.rfft(waveform[0]).abs()
    assert spectrum.argmax() / time[-1] == pytest.approx(1000, rel=0.05)
    # Half of the energy has passed at the same time.
    passed = [int((x.square().cumsum(0) < x.square().sum() / 2).sum()) for x in (tone, waveform[0])]
    assert abs(passed[0] - passed[1]) < config.hop
    assert (mel(waveform) - mel(tone[None])).abs().mean() * config.std < 0.7
