"""The two backbones of AV-Link: a DiT on audio latents and a DiT on pixels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.avlink.config import AudioConfig, VideoConfig
from avfoley_engine.models.avlink.drawing import Drawing
from avfoley_engine.nn.dit import DiT, DiTState
from avfoley_engine.nn.rope import Rotation, rotation


class AudioDiT(DiT):
    """Text-to-audio flow matching on a latent sequence (B, L, latent_width), one token a latent, 1D RoPE."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__(config.dit, config.latent_width)
        self.input = nn.Linear(config.latent_width, config.dit.width)

    def patchify(self, x: torch.Tensor) -> torch.Tensor:
        return self.input(x)

    def unpatchify(self, tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return tokens

    def rotation(self, x: torch.Tensor) -> Rotation:
        positions = torch.arange(x.shape[1], device=x.device)[:, None]
        return rotation(positions, (self.config.width // self.config.heads // 2,), self.config.rope_base)


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
        self.temporal = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width),
                nn.Conv1d(width, width, 1),
                nn.ReLU(),
            )
            for dilation in (1, 2)
        )

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


class VideoDiT(DiT):
    """Text-to-video flow matching on pixels (B, T, H, W, 3) in [-1, 1], one token a patch, 3D RoPE.

    T may be any multiple of the patch's.
    """

    def __init__(self, config: VideoConfig) -> None:
        frames, rows, columns = config.patch
        super().__init__(config.dit, None if config.drawing else frames * rows * columns * 3)
        self.video = config
        self.drawing = Drawing(config, config.drawing) if config.drawing else None
        if config.stem_channels is None:
            self.stem: nn.Module = nn.Identity()
            self.motion = None
            patch_numbers = frames * rows * columns * 3
        else:
            many = config.stem_channels[1]
            self.stem = Stem(*config.stem_channels)
            self.motion = MotionStem(self.grid, frames, config.dit.width)
            patch_numbers = frames // 2 * (rows // 6) * (columns // 8) * many
        self.input = nn.Linear(patch_numbers, config.dit.width)

    @property
    def grid(self) -> tuple[int, int]:
        """Tokens down and across a frame."""
        return self.video.height // self.video.patch[1], self.video.width // self.video.patch[2]

    def patchify(self, x: torch.Tensor) -> torch.Tensor:
        steps, batch = x.shape[1] // self.video.patch[0], x.shape[0]
        down, across = self.grid
        motion = 0 if self.motion is None else self.motion(x)
        x = self.stem(x)
        x = x.unflatten(3, (across, -1)).unflatten(2, (down, -1)).unflatten(1, (steps, -1))
        # (B, T', t, down, h, across, w, C) -> (B, T', down, across, t, h, w, C)
        x = x.permute(0, 1, 3, 5, 2, 4, 6, 7)
        return self.input(x.reshape(batch, -1, self.input.in_features)) + motion

    def of_steps(self, x: torch.Tensor, shown: slice) -> torch.Tensor:
        """The frames (B, n, H, W, 3) of the steps of tokens `shown`."""
        return x.unflatten(1, (-1, self.video.patch[0]))[:, shown].flatten(1, 2)

    def head(self, state: DiTState, x: torch.Tensor, t: torch.Tensor, shown: slice = slice(None)) -> torch.Tensor:
        """As `DiT.head`, of the steps of tokens `shown` alone: the velocity of `of_steps(x, shown)`."""
        part = self.of_steps(x, shown)
        if self.drawing is not None:
            return self.velocity_of(self.drawing(state, x, t, shown).type_as(x), part, t)
        tokens = state.tokens.unflatten(1, (-1, self.grid[0] * self.grid[1]))[:, shown].flatten(1, 2)
        return super().head(replace(state, tokens=tokens), part, t)

    def unpatchify(self, tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        frames, rows, columns = self.video.patch
        down, across = self.grid
        x = tokens.unflatten(1, (-1, down, across)).unflatten(-1, (frames, rows, columns, 3))
        # (B, T', down, across, t, h, w, 3) -> (B, T', t, down, h, across, w, 3)
        return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(like.shape)

    def rotation(self, x: torch.Tensor) -> Rotation:
        pairs = self.config.width // self.config.heads // 2
        spatial = pairs // 4
        axes = [torch.arange(n, device=x.device) for n in (x.shape[1] // self.video.patch[0], *self.grid)]
        positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
        return rotation(positions, (pairs - 2 * spatial, spatial, spatial), self.config.rope_base)


def to_pixels(frames: torch.Tensor) -> torch.Tensor:
    """uint8 frames (..., 3) -> float in [-1, 1]."""
    return frames.float() / 127.5 - 1


def from_pixels(frames: torch.Tensor) -> torch.Tensor:
    """Float in [-1, 1], clamped to it -> uint8 frames (..., 3)."""
    return ((frames.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
