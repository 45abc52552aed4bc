"""Windows over a sequence: how a model of one length makes sounds and pictures of any (MultiDiffusion, arXiv 2302.08113)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import torch


@dataclass(frozen=True)
class Windows:
    """Overlapping windows of `length` latents or frames, one from each of `starts` (ascending), over a sequence of `total`.

    What reaches beyond the end goes on at the beginning: the sequence is a circle.
    """

    starts: tuple[int, ...]
    length: int
    total: int

    @classmethod
    def hopping(cls, count: int, length: int, hop: int) -> Windows:
        """So many windows of one length, each `hop` behind the one before."""
        return cls(tuple(k * hop for k in range(count)), length, length + (count - 1) * hop)

    @classmethod
    def line(cls, total: int, longest: int, overlap: int) -> Windows:
        """Windows of at most `longest` latents that cover `total` from end to end, neighbours sharing at least `overlap`."""
        hops = max(0, ceil((total - longest) / (longest - overlap)))
        length = ceil((total + hops * overlap) / (hops + 1))
        return cls(tuple(k * (total - length) // max(1, hops) for k in range(hops + 1)), length, total)

    @classmethod
    def circle(cls, total: int, longest: int, overlap: int) -> Windows:
        """Windows of at most `longest` latents around a circle of `total`; one window laps over its own beginning.

        They share `overlap` latents, or all where the circle has fewer.
        """
        overlap = min(overlap, total)
        count = ceil(total / (longest - overlap))
        return cls(tuple(round(k * total / count) for k in range(count)), ceil(total / count) + overlap, total)

    def cut(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, total, ...) -> its windows (B * windows, length, ...), a row's windows one after another."""
        positions = (torch.tensor(self.starts)[:, None] + torch.arange(self.length)) % self.total
        return x[:, positions.to(x.device)].flatten(0, 1)

    def blend(self, parts: torch.Tensor) -> torch.Tensor:
        """Windows (B * windows, length, ...) -> (B, total, ...), cross-faded linearly where they overlap."""
        if self.starts == (0,) and self.length == self.total:
            return parts
        parts = parts.unflatten(0, (-1, len(self.starts)))
        weight = self._weight.to(parts.device).reshape(-1, *[1] * (parts.dim() - 3))
        end = self.starts[-1] + self.length
        summed = parts.new_zeros(len(parts), end, *parts.shape[3:])
        weights = parts.new_zeros(end, *weight.shape[1:])
        for k, start in enumerate(self.starts):
            summed[:, start : start + self.length] += weight * parts[:, k]
            weights[start : start + self.length] += weight
        beyond = end - self.total
        summed[:, :beyond] += summed[:, self.total :]
        weights[:beyond] += weights[self.total :]
        return summed[:, : self.total] / weights[: self.total]

    @property
    def _weight(self) -> torch.Tensor:
        """(length,): 1 in a window's middle, falling towards its ends over what it shares with a neighbour."""
        following = (*self.starts[1:], self.starts[0] + self.total)[0]
        overlap = self.length - (following - self.starts[0])
        edge = torch.arange(1, self.length + 1, dtype=torch.float32)
        return (torch.minimum(edge, edge.flip(0)) / (overlap + 1)).clamp_max(1)
