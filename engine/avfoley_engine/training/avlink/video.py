"""The video backbone: text to video on pixels, what draws behind it, and what sees events beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.media.pixels import to_pixels
from avfoley_engine.models.avlink.backbones import VideoDiT
from avfoley_engine.nn.dit import DiTState
from avfoley_engine.training.avlink.options import (
    NANO_TIMES,
    BasedOptions,
    DrawnOptions,
    ResumedOptions,
    dropped,
    format_for,
    frozen,
    units,
)
from avfoley_engine.training.dataset import CaptionStates, PairedClips, caption_states, event_targets
from avfoley_engine.training.loading import identity_in_use, model_named, with_drawing, with_events
from avfoley_engine.training.options import Share, option
from avfoley_engine.training.recipe import Objective, Recipe
from avfoley_engine.training.rendering import CLIPS, SEEN
from avfoley_engine.training.trainer import LossFunction
from avfoley_engine.vision.events import EventHead


@dataclass(frozen=True, kw_only=True)
class VideoOptions(DrawnOptions, ResumedOptions):
    """See `video_loss`."""

    batch: int = 12
    event_weight: float = option(1.0, "weight of the event loss on its features; 0: flow matching alone")
    event_share: Share = option(0.67, "share of a batch at the conditioning flow time")
    caption_drop: Share = option(0.1, "share of captions that are dropped")


@dataclass(frozen=True, kw_only=True)
class EventOptions(BasedOptions):
    """See `event_stem_loss`."""

    learning_rate: float = 2e-3
    alone: Share = option(0.85, "share of steps without the frozen blocks: twice as fast")
    pixel_drop: Share = option(0.3, "share of clips of which the stem sees the optical flow alone")
    caption_drop: Share = option(0.1, "share of captions that are dropped")


@dataclass(frozen=True, kw_only=True)
class DrawOptions(DrawnOptions, BasedOptions):
    """See `drawing_loss`."""

    batch: int = 12
    drawing_times: tuple[float, float] | None = NANO_TIMES
    drawn_steps: int | None = 12
    stills: int = option(4, "still pictures for every clip of a batch, 0: clips alone")
    stills_alone: bool = option(False, "leave the clips out, which take most of the time")
    caption_drop: Share = option(0.1, "share of captions that are dropped")


def event_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy, positive cells weighted, as most cells are empty."""
    return F.binary_cross_entropy_with_logits(logits, target, pos_weight=logits.new_tensor(4.0))


