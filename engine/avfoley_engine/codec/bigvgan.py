"""BigVGAN (arXiv 2206.04658): log-mel to waveform by periodic activations that do not alias.

Parameters have the names of NVIDIA's checkpoints, and `BigVGANConfig` those of their `config.json`:
as safetensors they load as they are, with or without weight normalisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

#: Taps of the low-pass filter before and after an activation, which runs at twice the rate.
_TAPS, _RATIO = 12, 2


@dataclass(frozen=True)
class BigVGANConfig:
    """The hop is the product of `upsample_rates`. By default 112 M parameters, hop 256."""

    kind: Literal["bigvgan"] = "bigvgan"
    num_mels: int = 80
    upsample_initial_channel: int = 1536
    upsample_rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    upsample_kernel_sizes: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    resblock: Literal["1"] = "1"
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    activation: Literal["snake", "snakebeta"] = "snakebeta"
    snake_logscale: bool = True
    use_tanh_at_final: bool = True
    use_bias_at_final: bool = True

    @property
    def reach(self) -> int:
        """Frames on either side of its own that decide a sample."""
        blocks = max(
            sum(2 * AntiAliased.reach + (kernel // 2) * (dilation + 1) for dilation in dilations)
            for kernel, dilations in zip(self.resblock_kernel_sizes, self.resblock_dilation_sizes, strict=True)
        )
        reach = 3 + AntiAliased.reach
        for rate, kernel in zip(self.upsample_rates[::-1], self.upsample_kernel_sizes[::-1], strict=True):
            reach, padding = reach + blocks, (kernel - rate) // 2
            reach = max(reach + rate - 1 + padding, reach + kernel - 1 - padding) // rate
        return reach + 3


class Snake(nn.Module):
    """x + sin^2(alpha x) / beta per channel, beta = alpha for `snake` (arXiv 2006.08195)."""

    def __init__(self, width: int, config: BigVGANConfig) -> None:
        super().__init__()
        self.log_scale = config.snake_logscale
        start = torch.zeros(width) if self.log_scale else torch.ones(width)
        self.alpha = nn.Parameter(start)
        if config.activation == "snakebeta":
            self.beta = nn.Parameter(start.clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, L) -> the same shape."""
        alpha, beta = self.alpha[:, None], getattr(self, "beta", self.alpha)[:, None]
        if self.log_scale:
            alpha, beta = alpha.exp(), beta.exp()
        return x + (alpha * x).sin().square() / (beta + 1e-9)


def low_pass() -> torch.Tensor:
    """Kaiser-windowed sinc that halves the band, transition 0.6 of the new Nyquist: (1, 1, 12)."""
    half = _TAPS // 2
    cutoff, transition = 0.5 / _RATIO, 4 * 0.6 / _RATIO
    # Kaiser's formulas: the attenuation of so many taps, 51 dB, and beta for more than 50 dB.
    attenuation = 2.285 * (half - 1) * math.pi * transition + 7.95
    beta = 0.1102 * (attenuation - 8.7)
    time = torch.arange(-half, half) + 0.5
    taps = torch.kaiser_window(_TAPS, periodic=False, beta=beta) * torch.sinc(2 * cutoff * time)
    return (taps / taps.sum())[None, None]


class AntiAliased(nn.Module):
    """An activation at twice the rate: what it adds above Nyquist is filtered away."""

    filter: torch.Tensor
    #: Samples on either side that decide a sample.
    reach = 6

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.act = act
        self.register_buffer("filter", low_pass(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, L) -> the same shape."""
        width = x.shape[1]
        taps = self.filter.expand(width, -1, -1)
        pad = _TAPS // _RATIO - 1
        cut = pad * _RATIO + (_TAPS - _RATIO) // 2
        x = F.conv_transpose1d(F.pad(x, (pad, pad), mode="replicate"), taps, stride=_RATIO, groups=width)
        x = self.act(_RATIO * x[..., cut:-cut])
        x = F.pad(x, (_TAPS // 2 - 1, _TAPS // 2), mode="replicate")
        return F.conv1d(x, taps, stride=_RATIO, groups=width)


class AMPBlock(nn.Module):
    """Anti-aliased multi-periodicity composition: dilated and plain convolutions in pairs."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...], config: BigVGANConfig) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(width, width, kernel, dilation=d, padding=(kernel - 1) // 2 * d) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=(kernel - 1) // 2) for _ in dilations)
        self.activations = nn.ModuleList(AntiAliased(Snake(width, config)) for _ in range(2 * len(dilations)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, width, L) -> the same shape."""
        layers = zip(self.activations[::2], self.convs1, self.activations[1::2], self.convs2, strict=True)
        for act1, first, act2, second in layers:
            x = x + second(act2(first(act1(x))))
        return x


class BigVGAN(nn.Module):
    """The generator, convolutional, so any length."""

    def __init__(self, config: BigVGANConfig) -> None:
        super().__init__()
        self.config = config
        width = config.upsample_initial_channel
        self.conv_pre = nn.Conv1d(config.num_mels, width, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2)
            # A list of one, because the checkpoints name it `ups.0.0`.
            self.ups.append(nn.ModuleList([up]))
            width //= 2
            for size, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True):
                self.resblocks.append(AMPBlock(width, size, dilations, config))
        self.activation_post = AntiAliased(Snake(width, config))
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3, bias=config.use_bias_at_final)
        self.register_load_state_dict_pre_hook(_to_plain_weights)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, bands, frames), log-mel as `LogMel` gives it -> waveform (B, frames * hop) in [-1, 1]."""
        x = self.conv_pre(mel)
        blocks = len(self.config.resblock_kernel_sizes)
        for stage, ups in enumerate(self.ups):
            assert isinstance(ups, nn.ModuleList)
            x = ups[0](x)
            parallel = self.resblocks[stage * blocks : (stage + 1) * blocks]
            x = torch.stack([block(x) for block in parallel]).mean(dim=0)
        x = self.conv_post(self.activation_post(x)).squeeze(1)
        return x.tanh() if self.config.use_tanh_at_final else x.clamp(-1, 1)


def _to_plain_weights(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Folds weight normalisation, w = g v / |v|, and drops the filters, which `low_pass` computes."""
    for name in [n for n in state if n.startswith(prefix)]:
        if name.endswith(".weight_g"):
            weight = name.removesuffix("_g")
            g, v = state.pop(name), state.pop(f"{weight}_v")
            state[weight] = v * (g / v.norm(dim=(1, 2), keepdim=True))
        elif name.endswith((".upsample.filter", ".downsample.lowpass.filter")):
            del state[name]
