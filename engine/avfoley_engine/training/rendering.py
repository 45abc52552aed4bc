"""Renders the world to disk: shards of frames, audio latents, captions and event times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.training.dataset import Clip
from avfoley_engine.world import Scene, SoundBank, Style, render_frames, render_sound, sample_scene


def clip_of(scene: Scene) -> Clip:
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
    style: Style = "footage",
) -> None:
    """Renders the scenes `seeds` of a split into one shard: frames.npy, latents.npy, clips.jsonl. A finished shard is left as it is."""
    if (folder / "clips.jsonl").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [sample_scene(seed, split=split, style=style) for seed in seeds]
    first = render_frames(scenes[0], device=device)
    frames = open_memmap(folder / "frames.npy", "w+", np.uint8, (len(scenes), *first.shape))
    for row, scene in zip(frames, scenes, strict=True):
        row[:] = render_frames(scene, device=device).cpu().numpy()
    frames.flush()
    encoded = np.stack(list(encode_clips(codec, (render_sound(s, bank) for s in scenes), latents)))
    finish_shard(folder, encoded, [clip_of(s) for s in scenes])


def finish_shard(folder: Path, latents: np.ndarray, clips: Sequence[Clip]) -> None:
    """Writes what a shard holds beside its frames."""
    np.save(folder / "latents.npy", latents)
    # Written last: its presence says that the shard is whole.
    part = folder / "clips.jsonl.part"
    part.write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips))
    part.replace(folder / "clips.jsonl")
