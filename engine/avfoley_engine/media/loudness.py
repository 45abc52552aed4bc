"""True peak and integrated loudness (ITU-R BS.1770-4) at 48 kHz, and the linear gain that keeps a take under a ceiling.

The filters are the standard's own: torchaudio's `loudness` clips inside its filters and reads 0.3 dB low at full scale.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torchaudio.functional

from avfoley_engine.protocol import SAMPLE_RATE

SILENCE_DBTP = -150.0
_OVERSAMPLING = 4
_PEAK_BLOCK, _PEAK_CONTEXT = 10 * SAMPLE_RATE, 64

# BS.1770-4, tables 1 and 2: (b, a) of the head's shelf and of the RLB high-pass, at 48 kHz.
_K_WEIGHTING = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
_BLOCK, _STEP = SAMPLE_RATE * 4 // 10, SAMPLE_RATE // 10
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0


def true_peak(samples: np.ndarray) -> float:
    """The highest peak of samples (channels, n) in dBTP, 4 times oversampled (annex 2); at least `SILENCE_DBTP`."""
    peak = float(np.abs(samples).max(initial=0.0))
    for start in range(0, samples.shape[-1], _PEAK_BLOCK):
        block = samples[:, max(0, start - _PEAK_CONTEXT) : start + _PEAK_BLOCK + _PEAK_CONTEXT]
        between = torchaudio.functional.resample(_tensor(block), 1, _OVERSAMPLING, lowpass_filter_width=16)
        peak = max(peak, float(between.abs().max()))
    return max(SILENCE_DBTP, 20 * math.log10(peak)) if peak > 0 else SILENCE_DBTP


def integrated(samples: np.ndarray) -> float | None:
    """The gated loudness of samples (channels, n) in LUFS (annex 1).

    None for less than a gating block (0.4 s), and where all lies under the absolute gate.
    """
    if samples.shape[-1] < _BLOCK:
        return None
    weighted = _tensor(samples).double()
    for b, a in _K_WEIGHTING:
        weighted = torchaudio.functional.lfilter(weighted, weighted.new_tensor(a), weighted.new_tensor(b), clamp=False)
    power = weighted.unfold(-1, _BLOCK, _STEP).square().mean(-1).sum(0)
    power = power[_lufs(power) > _ABSOLUTE_GATE]
    if len(power) == 0:
        return None
    power = power[_lufs(power) > _lufs(power.mean()) + _RELATIVE_GATE]
    return float(_lufs(power.mean()))


def attenuated(samples: np.ndarray, ceiling: float = -1.0) -> np.ndarray:
    """Turns samples (channels, n) down, by one linear gain, until the true peak is at `ceiling` (dBTP); never up."""
    # A hundredth of a decibel for the rounding to 24 bits that follows.
    excess = true_peak(samples) - (ceiling - 0.01)
    return samples if excess <= 0 else samples * np.float32(10 ** (-excess / 20))


def _lufs(power: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(power) - 0.691


def _tensor(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples))
