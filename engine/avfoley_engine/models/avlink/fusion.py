"""The fusion block of AV-Link (Sec. 3.3): one temporally aligned self-attention over the activations of both backbones."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.avlink.config import FusionConfig
from avfoley_engine.nn.attention import merge_heads, split_heads
from avfoley_engine.nn.dit import modulate
from avfoley_engine.nn.embedding import TimeEmbedding
from avfoley_engine.nn.rope import Rotation, rotate


class FusionAttention(nn.Module):
    """Self-attention with QK-norm, temporal RoPE, and a learned bias on queries and keys.

    A bias b on both gives every pair of tokens the logit b^T R(delta) b, a sum of cosines of their distance in time that peaks where it is
    zero: attention that starts local in time, stays learnable, and needs no mask. The first `local_heads` heads start with such a bias on
    their fastest channels, the others with none.
    """

    #: Amplitude of the bias on each of the `fast_pairs` fastest channel pairs: about 3 nats between neighbouring video tokens.
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

    def forward(self, x: torch.Tensor, by: Rotation) -> torch.Tensor:
        """x (B, N, width), audio tokens then video tokens -> (B, N, width)."""
        q, k, v = (split_heads(y, self.heads) for y in self.qkv(x).chunk(3, dim=-1))
        q, k = rotate(self.q_norm(q) + self.q_bias, by), rotate(self.k_norm(k) + self.k_bias, by)
        return self.out(merge_heads(F.scaled_dot_product_attention(q, k.type_as(v), v)))


class FusionBlock(nn.Module):
    """Projects both modalities to a common width, attends over their concatenation, and returns an update for each.

    The gates of adaLN-Zero start at zero: at initialisation the linked backbones equal the frozen ones.
    """

    def __init__(self, config: FusionConfig, audio_width: int, video_width: int) -> None:
        super().__init__()
        width, hidden = config.width, config.mlp_ratio * config.width
        widths = {"audio": audio_width, "video": video_width}
        self.input_norm = nn.ModuleDict(
            {m: nn.LayerNorm(w, eps=1e-6, elementwise_affine=False) for m, w in widths.items()}
        )
        self.input = nn.ModuleDict({m: nn.Linear(w, width) for m, w in widths.items()})
        self.attention_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.attention = FusionAttention(width, config.heads, config.local_heads)
        self.output_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.output = nn.ModuleDict(
            {
                m: nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, w))
                for m, w in widths.items()
            }
        )
        self.splits = {m: [w, w, width, width, w] for m, w in widths.items()}
        self.modulation = nn.ModuleDict({m: nn.Linear(config.time_width, sum(s)) for m, s in self.splits.items()})
        for layer in self.modulation.values():
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(
        self, audio: torch.Tensor, video: torch.Tensor, time: torch.Tensor, by: Rotation, *, with_video: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """audio (B, N_a, W_a), video (B, N_v, W_v), time (B, time_width) of both flow times -> both, updated.

        `with_video=False` leaves the video tokens as they are: the feature is reinjected into the audio backbone alone.
        """
        tokens = {"audio": audio, "video": video}
        mods = {m: self.modulation[m](time).split(self.splits[m], dim=-1) for m in tokens}
        x = torch.cat(
            [self.input[m](modulate(self.input_norm[m](tokens[m]), mods[m][0], mods[m][1])) for m in tokens], dim=1
        )
        x = x + self.attention(self.attention_norm(x), by)
        parts = dict(zip(tokens, x.split([audio.shape[1], video.shape[1]], dim=1), strict=True))
        for m in ("audio", "video") if with_video else ("audio",):
            update = self.output[m](modulate(self.output_norm(parts[m]), mods[m][2], mods[m][3]))
            tokens[m] = tokens[m] + mods[m][4][:, None] * update
        return tokens["audio"], tokens["video"]


class FusionTime(nn.Module):
    """One embedding of the pair of flow times, read by the modulation of both modalities."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.audio = TimeEmbedding(width)
        self.video = TimeEmbedding(width)

    def forward(self, t_audio: torch.Tensor, t_video: torch.Tensor) -> torch.Tensor:
        """t_audio, t_video (B,) -> (B, width)."""
        return F.silu(self.audio(t_audio) + self.video(t_video))
