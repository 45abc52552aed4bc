"""The toy as a system. It needs no weights: it clicks where the picture becomes bright, and says so."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from avfoley_engine.models.system import System

if TYPE_CHECKING:
    import torch
    from avfoley_engine.models.interface import Model
    from avfoley_engine.zoo import Entry


class ToySystem(System):
    """Foley, captions and events, by three classes of `network.py`."""

    name = "toy"

    def tasks(self, entry: Entry) -> list[str]:
        return ["foley", "caption", "spot"]

    def sample_rate(self, entry: Entry) -> int:
        return 16_000

    def window_seconds(self, entry: Entry) -> Fraction | None:
        return None

    def load(self, entry: Entry, task: str, device: torch.device | str) -> Model:
        from support.toy.network import ToyCaptioner, ToyEvents, ToyFoley

        makers: dict[str, type[ToyFoley | ToyCaptioner | ToyEvents]] = {
            "foley": ToyFoley,
            "caption": ToyCaptioner,
            "spot": ToyEvents,
        }
        return makers[task](entry)
