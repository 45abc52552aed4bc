"""The diffusion transformer of the backbones (DiT, arXiv 2212.09748; AV-Link, Appx. B).

A block is self-attention, cross-attention to text, and an MLP, modulated by flow time through
adaLN-Zero. `embed`, `block` and `head` are the forward pass: AV-Link's fusion blocks work between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from avfoley_engine.nn.attention import CrossAttention, SelfAttention
from avfoley_engine.nn.embedding import PooledText, TextProjection, TimeEmbedding
from avfoley_engine.nn.rope import Rotation


@dataclass(frozen=True)
class DiTConfig:
    """Sizes of a `DiT`.

    `time_width` is the width of the flow-time embedding for adaLN: the model's width in the paper,
    smaller in `nano`. `pooled_text` adds the caption's mean state to it (as in Stable Diffusion 3,
    arXiv 2403.03206), so that a small model learns captions much sooner; the paper's backbones have
    cross-attention alone. Where `text_width` is None, captions change nothing.
    """

    width: int = 160
    depth: int = 6
    heads: int = 5
    mlp_ratio: int = 3
    time_width: int = 64
    text_width: int | None = 384
    rope_base: float = 1000.0
    #: The network predicts the velocity, or the clean sample, from which the velocity follows. If a
    #: patch has more numbers than the width, tokens cannot carry the noise part of a velocity.
    prediction: Literal["velocity", "sample"] = "velocity"
    pooled_text: bool = False


@dataclass
class DiTState:
    """The input of a block: tokens (B, N, width), time (B, time_width), text context, rotations.

    `mask` (B, N) is True where there is a token; None where all rows are full.
    """

    tokens: torch.Tensor
    time: torch.Tensor
    context: torch.Tensor
    context_mask: torch.Tensor
    rotation: Rotation
    mask: torch.Tensor | None = None

    def rows(self, start: int) -> DiTState:
        """The state of the batch's rows from `start` on."""
        return DiTState(
            self.tokens[start:],
            self.time[start:],
            self.context[start:],
            self.context_mask[start:],
            self.rotation,
            None if self.mask is None else self.mask[start:],
        )


@dataclass
class TextStates:
    """States (B, L, text_width) of a text encoder and mask (B, L), True for tokens. L may be 0."""

    states: torch.Tensor
    mask: torch.Tensor

    def drop(self, dropped: torch.Tensor) -> TextStates:
        """Removes the captions of the rows where `dropped` (B,) is True."""
        return TextStates(self.states, self.mask & ~dropped[:, None])

    def rows(self, rows: torch.Tensor) -> TextStates:
        """The captions of some rows of the batch."""
        return TextStates(self.states[rows], self.mask[rows])


