"""Trains AV-Link: the audio backbone, the video backbone, then the fusion blocks between the two, frozen.

Two documented additions to the paper, both in training only, both switches: an event loss on the video backbone's features at the
conditioning flow time, and an onset loss on the generated modality's tokens behind each fusion block near pure noise. The paper's backbones
learned events from months of video; ours must learn them in an hour.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.media.pixels import to_pixels
from avfoley_engine.models.avlink.backbones import AudioDiT, VideoDiT
from avfoley_engine.models.avlink.config import Direction
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import DiTState
from avfoley_engine.training.dataset import Batch, CaptionStates, PairedClips, event_targets
from avfoley_engine.training.labelled import AudioSource
from avfoley_engine.training.trainer import LossFunction, Trainer, TrainerConfig, local_share


@dataclass(frozen=True)
class AVLinkTraining:
    """Shares and weights as in the paper where it gives them; `event_weight` and `onset_weight` 0 give the paper's losses alone."""

    batch: int = 16
    caption_drop: float = 0.1
    generated_caption_drop: float = 0.5
    conditioning_caption_drop: float = 0.2
    #: What the fusion blocks see the conditioning modality at in training: its fixed flow time, or any (the paper's ablation).
    conditioning_time: Literal["fixed", "uniform"] = "fixed"
    #: Share of a video batch that stands at the conditioning flow time and feels the event loss.
    event_share: float = 0.5
    event_weight: float = 0.5
    onset_weight: float = 0.3
    #: The onset loss is felt only where what is generated is noisier than this: else its head reads that, not the conditioning modality.
    onset_latest_time: float = 0.3
    #: Location and scale of the logit of flow times at which video is drawn, before the model's `time_shift`; None: as in the paper.
    drawing_times: tuple[float, float] | None = None
    #: Steps of tokens of a clip whose drawn frames feel a loss, at a random place; None: all of them. What is drawn costs most of the time.
    drawn_steps: int | None = None
    #: Still pictures that `train_drawing` learns from for every clip of a batch: they cost little, and are hard to compose.
    stills: int = 4
    #: Leave the clips out: as many still pictures as ever, and nothing else.
    stills_alone: bool = False


