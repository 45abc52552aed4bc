"""Sizes of Frieren (arXiv 2406.00320): `nano`, whose weights ship, and `paper` (Appx. A)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from avfoley_engine.flow.alignment import Alignment
from avfoley_engine.media.optical_flow import FRAME_SIZE
from avfoley_engine.vision.image_network import LOOK_EVERY


@dataclass(frozen=True)
class EstimatorConfig:
    """The vector-field estimator: a feed-forward transformer over latents of `latent_width`.

    `condition_width` is that of the first linear layer over visual features, `kernel` that of the
    convolutions of the feed-forward layers, which are `feed_forward` times as wide as the rest.
    `positions` is how many learned positions there are, one of them the flow time's.
    """

    latent_width: int = 32
    width: int = 144
    blocks: int = 4
    heads: int = 4
    feed_forward: int = 2
    kernel: int = 3
    groups: int = 16
    condition_width: int = 256
    positions: int = 160


@dataclass(frozen=True)
class ContrastiveConfig:
    """`nano`'s visual features: what `EventStem` and an image network see, in contrastively trained
    vectors of `embedding` numbers, a step of `patch` frames each.

    The stem looks at frames of (height, width) with noise of 1 - `time` in them and at the optical
    flow of larger ones; the image network at every `look_every`-th frame.
    """

    embedding: int = 128
    width: int = 192
    patch: int = 2
    height: int = 36
    stem_width: int = 160
    event_channels: tuple[int, int, int, int] = (24, 48, 64, 96)
    flow_channels: int = 48
    time: float = 0.96
    look_every: int = LOOK_EVERY
    kind: Literal["contrastive"] = "contrastive"

    @property
    def features(self) -> int:
        """The width of the features: the vector, and the probabilities of events in the frames of a step."""
        return self.embedding + self.patch

    @property
    def frame_size(self) -> tuple[int, int]:
        """The size (height, width) in which a picture is read."""
        return FRAME_SIZE


@dataclass(frozen=True)
class CAVPConfig:
    """The paper's visual features: CAVP (Diff-Foley, arXiv 2306.17203), a SlowOnly-R50 over frames of
    `size` x `size`, whose widest layer has `width` channels.
    """

    embedding: int = 512
    width: int = 2048
    size: int = 224
    kind: Literal["cavp"] = "cavp"
    patch: int = 1

    @property
    def features(self) -> int:
        """The width of the features."""
        return self.embedding

    @property
    def frame_size(self) -> tuple[int, int]:
        """The size (height, width) in which a picture is read."""
        return self.size, self.size


@dataclass(frozen=True)
class FrierenConfig:
    """The whole system: visual features of windows of `frames` at `frame_rate`, and the estimator.

    `regulator` is how features reach the rate of the latents: by their instants in `time`, or each
    repeated `repeats` times, as the paper's authors have it, which lags behind by 0.02 s a second.
    `whole_times`: flow times are cut off to thousandths, as theirs are.
    `guided`: the estimator was distilled with guidance inside. It needs one evaluation a step, and
    a guidance scale changes nothing.
    """

    estimator: EstimatorConfig = field(default_factory=EstimatorConfig)
    features: ContrastiveConfig | CAVPConfig = field(default_factory=ContrastiveConfig)
    frame_rate: Fraction = Fraction(24)
    frames: int = 124
    latents_per_second: Fraction = Fraction(25)
    regulator: Literal["time", "repeat"] = "time"
    repeats: int = 8
    whole_times: bool = False
    guided: bool = False

    @property
    def features_per_second(self) -> Fraction:
        """Visual features a second."""
        return self.frame_rate / self.features.patch

    @property
    def window_latents(self) -> int:
        """Latents of one training window: as many whole ones as the window of frames lasts."""
        return int(self.frames / self.frame_rate * self.latents_per_second)

    def alignment(self, overlap: Fraction) -> Alignment:
        """Windows of frames and latents that share `overlap` seconds with the next."""
        rates = (self.frame_rate, self.features_per_second, self.latents_per_second)
        aligned = Alignment.of(self.frames, *rates, overlap)
        if self.regulator == "repeat":
            # A little more sound than the picture lasts, as the estimator has learned it.
            return replace(aligned, window_latents=self.frames * self.repeats)
        return aligned


NANO = FrierenConfig()
PAPER = FrierenConfig(
    EstimatorConfig(
        latent_width=20,
        width=576,
        heads=8,
        feed_forward=4,
        kernel=9,
        groups=32,
        condition_width=768,
        positions=1000,
    ),
    CAVPConfig(),
    frame_rate=Fraction(4),
    frames=32,
    latents_per_second=Fraction(125, 4),
)
