"""Sounds from nothing: struck modes, shaped noise and simple voices for every label that the families use."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import butter, sosfilt

from avfoley_engine.world.banks import SAMPLE_RATE, faded_in, trim
from avfoley_engine.world.motion import Span

_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
#: Label -> how it sounds, "struck", "noise", "voice" or "texture", and its row in the file.
_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    label: (kind, row) for kind, rows in _TABLES.items() for label, row in rows.items()
}


class SyntheticBank:
    """Every label of the world by synthesis; needs no data. Each pick is another object of the label's kind."""

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(_KINDS)

    def pick(self, label: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """See SoundBank.pick; textures last 6 s. Raises KeyError for a label that is not in `labels`."""
        name = f"synthetic/{label}/{int(rng.integers(1 << 31))}"
        kind, row = _KINDS[label]
        if kind == "texture":
            return _texture(rng, **row), name
        return self.takes(label, rng, 1)[0], name

    def takes(self, label: str, rng: np.random.Generator, count: int) -> list[np.ndarray]:
        """See SoundBank.takes: one object, struck `count` times."""
        seed = int(rng.integers(1 << 31))
        kind, row = _KINDS[label]
        result = []
        for _ in range(count):
            same = np.random.default_rng(seed)
            texture = kind == "texture"
            sound = trim(_texture(same, **row))[: SAMPLE_RATE // 2] if texture else _MAKERS[kind](same, rng, **row)
            result.append(faded_in(sound))
        return result


def _time(seconds: float) -> np.ndarray:
    return np.asarray(np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def _band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    sections = butter(2, [low, min(high, 0.45 * SAMPLE_RATE)], btype="band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, samples))


def _struck(
    same: np.random.Generator,
    rng: np.random.Generator,
    pitch: Span,
    decay: Span,
    modes: int,
    spread: float,
    noise: float,
    bright: float,
) -> np.ndarray:
    """Damped modes: `same` fixes the object, `rng` how this blow excites it."""
    fundamental, tau = same.uniform(*pitch), same.uniform(*decay)
    t = _time(min(1.5, 7 * tau + 0.05))
    ratios = np.concatenate([[1.0], 1 + np.cumsum(same.uniform(0.3, 1.2, modes - 1) * (0.5 + spread))])
    total = np.zeros_like(t)
    for ratio in ratios:
        frequency = fundamental * ratio
        if frequency > 18000:
            break
        level = bright ** (ratio - 1) * rng.uniform(0.4, 1.0)
        total += level * np.exp(-t / (tau / ratio**0.5)) * np.sin(2 * np.pi * frequency * t + rng.uniform(0, 6.28))
    contact = rng.standard_normal(len(t)) * np.exp(-t / min(0.012, tau)) * noise * 3
    return np.asarray(total + _band(contact, fundamental, 16000 * (0.2 + 0.8 * bright)))


def _burst(
    same: np.random.Generator, rng: np.random.Generator, band: Span, attack: float, decay: Span, thump: float
) -> np.ndarray:
    """Filtered noise with an attack and a decay, and perhaps a low thump."""
    (low, high), tau, tilt = band, same.uniform(*decay), same.uniform(0.7, 1.3)
    t = _time(min(1.5, 6 * tau + attack))
    shape = np.clip(t / attack, 0, 1) * np.exp(-np.clip(t - attack, 0, None) / tau)
    grain = 1 + 0.5 * np.clip(rng.standard_normal(len(t) // 240 + 1), -1, 1).repeat(240)[: len(t)]
    sound = _band(rng.standard_normal(len(t)) * grain, low * tilt, high * tilt) * shape
    sound /= np.abs(sound).max() + 1e-9
    low_tone = np.sin(2 * np.pi * same.uniform(45, 110) * t * (1 - 0.2 * t)) * np.exp(-t / max(0.04, 0.6 * tau))
    return sound + 1.5 * thump * low_tone


def _call(
    same: np.random.Generator, rng: np.random.Generator, pitch: Span, glide: float, length: Span, breath: float
) -> np.ndarray:
    """Harmonics on a gliding pitch through two formants, with breath."""
    fundamental = same.uniform(*pitch) * rng.uniform(0.93, 1.07)
    seconds = same.uniform(*length) * rng.uniform(0.85, 1.15)
    t = _time(seconds)
    phase = np.cumsum(2 * np.pi * fundamental * 2 ** (glide * t / seconds) / SAMPLE_RATE)
    formants = same.uniform([500, 1200], [1200, 3000])
    total = np.zeros_like(t)
    for harmonic in range(1, int(min(30, 12000 / fundamental))):
        weight = sum(np.exp(-(((harmonic * fundamental - f) / (0.4 * f)) ** 2)) for f in formants) + 0.2 / harmonic
        total += weight * np.sin(harmonic * phase)
    total /= np.abs(total).max() + 1e-9
    noise = _band(rng.standard_normal(len(t)), formants[0], 6000)
    total += breath * noise / (np.abs(noise).max() + 1e-9)
    return total * np.clip(t / 0.008, 0, 1) * np.clip((seconds - t) / (0.4 * seconds), 0, 1)


def _texture(rng: np.random.Generator, band: Span, hum: Span | None = None, grains: float | None = None) -> np.ndarray:
    """Six seconds of hum, noise and grains."""
    t = _time(6.0)
    total = _band(rng.standard_normal(len(t)), *band)
    total /= total.std() + 1e-9
    if hum is not None:
        fundamental = rng.uniform(*hum)
        tone = sum(
            rng.uniform(0.3, 1) / k**0.7 * np.sin(2 * np.pi * fundamental * k * t + rng.uniform(0, 6))
            for k in range(1, 14)
        )
        total = 0.35 * total + tone / (np.std(tone) + 1e-9)
    if grains is not None:
        clicks = np.zeros(len(t))
        clicks[rng.integers(0, len(t), int(grains * 6))] = rng.exponential(1.0, int(grains * 6))
        grain = np.exp(-np.arange(480) / 90) * rng.standard_normal(480)
        crackle = _band(np.convolve(clicks, grain)[: len(t)], *band)
        total = 0.7 * total + 0.4 * crackle / (crackle.std() + 1e-9)
    return np.asarray((total / np.abs(total).max()).astype(np.float32))


_MAKERS: dict[str, Callable[..., np.ndarray]] = {"struck": _struck, "noise": _burst, "voice": _call}
