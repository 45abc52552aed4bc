"""AV-Link: two frozen backbones and the fusion blocks between them."""

from __future__ import annotations

import torch
from torch import nn

from avfoley_engine.models.avlink.backbones import AudioDiT, VideoDiT
from avfoley_engine.models.avlink.config import AVLinkConfig
from avfoley_engine.models.avlink.fusion import FusionBlock, FusionTime
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.nn.rope import Rotation, rotation


def placements(depth: int, blocks: int, placement: str) -> list[int]:
    """The backbone blocks after which the fusion blocks stand (AV-Link, Tab. 2: interleaved is best)."""
    if placement == "interleaved":
        return [(k + 1) * depth // blocks - 1 for k in range(blocks)]
    first = {"early": 0, "middle": (depth - blocks) // 2, "late": depth - blocks}[placement]
    return list(range(first, first + blocks))


class FusionBlocks(nn.Module):
    """All trainable parts of one direction (video-to-audio or audio-to-video)."""

    def __init__(self, config: AVLinkConfig) -> None:
        super().__init__()
        self.time = FusionTime(config.fusion.time_width)
        self.blocks = nn.ModuleList(
            FusionBlock(config.fusion, config.audio.dit.width, config.video.dit.width)
            for _ in range(config.fusion.blocks)
        )


class AVLink(nn.Module):
    """Runs both backbones side by side, with a fusion block after every few of their blocks.

    The conditioning backbone sees the generated modality through the reinjected features, so it runs anew in every solver step.
    """

    def __init__(self, config: AVLinkConfig) -> None:
        super().__init__()
        if config.audio.dit.depth != config.video.dit.depth:
            raise ValueError("the backbones of AV-Link have the same number of blocks")
        self.config = config
        self.audio = AudioDiT(config.audio)
        self.video = VideoDiT(config.video)
        self.fusion = FusionBlocks(config)
        self.fuse_after = placements(config.audio.dit.depth, config.fusion.blocks, config.fusion.placement)

    def freeze_backbones(self) -> None:
        """Leaves only the fusion blocks trainable."""
        self.audio.requires_grad_(False)
        self.video.requires_grad_(False)

    def temporal_rotation(self, latents: int, video_tokens: int, device: torch.device) -> Rotation:
        """Temporal RoPE: video tokens of step n stand at n, audio token n at n * eta_v / eta_a: the same instant gets the same angle."""
        c = self.config
        down, across = self.video.grid
        ratio = float(c.video.tokens_per_second / c.audio.latents_per_second)
        audio = torch.arange(latents, device=device) * ratio
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
        need_video: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor | None, list[torch.Tensor]]:
        """Velocities of both modalities.

        audio (B, L, latent_width) at t_audio (B,); video (B, T, H, W, 3) at t_video (B,). Returns the audio velocity, the video velocity
        (None unless `need_video`), and the audio tokens behind each fusion block (B, L, width), which the onset loss reads in training.
        """
        a = self.audio.embed(audio, t_audio, audio_text)
        v = self.video.embed(video, t_video, video_text)
        time = self.fusion.time(t_audio, t_video)
        by = self.temporal_rotation(a.tokens.shape[1], v.tokens.shape[1], audio.device)
        fused = []
        last = self.fuse_after[-1]
        for index in range(self.config.audio.dit.depth):
            self.audio.block(index, a)
            # Behind the last fusion block nothing reads the video tokens but the video's own head.
            if need_video or index <= last:
                self.video.block(index, v)
            if index in self.fuse_after:
                block = self.fusion.blocks[self.fuse_after.index(index)]
                a.tokens, v.tokens = block(a.tokens, v.tokens, time, by, with_video=need_video or index < last)
                fused.append(a.tokens)
        video_velocity = self.video.head(v, video, t_video) if need_video else None
        return self.audio.head(a, audio, t_audio), video_velocity, fused
