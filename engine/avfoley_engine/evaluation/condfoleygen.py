"""CondFoleyGen's onset detector, for figures that compare with the literature."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio.functional
from scipy.ndimage import maximum_filter1d

from avfoley_engine.extras import require
from avfoley_engine.media.events import strongest

# predict_onset.py of CondFoleyGen (Du et al. 2023, arXiv 2301.08730).
_RATE, _DELTA, _NEARBY = 22_050, 0.3, 0.05


def detect(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """CondFoleyGen's onsets of samples (n,) float: ascending times in seconds, strengths in 0..1.

    librosa's detector at 22.05 kHz with delta 0.3. The strength is the peak within 50 ms, relative
    to the clip's highest. Raises `ModelError` where librosa is not installed.
    """
    detector = require("librosa", "evaluate").onset
    sound = torch.from_numpy(np.asarray(samples, np.float32))
    resampled = torchaudio.functional.resample(sound, sample_rate, _RATE).numpy()
    found = detector.onset_detect(y=resampled, sr=_RATE, units="samples", delta=_DELTA)
    around = 2 * round(_NEARBY * _RATE) + 1
    peaks = maximum_filter1d(np.abs(resampled), around)
    strengths = peaks[found] / max(float(np.abs(resampled).max(initial=0)), 1e-9)
    return suppressed(np.asarray(found) / _RATE, strengths)


def suppressed(times: np.ndarray, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leaves out every onset with a stronger one less than 50 ms away."""
    kept = strongest(times.tolist(), strengths, _NEARBY)
    return times[kept], strengths[kept]
