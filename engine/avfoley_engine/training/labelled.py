"""Labelled sounds as clips for text-to-audio: one source in each, at any length up to a window, encoded once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import ModelError
from avfoley_engine.media import onsets
from avfoley_engine.models.avlink.config import NANO
from avfoley_engine.training.dataset import PairedClips
from avfoley_engine.training.loading import load_codec
from avfoley_engine.training.options import CommandOptions, option
from avfoley_engine.training.phrases import caption_of
from avfoley_engine.training.shards import ANY, ShardFormat, finish_shard, is_whole, read_format
from avfoley_engine.world.recordings import ByLabel, Sound, training_sounds

_RATE = 48_000
#: Silence is what lies this far below a sound's peak.
_SILENCE_DB = -50.0
#: A sound is made longer or shorter, its pitch lower or higher, by so many twentieths.
_STRETCHES = (18, 19, 20, 20, 21, 22)
_SHORTEST_SECONDS = 0.4
#: Half of all collected effects are MP3s without a top octave. Their captions mostly say so, and no
#: user's caption does: what is asked for without these words comes with the band that whole files
#: taught. They make a negative caption too.
_HIGH_FIDELITY, _LOW_FIDELITY_WORDS, _LOW_FIDELITY_SHARE = 18_000.0, "in low fidelity", 0.85
_FADE_SECONDS = 0.01


@dataclass
class AudioBatch:
    """latents (B, L, latent_width) and mask (B, L), True where a row has a latent; a caption each."""

    latents: torch.Tensor
    mask: torch.Tensor
    captions: list[str]


#: Draws a batch of a size.
AudioSource = Callable[[int, np.random.Generator], AudioBatch]


@dataclass(frozen=True)
class LabelledClip:
    """What is known of an encoded clip: its label, its file's caption, and how many latents it lasts.

    `low_fidelity`: a lossy codec or a low sampling rate has cut its file off below `_HIGH_FIDELITY`.
    """

    label: str
    caption: str
    latents: int
    low_fidelity: bool


def trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the silence at both ends, 10 ms of which stay."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max(initial=0) * 10 ** (_SILENCE_DB / 20))
    if not len(loud):
        return samples
    margin = _RATE // 100
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


class Composer:
    """Makes clips of labelled sounds."""

    def __init__(self, sounds: Sequence[Sound], longest: int) -> None:
        """longest: samples of the longest clip."""
        self.longest, self.draw = longest, ByLabel(sounds)
        self._onsets: dict[str, NDArray[np.float64]] = {}

    def __call__(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], Sound]:
        """One clip (samples,) float32 and the sound that it is made of.

        What is longer than the clip is cut, mostly just before an onset; what is shorter stands at
        its beginning, sometimes later, and sometimes more than once.
        """
        sound = self.draw(rng)
        whole = trimmed(sound.samples.astype(np.float32) / np.float32(32768))
        stretch = int(rng.choice(_STRETCHES))
        x = resample_poly(whole, stretch, 20).astype(np.float32)
        shortest = round(_SHORTEST_SECONDS * _RATE)
        if rng.random() < 0.5:
            length = min(self.longest, max(shortest, len(x) + int(rng.integers(_RATE // 5))))
        else:
            length = int(rng.integers(shortest, self.longest + 1))
        clip = np.zeros(length, np.float32)
        if len(x) > length:
            start = self._start(self._attacks(sound, whole) * stretch / 20, len(x) - length, rng)
            clip[:] = x[start : start + length]
        else:
            spare = length - len(x)
            start = int(rng.integers((min(spare, _RATE // 10) if rng.random() < 0.7 else spare) + 1))
            again = rng.random() < 0.4
            if not again:
                clip[start : start + len(x)] += x
            while again and start + len(x) <= length:
                clip[start : start + len(x)] += x * rng.uniform(0.6, 1)
                start += len(x) + int(rng.uniform(0.02, 1.0) * _RATE)
        fade = round(_FADE_SECONDS * _RATE)
        clip[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        clip *= 10 ** (rng.uniform(-8, -2) / 20) / max(float(np.abs(clip).max()), 1e-4)
        return clip, sound

    def _attacks(self, sound: Sound, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        if sound.file not in self._onsets:
            self._onsets[sound.file] = onsets.detect(samples, _RATE)
        return self._onsets[sound.file]

    @staticmethod
    def _start(attacks: NDArray[np.float64], latest: int, rng: np.random.Generator) -> int:
        """Where to cut a clip out of a longer sound, at most `latest` (samples): mostly just before an attack (seconds)."""
        reachable = attacks[attacks * _RATE <= latest]
        if len(reachable) and rng.random() < 0.7:
            return max(0, int((rng.choice(reachable) - rng.uniform(0.02, 0.1)) * _RATE))
        return int(rng.integers(latest + 1))


def encode_sounds(
    folder: Path, codec: AudioCodec, sounds: Sequence[Sound], count: int, longest: int, seed: int = 0
) -> None:
    """Composes and encodes `count` clips of at most `longest` latents; a finished shard is left."""
    if is_whole(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    stride = codec.config.samples_per_latent
    compose = Composer(sounds, longest * stride)
    device = codec.latent_mean.device
    latents = np.zeros((count, longest, codec.config.vae.latent_width), np.float16)
    clips = []
    for row in range(count):
        samples, sound = compose(np.random.default_rng((seed, row)))
        length = -(-len(samples) // stride)
        padded = np.pad(samples, (0, length * stride - len(samples)))
        latents[row, :length] = codec.encode(torch.from_numpy(padded)[None].to(device))[0].cpu().numpy()
        clips.append(LabelledClip(sound.label, sound.caption, length, sound.bandwidth < _HIGH_FIDELITY))
    finish_shard(folder, latents, clips, ShardFormat.of(codec, longest))


@dataclass(frozen=True, kw_only=True)
class SoundsOptions(CommandOptions):
    """See `encode_labelled`."""

    sounds: Path = option(what="folder of recorded sounds with an index.csv")
    clips: int = option(16_000, "how many clips")


def encode_labelled(options: SoundsOptions, device: torch.device) -> None:
    """Composes and encodes clips of labelled sounds, with the codec of the runs."""
    codec, sounds = load_codec(options.runs, device), training_sounds(options.sounds, options.runs)
    encode_sounds(options.runs / "sounds", codec, sounds, options.clips, NANO.window_latents, seed=options.seed)


class LabelledClips:
    """Random batches of encoded clips, each with a caption drawn anew: an `AudioSource`.

    Raises `ModelError` where there are none, or they are not what is needed.
    """

    def __init__(self, folder: Path, device: torch.device, needed: ShardFormat = ANY) -> None:
        if not is_whole(folder):
            raise ModelError(f"{folder} holds no clips of labelled sounds. Run `avfoley train sounds` first.")
        self.device = device
        self.latents = np.load(folder / "latents.npy")
        self.format = read_format(folder, self.latents)
        self.format.check(needed, folder)
        self.clips = [LabelledClip(**json.loads(line)) for line in (folder / "clips.jsonl").read_text().splitlines()]

    def __call__(self, size: int, rng: np.random.Generator) -> AudioBatch:
        rows = rng.integers(len(self.clips), size=size)
        clips = [self.clips[i] for i in rows]
        longest = max(c.latents for c in clips)
        latents = torch.from_numpy(self.latents[rows, :longest].astype(np.float32)).to(self.device)
        mask = torch.arange(longest) < torch.tensor([c.latents for c in clips])[:, None]
        return AudioBatch(latents, mask.to(self.device), [self._caption(c, rng) for c in clips])

    @staticmethod
    def _caption(clip: LabelledClip, rng: np.random.Generator) -> str:
        caption = caption_of(clip.label, clip.caption, rng)
        if clip.low_fidelity and rng.random() < _LOW_FIDELITY_SHARE:
            return f"{caption} {_LOW_FIDELITY_WORDS}"
        return caption


def sounds_of(clips: PairedClips) -> AudioSource:
    """The sound of paired clips alone."""

    def draw(size: int, rng: np.random.Generator) -> AudioBatch:
        batch = clips.batch(size, rng, picture=False)
        mask = torch.ones(batch.latents.shape[:2], dtype=torch.bool, device=clips.device)
        return AudioBatch(batch.latents, mask, [c.caption for c in batch.clips])

    return draw


def mixed(first: AudioSource, second: AudioSource, share: float) -> AudioSource:
    """Batches of which `share` comes from the first source, the rest from the second."""

    def draw(size: int, rng: np.random.Generator) -> AudioBatch:
        some = round(share * size)
        parts = [source(count, rng) for source, count in ((first, some), (second, size - some)) if count]
        longest = max(p.latents.shape[1] for p in parts)
        return AudioBatch(
            torch.cat([F.pad(p.latents, (0, 0, 0, longest - p.latents.shape[1])) for p in parts]),
            torch.cat([F.pad(p.mask, (0, longest - p.mask.shape[1])) for p in parts]),
            [caption for p in parts for caption in p.captions],
        )

    return draw
