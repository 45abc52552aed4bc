"""Sizes of AV-Link (arXiv 2412.15191): `nano`, whose weights ship, and `paper` (Appx. B)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from avfoley_engine.flow.alignment import Alignment
from avfoley_engine.media.optical_flow import FRAME_SIZE
from avfoley_engine.nn.dit import DiTConfig


@dataclass(frozen=True)
class AudioConfig:
    """The audio backbone: latents of `latent_width` at `latents_per_second`."""

    dit: DiTConfig = field(default_factory=lambda: DiTConfig(pooled_text=True))
    latent_width: int = 32
    latents_per_second: Fraction = Fraction(25)


@dataclass(frozen=True)
class DrawingConfig:
    """Sizes of `Drawing`, the head of `nano`'s video backbone.

    It has `still_blocks` for the still picture and `blocks` for motion, like the backbone's except for
    `mlp_ratio`, and convolutions of `width`.
    """

    still_blocks: int = 2
    blocks: int = 1
    mlp_ratio: int = 2
    width: int = 32

    def dit(self, backbone: DiTConfig) -> DiTConfig:
        """The sizes of the blocks."""
        return replace(backbone, mlp_ratio=self.mlp_ratio)


@dataclass(frozen=True)
class VideoConfig:
    """The video backbone: RGB pixels in patches of (frames, rows, columns).

    `stem_channels`: widths of the two layers of a small stem over the pixels (see `Stem`), which is
    then also given `MotionStem`'s features; None for the paper's plain patchification. `nano` has
    large patches, and the stems see what moves inside them. `event_channels`: widths of
    `EventStem`'s convolutions, which only see nearly clean frames; None for none of it.
    `flow_channels`: width of its `FlowStem`, which sees the optical flow of larger frames; None for
    none of it. With it the stem has a head of its own, whose events are at least as probable as
    `event_threshold`. `drawing` puts tokens back to pixels; None for the paper's linear layer. `time_shift` moves flow times
    towards noise where video is generated (`flow.solver.shifted`): 1 in the paper, more for `nano`,
    which has four times as many frames a second.
    """

    dit: DiTConfig = field(default_factory=lambda: DiTConfig(prediction="sample"))
    frame_rate: Fraction = Fraction(24)
    frames: int = 124
    height: int = 36
    width: int = 64
    patch: tuple[int, int, int] = (2, 18, 32)
    stem_channels: tuple[int, int] | None = (24, 48)
    event_channels: tuple[int, int, int, int] | None = None
    flow_channels: int | None = None
    event_threshold: float = 0.5
    drawing: DrawingConfig | None = None
    time_shift: float = 1.0

    @property
    def seen_size(self) -> tuple[int, int]:
        """The size (height, width) in which a picture is read that is to be heard."""
        return FRAME_SIZE if self.flow_channels else (self.height, self.width)

    @property
    def tokens_per_second(self) -> Fraction:
        """Steps of tokens along time a second (eta_v)."""
        return self.frame_rate / self.patch[0]


#: Video to audio, and audio to video.
Direction = Literal["v2a", "a2v"]
Modality = Literal["audio", "video"]
DIRECTIONS: tuple[Direction, ...] = ("v2a", "a2v")
#: What each direction makes; the other modality conditions it.
GENERATED: dict[Direction, Modality] = {"v2a": "audio", "a2v": "video"}


@dataclass(frozen=True)
class FusionConfig:
    """The fusion blocks. `local_heads` heads begin by attending locally (see `FusionAttention`).

    The last four fields are the paper's ablations (Tab. 2): the placement of the blocks; one
    self-attention over both modalities, or cross-attention to the other one; whether the updated
    features are reinjected into the conditioning backbone; one set of blocks for both directions.
    """

    blocks: int = 3
    width: int = 160
    heads: int = 5
    mlp_ratio: int = 3
    time_width: int = 64
    rope_base: float = 1000.0
    local_heads: int = 3
    placement: Literal["interleaved", "early", "middle", "late"] = "interleaved"
    attention: Literal["self", "cross"] = "self"
    reinjection: bool = True
    joint: bool = False


@dataclass(frozen=True)
class AVLinkConfig:
    """The linked model: its two backbones, its fusion blocks and its sampling.

    `video_time` is the fixed flow time of the conditioning video (V2A), `audio_time` that of the
    conditioning audio (A2V); `text` is the text encoder. With a conditioning modality, guidance has
    two terms, as in InstructPix2Pix (arXiv 2211.09800): `guidance_scale * caption_guidance` for what
    the caption adds to the unconditional velocity, and `guidance_scale * linked_guidance` for what
    the other modality adds to the caption. 1 and 1 give the paper's single scale. `temperature`
    scales the initial noise of conditional generation: below 1 there are fewer spurious onsets; the
    paper has 1. `guided`: the model was distilled with guidance inside, of its caption and of the other
    modality. It needs one evaluation a step, and a guidance scale changes nothing.
    """

    audio: AudioConfig = field(default_factory=AudioConfig)
    video: VideoConfig = field(default_factory=VideoConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    video_time: float = 0.96
    audio_time: float = 0.8
    text: Literal["minilm", "t5"] = "minilm"
    caption_guidance: float = 1.0
    linked_guidance: float = 1.0
    temperature: float = 1.0
    guided: bool = False

    @property
    def window_latents(self) -> int:
        """Audio latents of one training window: as many whole latents as the video window lasts."""
        return int(self.video.frames / self.video.frame_rate * self.audio.latents_per_second)

    def alignment(self, overlap: Fraction) -> Alignment:
        """Windows of both modalities that share `overlap` seconds with the next."""
        video = self.video
        rates = (video.frame_rate, video.tokens_per_second, self.audio.latents_per_second)
        return Alignment.of(video.frames, *rates, overlap)

    def conditioning_time(self, direction: Direction) -> float:
        """The fixed flow time at which the conditioning modality of a direction stands."""
        return self.video_time if direction == "v2a" else self.audio_time


#: Where a caption says that there is typing, much typing is likely; when, only the picture says.
NANO = AVLinkConfig(
    video=VideoConfig(
        event_channels=(24, 48, 64, 96),
        flow_channels=48,
        event_threshold=0.55,
        drawing=DrawingConfig(),
        time_shift=12.0,
    ),
    caption_guidance=0.6,
    linked_guidance=2.0,
    temperature=0.8,
)

_PAPER_DIT = DiTConfig(
    width=1024,
    depth=24,
    heads=16,
    mlp_ratio=4,
    time_width=1024,
    text_width=4096,
    rope_base=10_000.0,
    prediction="velocity",
)
PAPER = AVLinkConfig(
    audio=AudioConfig(dit=_PAPER_DIT, latent_width=20, latents_per_second=Fraction(125, 4)),
    video=VideoConfig(dit=_PAPER_DIT, frame_rate=Fraction(6), frames=31, patch=(1, 2, 2), stem_channels=None),
    fusion=FusionConfig(blocks=8, width=1024, heads=16, mlp_ratio=4, time_width=32, rope_base=10_000.0, local_heads=0),
    text="t5",
)
