"""A clip of the world with physics: an act simulated, filmed and heard, to be drawn at any size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from avfoley_engine.errors import ModelError
from avfoley_engine.world.captions import audio_caption, video_caption
from avfoley_engine.world.elements import Event, Take
from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.physics.act import Act
from avfoley_engine.world.physics.camera import ASPECT, CameraPath, film, plan
from avfoley_engine.world.physics.contacts import Impact, merged
from avfoley_engine.world.physics.families import FAMILIES
from avfoley_engine.world.physics.lens import Lens, sample_lens
from avfoley_engine.world.physics.library import mujoco
from avfoley_engine.world.physics.simulation import Recording, simulate
from avfoley_engine.world.physics.stage import set_stage
from avfoley_engine.world.physics.workshop import Workshop
from avfoley_engine.world.scene import AMBIENCES, RATE_SHARES, SOURCE_RATES, stream
from avfoley_engine.world.staging import cut_times

_ATTEMPTS = 12
_EDGE = 0.07  # seconds from the clip's ends in which nothing counts as an event


@dataclass(frozen=True, eq=False)
class PhysicsScene(Take):
    """One simulated clip.

    `recording` holds the model and its states, `camera` where it is seen from, `lens` how, and
    `distance` how far the act is from the camera at first, metres. A `mirrored` picture is swapped
    left and right.
    """

    recording: Recording
    camera: CameraPath
    lens: Lens
    distance: float
    mirrored: bool


def sample_physics(
    seed: int, split: str = "train", *, duration: float = 31 / 6, family: str | None = None
) -> PhysicsScene:
    """Simulates scene number `seed` of a split (any name), `duration` seconds long; of a given
    family, or of any.

    The same arguments give the same scene on the same machine; scenes of different splits or seeds
    share no random stream, nor do they share one with the drawn world. An act in which nothing is
    heard, or hardly anything seen, is drawn anew. Raises ModelError where MuJoCo is missing, or all
    of a dozen acts come to nothing.
    """
    mujoco()
    shares = {name: share for name, (_, share, _) in FAMILIES.items()}
    chosen = family or pick(stream(split, seed, "physics"), shares)
    for attempt in range(_ATTEMPTS):
        scene = _attempt(seed, split, duration, chosen, attempt)
        if scene.recording.stable and sum(event.on_screen for event in scene.events) > 0.5 * len(scene.events):
            return scene
    raise ModelError(f"{chosen}, seed {seed} of split {split!r}: nothing is seen in {_ATTEMPTS} attempts; leave it out")


def _attempt(seed: int, split: str, duration: float, family: str, attempt: int) -> PhysicsScene:
    rng = stream(split, seed, f"physics act {attempt}")
    stage = stream(split, seed, f"physics stage {attempt}")
    make, _, step = FAMILIES[family]
    shop = Workshop(rng, duration, step)
    act = make(shop)
    cuts = cut_times(stage, duration)
    shots = plan(stage, act, cuts)
    set_stage(stage, shop, act, shots)
    _settings(stage, shop, act, max(shot.distance for shot in shots))
    recording = simulate(shop)
    impacts = _heard(recording.impacts, act, duration)
    times = np.array([impact.time for impact in impacts])
    gains = _gains(impacts)
    camera = film(stage, shop.clock, act, shots, times, gains, shop.lowest)
    seen = [_is_seen(recording, camera, impact) for impact in impacts]
    quiet = stage.random() < 0.35
    source_rate = float(stage.choice(SOURCE_RATES, p=RATE_SHARES))
    digest = hashlib.blake2b(f"physics {split}/{seed}".encode(), digest_size=8).digest()
    return PhysicsScene(
        seed=int.from_bytes(digest, "little") >> 2,
        family=family,
        label=act.label,
        caption=audio_caption(act.label, stage),
        video_caption=video_caption(act.caption, act.label, stage),
        duration=duration,
        events=tuple(Event(float(t), float(g), s) for t, g, s in zip(times, gains, seen, strict=True)),
        ambience=None if quiet else str(stage.choice(AMBIENCES)),
        ambience_gain=float(10 ** (stage.uniform(-40, -24) / 20)),
        source_rate=source_rate,
        cuts=tuple(float(cut) for cut in cuts),
        sustain=act.sustain,
        pitch=act.pitch,
        tail=act.tail,
        recording=recording,
        camera=camera,
        lens=sample_lens(stage, source_rate),
        distance=shots[0].distance,
        mirrored=bool(stage.random() < 0.5),
    )


def _settings(rng: np.random.Generator, shop: Workshop, act: Act, distance: float) -> None:
    """What the renderer must know: the scene's size, how fine its shadows are, a camera."""
    spec = shop.spec
    spec.stat.extent = max(act.extent, 0.05)
    spec.stat.center = act.focus if act.focus.ndim == 1 else act.focus[len(act.focus) // 2]
    spec.visual.map.znear = 0.05
    spec.visual.map.zfar = (60 + 3 * distance) / spec.stat.extent
    spec.visual.map.shadowclip = float(rng.uniform(2.5, 4.0))
    spec.visual.map.shadowscale = 0.8
    spec.visual.quality.shadowsize = 512
    spec.visual.quality.offsamples = 0
    spec.visual.quality.numslices, spec.visual.quality.numstacks = 16, 10
    spec.visual.quality.numquads = 2
    spec.worldbody.add_camera(name="camera")


def _heard(impacts: list[Impact], act: Act, duration: float) -> list[Impact]:
    inside = [impact for impact in impacts if _EDGE <= impact.time < duration - _EDGE]
    together = merged(inside, act.merge)
    strongest = max((impact.impulse for impact in together), default=0.0)
    return [impact for impact in together if impact.impulse >= act.floor * strongest]


def _gains(impacts: list[Impact]) -> np.ndarray:
    """Loudness from impulse: what one hears varies less than what one feels."""
    impulses = np.array([impact.impulse for impact in impacts])
    return np.clip((impulses / impulses.max()) ** 0.6, 0.1, 1.0) if len(impulses) else impulses


def _is_seen(recording: Recording, camera: CameraPath, impact: Impact) -> bool:
    """Whether an impact, or one of the two that meet, is in the picture with nothing before it."""
    mj = mujoco()
    model = recording.model
    data = mj.MjData(model)
    recording.pose(data, impact.time)
    eye, _, _ = camera.at(impact.time)
    own = {body for body in impact.bodies if body}
    points = [np.array(impact.place), *(np.array(data.xipos[body]) for body in own if model.body_dofnum[body])]
    hit = np.zeros(1, np.int32)
    for point in points:
        x, y, depth = camera.project(impact.time, point)
        if depth <= 0 or abs(x) > ASPECT * 0.97 or abs(y) > 0.97:
            continue
        way = point - eye
        span = float(np.linalg.norm(way))
        reach = mj.mj_ray(model, data, eye, way / span, None, True, -1, hit)
        if reach < 0 or reach > 0.93 * span or (hit[0] >= 0 and int(model.geom_bodyid[hit[0]]) in own):
            return True
    return False
