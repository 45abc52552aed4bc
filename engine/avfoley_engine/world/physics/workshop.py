"""Where a family builds its act: bodies, joints, driven tools, limbs, and what is heard of it.

Lengths are metres, z up, the ground or table top at z = 0; masses kilograms, angles radians. A
*track* has a value for every step of the physics (`Workshop.t`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avfoley_engine.world.elements import CLOCK_RATE, Colour
from avfoley_engine.world.physics.library import mujoco
from avfoley_engine.world.physics.materials import MATERIALS, Material, tint
from avfoley_engine.world.physics.textures import texture

Vector = Sequence[float] | np.ndarray


def den(number: int) -> np.ndarray:
    """Where a thing waits that is not in the picture, beyond the horizon and apart from the others."""
    return np.array([400.0 + 4 * number, 400.0, 5.0])


@dataclass(frozen=True, eq=False)
class Limb:
    """An arm or leg of two bones, drawn from `root` to `tip` with its elbow or knee bent towards
    `bend`.

    Both ends are (body, point in its frame); the body "world" stands for the room.
    """

    bones: tuple[str, str]
    lengths: tuple[float, float]
    root: tuple[str, np.ndarray]
    tip: tuple[str, np.ndarray]
    bend: np.ndarray


@dataclass(frozen=True, eq=False)
class Carried:
    """A free body held until the second `until`: on `path` (N, 3), or out of sight where that is
    None.

    At its release it has the path's velocity, or starts at `place` with `velocity`; and it turns
    with `spin`. `until` is None for what is released by a callback.
    """

    body: str
    until: float | None
    path: np.ndarray | None
    place: np.ndarray
    velocity: np.ndarray
    spin: np.ndarray
    quat: np.ndarray


@dataclass(frozen=True)
class Heard:
    """A sounding instant without contact, its `impulse` in the clip's own measure."""

    time: float
    impulse: float
    place: tuple[float, float, float]


class Control:
    """What a callback may do while time runs."""

    def __init__(self, model: Any, data: Any) -> None:
        self.model, self.data = model, data
        self.heard: list[Heard] = []
        self.released: set[str] = set()
        self.hidden: list[str] = []
        # On each body by what sounds with it, in the last step, newtons.
        self.pressure = np.zeros(model.nbody)

    @property
    def time(self) -> float:
        return float(self.data.time)

    def place(self, body: str) -> np.ndarray:
        return np.array(self.data.body(body).xpos)

    def pressed(self, body: str) -> float:
        """The force of sounding contacts on a body, newtons."""
        return float(self.pressure[self.model.body(body).id])

    def state(self, body: str) -> tuple[np.ndarray, np.ndarray]:
        """Views of a free body's position and orientation (7,) and of its velocity and spin (6,)."""
        joint = self.model.body(body).jntadr[0]
        q, v = self.model.jnt_qposadr[joint], self.model.jnt_dofadr[joint]
        return self.data.qpos[q : q + 7], self.data.qvel[v : v + 6]

    def release(self, body: str, place: Vector, velocity: Vector, spin: Vector = (0, 0, 0)) -> None:
        """Lets a carried body go, from `place`."""
        self.released.add(body)
        q, v = self.state(body)
        q[:3], v[:3], v[3:] = place, velocity, spin

    def hide(self, body: str) -> None:
        """Takes a free body out of the picture, for good."""
        self.hidden.append(body)


Callback = Callable[[Control], None]


