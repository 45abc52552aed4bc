"""Renders a take from the playhead on, at any speed, looped, and switched while it plays."""

from __future__ import annotations

import numpy as np

# Length of the cross-fade between two takes in samples: no gap and no click.
CROSSFADE = 240


class Mixer:
    """Renders blocks of sound. Positions are in samples from the shot's first frame.

    All sounds lie on one clock, so that changing between them keeps the playhead where it is.
    """

    def __init__(self) -> None:
        self.position = 0.0
        # 1 plays, 2 twice as fast, -1 backwards, 0 stands still.
        self.speed = 0.0
        self.looping = True
        # The stretch that is played, and looped.
        self.start, self.end = 0, 0
        self._sound: np.ndarray | None = None
        self._head = 0
        self._leaving: tuple[np.ndarray | None, int] | None = None

    def set_range(self, start: int, end: int) -> None:
        self.start, self.end = start, max(end, start)
        self.position = min(max(self.position, float(start)), float(self.end))

    def set_sound(self, samples: np.ndarray | None, head: int = 0) -> None:
        """Plays another sound, (N, 2) or silence; its sample `head` is the shot's first."""
        if self.speed and self._leaving is None:
            self._leaving = self._sound, self._head
        self._sound, self._head = samples, head

    @property
    def at_end(self) -> bool:
        """Whether playing on in this direction leads nowhere."""
        if self.looping or self.speed == 0:
            return False
        return self.position >= self.end if self.speed > 0 else self.position <= self.start

    def render(self, count: int) -> np.ndarray:
        """The next `count` samples, (count, 2) float32; moves the playhead on."""
        if self.speed == 0 or self.end <= self.start or count <= 0:
            return np.zeros((max(count, 0), 2), np.float32)
        positions = self.position + self.speed * np.arange(count)
        after = self.position + self.speed * count
        length = self.end - self.start
        if self.looping:
            positions = self.start + (positions - self.start) % length
            self.position = self.start + (after - self.start) % length
        else:
            self.position = min(max(after, float(self.start)), float(self.end))
        block = _read(self._sound, self._head, positions)
        if self._leaving is not None:
            fade = min(CROSSFADE, count)
            share = np.linspace(0, 1, fade, dtype=np.float32)[:, None]
            block[:fade] = share * block[:fade] + (1 - share) * _read(*self._leaving, positions[:fade])
            self._leaving = None
        if not self.looping:
            block[(positions < self.start) | (positions >= self.end)] = 0
        return block


def _read(samples: np.ndarray | None, head: int, positions: np.ndarray) -> np.ndarray:
    """The sound at fractional positions, linearly between samples; silence where it has none."""
    if samples is None or len(samples) == 0:
        return np.zeros((len(positions), 2), np.float32)
    at = positions + head
    low = np.floor(at).astype(int)
    share = (at - low).astype(np.float32)[:, None]
    known = (low >= 0) & (low < len(samples))
    first = samples[np.clip(low, 0, len(samples) - 1)]
    second = samples[np.clip(low + 1, 0, len(samples) - 1)]
    return np.where(known[:, None], first * (1 - share) + second * share, np.float32(0))
