"""The fusion blocks between the two frozen backbones, of either direction or of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate, logit_normal
from avfoley_engine.models.avlink.config import DIRECTIONS, Direction
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.training.avlink.options import NANO_TIMES, BasedOptions, DrawnOptions, dropped, frozen, units
from avfoley_engine.training.avlink.video import drawing_times, shown_steps, video_error
from avfoley_engine.training.dataset import Batch, CaptionStates, PairedClips, event_targets
from avfoley_engine.training.loading import model_named
from avfoley_engine.training.options import Share, option
from avfoley_engine.training.recipe import Objective, Recipe
from avfoley_engine.training.rendering import CLIPS, SEEN
from avfoley_engine.training.trainer import LossFunction
from avfoley_engine.vision.events import EventHead
from avfoley_engine.world import Style


@dataclass(frozen=True, kw_only=True)
class FusionOptions(DrawnOptions, BasedOptions):
    """See `fusion_loss`."""

    drawing_times: tuple[float, float] | None = NANO_TIMES
    drawn_steps: int | None = 12
    direction: Literal["v2a", "a2v", "joint"] = option(
        "v2a", "what is made from what; joint: one set of blocks for both"
    )
    style: Style = option("footage", "which clips of the world to learn from: `plain` for pictures")
    resume: str | None = option(None, "start from this model's blocks: name or folder")
    caption_drop: tuple[Share, Share] = option(
        (0.5, 0.2),
        "shares of captions that are dropped, the paper's; less where there will be captions",
        metavar=("GENERATED", "CONDITIONING"),
    )
    conditioning_time: Literal["fixed", "uniform"] = option("fixed", "the conditioning modality's flow time")
    onset_weight: float = option(0.3, "weight of the onset loss near pure noise; 0: flow matching alone")
    onset_latest_time: float = option(0.3, "flow time of what is generated up to which it is felt")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Those that are trained."""
        return DIRECTIONS if self.direction == "joint" else (self.direction,)


class FusionTraining(nn.Module):
    """The linked model, backbones frozen, with heads that read events behind each fusion block.

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
    options: FusionOptions,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, dict[str, float]]:
    """One direction's loss on a batch (Eq. 5 for V2A, its mirror image for A2V), and its figures.

    The generated modality's flow time is logit-normal (-1, 1), its prompt dropped 50 %. The
    conditioning modality stands at its fixed flow time, its prompt dropped 20 %.
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
    generated_drop, conditioning_drop = (dropped(size, share, rng, device) for share in options.caption_drop)
    if direction == "v2a":
        t_audio, t_video, audio_drop, video_drop = t, fixed, generated_drop, conditioning_drop
    else:
        t_audio, t_video, audio_drop, video_drop = fixed, t, conditioning_drop, generated_drop
    audio_text = text([c.caption for c in batch.clips]).drop(audio_drop)
    video_text = text([c.video_caption for c in batch.clips]).drop(video_drop)
    shown = shown_steps(video, v1.shape[1], options, rng) if direction == "a2v" else slice(None)
    audio = (interpolate(a1, a0, t_audio), t_audio, audio_text)
    picture = (interpolate(v1, v0, t_video), t_video, video_text)
    how: dict[str, Any] = {"direction": direction, "both": False, "token_steps": shown, "motion": batch.motion}
    linked = training.link(*audio, *picture, **how)
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
    # Later the heads would read what is generated, not the conditioning modality.
    noisy = (t < options.onset_latest_time).float()[:, None]
    onsets = event_targets(batch.clips, cells, float(rate), device)
    onset_loss = flow.new_zeros(())
    for logits in training.event_logits(direction, linked.fused):
        loss = F.binary_cross_entropy_with_logits(logits, onsets, pos_weight=flow.new_tensor(4.0), reduction="none")
        onset_loss = onset_loss + (loss * noisy).mean() / len(linked.fused)
    return flow + options.onset_weight * onset_loss, figures | {"onsets": onset_loss.item()}


def fusion_losses(
    training: FusionTraining, data: PairedClips, text: CaptionStates, options: FusionOptions
) -> LossFunction:
    """The mean of `fusion_loss` over the directions, each on its share of every batch."""
    directions = training.directions
    size = options.at_once // len(directions)
    if not size:
        raise ModelError(
            f"a batch of {options.at_once} has no clip for each of {' and '.join(directions)}; make it larger"
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


def fusion_objective(
    training: FusionTraining, data: PairedClips, text: CaptionStates, options: FusionOptions
) -> Objective:
    """The fusion blocks of `training`'s directions."""
    backbones = {f"{name} backbone": training.link.get_submodule(name) for name in ("audio", "video")}
    loss = fusion_losses(training, data, text, options)
    return Objective(f"fusion_{options.direction}", training, loss, units(training), casts=True, frozen=backbones)


def build_fusion(options: FusionOptions, device: torch.device) -> Objective:
    """Fusion blocks, new or a model's, between the backbones of the runs or of the base."""
    # Plain clips are all filmed from one side.
    mirror = options.style == "footage"
    clips = SEEN if options.style == "footage" else [CLIPS[options.style]]
    link, data, text = frozen(options, device, clips, sets=[options.direction], mirror=mirror)
    if options.resume:
        blocks = model_named(options.resume, device).link.fusion
        if options.direction not in blocks:
            raise ModelError(
                f"{options.resume} has no fusion_{options.direction} to start from. Leave --resume out, or choose its "
                "direction."
            )
        link.fusion[options.direction].load_state_dict(blocks[options.direction].state_dict())
    if options.checkpointing:
        link.checkpoint_blocks()
    return fusion_objective(FusionTraining(link, options.directions).to(device), data, text, options)


FUSION = Recipe("the fusion blocks, backbones frozen", FusionOptions, build_fusion)
