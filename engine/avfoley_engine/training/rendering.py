"""Renders the world to disk: shards of frames, audio latents, captions and event times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.lib.format import open_memmap

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.media.optical_flow import FRAME_SIZE, shrunk
from avfoley_engine.models.avlink.config import NANO
from avfoley_engine.training.dataset import Clip
from avfoley_engine.training.loading import codec_in_use
from avfoley_engine.training.options import CommandOptions, option
from avfoley_engine.training.shards import ShardFormat, finish_shard, is_whole
from avfoley_engine.training.sights import Sights
from avfoley_engine.world import (
    RecordedBank,
    Scene,
    SoundBank,
    SyntheticBank,
    render_frames,
    render_sound,
    sample_scene,
)
from avfoley_engine.world.physics import PhysicsScene, render_range

#: What clips may be like: drawn, drawn plainly, or simulated and filmed.
WorldStyle = Literal["footage", "plain", "physics"]
#: The runs' folder for each style of the world's clips.
CLIPS: dict[WorldStyle, str] = {"footage": "world", "plain": "plain", "physics": "physics"}

#: The clips in which events are to be seen.
SEEN = (CLIPS["footage"], CLIPS["physics"])


def clip_of(scene: Scene | PhysicsScene) -> Clip:
    """What the data set keeps of a scene beside its picture and sound."""
    return Clip(
        scene.seed,
        scene.family,
        scene.caption,
        scene.video_caption,
        [e.time for e in scene.events],
        [e.on_screen for e in scene.events],
    )


def encode_clips(
    codec: AudioCodec, sounds: Iterable[np.ndarray], latents: int, batch: int = 16
) -> Iterable[np.ndarray]:
    """Mono sounds (samples,) -> one latent sequence each (latents, latent_width) float16.

    Sounds are cut or padded with silence.
    """
    samples = latents * codec.config.samples_per_latent
    rows: list[np.ndarray] = []

    def flush() -> Iterable[np.ndarray]:
        if rows:
            device = codec.latent_mean.device
            yield from codec.encode(torch.from_numpy(np.stack(rows)).to(device)).cpu().numpy().astype(np.float16)
            rows.clear()

    for sound in sounds:
        rows.append(np.pad(sound[:samples], (0, max(0, samples - len(sound)))).astype(np.float32))
        if len(rows) == batch:
            yield from flush()
    yield from flush()


def render_shard(
    folder: Path,
    codec: AudioCodec,
    bank: SoundBank,
    seeds: range,
    latents: int,
    split: str = "train",
    device: str = "cpu",
    style: WorldStyle = "footage",
) -> None:
    """Renders the scenes `seeds` of a split into one shard. A finished shard is left as it is."""
    if is_whole(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    clips: list[Clip] = []
    sights = Sights()

    def sounds() -> Iterable[np.ndarray]:
        # One scene at a time: a simulated one holds all its states.
        frames: np.memmap | None = None
        for row, (scene, picture) in enumerate(_pictures(seeds, split, style, device)):
            shown = shrunk(picture, (NANO.video.height, NANO.video.width))
            if frames is None:
                frames = open_memmap(folder / "frames.npy", "w+", np.uint8, (len(seeds), *shown.shape))
            frames[row] = shown
            if style != "plain":
                sights.add(picture)
            clips.append(clip_of(scene))
            yield render_sound(scene, bank)
        if frames is not None:
            frames.flush()

    encoded = np.stack(list(encode_clips(codec, sounds(), latents)))
    sights.save(folder)
    finish_shard(folder, encoded, clips, ShardFormat.of(codec, latents, Fraction(24)))


def _pictures(
    seeds: range, split: str, style: WorldStyle, device: str
) -> Iterable[tuple[Scene | PhysicsScene, np.ndarray]]:
    """Each scene of a range of seeds with its frames uint8 (T, H, W, 3), large enough for optical flow.

    Plain ones are for what is drawn, not for what is seen, and have the backbone's size.
    """
    if style == "physics":
        yield from render_range(seeds, split, *FRAME_SIZE)
        return
    size = (NANO.video.height, NANO.video.width) if style == "plain" else FRAME_SIZE
    for seed in seeds:
        scene = sample_scene(seed, split=split, style=style)
        yield scene, render_frames(scene, *size, device=device).cpu().numpy()


@dataclass(frozen=True, kw_only=True)
class WorldOptions(CommandOptions):
    """See `render_world`."""

    sounds: Path | None = option(None, "folder of recorded sounds with an index.csv; synthetic sounds without")
    first: int = option(0, "number of the first clip")
    clips: int = option(8000, "how many clips")
    shard: int = option(500, "clips a shard")
    style: WorldStyle = option(
        "footage",
        "`plain` for pictures that are to be drawn, `physics` for simulated ones; each has a folder of that name",
    )
    base: str | None = option(None, "take the codec from this model, if the runs have none")


def render_world(options: WorldOptions, device: torch.device) -> None:
    """Renders clips of the world, with the codec of the runs, to shards."""
    bank: SoundBank = RecordedBank(options.sounds, "train") if options.sounds else SyntheticBank()
    codec = codec_in_use(options.runs, options.base, device)
    for first in range(options.first, options.first + options.clips, options.shard):
        seeds = range(first, min(first + options.shard, options.first + options.clips))
        folder = options.runs / CLIPS[options.style] / f"{first:07d}"
        render_shard(folder, codec, bank, seeds, NANO.window_latents, device=device.type, style=options.style)
        print(f"{folder}: {len(seeds)} clips", flush=True)
