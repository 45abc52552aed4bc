"""The trainer for more than one device: FSDP2, gradient accumulation, sharded checkpoints.

Any number of processes resumes a checkpoint. Run it under torchrun (`torchrun --nproc-per-node 8
-m avfoley_engine train run CONFIG`); without, it is one process of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.utils import _pytree as pytree

from avfoley_engine.errors import ModelError
from avfoley_engine.nn.dit import DiTState
from avfoley_engine.training.checkpoints import newest_sharded
from avfoley_engine.training.recipe import Objective
from avfoley_engine.training.trainer import LossFunction, Trainer, TrainerConfig

# FSDP looks for tensors among a block's arguments, to free the block's weights as soon as its gradient is there.
pytree.register_dataclass(DiTState)


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Joins the processes that torchrun started, or makes a group of this one alone; yields this process's own device."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if "RANK" in os.environ:
        dist.init_process_group(backend)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield device
    finally:
        dist.destroy_process_group()


@contextmanager
def first_process_first() -> Iterator[None]:
    """The first process goes through it alone, then all others at once."""
    if dist.get_rank():
        dist.barrier()
    yield
    if not dist.get_rank():
        dist.barrier()


class _Step(nn.Module):
    """A network with its loss as its forward pass, so that FSDP gathers the weights for all of it."""

    def __init__(self, network: nn.Module, loss: LossFunction) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        return self.loss(step, rng)


def shard(network: nn.Module, units: Sequence[nn.Module], device: torch.device, *, bf16: bool) -> None:
    """Spreads the weights over all processes, in place: each of `units` on its own, the rest together.

    With `bf16`, weights are gathered and gradients computed in bfloat16; the shards themselves, the
    optimiser's state and the reduction of gradients stay in float32.
    """
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    # Inputs are not cast: flow times and rotations keep their precision, and the network casts data itself.
    precision = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if bf16 else None, reduce_dtype=torch.float32, cast_forward_inputs=False
    )
    for module in (*units, network):
        fully_shard(module, mesh=mesh, mp_policy=precision)


class ShardedTrainer(Trainer):
    """`Trainer` for weights that are spread over processes.

    A step's batch is `micro_batches` calls of the loss, shared out evenly among the processes,
    their gradients added up. Each draws its randomness from (seed, step, its number) alone, so a
    run is the same on any number of processes, up to the rounding of sums. The run folder holds
    `checkpoint/<step>/`, one safetensors file a process, and the first process's curve.
    """

    def __init__(self, objective: Objective, folder: Path, config: TrainerConfig, micro_batches: int) -> None:
        """Raises `ModelError` where the processes cannot share the micro-batches evenly."""
        self.rank, ranks = dist.get_rank(), dist.get_world_size()
        if micro_batches % ranks:
            raise ModelError(
                f"{micro_batches} micro-batches a step cannot be shared by {ranks} processes; change `batch`"
            )
        share = micro_batches // ranks
        self.mine = range(self.rank * share, (self.rank + 1) * share)
        network, self.casts = objective.module, objective.casts
        self.sharded = _Step(network, objective.loss)
        shard(self.sharded, objective.units, next(network.parameters()).device, bf16=config.bf16 and objective.casts)
        super().__init__(network, objective.loss, folder, config)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        assert isinstance(self.sharded, FSDPModule)
        self.learner.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        for number in self.mine:
            own = np.random.default_rng((self.config.seed, self.step, number))
            torch.manual_seed(int(own.integers(2**62)))
            self.sharded.set_requires_gradient_sync(number == self.mine[-1])
            with nullcontext() if self.casts else self.autocast():
                loss, figures = self.sharded(self.step, own)
            (loss / len(self.mine)).backward()
            for name, value in {"loss": loss.detach().item(), **figures}.items():
                sums[name] = sums.get(name, 0.0) + value / len(self.mine)
        self.learner.step(self.config.learning_rate_at(self.step))
        return self._mean(sums)

    def _mean(self, figures: dict[str, float]) -> dict[str, float]:
        """The figures' means over all processes."""
        device = next(self.module.parameters()).device
        values = torch.tensor(list(figures.values()), dtype=torch.float64, device=device)
        dist.all_reduce(values)
        return dict(zip(figures, (values / dist.get_world_size()).tolist(), strict=True))

    def in_time(self, started: float) -> bool:
        # The clocks of processes differ, and all must stop behind the same step.
        decision = [super().in_time(started)]
        if self.config.minutes is not None:
            dist.broadcast_object_list(decision, src=0)
        return decision[0]

    def log(self, row: dict[str, float]) -> None:
        if self.rank == 0:
            super().log(row)

    def draw(self) -> None:
        if self.rank == 0:
            super().draw()

    def saved(self) -> bool:
        return newest_sharded(self.folder) is not None

    def save(self) -> None:
        """Writes `checkpoint/<step>.part`, renames it, and removes older ones."""
        folder = self.folder / "checkpoint"
        part, whole = folder / f"{self.step:08d}.part", folder / f"{self.step:08d}"
        if whole.exists():
            return
        if self.rank == 0:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        dist.barrier()
        tensors = {k: _at_least_1d(v) for k, v in self.tensors().items()}
        dcp.save(tensors, storage_writer=HuggingFaceStorageWriter(str(part), save_distributed=True))
        dist.barrier()
        if self.rank == 0:
            part.rename(whole)
            for other in folder.iterdir():
                if other != whole:
                    shutil.rmtree(other)
        dist.barrier()

    def resume(self) -> None:
        """Goes on from the newest checkpoint, whatever number of processes wrote it."""
        checkpoint = newest_sharded(self.folder)
        assert checkpoint is not None
        reader = HuggingFaceStorageReader(str(checkpoint))
        self.prepare(reader.read_metadata().state_dict_metadata)
        tensors = self.tensors()
        held = {k: _at_least_1d(v) for k, v in tensors.items()}
        dcp.load(held, storage_reader=reader)
        for name, tensor in tensors.items():
            if tensor.dim() == 0:
                tensor.copy_(held[name][0])
        self.step = int(checkpoint.name)
        if self.rank == 0:
            print(f"resumed {self.folder} at step {self.step}", flush=True)


def _at_least_1d(tensor: torch.Tensor) -> torch.Tensor:
    # Slices of scalars cannot be read back.
    return tensor.reshape(1) if tensor.dim() == 0 else tensor
