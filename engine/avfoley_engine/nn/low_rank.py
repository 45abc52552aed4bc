"""Low-rank changes of weights (LoRA, arXiv 2106.09685), which are merged before a network is used."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """A weight of any shape (out, ...) -> the weight and `up @ down` of some rank, zero at first."""

    def __init__(self, weight: torch.Tensor, rank: int) -> None:
        super().__init__()
        out, inner = weight.flatten(1).shape
        self.down = nn.Parameter(torch.randn(rank, inner) / inner**0.5)
        self.up = nn.Parameter(torch.zeros(out, rank))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def with_low_rank(network: nn.Module, rank: int) -> None:
    """Freezes a network but for low-rank changes of its linear and convolutional weights, in place.

    Weights with fewer rows or columns than twice the rank, norms and biases stay as they are.
    """
    network.requires_grad_(False)
    for module in list(network.modules()):
        if isinstance(module, (nn.Linear, nn.Conv1d)) and min(module.weight.flatten(1).shape) >= 2 * rank:
            change = LowRank(module.weight, rank).to(module.weight)
            parametrize.register_parametrization(module, "weight", change)


def low_rank_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """The changes that `with_low_rank` made, by the name of the weight: `<name>.down` and `<name>.up`."""
    changes: dict[str, torch.Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, LowRank):
            weight = name.replace("parametrizations.", "").removesuffix(".0")
            changes |= {f"{weight}.{part}": tensor.detach() for part, tensor in module.named_parameters()}
    return changes


@torch.no_grad()
def merge_low_rank(network: nn.Module, changes: Mapping[str, torch.Tensor]) -> None:
    """Adds changes, as `low_rank_state` gives them, to the weights of a plain network, in place.

    Raises:
        KeyError, RuntimeError: they are of another network.
    """
    weights = dict(network.named_parameters())
    for name in sorted({name.rpartition(".")[0] for name in changes}):
        weight = weights[name]
        weight.add_((changes[f"{name}.up"] @ changes[f"{name}.down"]).view_as(weight).to(weight))
