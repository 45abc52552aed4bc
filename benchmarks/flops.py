"""Floating-point operations of AV-Link, counted from its sizes, two per multiply-add.

Matrix products, attention and convolutions are counted. Norms, activations, rotations and softmax
are under one per cent, and `torch.utils.flop_counter` leaves them out too.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from avfoley_engine.models.avlink.config import GENERATED, AVLinkConfig, Direction, DrawingConfig, Modality, VideoConfig
from avfoley_engine.models.avlink.link import placements
from avfoley_engine.models.avlink.nano.drawing import Drawing, StillPicture
from avfoley_engine.models.avlink.nano.stems import MotionStem
from avfoley_engine.nn.dit import DiTConfig
from avfoley_engine.vision.events import EventStem

_SINUSOIDS = 256


@dataclass(frozen=True)
class Window:
    """One clip: frames, audio latents, and the tokens of the caption and of the negative caption."""

    frames: int
    latents: int
    text: int = 0
    negative: int = 0


def step_flops(config: AVLinkConfig, direction: Direction, window: Window, *, guided: bool = True) -> int:
    """One solver step of `guided_velocity` with a condition, for one clip."""
    total = linked_flops(config, direction, window)
    if not guided:
        return total
    if config.caption_guidance == config.linked_guidance:
        return total + backbone_flops(config, GENERATED[direction], window, window.negative)
    return total + 2 * backbone_flops(config, GENERATED[direction], window, max(window.text, window.negative))


def linked_flops(config: AVLinkConfig, direction: Direction, window: Window) -> int:
    """`AVLink.forward` without `both`, the caption being the prompt of both modalities."""
    generated = GENERATED[direction]
    conditioning: Modality = "video" if generated == "audio" else "audio"
    fusion, depth = config.fusion, config.audio.dit.depth
    tokens = _tokens(config, window)
    places = placements(depth, fusion.blocks, fusion.placement)
    total = backbone_flops(config, generated, window, window.text)
    total += _embedding(config, conditioning, window, window.text) + (places[-1] + 1) * _block(
        _dit(config, conditioning), tokens[conditioning], window.text
    )
    total += 2 * _time(fusion.time_width)
    both: tuple[Modality, ...] = ("audio", "video")
    for place in places:
        between = place < places[-1]
        update = both if fusion.reinjection and between else (generated,)
        total += _fusion_block(config, tokens, update, both if between or fusion.joint else (generated,))
    return total


def backbone_flops(config: AVLinkConfig, modality: Modality, window: Window, text: int) -> int:
    """One backbone alone, with a caption of `text` tokens."""
    dit, tokens = _dit(config, modality), _tokens(config, window)[modality]
    if modality == "video" and config.video.drawing:
        head = _drawing(config.video, config.video.drawing, tokens, window, text)
    else:
        output = config.audio.latent_width if modality == "audio" else 3 * math.prod(config.video.patch)
        head = 2 * dit.time_width * 2 * dit.width + 2 * tokens * dit.width * output
    return _embedding(config, modality, window, text) + dit.depth * _block(dit, tokens, text) + head


def _drawing(video: VideoConfig, drawing: DrawingConfig, tokens: int, window: Window, text: int) -> int:
    dit, frames, colours, hidden = drawing.dit(video.dit), video.patch[0], 3 * Drawing.fold**2, drawing.width
    patches = video.height * video.width // StillPicture.patch**2
    still = drawing.still_blocks * _block(dit, patches, text) + 2 * 2 * patches * 3 * StillPicture.patch**2 * dit.width
    grid = tokens // (window.frames // frames)
    look = 2 * (tokens * frames + grid * grid) * math.prod(Drawing.cells) * 3 * dit.width
    output = 2 * tokens * dit.width * 3 * math.prod(video.patch)
    area = video.height // Drawing.fold * (video.width // Drawing.fold)
    convolutions = 9 * hidden * (3 * colours + hidden + colours) + 2 * 5 * hidden
    blocks = drawing.blocks * _block(dit, tokens, text)
    return still + look + blocks + output + 2 * dit.time_width * hidden + 2 * window.frames * area * convolutions


def _dit(config: AVLinkConfig, modality: Modality) -> DiTConfig:
    return config.audio.dit if modality == "audio" else config.video.dit


def _tokens(config: AVLinkConfig, window: Window) -> dict[str, int]:
    frames, rows, columns = config.video.patch
    area = (config.video.height // rows) * (config.video.width // columns)
    return {"audio": window.latents, "video": window.frames // frames * area}


def _block(dit: DiTConfig, n: int, text: int) -> int:
    """A DiT block on n tokens; the text context is one token longer than the caption."""
    width, context = dit.width, text + 1
    attention = 2 * n * width * 4 * width + 4 * n * n * width
    to_text = 2 * n * width * 2 * width + 2 * context * width * 2 * width + 4 * n * context * width
    mlp = 4 * n * width * dit.mlp_ratio * width
    return attention + to_text + mlp + 2 * dit.time_width * 6 * width


def _embedding(config: AVLinkConfig, modality: Modality, window: Window, text: int) -> int:
    dit = _dit(config, modality)
    projection = 2 * text * ((dit.text_width or 0) * dit.width + dit.width * dit.width)
    if modality == "audio":
        return projection + _time(dit.time_width) + 2 * window.latents * config.audio.latent_width * dit.width
    return projection + _time(dit.time_width) + _patchify(config.video, window.frames)


def _time(width: int) -> int:
    return 2 * (_SINUSOIDS * width + width * width)


def _patchify(video: VideoConfig, frames: int) -> int:
    step, rows, columns = video.patch
    down, across = video.height // rows, video.width // columns
    steps, width = frames // step, video.dit.width
    if video.stem_channels is None:
        return 2 * steps * down * across * 3 * math.prod(video.patch) * width
    few, many = video.stem_channels
    pixels = 2 * frames * (video.height // 3) * (video.width // 4) * 36 * few
    motion = 2 * (frames // 2) * (video.height // 6) * (video.width // 8) * 16 * few * many
    patches = 2 * steps * down * across * (step // 2 * (rows // 6) * (columns // 8) * many) * width
    first, second, third = MotionStem.channels
    # The strides of the three convolutions: 4, 2, 1; each pads so that a side of n gives
    # ceil(n / stride).
    h, w = -(-video.height // 4), -(-video.width // 4)
    h2, w2 = -(-h // 2), -(-w // 2)
    spatial = 2 * frames * (h * w * 49 * 4 * first + h2 * w2 * 9 * (first * second + second * third))
    features = 2 * steps * down * across * 2 * third * step * width
    temporal = 2 * 2 * steps * down * across * (5 * width + width * width)
    return pixels + motion + patches + spatial + features + temporal + _events(video, steps)


def _events(video: VideoConfig, steps: int) -> int:
    """`EventStem`, as if it were open: where it is shut, only a CPU leaves it out."""
    if video.event_channels is None:
        return 0
    step, rows, columns = video.patch
    area, width = video.height // rows * (video.width // columns), video.dit.width
    first, second, third, fourth = video.event_channels
    planes = 1 + (step + 2) + len(EventStem.spans) + EventStem.colours
    # The strides are 2, 2, 1, 2.
    sides = [(-(-video.height // n), -(-video.width // n)) for n in (2, 4, 8)]
    a, b, c = (h * w for h, w in sides)
    spatial = a * 25 * planes * first + b * 9 * (first * second + second * third) + c * 9 * third * fourth
    along = 3 * (5 * width + width * width)
    return 2 * steps * (spatial + area * (2 * fourth * width + along + width * width))


def _fusion_block(
    config: AVLinkConfig, tokens: dict[str, int], update: Collection[Modality], updates: Collection[Modality]
) -> int:
    """A block that changes the modalities `update`, and could change `updates`."""
    fusion = config.fusion
    width, hidden = fusion.width, fusion.mlp_ratio * fusion.width
    widths = {"audio": config.audio.dit.width, "video": config.video.dit.width}
    total = sum(2 * n * widths[m] * width for m, n in tokens.items())
    total += sum(2 * fusion.time_width * (2 * w + (m in updates) * (w + 2 * width)) for m, w in widths.items())
    both = sum(tokens.values())
    if fusion.attention == "self":
        total += 2 * both * width * 2 * width
    for m in update:
        n = tokens[m]
        context = both if fusion.attention == "self" else both - n
        if fusion.attention == "cross":
            total += 2 * context * width * 2 * width
        total += 2 * n * width * 2 * width + 4 * n * context * width
        total += 2 * n * (width * hidden + hidden * widths[m])
    return total
