"""The two backbones of AV-Link: a DiT on audio latents and a DiT on pixels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from avfoley_engine.models.avlink.config import AudioConfig, VideoConfig
from avfoley_engine.models.avlink.nano.drawing import Drawing
from avfoley_engine.models.avlink.nano.stems import MotionStem, Stem
from avfoley_engine.nn.dit import DiT, DiTState, TextStates
from avfoley_engine.nn.rope import Rotation, grid_rotation, rotation
from avfoley_engine.vision.events import EventStem


class AudioDiT(DiT):
    """Text-to-audio flow matching on latents (B, L, latent_width), one token per latent, 1D RoPE."""

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
        self.events = None
        if config.event_channels is not None:
            self.events = EventStem(config.event_channels, self.grid, frames, config.dit.width, config.flow_channels)

    @property
    def grid(self) -> tuple[int, int]:
        """Tokens down and across a frame."""
        return self.video.height // self.video.patch[1], self.video.width // self.video.patch[2]

    def embed(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        text: TextStates,
        mask: torch.Tensor | None = None,
        event_features: torch.Tensor | None = None,
        motion: torch.Tensor | None = None,
    ) -> DiTState:
        """As `DiT.embed`; `event_features` (B, N, width) are those of x, if known already,
        `motion` (B, T, 6, 6, 9) the `motion_features` of its frames.
        """
        state = super().embed(x, t, text, mask)
        if self.events is not None and not self.events.is_shut(t):
            event_features = (
                self.events.extract(x.type_as(state.tokens), motion) if event_features is None else event_features
            )
            state.tokens = state.tokens + self.events(event_features, t)
        return state

    def patchify(self, x: torch.Tensor) -> torch.Tensor:
        steps, batch = x.shape[1] // self.video.patch[0], x.shape[0]
        down, across = self.grid
        motion = 0 if self.motion is None else self.motion(x)
        x = self.stem(x)
        x = x.unflatten(3, (across, -1)).unflatten(2, (down, -1)).unflatten(1, (steps, -1))
        # (B, T', t, down, h, across, w, C) -> (B, T', down, across, t, h, w, C)
        x = x.permute(0, 1, 3, 5, 2, 4, 6, 7)
        return self.input(x.reshape(batch, -1, self.input.in_features)) + motion

    def of_steps(self, x: torch.Tensor, token_steps: slice) -> torch.Tensor:
        """The frames (B, n, H, W, 3) of these steps of tokens."""
        return x.unflatten(1, (-1, self.video.patch[0]))[:, token_steps].flatten(1, 2)

    def head(self, state: DiTState, x: torch.Tensor, t: torch.Tensor, token_steps: slice = slice(None)) -> torch.Tensor:
        """As `DiT.head`, but only of `token_steps`: the velocity at `of_steps(x, token_steps)`."""
        part = self.of_steps(x, token_steps)
        if self.drawing is not None:
            return self.velocity_of(self.drawing(state, x, t, token_steps).type_as(x), part, t)
        tokens = state.tokens.unflatten(1, (-1, self.grid[0] * self.grid[1]))[:, token_steps].flatten(1, 2)
        return super().head(replace(state, tokens=tokens), part, t)

    def unpatchify(self, tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        frames, rows, columns = self.video.patch
        down, across = self.grid
        x = tokens.unflatten(1, (-1, down, across)).unflatten(-1, (frames, rows, columns, 3))
        # (B, T', down, across, t, h, w, 3) -> (B, T', t, down, h, across, w, 3)
        return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(like.shape)

    def rotation(self, x: torch.Tensor) -> Rotation:
        pairs = self.config.width // self.config.heads // 2
        return grid_rotation((x.shape[1] // self.video.patch[0], *self.grid), pairs, self.config.rope_base, x.device)
