"""What stands before the tokens of a small video backbone, whose large patches would hide what moves inside them."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F


class Stem(nn.Module):
    """Two strided convolutions, written as matrix products: blocks of 3 x 4 pixels of a frame, then 2 x 2 of those over four frames.

    The second layer's windows overlap in time (stride 2), so every output sees what changed across its neighbours' border too.
    """

    def __init__(self, few: int, many: int) -> None:
        super().__init__()
        self.pixels = nn.Linear(3 * 4 * 3, few)
        self.motion = nn.Linear(4 * 2 * 2 * few, many)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T, H, W, 3), T even -> (B, T / 2, H / 6, W / 8, many)."""
        x = x.unflatten(3, (-1, 4)).unflatten(2, (-1, 3)).transpose(3, 4).flatten(4)
        x = F.silu(self.pixels(x))
        x = torch.cat([x[:, :1], x, x[:, -1:]], dim=1).unfold(1, 4, 2)
        # (B, T', h 2, w 2, C, 4) -> (B, T', h, w, 2, 2, C, 4)
        x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).transpose(3, 4).flatten(4)
        return F.silu(self.motion(x))


def _depthwise(width: int, *dilations: int) -> nn.ModuleList:
    """Depthwise convolutions along time, each with a mixing of channels behind it."""
    return nn.ModuleList(
        nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width),
            nn.Conv1d(width, width, 1),
            nn.ReLU(),
        )
        for dilation in dilations
    )


class MotionStem(nn.Module):
    """What changes between frames, as features for every token: convolutions over a frame and its differences to three neighbours.

    Both the mean and the maximum over a token's area are kept, because a small fast thing fills little of a large patch. Two depthwise
    convolutions along time then let a step see its neighbours before attention has learned where to look.
    """

    channels = (24, 40, 48)

    def __init__(self, grid: tuple[int, int], frames: int, width: int) -> None:
        super().__init__()
        self.grid, self.frames = grid, frames
        first, second, third = self.channels
        self.spatial = nn.Sequential(
            nn.Conv2d(4, first, 7, 4, 3),
            nn.GroupNorm(4, first),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, 2, 1),
            nn.GroupNorm(4, second),
            nn.ReLU(),
            nn.Conv2d(second, third, 3, 1, 1),
            nn.GroupNorm(4, third),
            nn.ReLU(),
        )
        self.features = nn.Linear(2 * third * frames, width)
        self.temporal = _depthwise(width, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T, H, W, 3), T even -> (B, T / frames * down * across, width), tokens in the order of the patches."""
        batch, (down, across) = x.shape[0], self.grid
        grey = x.mean(-1)
        around = torch.cat([grey[:, :1], grey[:, :1], grey, grey[:, -1:]], dim=1)
        steps = 4 * around.diff(dim=1)
        x = torch.stack([grey, steps[:, :-2], steps[:, 1:-1], steps[:, 2:]], dim=2).flatten(0, 1)
        x = self.spatial(x)
        pooled = torch.cat([F.adaptive_avg_pool2d(x, self.grid), F.adaptive_max_pool2d(x, self.grid)], dim=1)
        # (B T, C, down, across) -> (B, down, across, T', frames C)
        pooled = pooled.unflatten(0, (batch, -1, self.frames)).permute(0, 4, 5, 1, 2, 3).flatten(4)
        y = F.relu(self.features(pooled)).flatten(0, 2).transpose(1, 2)
        for layer in self.temporal:
            y = y + layer(y)
        return y.unflatten(0, (batch, down * across)).permute(0, 3, 1, 2).flatten(1, 2)


class EventStem(nn.Module):
    """What happens, seen in nearly clean frames: convolutions over how a step of tokens differs from what was before and comes after.

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

    def __init__(self, channels: tuple[int, int, int, int], grid: tuple[int, int], frames: int, width: int) -> None:
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
        self.temporal = _depthwise(width, 1, 2, 4)
        self.output = nn.Linear(width, width)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def is_shut(self, t: torch.Tensor) -> bool:
        """Whether nothing would come out at flow times t (B,). Only a CPU is asked: elsewhere the answer takes longer than the stem."""
        return t.device.type == "cpu" and bool((t <= self.shut_until).all())

    def forward(self, features: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Event features (B, N, width) -> what is added to the tokens at flow times t (B,)."""
        opened = ((t - self.shut_until) / (self.open_from - self.shut_until)).clamp(0, 1).type_as(features)
        return opened[:, None, None] * self.output(features)

    def extract(self, x: torch.Tensor) -> torch.Tensor:
        """Event features of frames x (B, T, H, W, 3), T a multiple of a patch's: (B, N, width), in the order of the patches."""
        batch, (down, across) = x.shape[0], self.grid
        y = self._planes(x).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        first, second, third, fourth = self.spatial
        y = F.relu(second(F.relu(first(y))))
        y = F.relu(third(F.relu(self._along(y, 0, batch))))
        y = F.relu(fourth(F.relu(self._along(y, 1, batch))))
        pooled = torch.cat([F.adaptive_avg_pool2d(y, self.grid), F.adaptive_max_pool2d(y, self.grid)], dim=1)
        # (B T', C, down, across) -> (B down across, T', C)
        pooled = pooled.unflatten(0, (batch, -1)).permute(0, 3, 4, 1, 2).flatten(0, 2)
        z = F.relu(self.features(pooled)).transpose(1, 2)
        for layer in self.temporal:
            z = z + layer(z)
        return z.unflatten(0, (batch, down * across)).permute(0, 3, 1, 2).flatten(1, 2)

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