@dataclass(eq=False)
class Workshop:
    """Builds one act's model and collects what drives it."""

    rng: np.random.Generator
    duration: float
    step: float = 0.001
    ground: Material = field(default_factory=lambda: MATERIALS["concrete"])

    def __post_init__(self) -> None:
        mj = mujoco()
        self.mj = mj
        self.spec = mj.MjSpec()
        option = self.spec.option
        option.timestep = self.step
        option.cone = mj.mjtCone.mjCONE_ELLIPTIC
        option.integrator = mj.mjtIntegrator.mjINT_IMPLICITFAST
        option.iterations, option.ls_iterations = 20, 10
        self.t = np.arange(round(self.duration / self.step) + 1) * self.step
        self.clock = np.arange(int(np.ceil(self.duration * CLOCK_RATE)) + 1) / CLOCK_RATE
        self.drives: dict[str, np.ndarray] = {}
        self.poses: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
        self.limbs: list[Limb] = []
        self.carried: list[Carried] = []
        self.callbacks: list[Callback] = []
        self.changes: list[tuple[str, str, np.ndarray]] = []
        self.pairs: list[frozenset[str]] = []
        self.lowest = 0.0  # height of the floor
        self._count = 0

    @property
    def world(self) -> Any:
        """The room."""
        return self.spec.worldbody

    # Bodies and geoms

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}#{self._count}"

    def body(
        self,
        place: Vector = (0, 0, 0),
        *,
        quat: Vector | None = None,
        parent: Any = None,
        stem: str = "body",
        weightless: bool = False,
    ) -> Any:
        """A body, fixed to its parent (the room) unless joints are added to it."""
        added = (parent or self.world).add_body(name=self.name(stem), pos=np.asarray(place, float))
        added.gravcomp = float(weightless)
        if quat is not None:
            added.quat = np.asarray(quat, float)
        return added

    def free(self, place: Vector = (0, 0, 0), *, quat: Vector | None = None, stem: str = "free") -> Any:
        """A body that moves freely."""
        added = self.body(place, quat=quat, stem=stem)
        added.add_freejoint()
        return added

    def puppet(self, path: np.ndarray, quats: np.ndarray | None = None, stem: str = "puppet") -> Any:
        """A body put at path (N, 3), quats (N, 4): it pushes, and cannot be pushed."""
        added = self.body(path[0], quat=None if quats is None else quats[0], stem=stem)
        added.mocap = True
        self.poses[added.name] = (path, quats)
        return added

    def driven(
        self, place: Vector, tracks: np.ndarray, stiffness: float, *, stem: str, quat: Vector | None = None
    ) -> Any:
        """A weightless body that springs of `stiffness` (N/m) move along tracks (N, 3)."""
        added = self.body(place, quat=quat, stem=stem, weightless=True)
        for axis, track in zip(np.eye(3), np.transpose(tracks), strict=True):
            self.servo(self.join(added, "slide", axis), track, stiffness)
        return added

    def paint(
        self, material: str, *, colour: Colour | None = None, kind: str | None = None, repeat: float = 1.0
    ) -> str:
        """A new surface of a material: its colour, perhaps a texture, its gloss. Returns its name."""
        rng, mj = self.rng, self.mj
        made = MATERIALS[material]
        shade = colour or tint(rng, material)
        kind = kind or str(rng.choice(made.textures))
        name = self.name("paint")
        surface = self.spec.add_material(name=name)
        surface.specular = made.gloss * rng.uniform(0.4, 1.0)
        surface.shininess = rng.uniform(0.2, 0.9)
        if kind == "plain":
            surface.rgba = [*shade, 1.0]
            return name
        image = texture(rng, kind, shade)
        added = self.spec.add_texture(name=name, type=mj.mjtTexture.mjTEXTURE_2D)
        added.height, added.width, added.nchannel = *image.shape[:2], 3
        added.data = image.tobytes()
        surface.textures[mj.mjtTextureRole.mjTEXROLE_RGB] = name
        surface.texrepeat = [repeat, repeat]
        surface.rgba = [1, 1, 1, 1]
        return name

    def geom(
        self,
        body: Any,
        shape: str,
        size: Vector,
        material: str,
        place: Vector = (0, 0, 0),
        *,
        quat: Vector | None = None,
        ends: Sequence[Vector] | None = None,
        part: str = "",
        paint: str | None = None,
        colour: Colour | None = None,
        alpha: float = 1.0,
        solid: bool = True,
        mass: float | None = None,
        mover: bool = True,
    ) -> str:
        """Adds a sphere, capsule, cylinder, ellipsoid or box of half sizes `size` to a body; `ends`
        lays a capsule or cylinder between two points. `part` names what it is for `hears`. What is
        not `solid` touches nothing. `mover` contacts rebound by their own material, the others' by
        what meets them. Returns the geom's name.
        """
        mj, made = self.mj, MATERIALS[material]
        kinds = {
            "sphere": mj.mjtGeom.mjGEOM_SPHERE,
            "capsule": mj.mjtGeom.mjGEOM_CAPSULE,
            "cylinder": mj.mjtGeom.mjGEOM_CYLINDER,
            "ellipsoid": mj.mjtGeom.mjGEOM_ELLIPSOID,
            "box": mj.mjtGeom.mjGEOM_BOX,
            "plane": mj.mjtGeom.mjGEOM_PLANE,
        }
        full = np.zeros(3)
        full[: len(size)] = size
        name = self.name(part or "geom")
        added = body.add_geom(name=name, type=kinds[shape], size=full, pos=np.asarray(place, float))
        if quat is not None:
            added.quat = np.asarray(quat, float)
        if ends is not None:
            added.fromto = np.concatenate([ends[0], ends[1]]).astype(float)
        added.material = paint or self.paint(material, colour=colour)
        if alpha < 1:
            added.rgba = [*(colour or (1, 1, 1)), alpha]
            added.castshadow = 0
        added.density = made.density
        if mass is not None:
            added.mass = mass
        if not solid:
            added.contype = added.conaffinity = 0
            if mass is None:
                added.mass = 1e-4
        rolling = shape in ("sphere", "ellipsoid")
        added.condim = 6 if rolling else 3
        added.friction = [made.friction, 0.003, 0.0004 if rolling else 0.0001]
        added.priority = 1 if mover else 0
        added.solref = self._rebound(made)
        added.solimp = [0.95, 0.98, 0.001, 0.5, 2]
        return name

    def prop(self, body: Any, shape: str, size: Vector, material: str, place: Vector = (0, 0, 0), **more: Any) -> str:
        """Adds a geom that touches nothing; see `geom`."""
        return self.geom(body, shape, size, material, place, solid=False, **more)

    def fixed(self, shape: str, size: Vector, material: str, place: Vector = (0, 0, 0), **more: Any) -> str:
        """Adds a geom to the room whose contacts rebound by what meets it; see `geom`."""
        return self.geom(self.world, shape, size, material, place, mover=False, **more)

    def _rebound(self, made: Material) -> list[float]:
        """Stiffness and damping of a contact, in MuJoCo's direct form, for its restitution."""
        softness = float(np.clip(self.ground.rebound / 0.45, 0.1, 1.0))
        log = np.log(np.clip(made.rebound * softness, 0.02, 0.95))
        ratio = -log / np.hypot(np.pi, log)
        # Contacts shorter than some six steps are not resolved.
        stiffness = min(made.stiffness * softness**0.5, (0.5 / self.step) ** 2 / 3)
        return [-stiffness, -2 * ratio * stiffness**0.5]

    def join(
        self,
        body: Any,
        kind: str,
        axis: Vector,
        *,
        place: Vector = (0, 0, 0),
        span: tuple[float, float] | None = None,
        stiffness: float = 0.0,
        damping: float = 0.0,
        friction: float = 0.0,
        rest: float = 0.0,
    ) -> str:
        """A "slide" or "hinge" joint to a body's parent, perhaps with a spring, stops at `span`."""
        types = {"slide": self.mj.mjtJoint.mjJNT_SLIDE, "hinge": self.mj.mjtJoint.mjJNT_HINGE}
        name = self.name(kind)
        joint = body.add_joint(name=name, type=types[kind], axis=np.asarray(axis, float), pos=np.asarray(place, float))
        joint.stiffness, joint.damping = [stiffness, 0, 0], [damping, 0, 0]
        joint.frictionloss, joint.springref = friction, rest
        if span is not None:
            joint.limited = 1
            joint.range = span
        return name

    def servo(
        self, joint: str, track: np.ndarray, stiffness: float, *, ratio: float = 1.0, limit: float | None = None
    ) -> None:
        """Drives a joint by a spring (N/m or N m/rad), damped at `ratio` of critical."""
        actuator = self.spec.add_actuator(name=f"servo {joint}", target=joint)
        actuator.trntype = self.mj.mjtTrn.mjTRN_JOINT
        actuator.set_to_position(kp=stiffness, dampratio=ratio)
        if limit is not None:
            actuator.forcelimited = 1
            actuator.forcerange = [-limit, limit]
        self.drives[actuator.name] = np.asarray(track, float)

    def carry(
        self,
        body: Any,
        until: float | None,
        *,
        path: np.ndarray | None = None,
        place: Vector = (0, 0, 0),
        velocity: Vector = (0, 0, 0),
        spin: Vector = (0, 0, 0),
        quat: Vector = (1, 0, 0, 0),
    ) -> None:
        """Holds a free body until a second; see Carried."""
        vectors = (np.asarray(v, float) for v in (place, velocity, spin, quat))
        self.carried.append(Carried(body.name, until, path, *vectors))

    def change(self, field_name: str, name: str, values: np.ndarray) -> None:
        """A field of a geom or light, as "geom_rgba", that follows values (clock steps, ...)."""
        self.changes.append((field_name, name, values))

    def fade(self, geom: str, colour: Vector, alpha: np.ndarray) -> None:
        """A geom of a colour whose opacity follows `alpha` (clock steps,)."""
        self.change("geom_rgba", geom, np.column_stack([np.tile(colour, (len(alpha), 1)), alpha]))

    def hears(self, first: str, second: str) -> None:
        """Contacts of geoms of these two parts sound."""
        pair = frozenset({first, second})
        if pair not in self.pairs:
            self.pairs.append(pair)

    # Parts that many acts have

    def floor(self, material: str, *, z: float = 0.0, part: str = "ground", reflective: float | None = None) -> str:
        """An endless floor; the first one decides how things rebound."""
        rng = self.rng
        self.ground = MATERIALS[material]
        self.lowest = min(self.lowest, z)
        paint = self.paint(material, repeat=float(rng.uniform(0.5, 3)))
        surface = self.spec.material(paint)
        surface.texuniform = True
        gloss = MATERIALS[material].gloss
        mirror = rng.uniform(0.05, 0.35) * (gloss > 0.4 and rng.random() < 0.35)
        surface.reflectance = mirror if reflective is None else reflective
        return self.geom(self.world, "plane", (30, 30, 1), material, (0, 0, z), part=part, paint=paint, mover=False)

    def table(self, material: str, wide: float, deep: float, *, thick: float = 0.03, high: float | None = None) -> str:
        """A table whose top is at z = 0, over a floor."""
        rng = self.rng
        high = float(rng.uniform(0.4, 1.0)) if high is None else high
        self.floor(str(rng.choice(["wood", "concrete", "tiles", "carpet"])), z=-high, part="under")
        self.ground = MATERIALS[material]
        paint = self.paint(material, repeat=float(rng.choice([1, 1, 2])))
        size = (wide / 2, deep / 2, thick / 2)
        name = self.geom(self.world, "box", size, material, (0, 0, -thick / 2), part="ground", paint=paint, mover=False)
        if rng.random() < 0.6:
            leg = rng.uniform(0.015, 0.04)
            paint = self.paint(str(rng.choice(["wood", "metal"])))
            for sx in (-1, 1):
                for sy in (-1, 1):
                    place = (sx * (wide / 2 - leg), sy * (deep / 2 - leg), -high / 2 - thick / 2)
                    self.geom(self.world, "box", (leg, leg, high / 2), "wood", place, paint=paint, solid=False)
        else:
            place = (0, 0, -high / 2 - thick / 2)
            self.geom(self.world, "box", (wide * 0.47, deep * 0.47, high / 2 - thick / 2), material, place, solid=False)
        return name

    def limb(
        self,
        root: tuple[Any, Vector],
        tip: tuple[Any, Vector],
        lengths: tuple[float, float],
        thick: tuple[float, float],
        surfaces: tuple[str, str],
        bend: Vector = (0, 0, -1),
    ) -> None:
        """Draws an arm or leg between two bodies (None: the room), its bones painted `surfaces`."""
        bones = []
        for length, radius, paint in zip(lengths, thick, surfaces, strict=True):
            still = np.zeros((1, 3))
            bone = self.puppet(still, stem="bone")
            self.geom(bone, "capsule", (radius, length / 2), "cloth", paint=paint, solid=False)
            bones.append(bone.name)
        ends = [(("world" if body is None else body.name), np.asarray(point, float)) for body, point in (root, tip)]
        self.limbs.append(Limb((bones[0], bones[1]), lengths, ends[0], ends[1], np.asarray(bend, float)))


