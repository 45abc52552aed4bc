"""What a system is to the engine: its tasks, how its models are described and how they are loaded.

Each folder of `models/` has one in its `system.py`; `registry.py` lists them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from avfoley_engine.models.interface import Model
    from avfoley_engine.zoo import Entry


class System(ABC):
    """One system. Its module imports torch inside functions only: the server describes models without it."""

    #: What `config.json` calls it.
    name: str
    #: The module whose `RECIPES` train its parts, imported by training alone; None where nothing is trained.
    recipes: str | None = None

    @abstractmethod
    def tasks(self, entry: Entry) -> list[str]:
        """The tasks that a model of this system offers, by the files it has."""

    def controls(self, entry: Entry) -> list[str]:
        """The fields of a request, beside picture and seed, that change what a model makes."""
        return ["caption", "negative_caption", "steps", "guidance_scale"]

    @abstractmethod
    def sample_rate(self, entry: Entry) -> int | None:
        """The rate of the sound that a model makes or hears, in hertz; None without sound."""

    @abstractmethod
    def window_seconds(self, entry: Entry) -> Fraction | None:
        """The length a model was trained on; None where it has none."""

    @abstractmethod
    def load(self, entry: Entry, task: str, device: torch.device | str) -> Model:
        """A model with its codec and encoders on a device, for one of its tasks.

        Raises:
            ModelError: its config or weights cannot be used, or it does not offer the task.
        """
