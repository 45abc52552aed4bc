"""Shards of encoded clips on disk: what their clips are, and which codec made their latents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import ModelError


@dataclass(frozen=True)
class ShardFormat:
    """What a shard's clips are, or should be; None of what is not known, or may be anything.

    codec: see `codec_identity`. Windows of `latents` latents and `frames` frames; no frames in
    clips without a picture.
    """

    codec: str | None = None
    latent_width: int | None = None
    latents_per_second: Fraction | None = None
    latents: int | None = None
    frame_rate: Fraction | None = None
    frames: int | None = None
    height: int | None = None
    width: int | None = None

    @classmethod
    def of(cls, codec: AudioCodec, latents: int, frame_rate: Fraction | None = None) -> ShardFormat:
        """Windows of so many latents of a codec."""
        rate = Fraction(codec.config.mel.sample_rate, codec.config.samples_per_latent)
        return cls(codec_identity(codec_state(codec)), codec.config.vae.latent_width, rate, latents, frame_rate)

    def check(self, needed: ShardFormat, folder: Path) -> None:
        """Raises `ModelError`, which names `folder`, where the clips are not what is needed."""
        pairs = [(f.name, getattr(self, f.name), getattr(needed, f.name)) for f in fields(self)]
        wrong = [
            f"{name.replace('_', ' ')} {have}, not {want}"
            for name, have, want in pairs
            if None not in (have, want) and have != want
        ]
        if wrong:
            raise ModelError(
                f"{folder} holds clips of another kind than this model learns from: {'; '.join(wrong)}. "
                "Make them again in another folder of runs, with this model or codec "
                "(`avfoley train world`, `sounds` or `videos`)."
            )


#: Clips of any kind.
ANY = ShardFormat()


def codec_state(codec: AudioCodec) -> dict[str, torch.Tensor]:
    """All of a codec that decides its latents: the VAE and the latent statistics."""
    state = {f"vae.{name}": tensor for name, tensor in codec.vae.state_dict().items()}
    return state | {"latent_mean": codec.latent_mean, "latent_std": codec.latent_std}


def codec_identity(state: Mapping[str, torch.Tensor]) -> str:
    """Twelve hex digits of a sha256 over `codec_state`, in half precision: an export changes nothing."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def is_whole(folder: Path) -> bool:
    """Whether a shard is finished."""
    return (folder / "clips.jsonl").exists()


def finish_shard(folder: Path, latents: np.ndarray, clips: Sequence[Any], form: ShardFormat) -> None:
    """Writes what a shard holds beside its frames: latents, its format, and a row for each clip, a dataclass."""
    np.save(folder / "latents.npy", latents)
    frames = folder / "frames.npy"
    shape = np.load(frames, mmap_mode="r").shape[1:4] if frames.exists() else ()
    known = asdict(form) | dict(zip(("frames", "height", "width"), shape, strict=False))
    (folder / "shard.json").write_text(json.dumps(known, indent=1, default=str) + "\n", encoding="utf-8")
    # Written last: its presence says that the shard is whole.
    part = folder / "clips.jsonl.part"
    part.write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips))
    part.replace(folder / "clips.jsonl")


def read_format(folder: Path, latents: np.ndarray, frames: np.ndarray | None = None) -> ShardFormat:
    """The format of a shard. Earlier versions wrote none: their clips have `nano`'s rates.

    Raises:
        ModelError: it cannot be read.
    """
    path = folder / "shard.json"
    if not path.exists():
        picture = (Fraction(24), *frames.shape[1:4]) if frames is not None else ()
        return ShardFormat(None, latents.shape[2], Fraction(25), latents.shape[1], *picture)
    try:
        return TypeAdapter(ShardFormat).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(f"{path} does not describe a shard ({error}). Make the shard again.") from error
