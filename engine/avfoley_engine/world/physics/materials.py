"""What things are made of: how they weigh, rebound and look, and how two sound that meet."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avfoley_engine.world.elements import Colour
from avfoley_engine.world.families.palette import colour


@dataclass(frozen=True)
class Material:
    """What `materials.toml` says of a material."""

    name: str
    density: float
    rebound: float
    stiffness: float
    textures: tuple[str, ...]
    gloss: float
    friction: float = 0.6


_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
MATERIALS = {name: Material(name, **known) for name, known in _TABLES["materials"].items()}
#: How often what is chosen, in several lists: see the file.
WEIGHTS: dict[str, dict[str, float]] = _TABLES["weights"]
#: The shapes that things of a material come in, and how often.
SHAPES: dict[str, dict[str, float]] = _TABLES["shapes"]
_SOFT = {"carpet", "grass", "sand", "cloth", "skin", "food"}


def sound_label(first: str, second: str) -> str:
    """The bank's label for two materials that meet."""
    pair = {first, second}
    if "water" in pair:
        return "water_splash"
    if "leaves" in pair:
        return "leaves"
    if "gravel" in pair:
        return "impact_gravel"
    if pair & {"rubber", "leather"}:
        return "bounce"
    if pair & _SOFT:
        return "impact_soft"
    if pair == {"paper"}:
        return "paper"
    return next((label for name, label in _TABLES["sounds"].items() if name in pair), "impact_soft")


def tint(rng: np.random.Generator, name: str) -> Colour:
    """A colour that suits a material."""
    value = rng.uniform(0.25, 0.9)
    if name in ("metal", "tin") and rng.random() < 0.75:
        warm = rng.uniform(-0.05, 0.08)
        return (value + warm, value, value - warm)
    if name == "wood" and rng.random() < 0.75:
        return (value, value * rng.uniform(0.55, 0.8), value * rng.uniform(0.25, 0.6))
    if name in ("stone", "concrete", "gravel", "sand", "tiles") and rng.random() < 0.75:
        warm = rng.uniform(0, 0.1)
        return (value + warm, value + warm / 2, value - warm)
    if name in ("grass", "leaves"):
        green = rng.uniform(0.25, 0.65)
        if name == "leaves" and rng.random() < 0.6:
            return (green * 1.2, green * rng.uniform(0.5, 0.8), green * 0.2)
        return (green * rng.uniform(0.4, 0.9), green, green * rng.uniform(0.2, 0.5))
    if name == "skin":
        value = rng.uniform(0.25, 0.95)
        return (value, value * rng.uniform(0.62, 0.8), value * rng.uniform(0.42, 0.68))
    if name == "water":
        return (value * rng.uniform(0.1, 0.5), value * rng.uniform(0.4, 0.8), value * rng.uniform(0.5, 0.9))
    return colour(rng, 0.1)
