"""A take's sound: samples, waveform peaks, spectrogram."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
import av.error
import numpy as np

from avfoley_plugin.errors import HostError

SAMPLE_RATE = 48_000
# Samples behind one pair of waveform peaks.
PEAK_HOP = 240
_WINDOW, _HOP = 1024, 256
_BANDS = 96
_LOWEST, _HIGHEST = 50.0, 20_000.0
_FLOOR_DB = -80.0
# Decoding begins so many seconds early: what follows a seek may be incomplete.
_RUN_UP = Fraction(1, 5)


@dataclass(frozen=True)
class Sound:
    """One take's file, or what a clip plays of its file, read.

    samples (N, 2) float32 in [-1, 1] at 48 kHz; sample `head` is the shot's first. peaks
    (N / `PEAK_HOP`, 2): the least and the greatest sample. spectrogram (N / 256, 96) uint8: level
    from -80 dB to 0 in bands of equal ratio, 50 Hz to 20 kHz.
    """

    samples: np.ndarray
    head: int
    peaks: np.ndarray
    spectrogram: np.ndarray

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def start(self) -> float:
        """The file's begin in seconds from the shot's first frame: 0, or less with a handle."""
        return -self.head / SAMPLE_RATE

    def outline(self, start: float, end: float, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The waveform between two seconds, in so many columns of pixels.

        Returns the numbers of the columns with sound, and the least and greatest sample of each.
        """
        edges = (start + np.arange(columns + 1) / columns * (end - start) - self.start) * SAMPLE_RATE
        coarse = edges[1] - edges[0] > PEAK_HOP
        low, high = self.peaks.T if coarse else (self.samples.min(1), self.samples.max(1))
        edges = np.clip((edges / PEAK_HOP if coarse else edges).astype(int), 0, len(low))
        shown = np.flatnonzero((edges[:-1] < len(low)) & (edges[1:] > 0))
        if not len(shown):
            return shown, low[:0], high[:0]
        first, last = edges[shown], max(edges[shown[-1] + 1], edges[shown[-1]] + 1)
        return shown, np.minimum.reduceat(low[:last], first), np.maximum.reduceat(high[:last], first)

    @cached_property
    def loudest(self) -> float:
        """The greatest magnitude; never 0, so that one may divide by it."""
        return max(float(np.abs(self.peaks).max(initial=0)), 1e-4)


def load(path: Path, head: int) -> Sound:
    """Reads a take whose head handle has `head` samples. Raises HostError."""
    try:
        samples = _decode(path)
    except (OSError, av.error.FFmpegError) as error:
        raise HostError(f"cannot read {path} ({error}); relink it or regenerate the take") from error
    if len(samples) == 0:
        raise HostError(f"{path} has no sound; regenerate the take")
    return Sound(samples, head, peaks(samples), spectrogram(samples))


def load_stretch(path: Path, start: Fraction, samples: int, speed: Fraction) -> Sound:
    """Reads what a clip plays of a file: so many samples from second `start` on.

    `start` counts from the picture's first frame if there is one. Pitch follows the speed; less
    than 0 is backwards. Raises HostError if the file cannot be read.
    """
    first, last = sorted((start, start + speed * samples / SAMPLE_RATE))
    try:
        source = _decode_range(path, first, last)
    except (OSError, av.error.FFmpegError) as error:
        raise HostError(f"cannot read {path} ({error}); relink it") from error
    if speed != 1:
        at = float((start - first) * SAMPLE_RATE) + float(speed) * np.arange(samples)
        known = np.arange(len(source))
        source = np.stack([np.interp(at, known, channel) for channel in source.T], 1).astype(np.float32)
    source = source[:samples]
    return Sound(source, 0, peaks(source), spectrogram(source))


def peaks(samples: np.ndarray) -> np.ndarray:
    """samples (N, 2) -> (ceil(N / PEAK_HOP), 2), the least and greatest sample of both channels."""
    count = -(-len(samples) // PEAK_HOP)
    padded = np.zeros((count * PEAK_HOP, samples.shape[1]), np.float32)
    padded[: len(samples)] = samples
    stretches = padded.reshape(count, -1)
    return np.stack([stretches.min(1), stretches.max(1)], 1)


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """samples (N, 2) -> (ceil(N / 256), 96) uint8; column n is centred on sample 256 n."""
    mono = samples.mean(1)
    count = -(-len(mono) // _HOP)
    padded = np.zeros(count * _HOP + _WINDOW, np.float32)
    padded[_WINDOW // 2 : _WINDOW // 2 + len(mono)] = mono
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:count]
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window)).astype(np.float32) ** 2 / (window.sum() / 2) ** 2
    edges = np.geomspace(_LOWEST, _HIGHEST, _BANDS + 1) * _WINDOW / SAMPLE_RATE
    first = np.floor(edges[:-1]).astype(int)
    last = np.maximum(first + 1, np.ceil(edges[1:]).astype(int))
    summed = np.concatenate([np.zeros((count, 1), np.float32), np.cumsum(power, 1)], 1)
    bands = (summed[:, np.minimum(last, power.shape[1])] - summed[:, first]) / (last - first)
    level = 10 * np.log10(np.maximum(bands, 1e-12))
    return np.clip((level - _FLOOR_DB) / -_FLOOR_DB * 255, 0, 255).astype(np.uint8)


def _decode(path: Path) -> np.ndarray:
    blocks = [np.zeros((0, 2), np.float32)]
    with av.open(str(path)) as container:
        for stream in container.streams.audio[:1]:
            resampler = _resampler(stream)
            for frame in itertools.chain(container.decode(stream), (None,)):
                blocks.extend(map(_both_ears, resampler.resample(frame)))
    return np.concatenate(blocks)


def _resampler(stream: av.AudioStream) -> av.AudioResampler:
    # Mono stays so: mixed to stereo here, it would be played 3 dB too low.
    return av.AudioResampler("fltp", "mono" if stream.channels == 1 else "stereo", SAMPLE_RATE)


def _both_ears(block: av.AudioFrame) -> np.ndarray:
    """(samples, 2) of a mono or a stereo block."""
    return np.broadcast_to(block.to_ndarray().T, (block.samples, 2))


def _decode_range(path: Path, first: Fraction, last: Fraction) -> np.ndarray:
    """The sound from one second to another, (samples, 2): silence where the file has none."""
    wanted = np.zeros((max(1, round((last - first) * SAMPLE_RATE)), 2), np.float32)
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise OSError("no audio stream")
        stream = container.streams.audio[0]
        clock = container.streams.video[0] if container.streams.video else stream
        assert clock.time_base is not None
        assert stream.time_base is not None
        origin = (clock.start_time or 0) * clock.time_base
        container.seek(int((max(first - _RUN_UP, Fraction(0)) + origin) / stream.time_base), stream=stream)
        resampler = _resampler(stream)
        at: int | None = None
        for frame in container.decode(stream):
            if at is None:
                at = round(((frame.pts or 0) * stream.time_base - origin - first) * SAMPLE_RATE)
            for block in resampler.resample(frame):
                decoded = _both_ears(block)
                begin, end = max(at, 0), min(at + len(decoded), len(wanted))
                if begin < end:
                    wanted[begin:end] = decoded[begin - at : end - at]
                at += len(decoded)
            if at >= len(wanted):
                break
    return wanted
