"""The event families of the world: each turns a random stream into one act with its events, motion and label."""

from avfoley_engine.world.families.ambience import fire, rain, water, wind
from avfoley_engine.world.families.animals import animal
from avfoley_engine.world.families.bursts import explosion, fireworks
from avfoley_engine.world.families.engines import engine
from avfoley_engine.world.families.falling import bounce, drip, drop, roll
from avfoley_engine.world.families.fixtures import clock_hand, door, switch
from avfoley_engine.world.families.gestures import saw, shake, whoosh
from avfoley_engine.world.families.keys import typing
from avfoley_engine.world.families.performance import Family, Performance
from avfoley_engine.world.families.striking import chop, clap, knock, strike
from avfoley_engine.world.families.walking import footsteps

FAMILIES: dict[str, tuple[Family, float]] = {
    "bounce": (bounce, 1.0),
    "strike": (strike, 2.0),
    "footsteps": (footsteps, 1.3),
    "knock": (knock, 1.0),
    "clap": (clap, 1.0),
    "drip": (drip, 0.8),
    "drop": (drop, 0.8),
    "door": (door, 0.8),
    "roll": (roll, 0.8),
    "typing": (typing, 1.3),
    "clock": (clock_hand, 0.8),
    "saw": (saw, 0.8),
    "whoosh": (whoosh, 0.7),
    "engine": (engine, 0.6),
    "shake": (shake, 0.8),
    "switch": (switch, 0.8),
    "chop": (chop, 1.2),
    "explosion": (explosion, 0.9),
    "fireworks": (fireworks, 0.8),
    "animal": (animal, 1.1),
    "rain": (rain, 0.2),
    "wind": (wind, 0.2),
    "fire": (fire, 0.2),
    "water": (water, 0.25),
}
"""Name -> (family, share of clips)."""

AMBIENT = ("rain", "wind", "fire", "water")
"""The families without events."""

__all__ = ["AMBIENT", "FAMILIES", "Family", "Performance"]
