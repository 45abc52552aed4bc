"""Random choices of colour, surface and label that all families make alike."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avfoley_engine.world.elements import Colour

_METALS = {"impact_metal", "hammer", "cymbal", "bell", "can", "chain", "machine", "coins", "keys", "drill"}
_WOODS = {"impact_wood", "knock", "drum_hit", "door_close", "saw", "chop"}

#: Family -> its share of the clips, and the weights of its labels.
TABLE: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("families.toml").read_text(encoding="utf-8"))

Pattern = tuple[str, float, float]


def colour(rng: np.random.Generator, low: float = 0.05, high: float = 1.0) -> Colour:
    """Any colour: a random lightness with a random, mostly modest saturation."""
    value = rng.uniform(low, high)
    saturation = rng.beta(1.3, 2.0)
    hue = rng.uniform(0, 1, 3)
    mixed = value * ((1 - saturation) + saturation * hue / hue.max())
    return (float(mixed[0]), float(mixed[1]), float(mixed[2]))


def material(rng: np.random.Generator, label: str) -> Colour:
    """A colour that suits what sounds like `label`: metal greyish, wood brownish, anything else any colour."""
    if label in _METALS and rng.random() < 0.8:
        value, warm = rng.uniform(0.15, 0.85), rng.uniform(-0.06, 0.06)
        return (value + warm, value, value - warm)
    if label in _WOODS and rng.random() < 0.6:
        value = rng.uniform(0.25, 0.8)
        return (value, value * rng.uniform(0.6, 0.8), value * rng.uniform(0.3, 0.6))
    return colour(rng)


def skin(rng: np.random.Generator) -> Colour:
    """A hand's colour: any skin tone, or a glove."""
    if rng.random() < 0.25:
        return colour(rng)
    value = rng.uniform(0.25, 0.95)
    return (value, value * rng.uniform(0.65, 0.82), value * rng.uniform(0.45, 0.7))


def shade(tint: Colour, factor: float) -> Colour:
    """The same colour in more or less light."""
    red, green, blue = (min(max(factor * channel, 0.0), 1.0) for channel in tint)
    return (red, green, blue)


def texture(
    rng: np.random.Generator, frequency: tuple[float, float] = (2.0, 9.0), chance: float = 0.5
) -> Pattern | None:
    """Perhaps a pattern, as `Shape.texture` takes it."""
    if rng.random() > chance:
        return None
    kind = str(rng.choice(["stripes", "checker", "spots"]))
    return (kind, float(rng.uniform(*frequency)), float(rng.uniform(0.15, 0.5)))


def pick(rng: np.random.Generator, weighted: Mapping[str, float]) -> str:
    """One key, with probability proportional to its value."""
    weights = np.array(list(weighted.values()))
    return str(rng.choice(list(weighted), p=weights / weights.sum()))


def label_of(rng: np.random.Generator, family: str) -> str:
    """One of a family's labels."""
    return pick(rng, TABLE[family]["labels"])