def modulate(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """adaLN: x (B, N, width), shift and scale (B, width)."""
    return x * (1 + scale[:, None]) + shift[:, None]


class DiTBlock(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.mlp_ratio * config.width
        self.attention_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.attention = SelfAttention(width, config.heads)
        if config.text_width is not None:
            self.text_norm = nn.LayerNorm(width, eps=1e-6)
            self.text_attention = CrossAttention(width, config.heads)
        self.reads_text = config.text_width is not None
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(config.time_width, 6 * width))
        for layer in (self.modulation[1], *([self.text_attention.out] if self.reads_text else [])):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, state: DiTState) -> torch.Tensor:
        """Returns the new tokens (B, N, width)."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(state.time).chunk(6, dim=-1)
        x = state.tokens
        y = modulate(self.attention_norm(x), shift_a, scale_a)
        x = x + gate_a[:, None] * self.attention(y, state.rotation, state.mask)
        if self.reads_text:
            x = x + self.text_attention(self.text_norm(x), state.context, state.context_mask)
        x = x + gate_m[:, None] * self.mlp(modulate(self.mlp_norm(x), shift_m, scale_m))
        return x


class DiT(nn.Module):
    """Base of the backbones, which implement `patchify`, `unpatchify` and `rotation`.

    `output_width` is None where a subclass has a head of its own. Tokens have the weights'
    precision, data and velocities keep their own: a solver's sum is as fine as its noise.
    """

    #: The smallest 1 - t by which a predicted sample is turned into a velocity.
    least_noise = 0.1

    def __init__(self, config: DiTConfig, output_width: int | None) -> None:
        super().__init__()
        self.config = config
        self.time = TimeEmbedding(config.time_width)
        width = config.text_width
        self.text = None if width is None else TextProjection(width, config.width)
        self.pooled = PooledText(width, config.time_width) if width is not None and config.pooled_text else None
        self.blocks = nn.ModuleList(DiTBlock(config) for _ in range(config.depth))
        if output_width is not None:
            self.final_norm = nn.LayerNorm(config.width, eps=1e-6, elementwise_affine=False)
            self.final_modulation = nn.Sequential(nn.SiLU(), nn.Linear(config.time_width, 2 * config.width))
            self.output = nn.Linear(config.width, output_width)
            for layer in (self.final_modulation[1], self.output):
                nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.checkpointing = False

    def patchify(self, x: torch.Tensor) -> torch.Tensor:
        """Data to tokens (B, N, width)."""
        raise NotImplementedError

    def unpatchify(self, tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Output tokens (B, N, output_width) to the shape of the data `like`."""
        raise NotImplementedError

    def rotation(self, x: torch.Tensor) -> Rotation:
        """The rotary positions of the tokens of data x."""
        raise NotImplementedError

    def embed(self, x: torch.Tensor, t: torch.Tensor, text: TextStates, mask: torch.Tensor | None = None) -> DiTState:
        """The state before the first block: noised data x at t (B,), mask (B, N) over its tokens."""
        state = self.conditions(t, text)
        return replace(state, tokens=self.patchify(x.to(state.context.dtype)), rotation=self.rotation(x), mask=mask)

    def conditions(self, t: torch.Tensor, text: TextStates) -> DiTState:
        """A state of flow times t (B,) and captions, still without tokens."""
        time = self.time(t)
        if self.text is None:
            context, context_mask = time.new_zeros(len(t), 0, self.config.width), text.mask[:, :0]
        else:
            context, context_mask = self.text(text.states, text.mask)
        if self.pooled is not None:
            time = time + self.pooled(text.states, text.mask)
        nothing = context.new_zeros(len(context), 0, context.shape[-1])
        return DiTState(nothing, time, context, context_mask, (nothing, nothing))

    def block(self, index: int, state: DiTState) -> None:
        """Runs block `index` on the state, in place."""
        if self.checkpointing and torch.is_grad_enabled():
            # A copy, because the backward pass runs the block again after this state has changed.
            state.tokens = checkpoint(self.blocks[index], replace(state), use_reentrant=False)
        else:
            state.tokens = self.blocks[index](state)

    def head(self, state: DiTState, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The state after the last block -> the velocity at x, of the shape of x."""
        shift, scale = self.final_modulation(state.time).chunk(2, dim=-1)
        output = self.unpatchify(self.output(modulate(self.final_norm(state.tokens), shift, scale)), x).type_as(x)
        return output if self.config.prediction == "velocity" else self.velocity_of(output, x, t)

    def velocity_of(self, sample: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The velocity at x (B, ...) and t (B,) that leads to the clean `sample` (B, ...)."""
        return (sample - x) / self._noise(x, t)

    def sample_of(self, velocity: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The clean sample that a velocity leads to: the inverse of `velocity_of`."""
        return x + velocity * self._noise(x, t)

    def _noise(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return (1 - t).clamp_min(self.least_noise).reshape(-1, *[1] * (x.dim() - 1))

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, text: TextStates, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Velocity at noised data x and flow time t (B,), of the shape of x.

        Rows of different lengths are padded; it is undefined where the mask (B, N) is not True.
        """
        state = self.embed(x, t, text, mask)
        for index in range(self.config.depth):
            self.block(index, state)
        return self.head(state, x, t)
