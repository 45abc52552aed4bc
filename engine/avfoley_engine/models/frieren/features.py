"""Visual features of `nano`: what happens and what is seen, in contrastively trained vectors.

They stand in for CAVP (`cavp.py`): the same two contrasts train them (`training.frieren.features`),
on two inputs. What happens comes from an event stem, a step for every two frames; what is seen from
a network that knows photographs.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, cast

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.flow.path import interpolate
from avfoley_engine.media.optical_flow import motion_features, shrunk
from avfoley_engine.media.pixels import to_pixels
from avfoley_engine.models.frieren.config import ContrastiveConfig
from avfoley_engine.nn.convolutions import along_time, depthwise
from avfoley_engine.vision.events import EventStem
from avfoley_engine.vision.image_network import ImageNetwork, image_network, looks


class VisualFeatures(Protocol):
    """Pictures to features that the estimator is conditioned on."""

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        """Windows of frames (B, T, H, W, 3) uint8 -> features (B, S, width)."""
        ...


class Seen(NamedTuple):
    """What the encoder reads of windows: events (B, S, 2 stem_width + patch), whose last numbers are
    logits of an event in each frame of a step; looks (B, K, 1280), zero where nobody has looked.
    """

    events: torch.Tensor
    looks: torch.Tensor

    def rows(self, rows: torch.Tensor) -> Seen:
        """Some rows of the batch."""
        return Seen(self.events[rows], self.looks[rows])


def event_stem(config: ContrastiveConfig) -> EventStem:
    """The untrained event stem."""
    return EventStem(config.event_channels, (2, 2), config.patch, config.stem_width, config.flow_channels)


def seen_events(stem: EventStem, frames: torch.Tensor, motion: torch.Tensor, time: float) -> torch.Tensor:
    """Small frames (B, T, h, w, 3) uint8 and the `motion_features` of larger ones -> `Seen.events`.

    The frames get the noise that the stem was trained with, the same for all.
    """
    pixels = to_pixels(frames.to(motion.device))
    noise = torch.randn(pixels.shape[1:], generator=torch.Generator().manual_seed(0)).to(pixels)
    noised = interpolate(pixels, noise.expand_as(pixels), pixels.new_full((len(pixels),), time))
    tokens = stem.extract(noised.type_as(stem.output.weight), motion)
    cells = tokens.unflatten(1, (-1, stem.grid[0] * stem.grid[1]))
    logits = stem.events(tokens).unflatten(1, (-1, stem.frames))
    return torch.cat([cells.mean(2), cells.amax(2), logits], dim=-1).float()


class ContrastiveEncoder(nn.Module):
    """`Seen` to unit vectors, a step each, beside the probabilities of events."""

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__()
        self.config, width = config, config.width
        happening = 2 * config.stem_width + config.patch
        self.events = nn.Sequential(nn.LayerNorm(happening), nn.Linear(happening, width), nn.GELU())
        self.looks = nn.Sequential(nn.LayerNorm(ImageNetwork.width), nn.Linear(ImageNetwork.width, width), nn.GELU())
        self.joined = nn.Linear(2 * width, width)
        self.temporal = depthwise(width, 1, 2, 4)
        self.output = nn.Linear(width, config.embedding)

    def embed(self, seen: Seen) -> torch.Tensor:
        """-> unit vectors (B, S, embedding)."""
        steps = seen.events.shape[1]
        looked = self.looks(seen.looks).transpose(1, 2)
        looked = F.interpolate(looked, steps, mode="linear", align_corners=False).transpose(1, 2)
        x = F.gelu(self.joined(torch.cat([self.events(seen.events), looked], dim=-1)))
        x = along_time(self.temporal, x.transpose(1, 2)).transpose(1, 2)
        return F.normalize(self.output(x), dim=-1)

    def forward(self, seen: Seen) -> torch.Tensor:
        """-> features (B, S, embedding + patch)."""
        probabilities = seen.events[..., -self.config.patch :].sigmoid()
        # A unit vector's numbers are made as large as probabilities are.
        return torch.cat([self.config.embedding**0.5 * self.embed(seen), probabilities], dim=-1)


class ContrastiveFeatures(nn.Module):
    """Windows of frames to features: the event stem, the image network and the encoder over both."""

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__()
        self.config = config
        self.events = event_stem(config)
        self.encoder = ContrastiveEncoder(config)

    def seen(self, frames: torch.Tensor) -> Seen:
        """Windows of frames (B, T, H, W, 3) uint8, T a multiple of a step's -> what the encoder reads."""
        config, device = self.config, cast(torch.Tensor, self.events.output.weight).device
        height, width = frames.shape[2:4]
        size = (config.height, config.height * width // height)
        moved = torch.stack([torch.from_numpy(motion_features(one.numpy())) for one in frames]).to(device)
        small = torch.stack([torch.from_numpy(shrunk(one.numpy(), size)) for one in frames])
        events = seen_events(self.events, small, moved, config.time)
        return Seen(events, looks(image_network(device), frames, config.look_every))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """See `VisualFeatures`."""
        features: torch.Tensor = self.encoder(self.seen(frames))
        return features
