"""Lets time run in a workshop's model: the states to draw, and the contacts that are heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from avfoley_engine.world.physics.contacts import Impact, impacts_of, least_impulse
from avfoley_engine.world.physics.library import mujoco
from avfoley_engine.world.physics.workshop import Carried, Control, Limb, Workshop, along, den

STATE_RATE = 500  # recorded states a second
_SETTLING = 0.3  # seconds


@dataclass(eq=False)
class Recording:
    """What happened: the model, its states (M, nq) at `STATE_RATE`, what is posed beside them."""

    model: Any
    states: np.ndarray
    impacts: list[Impact]
    # Mocap index, path and turns at STATE_RATE.
    puppets: list[tuple[int, np.ndarray, np.ndarray | None]]
    limbs: list[Limb]
    changes: list[tuple[str, int, np.ndarray]]
    stable: bool  # whether the physics ran through without being reset

    def pose(self, data: Any, time: float) -> None:
        """Puts everything where it is at a second of the clip, limbs included."""
        mj = mujoco()
        index = int(np.clip(round(time * STATE_RATE), 0, len(self.states) - 1))
        data.qpos[:] = self.states[index]
        for mocap, path, quats in self.puppets:
            data.mocap_pos[mocap] = path[min(index, len(path) - 1)]
            if quats is not None:
                data.mocap_quat[mocap] = quats[min(index, len(quats) - 1)]
        mj.mj_kinematics(self.model, data)
        for limb in self.limbs:
            self._bend(limb, data)
        if self.limbs:
            mj.mj_kinematics(self.model, data)
        mj.mj_comPos(self.model, data)
        mj.mj_camlight(self.model, data)

    def _bend(self, limb: Limb, data: Any) -> None:
        """Two bones from root to tip by the law of cosines; one too short starts nearer to the tip."""
        root, tip = (
            data.body(name).xpos + data.body(name).xmat.reshape(3, 3) @ point for name, point in (limb.root, limb.tip)
        )
        first, second = limb.lengths
        gap = tip - root
        span = max(float(np.linalg.norm(gap)), 1e-6)
        unit = gap / span
        if span >= first + second:
            joint = tip - unit * second
            root = joint - unit * first
        else:
            reach = (first**2 - second**2 + span**2) / (2 * span)
            height = np.sqrt(max(first**2 - reach**2, 0.0))
            side = limb.bend - (limb.bend @ unit) * unit
            joint = root + reach * unit + height * side / (np.linalg.norm(side) + 1e-9)
        for name, a, b in ((limb.bones[0], root, joint), (limb.bones[1], joint, tip)):
            mocap = int(self.model.body(name).mocapid[0])
            data.mocap_pos[mocap] = (a + b) / 2
            data.mocap_quat[mocap] = along(b - a)


def simulate(shop: Workshop) -> Recording:
    """Runs the whole clip of a workshop whose stage is set."""
    mj = mujoco()
    model = shop.spec.compile()
    data = mj.MjData(model)
    steps = len(shop.t)
    drive, rest = np.zeros((steps, model.nu)), np.zeros(model.nu)
    for name, track in shop.drives.items():
        index = model.actuator(name).id
        data.qpos[model.jnt_qposadr[model.actuator_trnid[index, 0]]] = track[0]
        # A damped spring follows late by damping over stiffness: aim ahead by as much.
        lag = -model.actuator_biasprm[index, 2] / model.actuator_gainprm[index, 0]
        drive[:, index], rest[index] = track + lag * np.gradient(track, shop.step), track[0]
    puppets = [(int(model.body(name).mocapid[0]), path, quats) for name, (path, quats) in shop.poses.items()]
    moving = [p for p in puppets if len(p[1]) > 1 or p[2] is not None]
    for mocap, path, _ in puppets:
        data.mocap_pos[mocap] = path[0]
    control = Control(model, data)
    table, bodies = _pairs(model, shop)
    carried = [(c, den(i), *control.state(c.body), _speeds(c, shop.step)) for i, c in enumerate(shop.carried)]
    every = max(1, round(1 / (STATE_RATE * shop.step)))
    states = np.empty((-(-steps // every), model.nq), np.float32)
    rows: list[tuple[np.ndarray, ...]] = []
    # What hangs or stands comes to rest before the clip begins.
    before = round(_SETTLING / shop.step)
    data.time = -before * shop.step
    for step in range(-before, steps):
        if model.nu:
            data.ctrl[:] = drive[step] if step >= 0 else rest
        for mocap, path, quats in moving:
            data.mocap_pos[mocap] = path[min(max(step, 0), len(path) - 1)]
            if quats is not None:
                data.mocap_quat[mocap] = quats[min(max(step, 0), len(quats) - 1)]
        carried = _carry(carried, control, step)
        for callback in shop.callbacks:
            callback(control)
        for number, body in enumerate(control.hidden):
            q, v = control.state(body)
            q[:3], v[:] = den(-1 - number), 0
        if step >= 0 and step % every == 0:
            states[step // every] = data.qpos
        mj.mj_step(model, data)
        if shop.callbacks:
            control.pressure[:] = 0
        if data.ncon and step >= 0:
            contact = data.contact
            geoms, address = contact.geom, contact.efc_address
            column = table[geoms[:, 0], geoms[:, 1]]
            kept = np.nonzero((column >= 0) & (address >= 0))[0]
            if len(kept):
                force = data.efc_force[address[kept]]
                rows.append((np.full(len(kept), step), column[kept], force, contact.pos[kept]))
                if shop.callbacks:
                    for side in (0, 1):
                        np.add.at(control.pressure, model.geom_bodyid[geoms[kept, side]], force)
    impacts = _impacts(rows, bodies, model, shop)
    impacts += [Impact(h.time, h.impulse, h.place, (0, 0)) for h in control.heard]
    thin = [(m, p[::every] if len(p) > 1 else p, None if q is None else q[::every]) for m, p, q in puppets]
    changes = [(name, _index(model, name, target), values) for name, target, values in shop.changes]
    stable = not any(warning.number for warning in data.warning)
    return Recording(model, states, impacts, thin, shop.limbs, changes, stable)


def _index(model: Any, field: str, name: str) -> int:
    return int(getattr(model, field.split("_")[0])(name).id)


def _speeds(carried: Carried, step: float) -> np.ndarray | None:
    return None if carried.path is None else np.gradient(carried.path, step, axis=0)


Held = tuple[Carried, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


def _carry(held: list[Held], control: Control, step: int) -> list[Held]:
    """Holds what is not yet released; returns what is held on."""
    still = []
    for item in held:
        carried, waiting, q, v, speeds = item
        if carried.body in control.released:
            continue
        ended = carried.until is not None and control.time >= carried.until
        if carried.path is None:
            q[:3] = carried.place if ended else waiting
            v[:3] = carried.velocity if ended else 0
        else:
            index = min(max(step, 0), len(carried.path) - 1)
            assert speeds is not None
            q[:3], v[:3] = carried.path[index], speeds[index] * (step >= 0)
        q[3:] = carried.quat
        v[3:] = carried.spin if ended else 0
        if not ended:
            still.append(item)
    return still


def _pairs(model: Any, shop: Workshop) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Column of each sounding pair of geoms (geoms, geoms), others -1, and its two bodies."""
    parts: dict[str, list[int]] = {}
    for geom in range(model.ngeom):
        parts.setdefault(model.geom(geom).name.rsplit("#", 1)[0], []).append(geom)
    table = np.full((model.ngeom, model.ngeom), -1, dtype=np.int32)
    columns: dict[tuple[int, int], int] = {}
    for pair in shop.pairs:
        first, second = (list(pair) * 2)[:2]
        for a in parts.get(first, []):
            for b in parts.get(second, []):
                ends = sorted((int(model.geom_bodyid[a]), int(model.geom_bodyid[b])))
                if ends[0] != ends[1]:
                    column = columns.setdefault((ends[0], ends[1]), len(columns))
                    table[a, b] = table[b, a] = column
    return table, list(columns)


def _impacts(
    rows: list[tuple[np.ndarray, ...]], bodies: list[tuple[int, int]], model: Any, shop: Workshop
) -> list[Impact]:
    if not rows:
        return []
    steps, columns, forces, places = (np.concatenate([row[i] for row in rows]) for i in range(4))
    found = []
    for column in np.unique(columns):
        mine = columns == column
        when, force, where = steps[mine], forces[mine], places[mine]
        series = np.bincount(when, force, len(shop.t))
        masses = [float(model.body_mass[b]) for b in bodies[column] if b and model.body_dofnum[b]]
        least = least_impulse(min(masses, default=0.1))
        for onset, impulse in impacts_of(series, shop.step, least):
            x, y, z = where[np.searchsorted(when, onset)]
            found.append(Impact(onset * shop.step, impulse, (float(x), float(y), float(z)), bodies[column]))
    return found
