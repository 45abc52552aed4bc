"""The upsampler's flow model: a DiT on the autoencoder's latents, which sees the small frames at every latent's own place."""

from __future__ import annotations

import torch
from torch import nn

from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.frames import STRIDE
from avfoley_engine.nn.dit import DiT
from avfoley_engine.nn.rope import Rotation, grid_rotation


class FirstGuess(nn.Sequential):
    """What the small frames alone tell of the latents, in their neighbourhood: the mean that the flow refines (arXiv 2112.02475).

    It takes what `condition` gives (B, T, h, w, 12) to latents (B, T, h, w, latent_width), zero at first.
    """

    def __init__(self, width: int, latent_width: int) -> None:
        def conv(inputs: int, outputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")

        last = conv(width, latent_width)
        super().__init__(conv(3 * STRIDE[0], width), nn.SiLU(), conv(width, width), nn.SiLU(), last)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, conditioning: torch.Tensor) -> torch.Tensor:
        guess = conditioning.flatten(0, 1).movedim(-1, 1)
        for layer in self:
            guess = layer(guess)
        return guess.unflatten(0, conditioning.shape[:2]).movedim(2, -1)


class UpsamplerDiT(DiT):
    """Velocity of latents given the small frames, which have a pixel for every latent: 36x64 of them for 288x512.

    Data are latents and condition side by side on channels (B, T, h, w, latent_width + 12); the velocity has the latents' channels only.
    T is any, h and w are multiples of the patch's.
    """

    def __init__(self, config: UpsamplerConfig) -> None:
        rows, columns = config.patch
        latent_width = config.autoencoder.latent_width
        super().__init__(config.dit, rows * columns * latent_width)
        self.patch, self.latent_width = config.patch, latent_width
        channels = latent_width + 3 * STRIDE[0]
        kernel = (rows + 2 * config.around, columns + 2 * config.around)
        self.guess = FirstGuess(config.guess_width, latent_width) if config.dit.prediction == "sample" else None
        self.input = nn.Conv2d(channels, config.dit.width, kernel, stride=config.patch, padding=config.around)

    def start_from(self, video: DiT) -> None:
        """Takes a video backbone's blocks and what tells them flow time and caption, as the paper's upsampler comes from its video model.

        In `paper` a token also stands for the same part of the picture in both, and turns by the same rotation.

        Raises:
            ModelError: the backbone has other sizes.
        """
        if video.config != self.config:
            raise ModelError(
                f"the upsampler's transformer ({self.config}) cannot start from a video backbone of other sizes ({video.config})"
            )
        for part in ("time", "text", "blocks", "pooled", "final_modulation"):
            module = getattr(video, part, None)
            if module is not None:
                getattr(self, part).load_state_dict(module.state_dict())

    def patchify(self, x: torch.Tensor) -> torch.Tensor:
        x = self.input(x.flatten(0, 1).movedim(-1, 1)).unflatten(0, x.shape[:2])
        # (B, T, width, H', W') -> (B, T, H', W', width)
        return x.movedim(2, -1).flatten(1, 3)

    def unpatchify(self, tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        rows, columns = self.patch
        x = tokens.unflatten(1, self._grid(like)).unflatten(-1, (rows, columns, self.latent_width))
        # (B, T, H', W', h, w, C) -> (B, T, H', h, W', w, C)
        return x.transpose(3, 4).reshape(*like.shape[:-1], self.latent_width)

    def velocity_of(self, sample: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """As `DiT.velocity_of`, of the latents alone; `sample` is what is added to the first guess."""
        latents, conditioning = x.tensor_split((self.latent_width,), dim=-1)
        assert self.guess is not None
        guess = self.guess(conditioning.type_as(self.input.weight)).type_as(latents)
        return super().velocity_of(sample + guess, latents, t)

    def rotation(self, x: torch.Tensor) -> Rotation:
        pairs = self.config.width // self.config.heads // 2
        return grid_rotation(self._grid(x), pairs, self.config.rope_base, x.device)

    def _grid(self, x: torch.Tensor) -> tuple[int, int, int]:
        """Tokens in time, down and across."""
        rows, columns = self.patch
        return x.shape[1], x.shape[2] // rows, x.shape[3] // columns
