"""What a scene is made of: a clock, events, shapes on tracks, backdrops and a camera.

A *track* is a float, or an array of shape (N,) on the scene's clock (`CLOCK_RATE` steps a second). Lengths are in frame
heights, x to the right and y down, the origin in the middle of an unmoved camera's picture; angles are radians,
clockwise on the screen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLOCK_RATE = 240

Track = float | np.ndarray
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Event:
    """One sounding instant: `time` in seconds from the clip's start, `gain` relative to the clip's loudest source."""

    time: float
    gain: float
    on_screen: bool


@dataclass(frozen=True, eq=False)
class Take:
    """What a clip of either world has beside its picture: what happens, and how it sounds.

    `events` are in order of time. `label` names the sound in a `SoundBank`; `ambience` another one under it at linear
    `ambience_gain`, or None. `sustain` (N,) is the envelope of a sound that goes on between events, and `pitch` (N,)
    its speed, on a clock of `CLOCK_RATE` steps a second; `tail` the longest an event rings, seconds. `source_rate` is
    the frame rate the footage was shot at. `seed` fixes what is random in drawing (noise) and sounding (takes, room).
    """

    seed: int
    family: str
    label: str
    caption: str
    video_caption: str
    duration: float
    events: tuple[Event, ...]
    ambience: str | None
    ambience_gain: float
    source_rate: float
    cuts: tuple[float, ...]
    sustain: np.ndarray | None
    pitch: np.ndarray | None
    tail: float


@dataclass(frozen=True, eq=False)
class Clock:
    """The time grid that all tracks of a scene share; `t` holds its N instants in seconds."""

    duration: float

    @property
    def t(self) -> np.ndarray:
        return np.arange(int(np.ceil(self.duration * CLOCK_RATE)) + 1, dtype=np.float64) / CLOCK_RATE


@dataclass(frozen=True, eq=False)
class Shape:
    """One filled figure with a soft edge of a pixel, drawn over what lies before it.

    `kind` is "box" (rounded by `roundness` in 0..1 of its lesser half side), "ellipse", "ring" (an ellipse's outline of
    relative width `roundness`) or "glow" (a Gaussian blob). `texture` is (pattern, cycles per height, contrast) in the
    shape's own axes, so that a turning shape shows it; patterns are "stripes", "checker" and "spots". `additive` adds
    light instead of covering. `screen` pins the shape to the picture, outside the camera's reach.
    """

    kind: str
    x: Track
    y: Track
    half_width: Track
    half_height: Track
    colour: Colour
    angle: Track = 0.0
    opacity: Track = 1.0
    roundness: float = 0.0
    texture: tuple[str, float, float] | None = None
    additive: bool = False
    screen: bool = False


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A textured plane behind (or, with `opacity` < 1, a veil over) everything; drawn from its own `seed`.

    `kind`: "plain" (two tones that pass into each other), "noise", "gradient", "stripes", "checker", "room" (a wall, a
    floor and furniture) or "streaks" (vertical noise, for rain). `shift_x`, `shift_y` scroll it; `parallax` is how much
    of the camera's motion it follows (1 in the plane of the action).
    """

    seed: int
    kind: str
    colours: tuple[Colour, Colour, Colour]
    contrast: float
    scale: float
    horizon: float = 0.0
    shift_x: Track = 0.0
    shift_y: Track = 0.0
    parallax: float = 1.0
    opacity: Track = 1.0
    additive: bool = False


@dataclass(frozen=True, eq=False)
class Camera:
    """Where the camera looks (`x`, `y`), its `zoom` and `roll`; `mirror` swaps left and right. Cuts are jumps."""

    x: Track
    y: Track
    zoom: Track
    roll: Track
    mirror: bool


@dataclass(frozen=True, eq=False)
class Finish:
    """What lens, light, sensor and codec do to the picture.

    `light` multiplies it and `flash` adds to it (tracks); `tint` is a gain per channel; `blur` a Gaussian sigma in
    frame heights; `noise` the sensor's standard deviation of the 0..1 signal; `exposure` the shutter time in seconds;
    `block` the size of compression blocks in frame heights (0: none) and `blocking` how far they replace the detail.
    """

    light: Track
    flash: Track
    tint: Colour
    blur: float
    noise: float
    exposure: float
    block: float
    blocking: float
