"""The fusion block of AV-Link (Sec. 3.3): temporally aligned self-attention over both backbones."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.avlink.config import FusionConfig, Modality
from avfoley_engine.nn.attention import merge_heads, split_heads
from avfoley_engine.nn.dit import modulate
from avfoley_engine.nn.embedding import TimeEmbedding
from avfoley_engine.nn.rope import Rotation, rotate


class FusionAttention(nn.Module):
    """Attention with QK-norm, temporal RoPE, and a learned bias on queries and keys.

    A bias b on both gives every pair of tokens the logit b^T R(delta) b, a sum of cosines of their
    distance in time that peaks where it is zero: attention that starts local in time, stays
    learnable, and needs no mask. The first `local_heads` heads start with such a bias on their
    fastest channels, the others with none.
    """

    #: Amplitude of the bias on each of the `fast_pairs` fastest channel pairs: about 3 nats between
    #: neighbouring video tokens.
    amplitude = 4.5
    fast_pairs = 4

    def __init__(self, width: int, heads: int, local_heads: int) -> None:
        super().__init__()
        self.heads = heads
        head_width = width // heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm = nn.RMSNorm(head_width, eps=1e-6)
        self.k_norm = nn.RMSNorm(head_width, eps=1e-6)
        bias = torch.zeros(heads, 1, head_width)
        bias[:local_heads, :, : self.fast_pairs] = self.amplitude
        self.q_bias = nn.Parameter(bias)
        self.k_bias = nn.Parameter(bias.clone())
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, by: Rotation, context: torch.Tensor, context_by: Rotation) -> torch.Tensor:
        """x (B, N, width) attends to context (B, M, width), with or without x -> (B, N, width)."""
        width = x.shape[-1]
        weight, bias = self.qkv.weight.tensor_split([width]), self.qkv.bias.tensor_split([width])
        q = split_heads(F.linear(x, weight[0], bias[0]), self.heads)
        k, v = (split_heads(y, self.heads) for y in F.linear(context, weight[1], bias[1]).chunk(2, dim=-1))
        q, k = rotate(self.q_norm(q) + self.q_bias, by), rotate(self.k_norm(k) + self.k_bias, context_by)
        return self.out(merge_heads(F.scaled_dot_product_attention(q.type_as(v), k.type_as(v), v)))


class FusionBlock(nn.Module):
    """Projects both modalities to one width, attends over both, and updates each.

    The gates of adaLN-Zero start at zero: at initialisation the linked backbones equal the frozen
    ones. Modalities that are not in `updates` are attended to, but not changed, and have no output weights.
    """

    def __init__(
        self,
        config: FusionConfig,
        audio_width: int,
        video_width: int,
        updates: Collection[Modality] = ("audio", "video"),
    ) -> None:
        super().__init__()
        self.updates = tuple(updates)
        width, hidden = config.width, config.mlp_ratio * config.width
        widths = {"audio": audio_width, "video": video_width}
        self.input_norm = nn.ModuleDict(
            {m: nn.LayerNorm(w, eps=1e-6, elementwise_affine=False) for m, w in widths.items()}
        )
        self.input = nn.ModuleDict({m: nn.Linear(w, width) for m, w in widths.items()})
        self.attention_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.cross = config.attention == "cross"
        if self.cross:
            self.attention: nn.Module = nn.ModuleDict(
                {m: FusionAttention(width, config.heads, config.local_heads) for m in self.updates}
            )
        else:
            self.attention = FusionAttention(width, config.heads, config.local_heads)
        self.output_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.output = nn.ModuleDict(
            {
                m: nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, widths[m]))
                for m in self.updates
            }
        )
        self.splits = {m: [w, w, *([width, width, w] if m in self.updates else [])] for m, w in widths.items()}
        self.modulation = nn.ModuleDict({m: nn.Linear(config.time_width, sum(s)) for m, s in self.splits.items()})
        for layer in self.modulation.values():
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(
        self,
        audio: torch.Tensor,
        video: torch.Tensor,
        time: torch.Tensor,
        by: Rotation,
        update: Collection[Modality] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """audio (B, N_a, W_a), video (B, N_v, W_v), time (B, time_width) -> both.

        `by` turns the audio tokens, then the video tokens. Only the modalities in `update`, all of
        the block's `updates` by default, are changed, and nothing is computed that only the others
        would need.
        """
        update = self.updates if update is None else update
        tokens = {"audio": audio, "video": video}
        turns = _split(by, audio.shape[1])
        mods = {m: self.modulation[m](time).split(self.splits[m], dim=-1) for m in tokens}
        x = {m: self.input[m](modulate(self.input_norm[m](tokens[m]), mods[m][0], mods[m][1])) for m in tokens}
        normed = {m: self.attention_norm(x[m]) for m in x}
        for m, attended in self._attend(normed, turns, by, update).items():
            y = modulate(self.output_norm(x[m] + attended), mods[m][2], mods[m][3])
            tokens[m] = tokens[m] + mods[m][4][:, None] * self.output[m](y)
        return tokens["audio"], tokens["video"]

    def _attend(
        self, x: dict[str, torch.Tensor], turns: dict[str, Rotation], by: Rotation, update: Collection[Modality]
    ) -> dict[str, torch.Tensor]:
        """The attention output of each modality in `update` (B, N_m, width)."""
        if self.cross:
            other = {"audio": "video", "video": "audio"}
            return {m: self.attention[m](x[m], turns[m], x[other[m]], turns[other[m]]) for m in update}  # type: ignore[index]
        both = torch.cat([x["audio"], x["video"]], dim=1)
        if len(update) < len(x):
            return {m: self.attention(x[m], turns[m], both, by) for m in update}
        audio, video = self.attention(both, by, both, by).tensor_split([x["audio"].shape[1]], dim=1)
        return {"audio": audio, "video": video}


def _split(by: Rotation, latents: int) -> dict[str, Rotation]:
    (audio_cos, video_cos), (audio_sin, video_sin) = (part.tensor_split([latents]) for part in by)
    return {"audio": (audio_cos, audio_sin), "video": (video_cos, video_sin)}


class FusionTime(nn.Module):
    """One embedding of the pair of flow times, read by the modulation of both modalities."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.audio = TimeEmbedding(width)
        self.video = TimeEmbedding(width)

    def forward(self, t_audio: torch.Tensor, t_video: torch.Tensor) -> torch.Tensor:
        """t_audio, t_video (B,) -> (B, width)."""
        return F.silu(self.audio(t_audio) + self.video(t_video))
