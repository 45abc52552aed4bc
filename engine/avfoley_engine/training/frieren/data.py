"""Clips as Frieren learns from them: what is seen in them, and their latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from avfoley_engine.errors import ModelError
from avfoley_engine.models.frieren.config import ContrastiveConfig, FrierenConfig
from avfoley_engine.models.frieren.features import Seen, seen_events
from avfoley_engine.training.dataset import Clip, PairedClips, mirrored_motion
from avfoley_engine.training.shards import codec_identity
from avfoley_engine.vision.events import EventStem
from avfoley_engine.vision.image_network import ImageNetwork


class _Piece(NamedTuple):
    """Events, looks and latents of a clip, in half precision."""

    events: np.ndarray
    looks: np.ndarray
    latents: np.ndarray


@dataclass
class SeenBatch:
    """What is seen, latents (B, L, latent_width), and the clips; of a joined one, the first half's."""

    seen: Seen
    latents: torch.Tensor
    clips: list[Clip]


class SeenClips:
    """Random batches of what an event stem and an image network see in clips, and of their latents.

    What the stem sees, also in mirrored pictures, is written beside the clips once a stem. What the
    image network sees was written with them (`looks.npy`); clips without it look like nothing.

    Raises:
        ModelError: there are no clips, or they have no motion features.
    """

    def __init__(self, folders: Sequence[Path], config: FrierenConfig, stem: EventStem, device: torch.device) -> None:
        assert isinstance(config.features, ContrastiveConfig)
        self.config, self.sizes, self.device = config, config.features, device
        self.clips = PairedClips(folders, device, mirror=False)
        self.looks_a_window = len(range(self.sizes.look_every // 2, config.frames, self.sizes.look_every))
        name = f"seen-{codec_identity(stem.state_dict())}.npy"
        self.events: list[np.ndarray] = []
        self.looks: list[np.ndarray | None] = []
        for shard, (folder, frames, motion) in enumerate(
            zip(self.clips.formats, self.clips.frames, self.clips.motion, strict=True)
        ):
            if motion is None:
                raise ModelError(f"{folder} holds no motion.npy. Make the clips again with this version.")
            path, looked = folder / name, folder / "looks.npy"
            if not path.exists():
                part = path.with_suffix(".part")
                with part.open("wb") as file:
                    np.save(file, self._seen(stem, frames, motion))
                part.replace(path)
                print(f"{path}: shard {shard + 1} of {len(self.clips.frames)}", flush=True)
            self.events.append(np.load(path, mmap_mode="r"))
            self.looks.append(np.load(looked, mmap_mode="r") if looked.exists() else None)

    @torch.no_grad()
    def _seen(self, stem: EventStem, frames: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """What the stem sees in a shard's clips as they are and mirrored: (clips, 2, S, width) float16."""
        rows = []
        for first in range(0, len(frames), 10):
            pixels = torch.from_numpy(np.array(frames[first : first + 10]))
            moved = torch.from_numpy(motion[first : first + 10].astype(np.float32)).to(self.device)
            both = ((pixels, moved), (pixels.flip(3), mirrored_motion(moved)))
            seen = [seen_events(stem, p, m, self.sizes.time).half().cpu().numpy() for p, m in both]
            rows.append(np.stack(seen, axis=1))
        return np.concatenate(rows)

    def batch(self, size: int, rng: np.random.Generator, *, joined: float = 0.0, unlooked: float = 0.0) -> SeenBatch:
        """Clips drawn with replacement, half of them mirrored.

        A share `joined` of them are two clips, one after the other (Sec. 3.5); a share `unlooked` are
        not looked at.
        """
        drawn, others = (rng.integers(len(self.clips.clips), size=size).tolist() for _ in range(2))
        pieces = [self._random(number, rng, unlooked) for number in drawn]
        for row in np.flatnonzero(rng.random(size) < joined):
            pieces[row] = self._joined(pieces[row], self._random(others[row], rng, unlooked), rng)
        return self._batch(pieces, drawn)

    def of(self, numbers: Sequence[int]) -> SeenBatch:
        """These clips as they are."""
        return self._batch([self._piece(number) for number in numbers], numbers)

    def _batch(self, pieces: list[_Piece], numbers: Sequence[int]) -> SeenBatch:
        events, looks, latents = (
            torch.from_numpy(np.stack(parts).astype(np.float32)).to(self.device) for parts in zip(*pieces, strict=True)
        )
        return SeenBatch(Seen(events, looks), latents, [self.clips.clips[number] for number in numbers])

    def _random(self, number: int, rng: np.random.Generator, unlooked: float) -> _Piece:
        """A clip, mirrored or not, looked at or not."""
        return self._piece(number, mirrored=int(rng.integers(2)), looked=rng.random() >= unlooked)

    def _piece(self, number: int, *, mirrored: int = 0, looked: bool = True) -> _Piece:
        shard, row = self.clips.where[number]
        looks = self.looks[shard]
        nothing = np.zeros((self.looks_a_window, ImageNetwork.width), np.float16)
        seen = nothing if looks is None or not looked else looks[row]
        return _Piece(self.events[shard][row, mirrored], seen, self.clips.latents[shard][row])

    def _joined(self, first: _Piece, second: _Piece, rng: np.random.Generator) -> _Piece:
        """Some of one clip, then some of another, cut where a second of both begins.

        There latents, steps and looks begin together, so picture and sound stay aligned.
        """
        whole = int(self.config.frames / self.config.frame_rate)
        seconds = int(rng.integers(min(2, whole - 1), max(whole - 1, 2)))
        early, late = int(rng.integers(whole - seconds + 1)), int(rng.integers(seconds + 1))
        rates = (
            self.config.features_per_second,
            self.config.frame_rate / self.sizes.look_every,
            self.config.latents_per_second,
        )
        parts = []
        for a, b, rate in zip(first, second, rates, strict=True):
            begin, length, again = (round(n * rate) for n in (early, seconds, late))
            parts.append(np.concatenate([a[begin : begin + length], b[again : again + len(a) - length]]))
        return _Piece(*parts)
