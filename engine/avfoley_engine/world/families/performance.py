"""What a family hands to the stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from avfoley_engine.world.elements import Backdrop, Clock, Shape, Track


@dataclass(eq=False)
class Performance:
    """One act: events (seconds), their gains, and the shapes that show them, back to front.

    `label` names the sound, `caption` what is seen. `focus` is the point the camera must keep in view and `extent` the
    act's size in heights. `light` multiplies the picture and `flash` adds to it; `jolt` shakes the camera at every
    event (heights); `scroll` moves the backdrop (heights). `sustain`, where given, is the envelope of a sound that goes
    on between events and `pitch` its speed; `tail` the longest an event may ring, seconds. `setting` asks for a
    backdrop: "any", "dark" or "screen"; `veils` hang before everything.
    """

    times: np.ndarray
    gains: np.ndarray
    label: str
    caption: str
    shapes: list[Shape]
    focus: tuple[float, float] = (0.0, 0.0)
    extent: float = 0.5
    light: Track = 1.0
    flash: Track = 0.0
    scroll: Track = 0.0
    jolt: float = 0.0
    sustain: np.ndarray | None = None
    pitch: np.ndarray | None = None
    tail: float = 1.5
    setting: str = "any"
    veils: tuple[Backdrop, ...] = ()


Family = Callable[[np.random.Generator, Clock], Performance]
