"""What draws behind the blocks of a small video backbone, from tokens of large patches: a still picture, and what moves before it.

One linear layer draws a patch of `nano` as a blur, as none of its neighbours do, and each step of tokens otherwise than the next. Nothing
here is read by the fusion blocks, so it can be trained without changing what they see.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.flow.solver import unshifted
from avfoley_engine.models.avlink.config import DrawingConfig, VideoConfig
from avfoley_engine.nn.dit import DiTBlock, DiTState, modulate
from avfoley_engine.nn.embedding import TimeEmbedding
from avfoley_engine.nn.rope import rotation


class StillPicture(nn.Module):
    """The mean of all frames, drawn from the mean of the noised ones: a small DiT, one token a patch.

    That mean has little noise, so at a flow time at which nothing is to be seen in a single frame it is as good as decided.
    """

    #: Pixels a side of a patch.
    patch = 4

    def __init__(self, config: VideoConfig, drawing: DrawingConfig) -> None:
        super().__init__()
        width, numbers = config.dit.width, 3 * self.patch**2
        self.dit, self.shift = drawing.dit(config.dit), config.time_shift
        self.grid = config.height // self.patch, config.width // self.patch
        self.time = TimeEmbedding(config.dit.time_width)
        #: Shift and scale of what goes in and of what comes out: how far the noised mean is to be believed differs by flow time.
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(config.dit.time_width, 4 * width))
        self.input = nn.Linear(numbers, width)
        #: Rotations only say how far apart two patches are, not which one is the floor.
        self.place = nn.Parameter(0.02 * torch.randn(self.grid[0] * self.grid[1], width))
        self.blocks = nn.ModuleList(DiTBlock(self.dit) for _ in range(drawing.still_blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.output = nn.Linear(width, numbers)
        for layer in (self.modulation[1], self.output):
            nn.init.zeros_(cast(torch.Tensor, layer.weight))
            nn.init.zeros_(cast(torch.Tensor, layer.bias))

    def forward(self, mean: torch.Tensor, t: torch.Tensor, count: int, state: DiTState) -> torch.Tensor:
        """The mean of `count` noised frames (B, H, W, 3) at flow times t (B,) -> the clean mean (B, H, W, 3).

        Of the state, only the caption is read.
        """
        # As the solver counts: what is decided near t = 0.01 takes as many of its steps as the rest.
        time = self.time(unshifted(t, self.shift))
        shift_in, scale_in, shift_out, scale_out = self.modulation(time).chunk(4, dim=-1)
        patches = _folded(to_unit_scale(mean, t, count), self.patch).flatten(1, 2).type_as(self.place)
        tokens = modulate(self.input(patches), shift_in, scale_in)
        axes = [torch.arange(n, device=mean.device) for n in self.grid]
        positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2)
        pairs = self.dit.width // self.dit.heads // 2
        turns = rotation(positions, (pairs - pairs // 2, pairs // 2), self.dit.rope_base)
        state = replace(state, tokens=tokens + self.place, time=time, rotation=turns, mask=None)
        for block in self.blocks:
            state = replace(state, tokens=block(state))
        drawn = self.output(modulate(self.norm(state.tokens), shift_out, scale_out))
        return _unfolded(drawn.unflatten(1, self.grid), self.patch)


class Drawing(nn.Module):
    """From tokens and noised frames to clean frames: the still picture, what the tokens add to it, and convolutions that refine both."""

    #: Cells down and across a patch of the backbone, whose mean colours the blocks are shown.
    cells = (3, 4)
    #: Refined are blocks of so many pixels a side.
    fold = 2

    def __init__(self, config: VideoConfig, drawing: DrawingConfig) -> None:
        super().__init__()
        width, (frames, rows, columns) = config.dit.width, config.patch
        self.still = StillPicture(config, drawing)
        self.grid = config.height // rows, config.width // columns
        self.patch = frames, rows // self.fold, columns // self.fold
        cells, colours, hidden = self.cells[0] * self.cells[1] * 3, 3 * self.fold**2, drawing.width
        self.look = nn.Linear(frames * cells, width)
        self.look_still = nn.Linear(self.grid[0] * self.grid[1] * cells, self.grid[0] * self.grid[1] * width)
        self.blocks = nn.ModuleList(DiTBlock(drawing.dit(config.dit)) for _ in range(drawing.blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.output = nn.Linear(width, frames * self.patch[1] * self.patch[2] * colours)
        self.time = nn.Linear(config.dit.time_width, hidden)
        self.input = nn.Conv2d(3 * colours, hidden, 3, padding=1)
        self.middle = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.refined = nn.Conv2d(hidden, colours, 3, padding=1)
        self.along = nn.ModuleList(
            nn.Conv2d(hidden, hidden, (5, 1), padding=(2, 0), padding_mode="replicate", groups=hidden) for _ in range(2)
        )
        for layer in (self.output, self.refined):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(cast(torch.Tensor, layer.bias))

    def forward(
        self, state: DiTState, x: torch.Tensor, t: torch.Tensor, token_steps: slice = slice(None)
    ) -> torch.Tensor:
        """The state behind the backbone's last block, noised frames x (B, T, H, W, 3) at flow times t (B,) -> clean frames.

        They are those of the steps of tokens `token_steps`: (B, steps * frames of a patch, H, W, 3).
        """
        still = self.still(x.mean(dim=1), t, x.shape[1], state)
        tokens = state.tokens + self._pixel_features(x, still, t)
        for block in self.blocks:
            tokens = block(replace(state, tokens=tokens))
        tokens = tokens.unflatten(1, (-1, *self.grid))[:, token_steps]
        noised = expected(x.unflatten(1, (-1, self.patch[0]))[:, token_steps].flatten(1, 2), t, 1)
        batch, frames = noised.shape[:2]
        drawn = self.output(self.norm(tokens)).unflatten(-1, (*self.patch, -1))
        # (B, T', down, across, t, h, w, C) -> (B T, down h, across w, C). Channels stay last: CPUs convolve that fastest.
        drawn = drawn.permute(0, 1, 4, 2, 5, 3, 6, 7).flatten(5, 6).flatten(3, 4).flatten(0, 2)
        behind = _folded(still, self.fold)[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
        y = torch.cat([drawn, behind, _folded(noised.flatten(0, 1), self.fold).type_as(drawn)], dim=-1)
        y = _convolved(self.input, y).unflatten(0, (batch, frames)).flatten(2, 3)
        y = F.silu(y + self.time(state.time)[:, None, None])
        y = y + _convolved(self.along[0], y)
        y = F.silu(_convolved(self.middle, y.reshape(*drawn.shape[:3], -1))).reshape(y.shape)
        y = y + _convolved(self.along[1], y)
        picture = behind + drawn + _convolved(self.refined, y.reshape(*drawn.shape[:3], -1))
        return _unfolded(picture, self.fold).unflatten(0, (batch, frames))

    def _pixel_features(self, x: torch.Tensor, still: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Features (B, N, width) of noised frames x (B, T, H, W, 3) and of the still picture (B, H, W, 3)."""
        (down, across), (high, wide) = self.grid, self.cells
        rows, columns = down * high, across * wide
        pixels = x.shape[2] // rows * (x.shape[3] // columns)

        def cells(frames: torch.Tensor) -> torch.Tensor:
            return frames.unflatten(-2, (columns, -1)).unflatten(-4, (rows, -1)).mean((-4, -2))

        values = expected(cells(x), t, pixels).type_as(self.look.weight)
        values = values.unflatten(3, (across, wide)).unflatten(2, (down, high)).unflatten(1, (-1, self.patch[0]))
        # (B, T', t, down, h, across, w, 3) -> (B, T', down, across, t, h, w, 3)
        moving = self.look(values.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4))
        of_still = self.look_still(cells(still).flatten(1))
        return (moving + of_still.unflatten(1, (1, down, across, -1))).flatten(1, 3)


