"""Reads PyTorch checkpoints without running what is in them.

A pickle can call anything. Here it can make tensors and plain containers, and nothing else: what
training frameworks leave beside the weights becomes inert stand-ins, all else is refused.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import _utils as rebuilding

from avfoley_engine.errors import ModelError

_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor_v2"): rebuilding._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): rebuilding._rebuild_parameter,
}
#: Modules whose classes are found beside weights. None of them is imported.
_INERT = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "numpy.", "typing", "collections")


class Inert:
    """Stands for an object that is neither a tensor nor a plain container, and does nothing."""

    def __new__(cls, *arguments: Any, **options: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **options: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, value: Any) -> None: ...

    def extend(self, values: Any) -> None: ...


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _ALLOWED.get((module, name))
        if known is not None:
            return known
        if f"{module}.".startswith(_INERT):
            return type(name.rpartition(".")[2], (Inert,), {})
        raise ModelError(f"it refers to {module}.{name}, which weights have no use for")


def read_tensors(path: Path) -> dict[str, Any]:
    """The dictionary in a checkpoint that `torch.save` wrote, tensors on the CPU.

    Nothing of it is executed but the making of tensors and containers.

    Raises:
        ModelError: the file is no such checkpoint, holds no dictionary, or refers to anything else
            than weights need. Nothing happened then.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file.")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is not a checkpoint of PyTorch 1.6 or later. Save it anew with torch.save.")
    reader = SimpleNamespace(Unpickler=_Unpickler, load=_no_loading, __name__="pickle")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=False, pickle_module=reader)
    except ModelError as error:
        raise ModelError(f"{path} was not read: {error}. Get the file from its authors again.") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as a checkpoint ({error}). Get the file again.") from error
    if not isinstance(stored, dict):
        raise ModelError(f"{path} holds no dictionary of weights, but a {type(stored).__name__}.")
    return stored


def _no_loading(*arguments: Any, **options: Any) -> Any:
    raise ModelError("it is a checkpoint of an early PyTorch, which keeps several pickles in one file")


def weights_in(stored: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint: of its `state_dict` or `generator`, if it has one of these."""
    for key in ("state_dict", "generator"):
        if isinstance(stored.get(key), dict):
            stored = stored[key]
            break
    return {str(name): tensor.detach() for name, tensor in stored.items() if isinstance(tensor, torch.Tensor)}