def event_heads(video: VideoDiT) -> nn.ModuleList:
    """A head for every second block of a video backbone."""
    return nn.ModuleList(EventHead(video.config.width, video.video.patch[0]) for _ in range(video.config.depth // 2))


def read_behind_blocks(video: VideoDiT, state: DiTState, heads: nn.ModuleList, target: torch.Tensor) -> torch.Tensor:
    """Runs all blocks on the state, in place.

    Returns the mean event loss of `heads` on its first rows, those of `target` (rows, cells).
    """
    down, across = video.grid
    events = target.new_zeros(())
    for index in range(video.config.depth):
        video.block(index, state)
        if len(target) and index % 2:
            events = events + event_loss(heads[index // 2](state.tokens[: len(target)], down * across), target)
    return events / len(heads)


def drawing_times(
    video: VideoDiT, size: int, paper: tuple[float, float], options: DrawnOptions, device: torch.device
) -> torch.Tensor:
    """Flow times (size,) for video that is generated.

    `paper`'s logit-normal or the options', moved by the model's `time_shift`.
    """
    location, scale = options.drawing_times or paper
    return logit_normal(size, location - math.log(video.video.time_shift), scale, device)


def drawing_error(
    video: VideoDiT, velocity: torch.Tensor, x1: torch.Tensor, xt: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """The loss of frames drawn at t (B,).

    The square of the velocity's error up to t = 0.5, four times that of the clean frames later:
    nearer to the data the velocity's error is that of the finest detail, a hundred times over.
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


def shown_steps(video: VideoDiT, frames: int, options: DrawnOptions, rng: np.random.Generator) -> slice:
    """The steps of tokens that a batch's loss on drawn frames looks at."""
    steps = frames // video.video.patch[0]
    count = min(steps, options.drawn_steps or steps)
    first = int(rng.integers(steps - count + 1))
    return slice(first, first + count)


class VideoTraining(nn.Module):
    """The video backbone with the event head that reads its tokens behind every second block."""

    def __init__(self, video: VideoDiT) -> None:
        super().__init__()
        self.video = video
        self.heads = event_heads(video)


def video_loss(
    training: VideoTraining, data: PairedClips, text: CaptionStates, options: VideoOptions, video_time: float
) -> LossFunction:
    """Text-to-video flow matching on pixels.

    A share of each batch at the conditioning flow time feels the event loss instead.
    """
    video = training.video

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.at_once, rng)
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


def build_video(options: VideoOptions, device: torch.device) -> Objective:
    """The video backbone, new or a model's."""
    data = PairedClips(options.data or options.runs / "world", device)
    config = options.network
    text = caption_states(config.text, device)
    base = model_named(options.resume, device) if options.resume else None
    data.check(format_for(config, identity_in_use(options.runs, base)))
    video = base.link.video if base else VideoDiT(config.video)
    video.checkpointing = options.checkpointing
    training = VideoTraining(video.requires_grad_(True)).to(device)
    loss = video_loss(training, data, text, options, config.video_time)
    return Objective("video", training, loss, units(training), casts=True)


#: Families whose events are hard to see, and how many times as often as the others they are drawn.
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
    """The video backbone, frozen but for its `EventStem`, with heads.

    One reads what the stem sees, the others the tokens behind every second block.
    """

    def __init__(self, video: VideoDiT) -> None:
        super().__init__()
        if video.events is None:
            raise ModelError("This video backbone has no event stem: there is nothing to train.")
        self.video = video
        video.requires_grad_(False)
        video.events.requires_grad_(True)
        #: The stem's own, or one that reads it in training alone.
        self.head = video.events.head or EventHead(video.config.width, video.video.patch[0])
        self.heads = event_heads(video)


def recoloured(frames: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Frames (B, T, H, W, 3) in [-1, 1] in other colours, darker, flatter or as a negative, by clip.

    The events stay what they are.
    """
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
    options: EventOptions,
    video_time: float,
) -> LossFunction:
    """The event loss of the stem's features, at last beside that of tokens behind the frozen blocks.

    Going through the blocks takes twice as long, and only says where in their tokens there is room.
    The pixels of some clips are hidden: what they look like is learned sooner than how they move, and
    carries over to other footage less.
    """
    video, alone = training.video, round(options.alone * options.steps)
    events = video.events
    assert events is not None
    down, across = video.grid

    def loss(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = data.batch(options.at_once, rng)
        assert batch.frames is not None
        x1 = recoloured(batch.frames, rng)
        t = x1.new_full((len(x1),), video_time)
        xt = interpolate(x1, torch.randn_like(x1), t)
        target = event_targets(batch.clips, x1.shape[1], float(video.video.frame_rate), x1.device)
        seen = events.extract(xt)
        if events.flow is not None and batch.motion is not None:
            kept = ~dropped(len(x1), options.pixel_drop, rng, x1.device)
            seen = seen * kept[:, None, None] + events.flow(batch.motion)
        own = event_loss(training.head(seen, down * across), target)
        if step < alone:
            return own, {"seen": own.item()}
        drop = dropped(len(x1), options.caption_drop, rng, x1.device)
        state = video.embed(xt, t, text([c.video_caption for c in batch.clips]).drop(drop), event_features=seen)
        behind = read_behind_blocks(video, state, training.heads, target)
        return own + behind, {"seen": own.item(), "behind": behind.item()}

    return loss


def build_events(options: EventOptions, device: torch.device) -> Objective:
    """The backbone's `EventStem` alone; what it draws stays what it is."""
    link, data, text = frozen(options, device, SEEN, with_events, often=HARD_TO_SEE)
    training = EventTraining(link.video).to(device)
    # No units: most steps leave the frozen blocks out.
    return Objective("events", training, event_stem_loss(training, data, text, options, link.config.video_time))


def drawing_loss(video: VideoDiT, data: PairedClips, text: CaptionStates, options: DrawOptions) -> LossFunction:
    """Text-to-video flow matching of what draws behind frozen blocks, and of its still pictures alone."""
    drawing = video.drawing
    assert drawing is not None
    stills = data.stills()

    def noise(size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Flow times (size,), and which captions are dropped."""
        t = drawing_times(video, size, (0.0, 1.0), options, data.device)
        return t, dropped(size, options.caption_drop, rng, data.device)

    def of_frames(rng: np.random.Generator) -> torch.Tensor:
        batch = data.batch(options.at_once, rng)
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
        rows = rng.integers(len(stills), size=options.stills * options.at_once)
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


def drawing_objective(video: VideoDiT, data: PairedClips, text: CaptionStates, options: DrawOptions) -> Objective:
    """What draws in a backbone. Raises `ModelError` where nothing does but one last layer."""
    if video.drawing is None:
        raise ModelError("This video backbone draws with its one last layer: train it whole.")
    video.requires_grad_(False)
    video.drawing.requires_grad_(True)
    # No units: still pictures leave the frozen blocks out.
    return Objective("draw", video, drawing_loss(video, data, text, options))


def build_drawing(options: DrawOptions, device: torch.device) -> Objective:
    """The backbone's `Drawing` alone; all that fusion blocks see stays what it is."""
    if options.stills_alone and not options.stills:
        raise ModelError("--stills-alone with --stills 0 leaves nothing to learn from. Leave one of them out.")
    link, data, text = frozen(options, device, [CLIPS["plain"]], with_drawing, mirror=False)
    return drawing_objective(link.video, data, text, options)


VIDEO = Recipe("the text-to-video backbone", VideoOptions, build_video)
EVENTS = Recipe(
    "what sees events in nearly clean frames, beside the video backbone's frozen blocks", EventOptions, build_events
)
DRAW = Recipe(
    "what draws behind the video backbone's frozen blocks, on plain clips of the world", DrawOptions, build_drawing
)
