"""Sounds from nothing: struck modes, shaped noise and simple voices for every label that the families use."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from avfoley_engine.world.banks import SAMPLE_RATE, faded_in, trim

# Struck things: fundamental range (Hz), decay range (s), number of modes, inharmonicity, share of noise, brightness.
_MODAL: dict[str, tuple[tuple[float, float], tuple[float, float], int, float, float, float]] = {
    "impact_metal": ((300, 1600), (0.15, 0.9), 9, 1.0, 0.15, 0.8),
    "hammer": ((700, 2200), (0.1, 0.6), 8, 1.0, 0.2, 0.9),
    "bell": ((350, 1500), (0.5, 1.2), 7, 0.6, 0.05, 0.7),
    "cymbal": ((350, 700), (0.3, 0.9), 24, 2.0, 0.6, 0.95),
    "can": ((500, 1500), (0.06, 0.25), 8, 1.2, 0.3, 0.8),
    "coins": ((2500, 5000), (0.08, 0.3), 5, 1.0, 0.15, 1.0),
    "keys": ((2500, 6000), (0.05, 0.2), 7, 1.3, 0.3, 1.0),
    "chain": ((1500, 4000), (0.04, 0.15), 8, 1.3, 0.4, 0.9),
    "impact_glass": ((900, 3200), (0.1, 0.4), 6, 1.0, 0.1, 0.9),
    "glass_break": ((2000, 5000), (0.1, 0.35), 16, 2.0, 0.6, 1.0),
    "drum_hit": ((70, 260), (0.08, 0.35), 6, 0.6, 0.35, 0.4),
    "impact_wood": ((180, 900), (0.03, 0.12), 5, 0.8, 0.3, 0.5),
    "knock": ((120, 500), (0.03, 0.1), 5, 0.8, 0.3, 0.45),
    "chop": ((150, 600), (0.03, 0.09), 4, 0.8, 0.5, 0.6),
    "impact_plastic": ((300, 1400), (0.02, 0.09), 5, 0.9, 0.35, 0.6),
    "impact_stone": ((600, 2200), (0.015, 0.06), 4, 1.0, 0.5, 0.7),
    "impact_soft": ((50, 160), (0.04, 0.14), 3, 0.5, 0.5, 0.2),
    "bounce": ((90, 320), (0.04, 0.14), 4, 0.5, 0.3, 0.35),
    "door_close": ((60, 220), (0.06, 0.25), 6, 0.8, 0.5, 0.4),
    "car_door": ((60, 180), (0.06, 0.2), 6, 0.8, 0.5, 0.4),
    "cash_register": ((1200, 2600), (0.3, 0.8), 6, 0.5, 0.2, 0.8),
    "tape": ((300, 1200), (0.02, 0.08), 5, 1.0, 0.5, 0.6),
    "keyboard_key": ((900, 3000), (0.008, 0.03), 5, 1.0, 0.6, 0.8),
    "keyboard_typing": ((900, 3000), (0.008, 0.03), 5, 1.0, 0.6, 0.8),
    "typewriter": ((700, 2500), (0.015, 0.06), 6, 1.0, 0.5, 0.8),
    "click": ((1200, 4000), (0.004, 0.02), 4, 1.0, 0.5, 0.9),
    "camera_click": ((900, 3000), (0.01, 0.04), 5, 1.0, 0.6, 0.8),
    "gun_mechanism": ((800, 2500), (0.02, 0.08), 6, 1.0, 0.5, 0.8),
    "scissors": ((3000, 6000), (0.02, 0.08), 5, 1.0, 0.6, 1.0),
    "clock_tick": ((1200, 4000), (0.006, 0.03), 4, 1.0, 0.3, 0.9),
    "finger_snap": ((1500, 2800), (0.008, 0.025), 3, 0.7, 0.5, 0.8),
    "water_drip": ((700, 2200), (0.02, 0.08), 2, 0.4, 0.1, 0.6),
    "horse_hooves": ((300, 900), (0.02, 0.06), 4, 0.8, 0.4, 0.5),
}

# Noisy things: band (Hz), attack (s), decay (s), low thump share.
_NOISE: dict[str, tuple[tuple[float, float], float, tuple[float, float], float]] = {
    "clap": ((700, 6000), 0.001, (0.02, 0.07), 0.0),
    "footsteps": ((80, 3500), 0.002, (0.04, 0.1), 0.5),
    "footsteps_water": ((300, 7000), 0.003, (0.08, 0.2), 0.2),
    "impact_gravel": ((800, 8000), 0.003, (0.06, 0.15), 0.2),
    "leaves": ((1500, 10000), 0.005, (0.06, 0.2), 0.0),
    "eating": ((800, 6000), 0.002, (0.03, 0.1), 0.0),
    "crack": ((600, 9000), 0.001, (0.01, 0.05), 0.1),
    "crash": ((100, 9000), 0.002, (0.2, 0.6), 0.4),
    "water_splash": ((300, 8000), 0.003, (0.12, 0.35), 0.1),
    "water_other": ((300, 6000), 0.004, (0.1, 0.3), 0.0),
    "water_bubbles": ((200, 2500), 0.004, (0.08, 0.25), 0.0),
    "pop": ((150, 3500), 0.001, (0.015, 0.05), 0.5),
    "balloon": ((150, 9000), 0.001, (0.03, 0.1), 0.3),
    "gunshot": ((80, 9000), 0.001, (0.08, 0.3), 0.5),
    "explosion": ((30, 3000), 0.002, (0.3, 0.8), 0.8),
    "fireworks": ((50, 6000), 0.002, (0.2, 0.6), 0.5),
    "thunder": ((30, 900), 0.01, (0.5, 1.0), 0.8),
    "fire_ignite": ((150, 3000), 0.015, (0.2, 0.5), 0.2),
    "air_burst": ((800, 9000), 0.006, (0.15, 0.4), 0.0),
    "whoosh": ((250, 4000), 0.025, (0.1, 0.25), 0.0),
    "wings": ((150, 2500), 0.012, (0.06, 0.15), 0.1),
    "cloth": ((600, 6000), 0.008, (0.06, 0.2), 0.0),
    "paper": ((1200, 10000), 0.004, (0.06, 0.2), 0.0),
    "crinkle": ((2000, 12000), 0.003, (0.05, 0.2), 0.0),
    "shaker": ((4000, 14000), 0.004, (0.04, 0.1), 0.0),
    "rolling_rattle": ((500, 6000), 0.003, (0.08, 0.25), 0.1),
    "sneeze": ((600, 7000), 0.008, (0.12, 0.25), 0.0),
    "scrape": ((800, 7000), 0.006, (0.15, 0.35), 0.0),
    "saw": ((500, 5000), 0.005, (0.15, 0.35), 0.0),
    "pencil": ((1500, 9000), 0.005, (0.1, 0.25), 0.0),
    "zipper": ((1500, 9000), 0.005, (0.15, 0.35), 0.0),
}

# Voices: fundamental (Hz), its glide (octaves), length (s), share of breath.
_VOICE: dict[str, tuple[tuple[float, float], float, tuple[float, float], float]] = {
    "dog": ((220, 700), -0.5, (0.1, 0.25), 0.4),
    "wild_animal": ((70, 200), -0.4, (0.25, 0.6), 0.5),
    "rooster": ((400, 800), 0.4, (0.25, 0.6), 0.2),
    "fowl": ((350, 800), 0.3, (0.1, 0.3), 0.3),
    "sheep": ((250, 450), -0.1, (0.35, 0.7), 0.3),
    "cow": ((90, 180), -0.2, (0.5, 1.0), 0.2),
    "cat": ((400, 800), -0.3, (0.3, 0.6), 0.1),
    "frog": ((120, 350), -0.2, (0.1, 0.3), 0.3),
    "laugh": ((180, 400), -0.3, (0.12, 0.25), 0.4),
    "squeak": ((900, 2500), 0.3, (0.15, 0.35), 0.1),
}

# Textures that go on: band (Hz), hum fundamental (Hz) or None, grain rate (1/s) or None.
_TEXTURE: dict[str, tuple[tuple[float, float], tuple[float, float] | None, float | None]] = {
    "engine": ((60, 1500), (40, 110), None),
    "machine": ((80, 3000), (50, 200), None),
    "drill": ((400, 6000), (150, 400), None),
    "chainsaw": ((200, 5000), (80, 160), None),
    "helicopter": ((50, 1500), (11, 18), None),
    "train": ((40, 1200), (20, 60), None),
    "rain": ((800, 12000), None, 90.0),
    "wind": ((60, 700), None, None),
    "fire": ((150, 4000), None, 14.0),
    "water_stream": ((400, 6000), None, 60.0),
    "water_pour": ((300, 5000), None, 40.0),
    "sea_waves": ((100, 4000), None, None),
    "birds": ((2500, 7000), None, None),
    "crowd": ((200, 2500), None, None),
    "insects": ((3500, 9000), (3000, 5000), None),
    "rumble": ((25, 150), None, None),
}


class SyntheticBank:
    """Every label of the world by synthesis; needs no data. Each pick is another object of the label's kind."""

    @property
    def labels(self) -> frozenset[str]:
        return frozenset({*_MODAL, *_NOISE, *_VOICE, *_TEXTURE})

    def pick(self, label: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """See SoundBank.pick; textures last 6 s. Raises KeyError for a label that is not in `labels`."""
        name = f"synthetic/{label}/{int(rng.integers(1 << 31))}"
        if label in _TEXTURE:
            return _texture(label, rng), name
        return self.takes(label, rng, 1)[0], name

    def takes(self, label: str, rng: np.random.Generator, count: int) -> list[np.ndarray]:
        """See SoundBank.takes: one object, struck `count` times."""
        kind = int(rng.integers(1 << 31))
        result = []
        for _ in range(count):
            same = np.random.default_rng(kind)
            if label in _MODAL:
                sound = _struck(label, same, rng)
            elif label in _NOISE:
                sound = _burst(label, same, rng)
            elif label in _VOICE:
                sound = _call(label, same, rng)
            else:
                sound = trim(_texture(label, same))[: SAMPLE_RATE // 2]
            result.append(faded_in(sound))
        return result


def _time(seconds: float) -> np.ndarray:
    return np.asarray(np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def _band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    sections = butter(2, [low, min(high, 0.45 * SAMPLE_RATE)], btype="band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, samples))


def _struck(label: str, same: np.random.Generator, rng: np.random.Generator) -> np.ndarray:
    """Damped modes: `same` fixes the object, `rng` how this blow excites it."""
    pitch, ring_time, count, spread, noise, bright = _MODAL[label]
    fundamental, decay = same.uniform(*pitch), same.uniform(*ring_time)
    t = _time(min(1.5, 7 * decay + 0.05))
    ratios = np.concatenate([[1.0], 1 + np.cumsum(same.uniform(0.3, 1.2, count - 1) * (0.5 + spread))])
    total = np.zeros_like(t)
    for ratio in ratios:
        frequency = fundamental * ratio
        if frequency > 18000:
            break
        level = bright ** (ratio - 1) * rng.uniform(0.4, 1.0)
        total += level * np.exp(-t / (decay / ratio**0.5)) * np.sin(2 * np.pi * frequency * t + rng.uniform(0, 6.28))
    contact = rng.standard_normal(len(t)) * np.exp(-t / min(0.012, decay)) * noise * 3
    return np.asarray(total + _band(contact, fundamental, 16000 * (0.2 + 0.8 * bright)))


def _burst(label: str, same: np.random.Generator, rng: np.random.Generator) -> np.ndarray:
    """Filtered noise with an attack and a decay, and perhaps a low thump."""
    (low, high), attack, fall, thump = _NOISE[label]
    decay, tilt = same.uniform(*fall), same.uniform(0.7, 1.3)
    t = _time(min(1.5, 6 * decay + attack))
    shape = np.clip(t / attack, 0, 1) * np.exp(-np.clip(t - attack, 0, None) / decay)
    grain = 1 + 0.5 * np.clip(rng.standard_normal(len(t) // 240 + 1), -1, 1).repeat(240)[: len(t)]
    sound = _band(rng.standard_normal(len(t)) * grain, low * tilt, high * tilt) * shape
    sound /= np.abs(sound).max() + 1e-9
    low_tone = np.sin(2 * np.pi * same.uniform(45, 110) * t * (1 - 0.2 * t)) * np.exp(-t / max(0.04, 0.6 * decay))
    return sound + 1.5 * thump * low_tone


def _call(label: str, same: np.random.Generator, rng: np.random.Generator) -> np.ndarray:
    """Harmonics on a gliding pitch through two formants, with breath."""
    pitch, glide, length, breath = _VOICE[label]
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


def _texture(label: str, rng: np.random.Generator) -> np.ndarray:
    """Six seconds of hum, noise and grains."""
    (low, high), hum, grains = _TEXTURE[label]
    t = _time(6.0)
    total = _band(rng.standard_normal(len(t)), low, high)
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
        crackle = _band(
            np.convolve(clicks, np.exp(-np.arange(480) / 90) * rng.standard_normal(480))[: len(t)], low, high
        )
        total = 0.7 * total + 0.4 * crackle / (crackle.std() + 1e-9)
    return np.asarray((total / np.abs(total).max()).astype(np.float32))
