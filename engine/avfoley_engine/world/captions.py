"""Words for what is heard and what is seen."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def audio_caption(label: str, rng: np.random.Generator) -> str:
    """One way of saying what a clip with sounds of `label` sounds like."""
    return str(rng.choice(_WORDS["audio"][label]))


def video_caption(act: str, label: str, rng: np.random.Generator) -> str:
    """One way of saying what is seen; now and then it names the sound's source too."""
    if rng.random() < 0.3:
        return str(rng.choice(_WORDS["audio"][label]))
    return str(rng.choice(_WORDS["video"][act]))
