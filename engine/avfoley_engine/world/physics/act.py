"""What a family of the world with physics hands over: what it is, and how it may be filmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from avfoley_engine.world.physics.workshop import Workshop


@dataclass(eq=False)
class Act:
    """One act as built in a workshop.

    `label` names the sound, `caption` what is seen. The camera keeps `focus` (3,) or its track (N,
    3) in view, with `extent` metres around it, from `azimuths` (radians, pairs low and high) and
    `elevations`. Contacts within `merge` seconds are one event, those weaker than `floor` of the
    strongest none. `sustain` and `pitch` are tracks on the clock, as in the drawn world; `tail` the
    longest an event rings, seconds. `jolt` shakes the camera at every event, metres an extent.
    `outdoors` None leaves it to the stage; `dim` asks for little light.
    """

    label: str
    caption: str
    focus: Any
    extent: float
    azimuths: tuple[float, float] = (-np.pi, np.pi)
    elevations: tuple[float, float] = (0.08, 0.9)
    merge: float = 0.06
    floor: float = 0.08
    sustain: np.ndarray | None = None
    pitch: np.ndarray | None = None
    tail: float = 1.5
    jolt: float = 0.0
    walls: bool = True
    outdoors: bool | None = None
    dim: bool = False

    def __post_init__(self) -> None:
        self.focus, self.extent = np.asarray(self.focus, float), float(self.extent)


def about(turn: float, aside: float) -> tuple[float, float]:
    """Azimuths up to `aside` radians to either side of one."""
    return turn - aside, turn + aside


Family = Callable[[Workshop], Act]
