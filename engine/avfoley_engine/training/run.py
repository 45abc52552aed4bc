"""One training run from one file: what is trained, on what, for how long (`avfoley train run CONFIG`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import torch
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from torch import nn

from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import DIRECTIONS, NANO, PAPER, AVLinkConfig, Direction
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.text import text_encoder
from avfoley_engine.training.avlink import (
    AVLinkTraining,
    FusionTraining,
    VideoTraining,
    audio_loss,
    frozen_backbones,
    fusion_losses,
    video_loss,
)
from avfoley_engine.training.dataset import CaptionStates, PairedClips
from avfoley_engine.training.labelled import sounds_of
from avfoley_engine.training.loading import load_run, untrained_link
from avfoley_engine.training.sharded import ShardedTrainer, process_group
from avfoley_engine.training.trainer import LossFunction, TrainerConfig

PRESETS: dict[str, AVLinkConfig] = {"nano": NANO, "paper": PAPER}


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RunConfig:
    """A run, as a dataclass or as YAML with the same fields.

    `batch` is the whole step's, over all processes; `training.batch` is how much of it goes through the network at once.
    """

    part: Literal["audio", "video", "v2a", "a2v", "joint"]
    #: Folder of shards (`avfoley train videos` or `avfoley train world`).
    data: Path
    #: Folder of all runs. This one's is named as `avfoley train audio|video|fusion` would; the fusion blocks find the backbones here.
    runs: Path = Path("runs")
    preset: Literal["nano", "paper"] = "paper"
    #: Other sizes than the preset's.
    model: AVLinkConfig | None = None
    batch: int = 256
    checkpointing: bool = True
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    training: AVLinkTraining = field(default_factory=AVLinkTraining)

    @property
    def network(self) -> AVLinkConfig:
        return self.model or PRESETS[self.preset]

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that a run of fusion blocks trains."""
        if self.part in ("audio", "video"):
            return ()
        return DIRECTIONS if self.part == "joint" else (cast(Direction, self.part),)

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return f"fusion_{self.part}" if self.directions else self.part


def read_config(path: Path) -> RunConfig:
    """The run that a YAML file describes; relative paths in it start where the command does.

    Raises:
        ModelError: the file cannot be read, or a field is wrong, missing or unknown.
    """
    try:
        return TypeAdapter(RunConfig).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read as YAML ({error}).") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"{path} does not describe a run: {wrong}.") from error


def run(config: RunConfig, device: torch.device) -> None:
    """Trains until the config's end, from the newest checkpoint where there is one. Under torchrun, every process calls it.

    Raises:
        ModelError: the processes cannot share the batch, a backbone's run is missing, or a frozen backbone has changed.
    """
    if config.batch % config.training.batch:
        raise ModelError(
            f"batch {config.batch} is not a multiple of training.batch {config.training.batch}; change one"
        )
    with process_group(device) as own:
        # All processes begin with the same weights, of which each keeps its share.
        torch.manual_seed(config.trainer.seed)
        link = untrained_link([config.part] if config.directions else [], config.network)
        if config.checkpointing:
            link.checkpoint_blocks()
        for part in ("audio", "video") if config.directions else ():
            load_run(link, config.runs, part)
        data = PairedClips(config.data, own)
        text = CaptionStates(text_encoder(config.network.text, own), own)
        network, loss = _objective(config, link, data, text, own)
        folder, micro_batches = config.runs / config.name, config.batch // config.training.batch
        trainer = ShardedTrainer(network, loss, folder, config.trainer, micro_batches)
        if config.directions:
            with frozen_backbones(link, folder):
                trainer.run()
        else:
            trainer.run()


def _objective(
    config: RunConfig, link: AVLink, data: PairedClips, text: CaptionStates, device: torch.device
) -> tuple[nn.Module, LossFunction]:
    options = config.training
    if config.part == "audio":
        audio = link.audio.to(device)
        return audio, audio_loss(audio, sounds_of(data), text, options)
    if config.part == "video":
        video = VideoTraining(link.video).to(device)
        return video, video_loss(video, data, text, options, link.config.video_time)
    fusion = FusionTraining(link, config.directions).to(device)
    return fusion, fusion_losses(fusion, data, text, options)