def smoothed(track: np.ndarray, width: int) -> np.ndarray:
    """A track (N,) or tracks (N, K), each value the mean over `width` steps round it."""
    if track.ndim > 1:
        return np.stack([smoothed(column, width) for column in track.T], 1)
    return np.convolve(np.pad(track, width // 2, mode="edge"), np.ones(width) / width, mode="valid")[: len(track)]


def heading(yaw: float) -> np.ndarray:
    """The quaternion of a turn about z."""
    return np.array([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)])


def turned(axis: Vector, angle: float) -> np.ndarray:
    """The quaternion of a turn about any axis."""
    unit = np.asarray(axis, float) / np.linalg.norm(axis)
    return np.concatenate([[np.cos(angle / 2)], np.sin(angle / 2) * unit])


def up(metres: float) -> np.ndarray:
    """A step upwards."""
    return np.array([0.0, 0.0, metres])


def any_turn(rng: np.random.Generator) -> np.ndarray:
    """A random orientation."""
    q = rng.standard_normal(4)
    return np.asarray(q / np.linalg.norm(q))


def along(direction: np.ndarray) -> np.ndarray:
    """The quaternion that turns z into a direction."""
    unit = direction / (np.linalg.norm(direction) + 1e-9)
    q = np.array([1 + unit[2], -unit[1], unit[0], 0.0])
    size = np.linalg.norm(q)
    return np.asarray(q / size) if size > 1e-6 else np.array([0.0, 1.0, 0.0, 0.0])
