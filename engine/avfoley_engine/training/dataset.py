"""Paired clips: frames, audio latents, captions and event times, in memory-mapped shards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch

from avfoley_engine.errors import ModelError
from avfoley_engine.models.text import TextEncoder, text_encoder
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training.shards import ShardFormat, read_format


@dataclass(frozen=True)
class Clip:
    """What is known of a clip beside its picture and sound.

    `events` and `seen` are in order: seconds, and whether it is on screen.
    """

    seed: int
    family: str
    caption: str
    video_caption: str
    events: list[float]
    seen: list[bool]


class CaptionStates:
    """Text states of captions, encoded once each and kept."""

    def __init__(self, encoder: TextEncoder, device: torch.device) -> None:
        self.encoder, self.device = encoder, device
        self.known: dict[str, torch.Tensor] = {}

    def __call__(self, captions: list[str]) -> TextStates:
        missing = sorted({c for c in captions if c and c not in self.known})
        for start in range(0, len(missing), 64):
            some = missing[start : start + 64]
            text = self.encoder(some)
            for caption, states, mask in zip(some, text.states, text.mask, strict=True):
                self.known[caption] = states[mask].half().cpu()
        longest = max([len(self.known[c]) for c in captions if c], default=0)
        states = torch.zeros(len(captions), longest, self.encoder.width)
        mask = torch.zeros(len(captions), longest, dtype=torch.bool)
        for i, caption in enumerate(captions):
            if caption:
                known = self.known[caption]
                states[i, : len(known)] = known
                mask[i, : len(known)] = True
        return TextStates(states.to(self.device), mask.to(self.device))


def caption_states(name: Literal["minilm", "t5"], device: torch.device) -> CaptionStates:
    """Those of the text encoder of that name."""
    return CaptionStates(text_encoder(name, device), device)


@dataclass
class Batch:
    """frames (B, T, H, W, 3) float in [-1, 1] or None, latents (B, L, latent_width), and the clips themselves.

    `motion` (B, T, 6, 6, 9) are the `motion_features` of larger frames, or None.
    """

    frames: torch.Tensor | None
    latents: torch.Tensor
    clips: list[Clip]
    motion: torch.Tensor | None = None


class PairedClips:
    """Random batches from folders of shards; half of the pictures are mirrored, unless told not to.

    `often` says how many times as often as the others the clips of a family are drawn.

    Raises:
        ModelError: there are none, or a shard's format cannot be read.
    """

    def __init__(
        self,
        folders: Path | Sequence[Path],
        device: torch.device,
        *,
        mirror: bool = True,
        often: Mapping[str, float] | None = None,
    ) -> None:
        folders = [folders] if isinstance(folders, Path) else folders
        self.device, self.mirror = device, mirror
        self.frames: list[np.ndarray] = []
        self.motion: list[np.ndarray | None] = []
        self.latents: list[np.ndarray] = []
        self.clips: list[Clip] = []
        self.where: list[tuple[int, int]] = []
        self.formats: dict[Path, ShardFormat] = {}
        for shard in (p.parent for folder in folders for p in sorted(folder.glob("*/clips.jsonl"))):
            self.frames.append(np.load(shard / "frames.npy", mmap_mode="r"))
            motion = shard / "motion.npy"
            self.motion.append(np.load(motion, mmap_mode="r") if motion.exists() else None)
            self.latents.append(np.load(shard / "latents.npy"))
            self.formats[shard] = read_format(shard, self.latents[-1], self.frames[-1])
            rows = [Clip(**json.loads(line)) for line in (shard / "clips.jsonl").read_text().splitlines()]
            self.where += [(len(self.frames) - 1, row) for row in range(len(rows))]
            self.clips += rows
        if not self.clips:
            raise ModelError(f"{folders[0]} holds no clips. Run `avfoley train world` or `avfoley train videos` first.")
        self.shares: np.ndarray | None = None
        if often:
            times = np.array([often.get(clip.family, 1.0) for clip in self.clips])
            self.shares = times / times.sum()

    def check(self, needed: ShardFormat) -> None:
        """Raises `ModelError` where a shard's clips are not what is needed."""
        for folder, found in self.formats.items():
            found.check(needed, folder)

    def stills(self) -> torch.Tensor:
        """The mean of every clip's frames, in the order of `clips`: (clips, H, W, 3) uint8."""
        means = [np.rint(clip.mean(0)).astype(np.uint8) for shard in self.frames for clip in shard]
        return torch.from_numpy(np.stack(means))

    def batch(self, size: int, rng: np.random.Generator, *, picture: bool = True) -> Batch:
        """A batch of `size` clips drawn with replacement."""
        rows = rng.choice(len(self.clips), size, p=self.shares)
        return self._batch(rows, rng.random(size) < 0.5 if picture and self.mirror else None, picture)

    def of(self, rows: Sequence[int], *, picture: bool = True) -> Batch:
        """These clips as they are."""
        return self._batch(rows, None, picture)

    def _batch(self, rows: Sequence[int] | np.ndarray, mirrored: np.ndarray | None, picture: bool) -> Batch:
        places = [self.where[i] for i in rows]
        latents = torch.from_numpy(np.stack([self.latents[s][r] for s, r in places]).astype(np.float32)).to(self.device)
        frames = motion = None
        if picture:
            pixels = torch.from_numpy(np.stack([self.frames[s][r] for s, r in places])).to(self.device)
            moved = [None if (one := self.motion[s]) is None else one[r] for s, r in places]
            if all(one is not None for one in moved):
                motion = torch.from_numpy(np.stack(cast(list[np.ndarray], moved)).astype(np.float32)).to(self.device)
            if mirrored is not None:
                # A mirrored picture makes the same sound at the same time.
                turned = torch.from_numpy(mirrored).to(self.device)
                pixels[turned] = pixels[turned].flip(3)
                if motion is not None:
                    motion[turned] = mirrored_motion(motion[turned])
            frames = pixels.float() / 127.5 - 1
        return Batch(frames, latents, [self.clips[i] for i in rows], motion)


def mirrored_motion(motion: torch.Tensor) -> torch.Tensor:
    """The `motion_features` (B, T, rows, columns, directions + 1) of mirrored pictures."""
    directions = motion.shape[-1] - 1
    opposite = [(directions // 2 - n) % directions for n in range(directions)]
    return motion.flip(3)[..., [*opposite, directions]]


def event_targets(clips: list[Clip], steps: int, rate: float, device: torch.device) -> torch.Tensor:
    """Onsets on a grid of `steps` cells at `rate` cells a second: (B, steps).

    1 in the cell of a visible event, 0.4 beside it, else 0.
    """
    target = torch.zeros(len(clips), steps)
    for row, clip in zip(target, clips, strict=True):
        for time, seen in zip(clip.events, clip.seen, strict=True):
            cell = int(time * rate)
            if seen and cell < steps:
                row[cell] = 1
                for beside in (cell - 1, cell + 1):
                    if 0 <= beside < steps:
                        row[beside] = row[beside].clamp_min(0.4)
    return target.to(device)
