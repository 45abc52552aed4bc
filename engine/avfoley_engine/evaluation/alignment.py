"""`evaluate alignment`: what share of the sounds a trained judge calls in time with their picture.

Align accuracy, as Diff-Foley (arXiv 2306.17203, Sec. 4) and Frieren have it: a classifier learns to
tell clips from clips whose sound is shifted in time or another clip's. Ours learns from clips of the
world's training split, rendered for it, and sees the picture through the event stem of an AV-Link
model. Its own accuracy on held-out clips stands beside every figure: *aligned*, *shifted* and *other*
are the shares of those that it judges rightly, *held_out* the mean of aligned and misaligned ones.
*generated* is the share of a model's sounds that it calls aligned, *generated_shuffled* of the same
sounds beside another clip's picture.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
import torchaudio
from rich.console import RenderableType
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from avfoley_engine.codec.mel import LogMel
from avfoley_engine.errors import ModelError
from avfoley_engine.evaluation import options
from avfoley_engine.evaluation.classifier import FRONT_END
from avfoley_engine.evaluation.clips import WorldClip, world_clips
from avfoley_engine.evaluation.generated import sounds
from avfoley_engine.evaluation.sync import batches
from avfoley_engine.models import registry
from avfoley_engine.models.interface import EventModel
from avfoley_engine.nn.convolutions import along_time, depthwise
from avfoley_engine.protocol import SAMPLE_RATE
from avfoley_engine.world import RecordedBank, SoundBank, SyntheticBank

#: Steps a second in which picture and sound are compared.
RATE = 25
_WIDTH = 64
#: A misaligned sound is off by so many seconds, at least and at most.
SHIFTS = (0.25, 2.0)


class Judge(nn.Module):
    """Probabilities of events in the picture and levels of the sound -> whether both are in time."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = nn.Conv1d(FRONT_END.bands, _WIDTH, 3, padding=1)
        self.seen = nn.Conv1d(2, _WIDTH, 3, padding=1)
        self.joined = nn.Linear(3 * _WIDTH, _WIDTH)
        self.temporal = depthwise(_WIDTH, 1, 2, 4, 8)
        self.output = nn.Linear(2 * _WIDTH, 1)

    def forward(self, seen: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        """Pictures (B, T, 2) and sounds (B, T, bands), `RATE` steps a second -> logits (B,)."""
        a, b = (F.relu(layer(x.transpose(1, 2))) for layer, x in ((self.heard, heard), (self.seen, seen)))
        x = F.relu(self.joined(torch.cat([a, b, a * b], dim=1).transpose(1, 2)))
        y = along_time(self.temporal, x.transpose(1, 2))
        logits: torch.Tensor = self.output(torch.cat([y.mean(2), y.amax(2)], dim=1))[:, 0]
        return logits


@dataclass(frozen=True)
class Pairs:
    """Pictures (clips, T, 2) and sounds (clips, T, bands), row by row of the same clips."""

    seen: torch.Tensor
    heard: torch.Tensor

    def shifted(self, rng: np.random.Generator) -> torch.Tensor:
        """The sounds, each moved around by a time that would be heard."""
        low, high = (round(RATE * seconds) for seconds in SHIFTS)
        offsets = rng.integers(low, high + 1, len(self.heard)) * rng.choice([-1, 1], len(self.heard))
        return torch.stack([sound.roll(int(n), 0) for sound, n in zip(self.heard, offsets, strict=True)])


def seen_in(clip: WorldClip, model: EventModel, steps: int) -> torch.Tensor:
    """The probability of an event in a clip's picture, and its rise, at every step: (T, 2)."""
    frames = torch.from_numpy(clip.frames(model.frame_rate, model.frame_size))
    probabilities = model.event_probabilities(frames)
    at = F.interpolate(probabilities[None, None], steps, mode="linear", align_corners=False)[0, 0]
    return torch.stack([at, at.diff(prepend=at[:1])], dim=1)


def heard_in(samples: np.ndarray | torch.Tensor, sample_rate: int, steps: int) -> torch.Tensor:
    """Levels of a sound (samples,) below its own peak, 0 to -1 at 70 dB, at every step: (T, bands)."""
    at_rate = torchaudio.functional.resample(torch.as_tensor(samples).float(), sample_rate, SAMPLE_RATE)
    needed = -(-steps * SAMPLE_RATE // RATE // FRONT_END.hop) * FRONT_END.hop
    mel = LogMel(FRONT_END)(F.pad(at_rate[:needed], (0, max(0, needed - len(at_rate))))[None])[0]
    levels = ((mel - mel.max()) / (70 * np.log(10) / 20)).clamp_min(-1)
    return F.interpolate(levels[None], steps, mode="area")[0].T


def steps_of(clip: WorldClip) -> int:
    """Steps of a clip."""
    return int(clip.duration * RATE)


def pairs_of(clips: Sequence[WorldClip], model: EventModel, bank: SoundBank) -> Pairs:
    """What is seen and heard in clips that a bank sounds."""
    seen, heard = [], []
    for clip in options.tracked(clips, "Looking and listening", len(clips)):
        seen.append(seen_in(clip, model, steps_of(clip)))
        heard.append(heard_in(clip.sounded(bank), SAMPLE_RATE, steps_of(clip)))
    return Pairs(torch.stack(seen), torch.stack(heard))


def train(pairs: Pairs, steps: int, batch: int = 64, seed: int = 0) -> Judge:
    """A judge of aligned, shifted and other clips' sounds, as many of the first as of the others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge, rng = Judge(), np.random.default_rng(seed)
        optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
        for _ in options.tracked(range(steps), "Training the judge", steps):
            rows = torch.from_numpy(rng.choice(len(pairs.seen), batch))
            some = Pairs(pairs.seen[rows], pairs.heard[rows])
            wrong = some.shifted(rng)
            others = torch.from_numpy(rng.random(batch) < 0.3)
            wrong[others] = pairs.heard[torch.from_numpy(rng.choice(len(pairs.seen), int(others.sum())))]
            logits = judge(torch.cat([some.seen, some.seen]), torch.cat([some.heard, wrong]))
            target = torch.cat([torch.ones(batch), torch.zeros(batch)])
            loss = F.binary_cross_entropy_with_logits(logits, target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    return judge.eval().requires_grad_(False)


def trained(model: EventModel, bank: SoundBank, clips: int, steps: int, cache: Path) -> Judge:
    """The judge of these settings: from the cache, else trained (minutes) and kept there."""
    digest = hashlib.sha256(inspect.getsource(sys.modules[__name__]).encode())
    digest.update(f"{model.name} {model.revision} {type(bank).__name__} {clips} {steps}".encode())
    path = cache / f"judge-{digest.hexdigest()[:16]}.safetensors"
    judge = Judge().eval().requires_grad_(False)
    try:
        judge.load_state_dict(load_file(path))
    except (FileNotFoundError, SafetensorError):
        judge = train(pairs_of([WorldClip(n, split="judge") for n in range(clips)], model, bank), steps)
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file({name: tensor.contiguous() for name, tensor in judge.state_dict().items()}, part)
        part.replace(path)
    return judge


def own_accuracy(judge: Judge, pairs: Pairs, seed: int = 0) -> dict[str, float]:
    """How many held-out pairs of each kind a judge judges rightly."""
    rng = np.random.default_rng(seed)
    aligned = float((judge(pairs.seen, pairs.heard) > 0).float().mean())
    shifted = float((judge(pairs.seen, pairs.shifted(rng)) <= 0).float().mean())
    other = float((judge(pairs.seen, pairs.heard.roll(1, 0)) <= 0).float().mean())
    return {
        "aligned": aligned,
        "shifted": shifted,
        "other": other,
        "held_out": (aligned + (shifted + other) / 2) / 2,
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate alignment`."""
    options.add_model(parser)
    parser.add_argument("--eyes", default="avlink-nano", help="a model that spots events (default: %(default)s)")
    what = "clips of the world's held-out set (default: %(default)s)"
    parser.add_argument("--clips", type=options.positive, default=256, help=what)
    what = "clips that the judge learns from (default: %(default)s)"
    parser.add_argument("--training-clips", type=options.positive, default=800, metavar="N", help=what)
    what = "steps of its training (default: %(default)s)"
    parser.add_argument("--training-steps", type=options.positive, default=1500, metavar="N", help=what)
    what = "recordings that sound the clips it learns from; synthetic sounds without"
    parser.add_argument("--sounds", type=Path, metavar="DIR", help=what)
    parser.add_argument("--no-captions", action="store_true", help="give the model no captions")
    options.add_sampling(parser)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keeps the judge")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate alignment`. Raises `AVFoleyError`."""
    device = options.device(arguments)
    eyes = registry.load(arguments.eyes, "spot", device)
    if not isinstance(eyes, EventModel):
        raise ModelError(f"{arguments.eyes} spots no events. Choose another for --eyes.")
    model = registry.load(arguments.model, "foley", device)
    cache = arguments.cache or Path(platformdirs.user_cache_dir("avfoley", appauthor=False))
    learned, held_out = (
        (RecordedBank(arguments.sounds, split) if arguments.sounds else SyntheticBank())
        for split in ("train", "heldout")
    )
    judge = trained(eyes, learned, arguments.training_clips, arguments.training_steps, cache)
    clips: list[WorldClip] = [clip for clip in world_clips(arguments.clips).clips if isinstance(clip, WorldClip)]
    pairs = pairs_of(clips, eyes, held_out)
    sampling = options.sampling(arguments, model, captions=not arguments.no_captions)
    made: list[torch.Tensor] = []
    for group in batches(options.tracked(clips, "Generating", len(clips)), sampling.batch):
        found = sounds(group, model, sampling, len(made))
        made += [heard_in(s, model.sample_rate, steps_of(c)) for s, c in zip(found, group, strict=True)]
    heard = torch.stack(made)
    return {
        "model": model.name,
        "revision": model.revision,
        "eyes": eyes.name,
        "steps": sampling.steps,
        "guidance_scale": sampling.guidance_scale,
        "captions": sampling.captions,
        "clips": len(clips),
        "training_clips": arguments.training_clips,
        "judge": own_accuracy(judge, pairs),
        "generated": float((judge(pairs.seen, heard) > 0).float().mean()),
        "generated_shuffled": float((judge(pairs.seen, heard.roll(1, 0)) > 0).float().mean()),
    }


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as tables."""
    table = options.table(f"The judge, on {result['clips']} held-out clips", [""], ["judged rightly"])
    for name, share in result["judge"].items():
        table.add_row(name.replace("_", " "), f"{100 * share:.1f} %")
    yield table
    table = options.table(f"{result['model']}, {result['steps']} steps", [""], ["called aligned"])
    for name in ("generated", "generated_shuffled"):
        table.add_row(name.replace("_", " "), f"{100 * result[name]:.1f} %")
    yield table
