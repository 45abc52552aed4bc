"""What the recipes of AV-Link share: options, data, and what FSDP takes apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from avfoley_engine.models.avlink.config import AVLinkConfig
from avfoley_engine.models.avlink.fusion import FusionBlock
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.nano.drawing import Drawing
from avfoley_engine.nn.dit import DiTBlock
from avfoley_engine.training import loading
from avfoley_engine.training.dataset import CaptionStates, PairedClips, caption_states
from avfoley_engine.training.options import option
from avfoley_engine.training.recipe import RecipeOptions
from avfoley_engine.training.shards import ShardFormat


@dataclass(frozen=True, kw_only=True)
class LinkOptions(RecipeOptions):
    """What is trained, and on which clips."""

    ema_decay: float = 0.998
    steps: int = 8000
    data: Path | None = option(None, "folder of shards, of the world or of videos (default: the runs' own)")
    preset: Literal["nano", "paper"] = option("nano", "sizes, unless they come from a model")
    model: AVLinkConfig | None = option(None, "sizes of one's own")
    checkpointing: bool = option(False, "less memory for a third more time")

    @property
    def network(self) -> AVLinkConfig:
        """The sizes."""
        return self.model or loading.PRESETS[self.preset]


@dataclass(frozen=True, kw_only=True)
class ResumedOptions(LinkOptions):
    """For a backbone, new or a model's."""

    resume: str | None = option(None, "start from this model's weights: name or folder")

    @property
    def network(self) -> AVLinkConfig:
        """The sizes: the model's, where there is one."""
        return loading.sizes_named(self.resume) if self.resume else super().network


@dataclass(frozen=True, kw_only=True)
class BasedOptions(LinkOptions):
    """For what is trained beside parts that stay as they are."""

    base: str | None = option(None, "model, name or folder, that gives what the runs do not hold")

    @property
    def network(self) -> AVLinkConfig:
        """The sizes: the base's, where there is one."""
        return loading.sizes_named(self.base) if self.base else super().network


#: Location and scale of the logit of the flow times that `nano` learns to draw at, before its time
#: shift. Wider than the paper's: what all frames share and what only one shows are decided far apart.
NANO_TIMES = (0.0, 1.8)


@dataclass(frozen=True, kw_only=True)
class DrawnOptions(LinkOptions):
    """How drawn frames are learned from."""

    drawing_times: tuple[float, float] | None = option(
        None,
        "of the logit of drawn video's flow times, before the model's time shift; null: the paper's",
        metavar=("LOCATION", "SCALE"),
    )
    drawn_steps: int | None = option(None, "steps of tokens of a clip that are drawn to the end; null: all")


def format_for(config: AVLinkConfig, codec: str | None) -> ShardFormat:
    """The paired clips that a model of these sizes learns from, encoded by that codec."""
    audio, video = config.audio, config.video
    size = (video.frame_rate, video.frames, video.height, video.width)
    return ShardFormat(codec, audio.latent_width, audio.latents_per_second, config.window_latents, *size)


def frozen(
    options: BasedOptions,
    device: torch.device,
    clips: Sequence[str],
    adapt: Callable[[AVLinkConfig], AVLinkConfig] = lambda config: config,
    sets: Collection[str] = (),
    **how: Any,
) -> tuple[AVLink, PairedClips, CaptionStates]:
    """The backbones of the runs or the base, with untrained `sets` of blocks; their clips; captions.

    `clips` are the clips' folders in the runs, unless the options name one, of which all but the first
    may be missing; `how`: see `PairedClips`.
    """
    data = PairedClips([options.data] if options.data else [options.runs / name for name in clips], device, **how)
    text = caption_states(options.network.text, device)
    base = loading.model_named(options.base, device) if options.base else None
    link = loading.untrained_link(sets, adapt(loading.config_of(options.runs, options.network))).to(device)
    loading.load_backbones(link, options.runs, base.link if base else None)
    data.check(format_for(link.config, loading.identity_in_use(options.runs, base)))
    return link, data, text


def units(network: nn.Module) -> list[nn.Module]:
    """DiT and fusion blocks, but those of `Drawing`.

    What draws is not run where sound is generated, and FSDP2 fails on a unit that a step has not used.
    """
    drawing = {part for module in network.modules() if isinstance(module, Drawing) for part in module.modules()}
    return [m for m in network.modules() if isinstance(m, (DiTBlock, FusionBlock)) and m not in drawing]


def dropped(size: int, share: float, rng: np.random.Generator, device: torch.device) -> torch.Tensor:
    """Which of `size` captions are dropped: (size,), True of that share."""
    return torch.from_numpy(rng.random(size) < share).to(device)
