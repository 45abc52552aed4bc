"""What takes are placed for: a shot that gets sound, or a sound that gets a picture."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Protocol


class Stretch(Protocol):
    """One stretch of the record side; see `Shot` and `SoundClip`."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def layer(self) -> str: ...

    @property
    def track_name(self) -> str: ...

    @property
    def frames(self) -> int: ...

    @property
    def record_rate(self) -> Fraction: ...

    @property
    def record_start(self) -> int: ...

    @property
    def is_ambience(self) -> bool: ...

    @property
    def source(self) -> dict[str, Any] | None: ...

    @property
    def caption(self) -> str: ...
