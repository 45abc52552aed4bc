"""Renders the world to disk: shards of frames, audio latents, captions and event times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.lib.format import open_memmap

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.training.dataset import Clip
from avfoley_engine.world import Scene, SoundBank, Style, render_frames, render_sound, sample_scene
from avfoley_engine.world.physics import PhysicsScene, render_range


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
    """Mono sounds (samples,) -> one latent sequence each (latents, latent_width) float16; sounds are cut or padded with silence."""
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
    style: Style | Literal["physics"] = "footage",
) -> None:
    """Renders the scenes `seeds` of a split into one shard: frames.npy, latents.npy, clips.jsonl. A finished shard is left as it is."""
    if (folder / "clips.jsonl").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    clips: list[Clip] = []

    def sounds() -> Iterable[np.ndarray]:
        # One scene at a time: a simulated one holds all its states.
        frames: np.memmap | None = None
        for row, (scene, picture) in enumerate(_pictures(seeds, split, style, device)):
            if frames is None:
                frames = open_memmap(folder / "frames.npy", "w+", np.uint8, (len(seeds), *picture.shape))
            frames[row] = picture
            clips.append(clip_of(scene))
            yield render_sound(scene, bank)
        if frames is not None:
            frames.flush()

    encoded = np.stack(list(encode_clips(codec, sounds(), latents)))
    finish_shard(folder, encoded, clips)


def _pictures(
    seeds: range, split: str, style: Style | Literal["physics"], device: str
) -> Iterable[tuple[Scene | PhysicsScene, np.ndarray]]:
    """Each scene of a range of seeds with its frames uint8 (T, H, W, 3), in the size that the backbone is shown."""
    if style == "physics":
        yield from render_range(seeds, split, 36, 64)
        return
    for seed in seeds:
        scene = sample_scene(seed, split=split, style=style)
        yield scene, render_frames(scene, device=device).cpu().numpy()


def finish_shard(folder: Path, latents: np.ndarray, clips: Sequence[Clip]) -> None:
    """Writes what a shard holds beside its frames."""
    np.save(folder / "latents.npy", latents)
    # Written last: its presence says that the shard is whole.
    part = folder / "clips.jsonl.part"
    part.write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips))
    part.replace(folder / "clips.jsonl")
