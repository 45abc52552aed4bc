"""What sees events in nearly clean frames: in their pixels, and in the optical flow of larger ones."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.nn.convolutions import along_time, depthwise


class EventHead(nn.Module):
    """Reads events from a video backbone's tokens: `cells` of a step of tokens, one for each of its frames."""

    def __init__(self, width: int, cells: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.features = nn.Linear(width, 64)
        self.cells = nn.Linear(64, cells)

    def forward(self, tokens: torch.Tensor, per_step: int) -> torch.Tensor:
        """tokens (B, steps * per_step, width) -> logits (B, steps * cells)."""
        features = F.gelu(self.features(self.norm(tokens))).unflatten(1, (-1, per_step)).mean(dim=2)
        return self.cells(features).flatten(1)


class FlowStem(nn.Module):
    """What moves and stops, as features for every token: convolutions over `motion_features`, along
    time and over neighbouring cells.

    Their mean and maximum over a token's cells are kept, and over all cells. Flow and change are
    measured by the largest of their own clip: how near the camera is does not matter, nor how bright
    the picture.
    """

    #: The features of a cell: speeds in these directions, and its change.
    directions = 8
    #: The share of a clip's cells that move or change less than its unit.
    quantile = 0.99
    #: The least units: pixels per frame, and grey levels.
    least = (0.1, 1.0)

    def __init__(self, channels: int, grid: tuple[int, int], frames: int, width: int) -> None:
        super().__init__()
        self.grid, self.frames = grid, frames
        along, around = (
            {"kernel_size": (5, 1, 1), "padding": (2, 0, 0)},
            {"kernel_size": (1, 3, 3), "padding": (0, 1, 1)},
        )
        self.before = nn.Conv3d(self.directions + 1, channels, **along)  # type: ignore[arg-type]
        self.around = nn.Conv3d(channels, channels, **around)  # type: ignore[arg-type]
        self.behind = nn.Conv3d(channels, channels, **along)  # type: ignore[arg-type]
        self.features = nn.Linear(4 * channels * frames, width)
        self.temporal = depthwise(width, 1, 2, 4)
        self.output = nn.Linear(width, width)

    def forward(self, motion: torch.Tensor) -> torch.Tensor:
        """Motion features (B, T, rows, columns, 9) of windows of frames -> (B, N, width), in the order of the patches."""
        batch, (down, across) = len(motion), self.grid
        parts = [
            self._scaled(part.float(), least)
            for part, least in zip(motion.split([self.directions, 1], dim=-1), self.least, strict=True)
        ]
        x = torch.cat(parts, dim=-1).to(self.output.weight).permute(0, 4, 1, 2, 3)
        x = F.relu(self.before(x))
        x = F.relu(x + self.around(x))
        # (B, C, T, R, C) -> (B T, C, R, C)
        x = F.relu(self.behind(x)).transpose(1, 2).flatten(0, 1)
        pooled = [pool(x, grid).expand(-1, -1, down, across) for pool in _POOLS for grid in (self.grid, (1, 1))]
        # (B T, 4 C, down, across) -> (B, down, across, T', frames 4 C)
        y = torch.cat(pooled, dim=1).unflatten(0, (batch, -1, self.frames)).permute(0, 4, 5, 1, 2, 3).flatten(4)
        z = along_time(self.temporal, F.relu(self.features(y.flatten(0, 2))).transpose(1, 2))
        return self.output(z.unflatten(0, (batch, down * across)).permute(0, 3, 1, 2).flatten(1, 2))

    def _scaled(self, part: torch.Tensor, least: float) -> torch.Tensor:
        """Some features (B, T, R, C, n) of a cell by the clip's own unit."""
        unit = part.sum(-1).flatten(1).quantile(self.quantile, dim=1).clamp_min(least)
        return (part / unit.reshape(-1, 1, 1, 1, 1)).asinh()


_POOLS = (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)


class EventStem(nn.Module):
    """What happens, seen in nearly clean frames: convolutions over how a step of tokens differs from what was before and comes after.

    With `flow_channels`, what `FlowStem` sees in the optical flow of larger frames is added, and a head reads the events themselves.

    It is shut where video is generated, at flow times up to `shut_until`, and so can be trained beside a finished backbone without changing
    what that draws. Small things that move by less than a pixel (a clock's hand) show in the means of some frames and not in two
    neighbours; dark things before dark ones in their colour.
    """

    #: Flow times at which it begins to open, and at which it is open.
    shut_until, open_from = 0.9, 0.96
    #: Frames on either side of a step's middle whose means are compared, each twice the one before.
    spans = (2, 4, 8)
    #: Colour differences.
    colours = 2

    def __init__(
        self,
        channels: tuple[int, int, int, int],
        grid: tuple[int, int],
        frames: int,
        width: int,
        flow_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.grid, self.frames = grid, frames
        # Brightness, its changes from frame to frame from one before the step to one behind it, and the longer ones.
        planes = 1 + (frames + 2) + len(self.spans) + self.colours
        first, second, third, fourth = channels
        self.spatial = nn.ModuleList(
            [
                nn.Conv2d(planes, first, 5, 2, 2),
                nn.Conv2d(first, second, 3, 2, 1),
                nn.Conv2d(second, third, 3, 1, 1),
                nn.Conv2d(third, fourth, 3, 2, 1),
            ]
        )
        for layer in self.spatial:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        #: Weights (3, channels) of the step before, the step itself and the next one, added behind the second and the third convolution.
        self.along = nn.ParameterList(0.1 * torch.randn(3, n) for n in (second, third))
        self.features = nn.Linear(2 * fourth, width)
        self.temporal = depthwise(width, 1, 2, 4)
        self.output = nn.Linear(width, width)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.flow = self.head = None
        if flow_channels:
            self.flow, self.head = FlowStem(flow_channels, grid, frames, width), EventHead(width, frames)

    def is_shut(self, t: torch.Tensor) -> bool:
        """Whether nothing would come out at flow times t (B,). Only a CPU is asked: elsewhere the answer takes longer than the stem."""
        return t.device.type == "cpu" and bool((t <= self.shut_until).all())

    def forward(self, features: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Event features (B, N, width) -> what is added to the tokens at flow times t (B,)."""
        opened = ((t - self.shut_until) / (self.open_from - self.shut_until)).clamp(0, 1).type_as(features)
        return opened[:, None, None] * self.output(features)

    def extract(self, x: torch.Tensor, motion: torch.Tensor | None = None) -> torch.Tensor:
        """Event features of frames x (B, T, H, W, 3), T a multiple of a patch's: (B, N, width), in the order of the patches.

        `motion` (B, T, 6, 6, 9) are the frames' `motion_features`; without them only x is seen.
        """
        batch, (down, across) = x.shape[0], self.grid
        y = self._planes(x).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        first, second, third, fourth = self.spatial
        y = F.relu(second(F.relu(first(y))))
        y = F.relu(third(F.relu(self._along(y, 0, batch))))
        y = F.relu(fourth(F.relu(self._along(y, 1, batch))))
        pooled = torch.cat([F.adaptive_avg_pool2d(y, self.grid), F.adaptive_max_pool2d(y, self.grid)], dim=1)
        # (B T', C, down, across) -> (B down across, T', C)
        pooled = pooled.unflatten(0, (batch, -1)).permute(0, 3, 4, 1, 2).flatten(0, 2)
        z = along_time(self.temporal, F.relu(self.features(pooled)).transpose(1, 2))
        seen = z.unflatten(0, (batch, down * across)).permute(0, 3, 1, 2).flatten(1, 2)
        return seen if self.flow is None or motion is None else seen + self.flow(motion)

    def events(self, features: torch.Tensor) -> torch.Tensor:
        """Event features (B, N, width) -> logits of something beginning to sound in each frame (B, T). It has a head."""
        assert self.head is not None
        return cast(torch.Tensor, self.head(features, self.grid[0] * self.grid[1]))

    def _planes(self, x: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, H, W, 3) -> what the convolutions see of every step (B, T / frames, planes, H, W)."""
        steps, reach = x.shape[1] // self.frames, max(self.spans)
        held = torch.cat([x[:, :1].expand(-1, reach, -1, -1, -1), x, x[:, -1:].expand(-1, reach, -1, -1, -1)], dim=1)
        grey = held.mean(-1)
        colour = torch.stack([held[..., 0] - held[..., 1], held[..., 2] - held[..., 1]], dim=2)

        def at(frames: torch.Tensor, offset: int) -> torch.Tensor:
            """The frame that is `offset` behind each step's first (B, steps, ...)."""
            first = reach + offset
            return frames[:, first : first + self.frames * steps : self.frames]

        around = [at(grey, offset) for offset in range(-1, self.frames + 2)]
        planes = [torch.stack(around[1:-2]).mean(0), *(4 * (later - sooner) for sooner, later in pairwise(around))]
        sums, middle = grey, self.frames // 2
        for span in self.spans:
            sums = sums[:, : -span // 2] + sums[:, span // 2 :]
            planes.append(4 / span * (at(sums, middle) - at(sums, middle - span)))
        sooner, later = (at(colour, middle + k) + at(colour, middle + k + 1) for k in (-2, 0))
        return torch.cat([torch.stack(planes, dim=2), 2 * (later - sooner)], dim=2)

    def _along(self, y: torch.Tensor, layer: int, batch: int) -> torch.Tensor:
        """y (B T', C, h, w) and what its neighbours in time add to it, channel by channel."""
        steps = y.unflatten(0, (batch, -1))
        around = F.pad(steps, (0, 0, 0, 0, 0, 0, 1, 1))
        for k, weight in enumerate(self.along[layer]):
            steps = steps + around[:, k : k + steps.shape[1]] * weight[:, None, None]
        return steps.flatten(0, 1)
