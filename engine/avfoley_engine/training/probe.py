"""Do the frozen video features carry the events? The question to ask before fusing (`avfoley train probe`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from avfoley_engine.extras import require
from avfoley_engine.flow.path import interpolate
from avfoley_engine.media.pixels import to_pixels
from avfoley_engine.models.avlink.backbones import VideoDiT
from avfoley_engine.models.avlink.config import NANO
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training.avlink.video import event_loss
from avfoley_engine.training.checkpoints import checkpoint_of
from avfoley_engine.training.dataset import Clip, PairedClips, event_targets
from avfoley_engine.training.loading import load_run, untrained_link
from avfoley_engine.training.options import CommandOptions, option
from avfoley_engine.vision.events import EventHead


def pick_peaks(scores: NDArray[np.float32], rate: float, threshold: float) -> NDArray[np.float64]:
    """Scores (cells,) at `rate` Hz -> times (K,) in s of maxima over `threshold`, 0.1 s apart."""
    highest = maximum_filter1d(scores, 2 * max(1, round(0.1 * rate)) + 1, mode="nearest")
    return np.asarray((np.flatnonzero((scores > threshold) & (scores == highest)) + 0.5) / rate, np.float64)


def f1(scores: NDArray[np.float32], clips: list[Clip], rate: float, threshold: float, window: float = 0.08) -> float:
    """Micro-averaged F1 of picked peaks against all events of the clips; scores (B, cells)."""
    match_events = require("mir_eval.util", "train").match_events
    hits = found = true = 0
    for row, clip in zip(scores, clips, strict=True):
        times, events = pick_peaks(row, rate, threshold), np.array(clip.events)
        found, true = found + len(times), true + len(events)
        if len(times) and len(events):
            hits += len(match_events(events, times, window))
    return 2 * hits / max(1, found + true)


@dataclass(frozen=True)
class ProbeResult:
    """F1 (+-80 ms) of a probe on one block's tokens, for its own clips and for the next clip's events."""

    block: int
    matched: float
    shuffled: float


@torch.no_grad()
def features(video: VideoDiT, frames: torch.Tensor, t: float) -> list[torch.Tensor]:
    """Frames (B, T, H, W, 3) uint8 -> tokens of each block, means of steps: (B, steps, width)."""
    down, across = video.grid
    collected: list[list[torch.Tensor]] = [[] for _ in range(video.config.depth)]
    for some in frames.split(8):
        pixels = to_pixels(some.to(next(video.parameters()).device))
        times = pixels.new_full((len(pixels),), t)
        nothing = TextStates(
            pixels.new_zeros(len(pixels), 0, video.config.text_width or 0),
            times.new_zeros(len(pixels), 0, dtype=torch.bool),
        )
        state = video.embed(interpolate(pixels, torch.randn_like(pixels), times), times, nothing)
        for index in range(video.config.depth):
            video.block(index, state)
            collected[index].append(state.tokens.unflatten(1, (-1, down * across)).mean(2))
    return [torch.cat(c) for c in collected]


def probe(
    video: VideoDiT, data: PairedClips, t: float, clips: int = 400, steps: int = 400, seed: int = 0
) -> list[ProbeResult]:
    """Trains a head on each block's tokens of four fifths of the clips; the rest scores it."""
    torch.manual_seed(seed)
    rows = np.random.default_rng(seed).permutation(len(data.clips))[:clips]
    chosen = [data.clips[i] for i in rows]
    frames = torch.from_numpy(np.stack([data.frames[s][r] for s, r in (data.where[i] for i in rows)]))
    split = clips * 4 // 5
    rate = float(video.video.frame_rate)
    results = []
    for block, tokens in enumerate(features(video, frames, t)):
        head = EventHead(tokens.shape[-1], video.video.patch[0])
        optimizer = torch.optim.AdamW(head.parameters(), 2e-3)
        for _ in range(steps):
            batch = torch.randint(split, (32,))
            logits = head(tokens[batch], 1)
            loss = event_loss(logits, event_targets([chosen[i] for i in batch], logits.shape[1], rate, logits.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            train, held = (torch.sigmoid(head(x, 1)).numpy() for x in (tokens[:split], tokens[split:]))
        threshold = max(np.arange(0.2, 0.9, 0.05), key=lambda th: f1(train, chosen[:split], rate, th))
        own = chosen[split:]
        results.append(ProbeResult(block, f1(held, own, rate, threshold), f1(held, own[1:] + own[:1], rate, threshold)))
    return results


@dataclass(frozen=True, kw_only=True)
class ProbeOptions(CommandOptions):
    """See `probe_runs`."""

    clips: int = option(400, "how many clips of the world")


def probe_runs(options: ProbeOptions, device: torch.device) -> None:
    """Prints a line for each block of the runs' video backbone."""
    link = untrained_link([]).to(device).eval()
    load_run(link, options.runs, "video")
    if checkpoint_of(options.runs, "events").exists():
        load_run(link, options.runs, "events")
    data = PairedClips(options.runs / "world", device)
    for row in probe(link.video, data, NANO.video_time, options.clips, seed=options.seed):
        print(f"block {row.block + 1}: F1 (+-80 ms) {row.matched:.3f} matched, {row.shuffled:.3f} shuffled", flush=True)
