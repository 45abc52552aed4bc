"""Checkpoints of runs: where they are, and the averaged weights in them."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from safetensors import safe_open
from torch.distributed.checkpoint import HuggingFaceStorageReader


def checkpoint_of(runs: Path, run: str) -> Path:
    """Where a run keeps its weights: the folder of its newest sharded checkpoint, or its file, which may not be there yet."""
    return newest_sharded(runs / run) or runs / run / "checkpoint.safetensors"


def newest_sharded(run: Path) -> Path | None:
    """The folder of the newest whole checkpoint of a sharded run, None where there is none."""
    found = [path for path in (run / "checkpoint").glob("*") if path.name.isdigit()]
    return max(found, key=lambda path: int(path.name), default=None)


def ema_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The EMA weights of a run's checkpoint, a file or the folder of a sharded one, by parameter name."""
    if not checkpoint.is_dir():
        with safe_open(checkpoint, "pt") as f:
            return {k.removeprefix("ema."): f.get_tensor(k) for k in f.keys() if k.startswith("ema.")}  # noqa: SIM118
    reader = HuggingFaceStorageReader(str(checkpoint))
    stored = reader.read_metadata().state_dict_metadata
    ema = {name: entry for name, entry in stored.items() if name.startswith("ema.")}
    weights = {n: torch.empty(e.size, dtype=e.properties.dtype) for n, e in ema.items()}  # type: ignore[union-attr]
    with warnings.catch_warnings():
        # That there is no process group is what was asked for.
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        dcp.load(weights, storage_reader=reader, no_dist=True)
    return {name.removeprefix("ema."): weight for name, weight in weights.items()}
