"""What things are made of: how they weigh, rebound and look, and what two of them sound like when
they meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avfoley_engine.world.elements import Colour
from avfoley_engine.world.families.palette import colour


@dataclass(frozen=True)
class Material:
    """`density` in kg/m3 of the whole thing, hollow or not; `rebound` the coefficient of
    restitution against a hard floor; `stiffness` of a contact, 1/s2; `textures` that suit it;
    `gloss` its specular share of light.
    """

    name: str
    density: float
    rebound: float
    stiffness: float
    textures: tuple[str, ...]
    gloss: float
    friction: float = 0.6


_ALL = (
    Material("metal", 3000, 0.45, 9e4, ("plain", "brushed", "plain"), 0.9, 0.4),
    Material("tin", 500, 0.4, 9e4, ("plain", "stripes", "brushed"), 0.8, 0.4),
    Material("wood", 650, 0.45, 8e4, ("grain", "planks", "plain"), 0.2),
    Material("plastic", 500, 0.55, 7e4, ("plain", "plain", "stripes"), 0.5),
    Material("glass", 1500, 0.45, 9e4, ("plain",), 1.0, 0.4),
    Material("stone", 2500, 0.35, 9e4, ("marble", "noise", "speckle"), 0.1, 0.8),
    Material("ceramic", 1800, 0.35, 9e4, ("plain", "marble", "stripes"), 0.7),
    Material("rubber", 400, 0.8, 3e4, ("plain", "stripes", "checker"), 0.2, 0.9),
    Material("leather", 250, 0.72, 3e4, ("patches", "checker", "stripes"), 0.3, 0.8),
    Material("cloth", 200, 0.05, 6e3, ("weave", "stripes", "checker", "noise"), 0.0, 1.0),
    Material("paper", 250, 0.15, 2e4, ("plain", "stripes", "noise"), 0.05, 0.8),
    Material("skin", 1000, 0.05, 2e4, ("plain",), 0.1, 0.9),
    Material("food", 600, 0.1, 2e4, ("plain", "speckle", "stripes"), 0.2),
    Material("concrete", 2400, 0.45, 9e4, ("noise", "speckle", "slabs"), 0.05, 0.8),
    Material("tiles", 2400, 0.45, 9e4, ("tiles", "checker", "slabs"), 0.6),
    Material("carpet", 200, 0.1, 1e4, ("weave", "noise", "checker", "stripes"), 0.0, 1.0),
    Material("grass", 300, 0.15, 1e4, ("grass", "grass", "noise"), 0.0, 1.0),
    Material("sand", 1500, 0.05, 1e4, ("speckle", "noise"), 0.0, 1.0),
    Material("gravel", 1500, 0.1, 3e4, ("pebbles", "speckle"), 0.05, 1.0),
    Material("leaves", 100, 0.05, 1e4, ("leaves", "pebbles"), 0.0, 1.0),
    Material("water", 1000, 0.0, 1e4, ("noise", "marble"), 1.0),
)
MATERIALS = {material.name: material for material in _ALL}

_SOFT = {"carpet", "grass", "sand", "cloth", "skin", "food"}
_HARD_SOUNDS = {
    "metal": "impact_metal",
    "tin": "can",
    "glass": "impact_glass",
    "ceramic": "impact_glass",
    "plastic": "impact_plastic",
    "wood": "impact_wood",
    "stone": "impact_stone",
    "concrete": "impact_stone",
    "tiles": "impact_stone",
}  # what rings most comes first: it is what one hears of two things that meet


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
    for name, label in _HARD_SOUNDS.items():
        if name in pair:
            return label
    return "impact_soft"


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