#: Of clean values, whose mean is 0.
_VARIANCE = 0.25


def expected(mean: torch.Tensor, t: torch.Tensor, count: int) -> torch.Tensor:
    """What is to be expected of a clean value, if the mean of `count` of its noised copies at t (B,) is `mean` (B, ...).

    The posterior mean t s^2 m / (t^2 s^2 + (1 - t)^2 / n) for a prior of mean 0 and variance s^2. Unlike x_t itself, it has the scale of
    data where it tells anything.
    """
    t = t.reshape(-1, *[1] * (mean.dim() - 1))
    return mean * (t * _VARIANCE) / (t.square() * _VARIANCE + (1 - t).square() / count)


def to_unit_scale(mean: torch.Tensor, t: torch.Tensor, count: int) -> torch.Tensor:
    """The mean (B, ...) of `count` noised copies at t (B,), divided by the deviation that it has."""
    t = t.reshape(-1, *[1] * (mean.dim() - 1))
    return mean / (t.square() * _VARIANCE + (1 - t).square() / count).sqrt()


def _folded(x: torch.Tensor, fold: int) -> torch.Tensor:
    """(N, H, W, C) -> (N, H / fold, W / fold, fold * fold * C)."""
    x = x.unflatten(2, (-1, fold)).unflatten(1, (-1, fold))
    return x.transpose(2, 3).flatten(3)


def _unfolded(x: torch.Tensor, fold: int) -> torch.Tensor:
    """The inverse of `_folded`."""
    x = x.unflatten(-1, (fold, fold, -1)).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)


def _convolved(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A 2D convolution of x (N, h, w, C)."""
    y: torch.Tensor = layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return y
