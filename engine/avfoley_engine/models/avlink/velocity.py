"""The guided velocity of AV-Link's samplers, the same for both directions (Sec. 3.3, Appx. C.2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.flow.guidance import guide
from avfoley_engine.flow.solver import VelocityField
from avfoley_engine.flow.windows import Windows
from avfoley_engine.models.acceleration import CapturedField, windowed
from avfoley_engine.models.avlink.config import AVLinkConfig, Direction
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import TextStates


def guided_velocity(
    link: AVLink,
    direction: Direction,
    x: torch.Tensor,
    t: torch.Tensor,
    condition: torch.Tensor | None,
    text: TextStates,
    negative: TextStates,
    scale: float,
    event_features: torch.Tensor | None = None,
) -> torch.Tensor:
    """v_uncond + scale * (v_cond - v_uncond) of the generated modality at x (B, ...) and t (B,).

    `condition` is the other modality at its fixed flow time, None for generation from text alone.
    All conditions are dropped together: the unconditional velocity has only the negative caption, so
    it needs one backbone and no fusion blocks. If the config weighs caption and condition
    differently, the scale is split (`AVLinkConfig`), and the backbone without the other modality
    gives the share of the caption. A scale of 1 means no guidance, as does guidance inside. `event_features` (B, N, width) are
    those of a conditioning video, if known already.
    """
    backbone = link.audio if direction == "v2a" else link.video
    if condition is None:
        if scale == 1:
            return backbone(x, t, text)
        return guide(*_both_captions(backbone, x, t, text, negative), scale)
    # The caption also is the prompt of the conditioning modality: it improves the features there.
    fixed = torch.full_like(t, link.config.conditioning_time(direction))
    if direction == "v2a":
        conditional = link(
            x, t, text, condition, fixed, text, direction=direction, both=False, event_features=event_features
        ).audio
    else:
        conditional = link(condition, fixed, text, x, t, text, direction=direction, both=False).video
    if scale == 1 or link.config.guided:
        return conditional
    by_caption, by_other = scale * link.config.caption_guidance, scale * link.config.linked_guidance
    if by_caption == by_other:
        return guide(conditional, backbone(x, t, negative), by_caption)
    text_conditional, unconditional = _both_captions(backbone, x, t, text, negative)
    guided = guide(text_conditional, unconditional, by_caption)
    return guided + by_other * (conditional - text_conditional)


def evaluations(config: AVLinkConfig, scale: float) -> int:
    """How often `guided_velocity` evaluates a network: the link, and a backbone by itself with the
    caption and without.
    """
    if config.guided or scale == 1:
        return 1
    return 2 if config.caption_guidance == config.linked_guidance else 3


def windowed_velocity(
    link: AVLink,
    direction: Direction,
    windows: Windows,
    condition: torch.Tensor | None,
    text: TextStates,
    negative: TextStates,
    scale: float,
    at_once: int,
    *,
    motion: torch.Tensor | None = None,
) -> VelocityField:
    """`guided_velocity` of sequences (B, windows.total, ...), cross-faded between windows.

    `condition` holds the other modality of every window (B * windows, ...), `text` and `negative`
    one row per sequence, `motion` the `motion_features` of a conditioning video, of every window.
    """
    # Computed once, not in every solver step.
    stem = link.video.events if direction == "v2a" else None
    event_features = None
    if stem is not None and condition is not None:
        videos = condition.split(at_once)
        motions = [None] * len(videos) if motion is None else motion.split(at_once)
        given = zip(videos, motions, strict=True)
        event_features = torch.cat([stem.extract(video.type_as(stem.output.weight), m) for video, m in given])

    def of_rows(rows: torch.Tensor) -> CapturedField:
        """The guided velocity of some of the windows, whose conditions are gathered once."""
        sequences = rows // len(windows.starts)
        given, events = (None if part is None else part[rows] for part in (condition, event_features))
        captions = text.rows(sequences), negative.rows(sequences)
        return CapturedField(lambda x, t: guided_velocity(link, direction, x, t, given, *captions, scale, events))

    return windowed(windows, at_once, of_rows)


def _both_captions(
    backbone: nn.Module, x: torch.Tensor, t: torch.Tensor, text: TextStates, negative: TextStates
) -> tuple[torch.Tensor, torch.Tensor]:
    """A backbone's velocities with the caption and with the negative caption, in one batch."""
    conditional, unconditional = backbone(torch.cat([x, x]), torch.cat([t, t]), _joined(text, negative)).chunk(2)
    return conditional, unconditional


def _joined(text: TextStates, negative: TextStates) -> TextStates:
    """Both in one batch, padded to the longer one's length."""
    longest = max(text.mask.shape[1], negative.mask.shape[1])
    missing = [longest - s.mask.shape[1] for s in (text, negative)]
    states = [F.pad(s.states, (0, 0, 0, n)) for s, n in zip((text, negative), missing, strict=True)]
    masks = [F.pad(s.mask, (0, n)) for s, n in zip((text, negative), missing, strict=True)]
    return TextStates(torch.cat(states), torch.cat(masks))
