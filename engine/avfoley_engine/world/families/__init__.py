"""The event families of the world: each turns a random stream into one act with its events, motion and label."""

from avfoley_engine.world.families.ambience import fire, rain, water, wind
from avfoley_engine.world.families.animals import animal
from avfoley_engine.world.families.bursts import explosion, fireworks
from avfoley_engine.world.families.engines import engine
from avfoley_engine.world.families.falling import bounce, drip, drop, roll
from avfoley_engine.world.families.fixtures import clock_hand, door, switch
from avfoley_engine.world.families.gestures import saw, shake, whoosh
from avfoley_engine.world.families.keys import typing
from avfoley_engine.world.families.palette import TABLE
from avfoley_engine.world.families.performance import Family, Performance
from avfoley_engine.world.families.striking import chop, clap, knock, strike
from avfoley_engine.world.families.walking import footsteps

_DONE = (strike, knock, clap, chop, footsteps, typing, saw, whoosh, shake, animal)
_HAPPENING = (bounce, drip, drop, roll, door, engine, switch, explosion, fireworks)
_AMBIENT = (rain, wind, fire, water)
_MADE = {make.__name__: make for make in (*_DONE, *_HAPPENING, *_AMBIENT)} | {"clock": clock_hand}
FAMILIES: dict[str, tuple[Family, float]] = {name: (_MADE[name], row["share"]) for name, row in TABLE.items()}
"""Name -> (family, share of clips)."""

AMBIENT = tuple(make.__name__ for make in _AMBIENT)
"""The families without events."""

__all__ = ["AMBIENT", "FAMILIES", "Family", "Performance"]
