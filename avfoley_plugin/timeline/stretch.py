"""What takes are placed for: a shot that gets sound, or a sound that gets a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Stretch(ABC):
    """One stretch of the record side; see `Shot` and `SoundClip`.

    ``id`` depends on what is played alone (media name, source range, speed), so it survives a move
    on the timeline. ``record_start`` counts from the timeline's first frame,
    ``record_start_timecode`` from midnight. Stretches of one ``layer`` never overlap.
    """

    id: str
    name: str
    track_name: str
    layer: str
    frames: int
    record_rate: Fraction
    record_start: int
    record_start_timecode: int
    caption: str

    @property
    def record_end(self) -> int:
        """The first record frame after it."""
        return self.record_start + self.frames

    @property
    def is_ambience(self) -> bool:
        """Whether it belongs to a stretch of the timeline, and to no clip."""
        return False

    @property
    @abstractmethod
    def source(self) -> dict[str, Any] | None:
        """What its takes are made from, as their identity keeps it."""
