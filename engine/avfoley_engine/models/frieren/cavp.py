"""CAVP, the paper's visual features: the video half of Diff-Foley (arXiv 2306.17203).

A SlowOnly-R50 (arXiv 1812.03982), whose kernels reach along time in the last two of its four stages
alone, a linear layer, and vectors of length 1, one a frame. The names of the weights are those of
`SimianLuo/Diff-Foley` on the Hugging Face Hub.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from avfoley_engine.models.frieren.config import CAVPConfig

#: Blocks, and whether the first convolution of each reaches along time, of every stage.
_STAGES = ((3, False), (4, False), (6, True), (3, True))
#: Frames that go through together: convolutions along time see no further.
LONGEST = 40


class _Layer(nn.Module):
    """A convolution without bias, and its norm."""

    def __init__(self, width: int, out: int, kernel: tuple[int, int, int], stride: int = 1) -> None:
        super().__init__()
        padding = tuple(size // 2 for size in kernel)
        self.conv = nn.Conv3d(width, out, kernel, (1, stride, stride), padding, bias=False)  # type: ignore[arg-type]
        self.bn = nn.BatchNorm3d(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.bn(self.conv(x))
        return y


class _Bottleneck(nn.Module):
    def __init__(self, width: int, inner: int, stride: int, along_time: bool) -> None:
        super().__init__()
        self.conv1 = _Layer(width, inner, (3 if along_time else 1, 1, 1))
        self.conv2 = _Layer(inner, inner, (1, 3, 3), stride)
        self.conv3 = _Layer(inner, 4 * inner, (1, 1, 1))
        changes = stride != 1 or width != 4 * inner
        self.downsample = _Layer(width, 4 * inner, (1, 1, 1), stride) if changes else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class SlowOnly(nn.Module):
    """The video encoder; `width` channels behind its last stage, 2,048 in the paper."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 32
        self.conv1 = _Layer(3, inner, (1, 7, 7), 2)
        before = inner
        for number, (count, along_time) in enumerate(_STAGES, 1):
            blocks = []
            for k in range(count):
                stride = 2 if k == 0 and number > 1 else 1
                blocks.append(_Bottleneck(before, inner, stride, along_time))
                before = 4 * inner
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inner *= 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pixels (B, 3, T, H, W) in [0, 1] -> (B, T, width)."""
        x = F.max_pool3d(F.relu(self.conv1(x)), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        for number in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((3, 4)).transpose(1, 2)


class CAVPFeatures(nn.Module):
    """Windows of frames to features: `VisualFeatures`."""

    def __init__(self, config: CAVPConfig) -> None:
        super().__init__()
        self.config = config
        self.video_encoder = SlowOnly(config.width)
        self.video_project_head = nn.Linear(config.width, config.embedding)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, H, W, 3) uint8 -> (B, T, embedding), of length 1."""
        weight = self.video_project_head.weight
        pixels = frames.to(weight.device).permute(0, 4, 1, 2, 3).type_as(weight) / 255
        parts = [self.video_project_head(self.video_encoder(part)) for part in pixels.split(LONGEST, dim=2)]
        return F.normalize(torch.cat(parts, dim=1), dim=-1)
