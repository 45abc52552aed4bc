"""The systems, one line each, and the models of all of them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from avfoley_engine import zoo
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.system import AVLinkSystem
from avfoley_engine.models.frieren.system import FrierenSystem
from avfoley_engine.models.system import System
from avfoley_engine.protocol import ModelInfo
from avfoley_engine.zoo import Entry

if TYPE_CHECKING:
    import torch

    from avfoley_engine.models.interface import CaptionModel, FoleyModel, Model, VideoModel

SYSTEMS: dict[str, System] = {"avlink": AVLinkSystem(), "frieren": FrierenSystem()}


def system_of(entry: Entry) -> System:
    """The system that a model belongs to. Raises ModelError if this version does not know it."""
    name = str(entry.config.get("system"))
    if name not in SYSTEMS:
        raise ModelError(
            f"{entry.folder / 'config.json'} is of the system {name!r}; this version knows {', '.join(SYSTEMS)}. "
            "Update AVFoley, or remove the folder."
        )
    return SYSTEMS[name]


def info(name: str | Entry) -> ModelInfo:
    """What the host side may show of a model. It reads no weights and does not import torch."""
    entry = zoo.entry(name) if isinstance(name, str) else name
    system, defaults = system_of(entry), entry.config["defaults"]
    return ModelInfo(
        name=entry.name,
        title=entry.config["title"],
        tasks=system.tasks(entry),
        revision=entry.revision,
        licence=entry.config["licence"],
        size_bytes=entry.size_bytes,
        local=entry.local,
        sample_rate=system.sample_rate(entry),
        window_seconds=system.window_seconds(entry),
        default_steps=defaults.get("steps"),
        default_guidance_scale=defaults.get("guidance_scale"),
        controls=system.controls(entry),
    )


def models() -> list[ModelInfo]:
    """All registered models, one a name."""
    return [info(entry) for entry in {entry.name: entry for entry in zoo.entries()}.values()]


@overload
def load(model: str | Entry, task: Literal["foley"], device: torch.device | str = "cpu") -> FoleyModel: ...
@overload
def load(model: str | Entry, task: Literal["visualize"], device: torch.device | str = "cpu") -> VideoModel: ...
@overload
def load(model: str | Entry, task: Literal["caption"], device: torch.device | str = "cpu") -> CaptionModel: ...
@overload
def load(model: str | Entry, task: str, device: torch.device | str = "cpu") -> Model: ...
def load(model: str | Entry, task: str, device: torch.device | str = "cpu") -> Model:
    """Loads a model, by its name or its entry, for one of its tasks.

    Raises:
        ModelError: it is not registered, does not offer the task, or cannot be read.
    """
    entry = zoo.entry(model) if isinstance(model, str) else model
    system = system_of(entry)
    offered = system.tasks(entry)
    if task not in offered:
        raise ModelError(
            f"{entry.name} does not offer the task {task!r}, but {', '.join(offered) or 'none'}. "
            "Choose another model, see `avfoley models`."
        )
    return system.load(entry, task, device)
