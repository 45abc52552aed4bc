"""Sounds a scene: its events' hits, or a texture shaped by its motion, in a small room, over a quiet ambience."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from scipy.signal import fftconvolve

from avfoley_engine.world.banks import SAMPLE_RATE, RecordedBank, SoundBank
from avfoley_engine.world.elements import CLOCK_RATE, Take
from avfoley_engine.world.families import AMBIENT
from avfoley_engine.world.synthetic import SyntheticBank

__all__ = ["RecordedBank", "SoundBank", "SyntheticBank", "render_sound"]

_SHAPED = ("engine", "saw")  # families whose sound is a texture under the motion's envelope


def render_sound(scene: Take, bank: SoundBank, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """The scene's sound, float32 mono (round(duration * sample_rate),).

    All events of a clip come from one source of the bank, with small changes of pitch and level from blow to blow; an
    event's onset lies at its time to the sample. The peak is between -6 and -1 dBFS (ambiences: -14 to -3). The scene's
    seed fixes everything.
    """
    rng = np.random.default_rng([scene.seed, 1])
    length = round(scene.duration * SAMPLE_RATE)
    if scene.family in AMBIENT:
        sound = _flattened(bank.pick(scene.label, rng)[0], 0.5, rng, length) * _envelope(scene.sustain, length)
    elif scene.family in _SHAPED:
        sound = _shaped(scene, bank, rng, length)
    else:
        sound = _struck(scene, bank, rng, length)
        if scene.sustain is not None:
            rattle = _flattened(bank.pick("rolling_rattle", rng)[0], 0.2, rng, length)
            sound += 0.06 * rattle * _envelope(scene.sustain, length)
    sound = _in_room(sound, rng)
    if scene.ambience is not None:
        under = _flattened(bank.pick(scene.ambience, rng)[0], 0.5, rng, length)
        sound += scene.ambience_gain * max(float(np.abs(sound).max()), 0.1) * under / 3
    level = rng.uniform(-14, -3) if scene.family in AMBIENT else rng.uniform(-6, -1)
    sound *= 10 ** (level / 20) / max(float(np.abs(sound).max()), 1e-6)
    if sample_rate != SAMPLE_RATE:
        samples = torch.from_numpy(sound.astype(np.float32))
        resampled = torchaudio.functional.resample(samples, SAMPLE_RATE, sample_rate).numpy()
        wanted = round(scene.duration * sample_rate)
        sound = np.pad(resampled[:wanted], (0, max(0, wanted - len(resampled))))
    return sound.astype(np.float32)


def _struck(scene: Take, bank: SoundBank, rng: np.random.Generator, length: int) -> np.ndarray:
    """Places a hit at every event, faded out before the next one would smear it."""
    sound = np.zeros(length)
    takes = bank.takes(scene.label, rng, int(rng.integers(1, 4)))
    detune = float(np.exp(rng.normal(0, 0.06)))
    wobble = rng.uniform(0.0, 0.03)
    times = [event.time for event in scene.events]
    for index, event in enumerate(scene.events):
        take = takes[int(rng.integers(len(takes)))]
        hit = _resampled(take, detune * float(np.exp(rng.normal(0, wobble))))
        following = times[index + 1] - event.time if index + 1 < len(times) else np.inf
        hit = _faded(hit, min(scene.tail, 1.5, max(0.1, 0.95 * following)))
        start = round(event.time * SAMPLE_RATE)
        hit = hit[: length - start]
        level = event.gain * float(np.exp(rng.normal(0, 0.1))) * (1.0 if event.on_screen else 0.5)
        sound[start : start + len(hit)] += level * hit
    return sound


def _shaped(scene: Take, bank: SoundBank, rng: np.random.Generator, length: int) -> np.ndarray:
    """A steady texture whose level, and for engines speed, follow the motion."""
    envelope = _envelope(scene.sustain, length)
    whole = _flattened(bank.pick(scene.label, rng)[0], 0.15, rng, int(1.6 * length))
    if scene.pitch is not None:
        way = np.cumsum(_stretched(scene.pitch, length))
        texture = np.interp(way % (len(whole) - 1), np.arange(len(whole)), whole)
    else:
        texture = whole[:length]
    # An engine starts with a jerk that its speed, being inert, does not show; what is off screen has no motion at all.
    if scene.family == "engine":
        envelope = np.sqrt(envelope)
    seconds = np.arange(length) / SAMPLE_RATE
    for event in scene.events:
        kick = (1.6 if scene.family == "engine" else 0.0) if event.on_screen else 0.5
        if kick:
            age = seconds - event.time
            envelope = envelope + kick * event.gain * np.exp(-np.clip(age, 0, None) / 0.12) * (age >= 0)
    return np.asarray(texture * envelope)


def _stretched(track: np.ndarray, length: int) -> np.ndarray:
    """A clock track at every sample."""
    return np.asarray(np.interp(np.arange(length) / SAMPLE_RATE, np.arange(len(track)) / CLOCK_RATE, track))


def _envelope(track: np.ndarray | None, length: int) -> np.ndarray:
    return np.ones(length) if track is None else _stretched(track, length)


def _resampled(samples: np.ndarray, ratio: float) -> np.ndarray:
    """Plays samples `ratio` times as fast."""
    return np.asarray(np.interp(np.arange(0, len(samples) - 1, ratio), np.arange(len(samples)), samples))


def _faded(samples: np.ndarray, seconds: float) -> np.ndarray:
    """At most `seconds` of a sound, the last 40 % of them falling to zero."""
    length = min(len(samples), int(seconds * SAMPLE_RATE))
    result = samples[:length].copy()
    fade = min(length, int(0.4 * length) + 1)
    result[length - fade :] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade))
    return result


def _flattened(samples: np.ndarray, window: float, rng: np.random.Generator, length: int) -> np.ndarray:
    """A texture (length,) with RMS 1: looped from a random start, its swells levelled out over `window` seconds."""
    power = samples.astype(np.float64) ** 2
    size = min(int(window * SAMPLE_RATE), len(samples))
    padded = np.pad(power, (size // 2, size - size // 2), mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    level = np.sqrt(np.maximum((sums[size : size + len(samples)] - sums[: len(samples)]) / size, 0))
    flat = samples / np.maximum(level, 0.05 * level.max() + 1e-6)
    overlap = min(len(flat) // 4, SAMPLE_RATE // 10)
    ramp = np.sqrt(np.linspace(0, 1, overlap))
    loop = flat[: len(flat) - overlap].copy()
    loop[:overlap] = loop[:overlap] * ramp + flat[len(flat) - overlap :] * ramp[::-1]
    tiles = np.tile(loop, length // len(loop) + 2)
    start = int(rng.integers(len(loop)))
    result = tiles[start : start + length]
    return np.asarray(result / (np.sqrt(np.mean(result**2)) + 1e-9))


def _in_room(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Adds a room: exponentially decaying noise, from hardly any to a small hall."""
    reverberation, wet = rng.uniform(0.08, 0.5), 10 ** (rng.uniform(-30, -14) / 20)
    count = int(reverberation * SAMPLE_RATE)
    tail = rng.standard_normal(count) * np.exp(-6.9 * (np.arange(count) / SAMPLE_RATE) / reverberation)
    tail = np.convolve(tail, np.array([0.25, 0.5, 0.25]) if rng.random() < 0.5 else np.array([1.0]), mode="same")
    tail[: int(0.004 * SAMPLE_RATE)] = 0
    tail /= np.sqrt((tail**2).sum()) + 1e-9
    return np.asarray(sound + wet * fftconvolve(sound, tail)[: len(sound)])
