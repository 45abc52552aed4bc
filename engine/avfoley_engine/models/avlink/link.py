"""AV-Link: two frozen backbones and the fusion blocks between them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from avfoley_engine.models.avlink.backbones import AudioDiT, VideoDiT
from avfoley_engine.models.avlink.config import DIRECTIONS, GENERATED, AVLinkConfig, Direction, Modality
from avfoley_engine.models.avlink.fusion import FusionBlock, FusionTime
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.nn.rope import Rotation, rotation


def placements(depth: int, blocks: int, placement: str) -> list[int]:
    """The backbone blocks that a fusion block follows (AV-Link, Tab. 2: interleaved is best)."""
    if placement == "interleaved":
        return [(k + 1) * depth // blocks - 1 for k in range(blocks)]
    first = {"early": 0, "middle": (depth - blocks) // 2, "late": depth - blocks}[placement]
    return list(range(first, first + blocks))


class FusionBlocks(nn.Module):
    """All trainable parts of one direction, or of both where they share them.

    Behind the last block nothing reads what it would make of the conditioning modality, so that of
    one direction leaves it alone.
    """

    def __init__(self, config: AVLinkConfig, direction: Direction | Literal["joint"] = "joint") -> None:
        super().__init__()
        self.time = FusionTime(config.fusion.time_width)
        both: tuple[Modality, ...] = ("audio", "video")
        last = both if direction == "joint" else (GENERATED[direction],)
        self.blocks = nn.ModuleList(
            FusionBlock(config.fusion, config.audio.dit.width, config.video.dit.width, updates)
            for updates in [both] * (config.fusion.blocks - 1) + [last]
        )


class Linked(NamedTuple):
    """Velocities of the linked backbones, None of the one that was not asked for.

    `fused` are the generated modality's tokens behind each fusion block (B, N, width), which the
    event losses read in training.
    """

    audio: torch.Tensor | None
    video: torch.Tensor | None
    fused: list[torch.Tensor]


class AVLink(nn.Module):
    """Runs both backbones side by side, with a fusion block after every few of their blocks.

    `fusion` holds a set of blocks for each of `directions`, or one named "joint" for all. The
    conditioning backbone sees the generated modality through the reinjected features, so it runs
    anew in every solver step.
    """

    def __init__(self, config: AVLinkConfig, directions: Collection[Direction] = DIRECTIONS) -> None:
        super().__init__()
        if config.audio.dit.depth != config.video.dit.depth:
            raise ValueError("the backbones of AV-Link have the same number of blocks")
        self.config = config
        self.audio = AudioDiT(config.audio)
        self.video = VideoDiT(config.video)
        sets: tuple[Direction | Literal["joint"], ...] = ("joint",) if config.fusion.joint else tuple(directions)
        self.fusion = nn.ModuleDict({name: FusionBlocks(config, name) for name in sets})
        self.fuse_after = placements(config.audio.dit.depth, config.fusion.blocks, config.fusion.placement)
        self.checkpointing = False

    @property
    def directions(self) -> list[Direction]:
        """The directions for which there are fusion blocks."""
        return [d for d in DIRECTIONS if d in self.fusion or "joint" in self.fusion]

    def fusion_of(self, direction: Direction) -> FusionBlocks:
        """The fusion blocks of a direction. Raises `KeyError` where the model does not have it."""
        return cast(FusionBlocks, self.fusion["joint" if "joint" in self.fusion else direction])

    def freeze_backbones(self) -> None:
        """Leaves only the fusion blocks trainable."""
        self.audio.requires_grad_(False)
        self.video.requires_grad_(False)

    def checkpoint_blocks(self) -> None:
        """Turns on gradient checkpointing of all blocks: less memory for a third more time."""
        self.checkpointing = self.audio.checkpointing = self.video.checkpointing = True

    def temporal_rotation(self, latents: int, video_tokens: int, device: torch.device) -> Rotation:
        """Temporal RoPE, in which the same instant has the same angle in both modalities.

        Video tokens of step n have position n, audio token n has n * eta_v / eta_a.
        """
        c = self.config
        down, across = self.video.grid
        ratio = c.video.tokens_per_second / c.audio.latents_per_second
        # One division of integers, so that tokens of the same instant have equal positions.
        audio = torch.arange(latents, device=device) * ratio.numerator / ratio.denominator
        video = torch.arange(video_tokens, device=device) // (down * across)
        pairs = c.fusion.width // c.fusion.heads // 2
        return rotation(torch.cat([audio, video.float()])[:, None], (pairs,), c.fusion.rope_base)

    def forward(
        self,
        audio: torch.Tensor,
        t_audio: torch.Tensor,
        audio_text: TextStates,
        video: torch.Tensor,
        t_video: torch.Tensor,
        video_text: TextStates,
        *,
        direction: Direction = "v2a",
        both: bool = True,
        token_steps: slice = slice(None),
        event_features: torch.Tensor | None = None,
        motion: torch.Tensor | None = None,
    ) -> Linked:
        """Velocities of audio (B, L, latent_width) and video (B, T, H, W, 3), each at its t (B,).

        Without `both`, only the generated modality's velocity is computed, and only what it needs.
        The video's is that of `token_steps` (`VideoDiT.head`). `event_features` (B, N, width) are
        the event stem's of the video, if known already, `motion` its `motion_features`.
        """
        states = {
            "audio": self.audio.embed(audio, t_audio, audio_text),
            "video": self.video.embed(video, t_video, video_text, event_features=event_features, motion=motion),
        }
        a, v = states["audio"], states["video"]
        fusion = self.fusion_of(direction)
        time = fusion.time(t_audio, t_video)
        by = self.temporal_rotation(a.tokens.shape[1], v.tokens.shape[1], audio.device)
        generated = GENERATED[direction]
        fused = []
        last = self.fuse_after[-1]
        for index in range(self.config.audio.dit.depth):
            # Behind the last fusion block nothing reads the conditioning tokens but their own head.
            if both or generated == "audio" or index <= last:
                self.audio.block(index, a)
            if both or generated == "video" or index <= last:
                self.video.block(index, v)
            if index in self.fuse_after:
                reinject = self.config.fusion.reinjection and (both or index < last)
                block = cast(FusionBlock, fusion.blocks[self.fuse_after.index(index)])
                update = block.updates if reinject else (generated,)
                if self.checkpointing and torch.is_grad_enabled():
                    a.tokens, v.tokens = checkpoint(block, a.tokens, v.tokens, time, by, update, use_reentrant=False)
                else:
                    a.tokens, v.tokens = block(a.tokens, v.tokens, time, by, update)
                fused.append(states[generated].tokens)
        return Linked(
            self.audio.head(a, audio, t_audio) if both or generated == "audio" else None,
            self.video.head(v, video, t_video, token_steps) if both or generated == "video" else None,
            fused,
        )
