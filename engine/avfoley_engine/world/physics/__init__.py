"""The world with physics: clips whose events are contacts of a simulation, drawn in perspective
from a seed.

Needs MuJoCo, the extra `avfoley[train]`; without it, sampling raises ModelError.
"""

from avfoley_engine.world.physics.families import FAMILIES
from avfoley_engine.world.physics.picture import render_clip, render_frames, render_range
from avfoley_engine.world.physics.scene import PhysicsScene, sample_physics

__all__ = ["FAMILIES", "PhysicsScene", "render_clip", "render_frames", "render_range", "sample_physics"]
