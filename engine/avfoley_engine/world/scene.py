"""A scene: one clip of the world, complete enough to draw it at any size and to sound it with any bank."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from avfoley_engine.world import staging
from avfoley_engine.world.captions import audio_caption, video_caption
from avfoley_engine.world.elements import CLOCK_RATE, Backdrop, Camera, Clock, Event, Finish, Shape, Take
from avfoley_engine.world.families import AMBIENT, FAMILIES
from avfoley_engine.world.families.palette import pick
from avfoley_engine.world.families.performance import Performance

__all__ = ["Event", "Scene", "Style", "sample_scene"]

#: How an act is filmed: as footage is, or plainly, alone before a smooth backdrop, from one place, by a camera that holds still.
Style = Literal["footage", "plain"]

AMBIENCES = ("rain", "wind", "birds", "crowd", "sea_waves", "insects", "water_stream", "machine", "rumble", "train")
SOURCE_RATES = (12.0, 15.0, 20.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0)
RATE_SHARES = (0.05, 0.08, 0.05, 0.08, 0.24, 0.14, 0.08, 0.2, 0.03, 0.05)


@dataclass(frozen=True, eq=False)
class Scene(Take):
    """One drawn clip.

    `shapes` are drawn in order over the `backdrops`, the `veils` (rain, haze) over all. Tracks live on a clock of
    `clock_steps` steps, `CLOCK_RATE` a second.
    """

    camera: Camera
    backdrops: tuple[Backdrop, ...]
    shapes: tuple[Shape, ...]
    veils: tuple[Backdrop, ...]
    finish: Finish

    @property
    def clock_steps(self) -> int:
        return int(np.ceil(self.duration * CLOCK_RATE)) + 1


def stream(split: str, seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one purpose of one scene; splits never share one, because the key is hashed."""
    digest = hashlib.blake2b(f"{split}/{seed}/{purpose}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def sample_scene(seed: int, *, split: str = "train", duration: float = 31 / 6, style: Style = "footage") -> Scene:
    """Draws scene number `seed` of a split (any name), `duration` seconds long.

    The same arguments give the same scene; scenes of different splits or seeds share no random stream. In either style the same act is
    done and captioned alike, over the same ambience; in the plain one all that is heard is seen, when it is heard.
    """
    rng = stream(split, seed, "act")
    clock = Clock(duration)
    family = pick(rng, {name: share for name, (_, share) in FAMILIES.items()})
    act = FAMILIES[family][0](rng, clock)
    stage = stream(split, seed, "stage")
    # Distant bursts are now and then heard after they are seen.
    delay = stage.uniform(0.05, 0.3) if family == "fireworks" and stage.random() < 0.08 else 0.0
    events = _events(act, duration, delay)
    if family not in AMBIENT and stage.random() < 0.08:
        time = float(stage.uniform(0.1, duration - 0.1))
        if all(abs(time - event.time) > 0.25 for event in events):
            events.append(Event(time, float(stage.uniform(0.3, 0.9)), False))
    cuts = staging.cut_times(stage, duration)
    planes = staging.backdrops(stage, clock, act, cuts)
    behind, before = staging.distractors(stage, clock)
    ambience = None if stage.random() < 0.35 or family in AMBIENT else str(stage.choice(AMBIENCES))
    digest = hashlib.blake2b(f"{split}/{seed}".encode(), digest_size=8).digest()
    scene = Scene(
        seed=int.from_bytes(digest, "little") >> 2,
        family=family,
        label=act.label,
        caption=audio_caption(act.label, stage),
        video_caption=video_caption(act.caption, act.label, stage),
        duration=duration,
        events=tuple(sorted(events, key=lambda event: event.time)),
        ambience=ambience,
        ambience_gain=float(10 ** (stage.uniform(-40, -24) / 20)),
        source_rate=float(stage.choice(SOURCE_RATES, p=RATE_SHARES)),
        camera=staging.camera(stage, clock, act, cuts),
        backdrops=planes,
        shapes=(*behind, *act.shapes, *before),
        veils=tuple(act.veils),
        finish=staging.finish(stage, clock, act, cuts),
        cuts=tuple(float(cut) for cut in cuts),
        sustain=act.sustain,
        pitch=act.pitch,
        tail=act.tail,
    )
    return scene if style == "footage" else _plain(scene, act, clock, stream(split, seed, "plain"))


def _plain(scene: Scene, act: Performance, clock: Clock, rng: np.random.Generator) -> Scene:
    """The same scene on a plain stage."""
    return replace(
        scene,
        events=tuple(_events(act, scene.duration)),
        source_rate=24.0,
        camera=staging.plain_camera(clock, act),
        backdrops=(staging.plain_backdrop(rng, act),),
        shapes=tuple(act.shapes),
        finish=staging.plain_finish(clock, act),
        cuts=(),
    )


def _events(act: Performance, duration: float, delay: float = 0.0) -> list[Event]:
    """What is heard of an act in a clip, `delay` seconds late."""
    heard, loudness = act.times + delay, act.gains / act.gains.max(initial=1e-9)
    return [Event(float(t), float(g), True) for t, g in zip(heard, loudness, strict=True) if t < duration - 0.05]
