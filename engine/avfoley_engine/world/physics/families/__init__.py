"""The event families of the world with physics."""

from avfoley_engine.world.physics.act import Family
from avfoley_engine.world.physics.families.bursts import explosion
from avfoley_engine.world.physics.families.falling import bounce, drop, glass
from avfoley_engine.world.physics.families.fixtures import door, switch, typing
from avfoley_engine.world.physics.families.liquids import drip
from avfoley_engine.world.physics.families.machines import engine, saw
from avfoley_engine.world.physics.families.rolling import ball_game, dominoes, roll
from avfoley_engine.world.physics.families.striking import chop, clap, knock, strike
from avfoley_engine.world.physics.families.swinging import chain, pendulum
from avfoley_engine.world.physics.families.walking import footsteps

FAMILIES: dict[str, tuple[Family, float, float]] = {
    "drop": (drop, 1.5, 0.001),
    "bounce": (bounce, 1.0, 0.001),
    "glass": (glass, 0.5, 0.002),
    "roll": (roll, 1.0, 0.001),
    "dominoes": (dominoes, 0.5, 0.002),
    "ball_game": (ball_game, 1.0, 0.001),
    "strike": (strike, 3.0, 0.001),
    "knock": (knock, 1.0, 0.001),
    "clap": (clap, 1.0, 0.001),
    "chop": (chop, 1.0, 0.001),
    "footsteps": (footsteps, 1.5, 0.001),
    "door": (door, 1.0, 0.001),
    "switch": (switch, 0.8, 0.001),
    "typing": (typing, 1.0, 0.001),
    "pendulum": (pendulum, 0.8, 0.001),
    "chain": (chain, 0.5, 0.001),
    "saw": (saw, 0.7, 0.002),
    "engine": (engine, 0.5, 0.002),
    "drip": (drip, 0.7, 0.001),
    "explosion": (explosion, 0.8, 0.002),
}
"""Name -> (family, share of clips, seconds a step of the physics)."""