def dropped(size: int, share: float, rng: np.random.Generator, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(rng.random(size) < share).to(device)


def audio_loss(audio: AudioDiT, data: AudioSource, text: CaptionStates, options: AVLinkTraining) -> LossFunction:
    """Text-to-audio flow matching; flow time logit-normal (0, 1), captions dropped 10 %."""

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data(options.batch, rng)
        x1, mask = batch.latents, batch.mask
        x0, t = torch.randn_like(x1), logit_normal(len(x1), 0.0, 1.0, x1.device)
        states = text(batch.captions).drop(dropped(len(x1), options.caption_drop, rng, x1.device))
        velocity = audio(interpolate(x1, x0, t), t, states, mask)
        return F.mse_loss(velocity[mask], (x1 - x0)[mask]), {}

    return loss


def train_audio(
    audio: AudioDiT,
    data: AudioSource,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
) -> None:
    """Trains the audio backbone (`audio_loss`). Leaves the EMA weights in `audio`."""
    trainer = Trainer(audio, audio_loss(audio, data, text, options), folder, config)
    trainer.run()
    audio.load_state_dict(trainer.ema.shadow)


class EventHead(nn.Module):
    """Reads events from a video backbone's tokens: two cells, so frames of 1/24 s, a step of tokens."""

    def __init__(self, width: int, cells: int = 2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.features = nn.Linear(width, 64)
        self.cells = nn.Linear(64, cells)

    def forward(self, tokens: torch.Tensor, per_step: int) -> torch.Tensor:
        """tokens (B, steps * per_step, width) -> logits (B, steps * cells)."""
        features = F.gelu(self.features(self.norm(tokens))).unflatten(1, (-1, per_step)).mean(dim=2)
        return self.cells(features).flatten(1)


def drawing_times(
    video: VideoDiT, size: int, paper: tuple[float, float], options: AVLinkTraining, device: torch.device
) -> torch.Tensor:
    """Flow times (size,) for video that is generated: `paper`'s logit-normal or the options', moved by the model's `time_shift`."""
    location, scale = options.drawing_times or paper
    return logit_normal(size, location - math.log(video.video.time_shift), scale, device)


def drawing_error(
    video: VideoDiT, velocity: torch.Tensor, x1: torch.Tensor, xt: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """The loss of frames drawn at t (B,): the square of the velocity's error up to t = 0.5, four times that of the clean frames later.

    Nearer to the data the velocity's error is that of the finest detail, a hundred times over.
    """
    error = video.sample_of(velocity, xt, t) - x1
    return (error / (1 - t).clamp_min(0.5).reshape(-1, *[1] * (x1.dim() - 1))).square().mean()


def video_error(
    video: VideoDiT, velocity: torch.Tensor, x1: torch.Tensor, x0: torch.Tensor, t: torch.Tensor, shown: slice
) -> torch.Tensor:
    """The loss of a velocity of the steps `shown`, for frames x1 and noise x0 (B, T, H, W, 3) at t (B,).

    It is the paper's, or `drawing_error` where the backbone has a `Drawing`.
    """
    x1, x0 = video.of_steps(x1, shown), video.of_steps(x0, shown)
    if video.drawing is None:
        return F.mse_loss(velocity, x1 - x0)
    return drawing_error(video, velocity, x1, interpolate(x1, x0, t), t)


def shown_steps(video: VideoDiT, frames: int, options: AVLinkTraining, rng: np.random.Generator) -> slice:
    """The steps of tokens that a batch's loss on drawn frames looks at."""
    steps = frames // video.video.patch[0]
    count = min(steps, options.drawn_steps or steps)
    first = int(rng.integers(steps - count + 1))
    return slice(first, first + count)


def drawing_loss(video: VideoDiT, data: PairedClips, text: CaptionStates, options: AVLinkTraining) -> LossFunction:
    """Text-to-video flow matching of what draws behind the frozen blocks of the backbone, and of its still pictures alone."""
    drawing = video.drawing
    assert drawing is not None
    stills = data.stills()

    def noise(size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Flow times (size,), and which captions are dropped."""
        t = drawing_times(video, size, (0.0, 1.0), options, data.device)
        return t, dropped(size, options.caption_drop, rng, data.device)

    def of_frames(rng: np.random.Generator) -> torch.Tensor:
        batch = data.batch(options.batch, rng)
        x1 = batch.frames
        assert x1 is not None
        t, drop = noise(len(x1), rng)
        x0 = torch.randn_like(x1)
        xt = interpolate(x1, x0, t)
        with torch.no_grad():
            state = video.embed(xt, t, text([c.video_caption for c in batch.clips]).drop(drop))
            for index in range(video.config.depth):
                video.block(index, state)
        shown = shown_steps(video, x1.shape[1], options, rng)
        return video_error(video, video.head(state, xt, t, shown), x1, x0, t, shown)

    def of_stills(rng: np.random.Generator) -> torch.Tensor:
        rows = rng.integers(len(stills), size=options.stills * options.batch)
        clean, frames = to_pixels(stills[rows].to(data.device)), video.video.frames
        t, drop = noise(len(rows), rng)
        mean = interpolate(clean, torch.randn_like(clean) / math.sqrt(frames), t)
        state = video.conditions(t, text([data.clips[row].video_caption for row in rows]).drop(drop))
        return F.mse_loss(drawing.still(mean, t, frames, state), clean)

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        losses = {}
        if not options.stills_alone:
            losses["frames"] = of_frames(rng)
        if options.stills:
            losses["stills"] = of_stills(rng)
        return torch.stack(list(losses.values())).sum(), {name: value.item() for name, value in losses.items()}

    return loss


def train_drawing(
    video: VideoDiT,
    data: PairedClips,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
) -> None:
    """Trains the backbone's `Drawing` alone (`drawing_loss`); all that fusion blocks see stays what it is. Leaves the EMA weights in it.

    Raises:
        ModelError: the backbone has none.
    """
    if video.drawing is None:
        raise ModelError("This video backbone draws with its one last layer: train it whole.")
    video.requires_grad_(False)
    video.drawing.requires_grad_(True)
    trainer = Trainer(video, drawing_loss(video, data, text, options), folder, config)
    trainer.run()
    video.load_state_dict(trainer.ema.shadow, strict=False)


def event_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy, positive cells weighted, as most cells are empty."""
    return F.binary_cross_entropy_with_logits(logits, target, pos_weight=logits.new_tensor(4.0))


def event_heads(video: VideoDiT) -> nn.ModuleList:
    """A head for every second block of a video backbone."""
    return nn.ModuleList(EventHead(video.config.width, video.video.patch[0]) for _ in range(video.config.depth // 2))


def read_behind_blocks(video: VideoDiT, state: DiTState, heads: nn.ModuleList, target: torch.Tensor) -> torch.Tensor:
    """Runs all blocks on the state, in place; the mean event loss of `heads` on its first rows, those of `target` (rows, cells)."""
    down, across = video.grid
    events = target.new_zeros(())
    for index in range(video.config.depth):
        video.block(index, state)
        if len(target) and index % 2:
            events = events + event_loss(heads[index // 2](state.tokens[: len(target)], down * across), target)
    return events / len(heads)


class VideoTraining(nn.Module):
    """The video backbone with the event head that reads its tokens behind every second block."""

    def __init__(self, video: VideoDiT) -> None:
        super().__init__()
        self.video = video
        self.heads = event_heads(video)


def video_loss(
    training: VideoTraining, data: PairedClips, text: CaptionStates, options: AVLinkTraining, video_time: float
) -> LossFunction:
    """Text-to-video flow matching on pixels; a share of each batch at the conditioning flow time feels the event loss instead."""
    video = training.video

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.batch, rng)
        x1 = batch.frames
        assert x1 is not None
        size = len(x1)
        conditioning = int(options.event_share * size) if options.event_weight else 0
        t = drawing_times(video, size, (0.0, 1.0), options, x1.device)
        t[:conditioning] = video_time
        x0 = torch.randn_like(x1)
        states = text([c.video_caption for c in batch.clips]).drop(dropped(size, options.caption_drop, rng, x1.device))
        xt = interpolate(x1, x0, t)
        state = video.embed(xt, t, states)
        target = event_targets(batch.clips[:conditioning], x1.shape[1], float(video.video.frame_rate), x1.device)
        events = read_behind_blocks(video, state, training.heads, target)
        shown = shown_steps(video, x1.shape[1], options, rng)
        velocity = video.head(state.rows(conditioning), xt[conditioning:], t[conditioning:], shown)
        flow = video_error(video, velocity, x1[conditioning:], x0[conditioning:], t[conditioning:], shown)
        return flow + options.event_weight * events, {"flow": flow.item(), "events": events.item()}

    return loss


def train_video(
    training: VideoTraining,
    data: PairedClips,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
    video_time: float,
) -> None:
    """Trains the video backbone (`video_loss`). Leaves the EMA weights in `training`."""
    trainer = Trainer(training, video_loss(training, data, text, options, video_time), folder, config)
    trainer.run()
    training.load_state_dict(trainer.ema.shadow)


#: Families whose events are hard to see, and how many times as often as the others `train_events` draws them.
HARD_TO_SEE = {
    "drop": 3.0,
    "clock": 3.0,
    "footsteps": 2.5,
    "door": 2.5,
    "engine": 2.5,
    "roll": 2.0,
    "typing": 1.5,
    "animal": 1.3,
    "drip": 1.2,
    "fireworks": 1.2,
    "switch": 1.2,
}


class EventTraining(nn.Module):
    """The video backbone, frozen but for its `EventStem`, with a head on what the stem sees and heads behind every second block."""

    def __init__(self, video: VideoDiT) -> None:
        super().__init__()
        if video.events is None:
            raise ModelError("This video backbone has no event stem: there is nothing to train.")
        self.video = video
        video.requires_grad_(False)
        video.events.requires_grad_(True)
        self.head = EventHead(video.config.width, video.video.patch[0])
        self.heads = event_heads(video)


def recoloured(frames: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Frames (B, T, H, W, 3) in [-1, 1] in other colours, darker, flatter or as a negative, clip by clip: the events stay what they are."""
    orders = torch.from_numpy(np.argsort(rng.random((len(frames), 3)), axis=1)).to(frames.device)
    swapped = torch.from_numpy(rng.random(len(frames)) < 0.5).to(frames.device)
    orders = torch.where(swapped[:, None], orders, torch.arange(3, device=frames.device))
    frames = frames.gather(-1, orders[:, None, None, None].expand_as(frames))
    flat = rng.random(len(frames)) < 0.3
    gain = np.where(rng.random(len(frames)) < 0.15, -1.0, 1.0) * np.where(flat, rng.uniform(0.5, 1, len(frames)), 1)
    lift = np.where(flat, rng.uniform(-0.2, 0.2, len(frames)), 0)
    gains, lifts = (torch.from_numpy(v).to(frames)[:, None, None, None, None] for v in (gain, lift))
    return frames * gains + lifts


def event_stem_loss(
    training: EventTraining,
    data: PairedClips,
    text: CaptionStates,
    options: AVLinkTraining,
    video_time: float,
    alone: int,
) -> LossFunction:
    """The event loss of the stem's features alone for `alone` steps, then of the tokens behind the frozen blocks beside it.

    Going through the blocks takes twice as long, and only says where in their tokens there is room.
    """
    video = training.video
    events = video.events
    assert events is not None
    down, across = video.grid

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.batch, rng)
        assert batch.frames is not None
        x1 = recoloured(batch.frames, rng)
        t = x1.new_full((len(x1),), video_time)
        xt = interpolate(x1, torch.randn_like(x1), t)
        target = event_targets(batch.clips, x1.shape[1], float(video.video.frame_rate), x1.device)
        seen = events.extract(xt)
        own = event_loss(training.head(seen, down * across), target)
        if step < alone:
            return own, {"seen": own.item()}
        drop = dropped(len(x1), options.caption_drop, rng, x1.device)
        state = video.embed(xt, t, text([c.video_caption for c in batch.clips]).drop(drop), event_features=seen)
        behind = read_behind_blocks(video, state, training.heads, target)
        return own + behind, {"seen": own.item(), "behind": behind.item()}

    return loss


def train_events(
    training: EventTraining,
    data: PairedClips,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
    video_time: float,
    alone: int,
) -> None:
    """Trains the backbone's `EventStem` alone (`event_stem_loss`); what it draws stays what it is. Leaves the EMA weights in `training`."""
    trainer = Trainer(training, event_stem_loss(training, data, text, options, video_time, alone), folder, config)
    trainer.run()
    training.load_state_dict(trainer.ema.shadow, strict=False)


class FusionTraining(nn.Module):
    """The linked model, backbones frozen, with a head that reads events behind each fusion block of the directions it trains.

    `directions` are those of the link's own sets of blocks; "joint" trains both with one set.
    """

    def __init__(self, link: AVLink, directions: Sequence[Direction] = ("v2a",)) -> None:
        super().__init__()
        self.link, self.directions = link, tuple(directions)
        link.freeze_backbones()
        link.fusion.requires_grad_(False)
        for direction in directions:
            link.fusion_of(direction).requires_grad_(True)
        self.heads = nn.ModuleDict(
            {d: nn.ModuleList(self._head(d) for _ in range(link.config.fusion.blocks)) for d in directions}
        )

    def _head(self, direction: Direction) -> nn.Module:
        config = self.link.config
        if direction == "a2v":
            return EventHead(config.video.dit.width, config.video.patch[0])
        return nn.Sequential(nn.LayerNorm(config.audio.dit.width), nn.Linear(config.audio.dit.width, 1))

    def event_logits(self, direction: Direction, fused: list[torch.Tensor]) -> list[torch.Tensor]:
        """What the heads read from the generated modality's tokens: (B, cells) behind each fusion block."""
        pairs = list(zip(cast(nn.ModuleList, self.heads[direction]), fused, strict=True))
        if direction == "v2a":
            return [head(tokens).squeeze(-1).float() for head, tokens in pairs]
        down, across = self.link.video.grid
        return [head(tokens, down * across).float() for head, tokens in pairs]


def fusion_loss(
    training: FusionTraining,
    direction: Direction,
    batch: Batch,
    text: CaptionStates,
    options: AVLinkTraining,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, dict[str, float]]:
    """One direction's loss on a batch (Eq. 5 for V2A, its mirror image for A2V), and its figures.

    The generated modality's flow time is logit-normal (-1, 1), its prompt dropped 50 %. The conditioning modality stands at its fixed flow
    time, its prompt dropped 20 %.
    """
    config = training.link.config
    a1, v1 = batch.latents, batch.frames
    assert v1 is not None
    size, device = len(a1), a1.device
    a0, v0 = torch.randn_like(a1), torch.randn_like(v1)
    video = training.link.video
    paper = (-1.0, 1.0)
    t = logit_normal(size, *paper, device) if direction == "v2a" else drawing_times(video, size, paper, options, device)
    if options.conditioning_time == "uniform":
        fixed = torch.rand(size, device=device)
    else:
        fixed = torch.full_like(t, config.conditioning_time(direction))
    generated_drop, conditioning_drop = (
        dropped(size, share, rng, device)
        for share in (options.generated_caption_drop, options.conditioning_caption_drop)
    )
    if direction == "v2a":
        t_audio, t_video, audio_drop, video_drop = t, fixed, generated_drop, conditioning_drop
    else:
        t_audio, t_video, audio_drop, video_drop = fixed, t, conditioning_drop, generated_drop
    audio_text = text([c.caption for c in batch.clips]).drop(audio_drop)
    video_text = text([c.video_caption for c in batch.clips]).drop(video_drop)
    shown = shown_steps(video, v1.shape[1], options, rng) if direction == "a2v" else slice(None)
    linked = training.link(
        interpolate(a1, a0, t_audio),
        t_audio,
        audio_text,
        interpolate(v1, v0, t_video),
        t_video,
        video_text,
        direction=direction,
        both=False,
        token_steps=shown,
    )
    if direction == "v2a":
        assert linked.audio is not None
        flow = F.mse_loss(linked.audio, a1 - a0)
        cells, rate = a1.shape[1], config.audio.latents_per_second
    else:
        assert linked.video is not None
        flow = video_error(video, linked.video, v1, v0, t_video, shown)
        cells, rate = v1.shape[1], config.video.frame_rate
    figures = {"flow": flow.item()}
    if not options.onset_weight:
        return flow, figures
    noisy = (t < options.onset_latest_time).float()[:, None]
    onsets = event_targets(batch.clips, cells, float(rate), device)
    events = flow.new_zeros(())
    for logits in training.event_logits(direction, linked.fused):
        loss = F.binary_cross_entropy_with_logits(logits, onsets, pos_weight=flow.new_tensor(4.0), reduction="none")
        events = events + (loss * noisy).mean() / len(linked.fused)
    return flow + options.onset_weight * events, figures | {"onsets": events.item()}


def fusion_losses(
    training: FusionTraining, data: PairedClips, text: CaptionStates, options: AVLinkTraining
) -> LossFunction:
    """The mean of `fusion_loss` over the directions, each on its share of every batch."""
    directions = training.directions
    size = options.batch // len(directions)
    if not size:
        raise ModelError(
            f"a batch of {options.batch} has no clip for each of {' and '.join(directions)}; make it larger"
        )

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        figures: dict[str, float] = {}
        losses = []
        for direction in directions:
            one, found = fusion_loss(training, direction, data.batch(size, rng), text, options, rng)
            losses.append(one)
            figures |= found if len(directions) == 1 else {f"{direction}_{k}": v for k, v in found.items()}
        return torch.stack(losses).mean(), figures

    return loss


@contextmanager
def frozen_backbones(link: AVLink, folder: Path) -> Iterator[None]:
    """Asserts that what happens within it leaves both backbones, bit for bit, what they were.

    Raises:
        ModelError: it did not.
    """
    backbones = ("audio", "video")
    before = {name: fingerprint(link.get_submodule(name)) for name in backbones}
    yield
    changed = [name for name in backbones if fingerprint(link.get_submodule(name)) != before[name]]
    if changed:
        raise ModelError(f"{folder}: training changed the frozen {' and '.join(changed)} backbone. Throw the run away.")


def train_fusion(
    training: FusionTraining,
    data: PairedClips,
    text: CaptionStates,
    folder: Path,
    config: TrainerConfig,
    options: AVLinkTraining,
) -> None:
    """Trains the fusion blocks of `training`'s directions (`fusion_losses`). Leaves the EMA weights in the link.

    Raises:
        ModelError: a frozen backbone is not, bit for bit, what it was.
    """
    with frozen_backbones(training.link, folder):
        trainer = Trainer(training, fusion_losses(training, data, text, options), folder, config)
        trainer.run()
        training.load_state_dict(trainer.ema.shadow, strict=False)


def fingerprint(module: nn.Module) -> str:
    """sha256 (hex) of a module's parameters and buffers, bit for bit; where they are sharded, of this process's share."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(local_share(tensor).cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
