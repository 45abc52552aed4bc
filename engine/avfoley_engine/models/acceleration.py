"""Fast sampling on a GPU: half precision, compiled blocks, attention kernels, CUDA graphs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from avfoley_engine.flow.solver import VelocityField
from avfoley_engine.flow.windows import Windows

log = logging.getLogger(__name__)

Network = TypeVar("Network", bound=nn.Module)

#: The environment variable that has the engine compile the blocks of a model.
COMPILE = "AVFOLEY_COMPILE"

#: The kernels of attention. cuDNN's is the fastest on Hopper; the first three keep no scores.
ATTENTION_KERNELS = {
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


def ready_on_its_device(network: Network) -> Network:
    """Prepares a network for serving: on CUDA in place by `accelerate`, elsewhere left as it is.

    Blocks are compiled if $AVFOLEY_COMPILE is 1.
    """
    if next(network.parameters()).device.type == "cuda":
        accelerate(network, compiled=os.environ.get(COMPILE) == "1")
    return network


def accelerate(
    network: Network,
    dtype: torch.dtype = torch.bfloat16,
    *,
    compiled: bool = False,
    backend: str | Callable[..., Any] = "inductor",
) -> Network:
    """Prepares a network for sampling, in place: frozen, in `dtype`, its data in float32.

    If asked, the items of every module list named `blocks` are compiled: once, as they are one code
    (seconds, not minutes). Their second shape is compiled for all shapes.
    """
    network.eval().requires_grad_(False).to(dtype)
    if compiled:
        for name, blocks in network.named_modules():
            if isinstance(blocks, nn.ModuleList) and name.rpartition(".")[2] == "blocks":
                for block in blocks:
                    block.compile(backend=backend)
    return network


def attention_kernels(*first: str) -> AbstractContextManager[None]:
    """Within this context attention tries the named kernels first, in order, then the others."""
    order = [*first, *(name for name in ATTENTION_KERNELS if name not in first)]
    return sdpa_kernel([ATTENTION_KERNELS[name] for name in order], set_priority=True)


class CapturedField:
    """A function of x (B, ...) and t (B,) that is called with one shape, as in a solver's steps.

    On CUDA its attention runs on the fastest kernel, and after `warm_up` calls it is recorded as a
    CUDA graph: one launch for all kernels, the same result. What `field` reads besides x and t must
    stay where it is. Elsewhere `field` is called as it is.
    """

    warm_up = 3

    def __init__(self, field: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], kernel: str = "cudnn") -> None:
        self.field = field
        self.kernel = kernel
        self.calls = 0
        self.recordable = True
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """x and t on one device -> a tensor of its own, which the next call leaves alone."""
        if x.device.type != "cuda":
            return self.field(x, t)
        if self.graph is None and self.recordable and self.calls == self.warm_up:
            self._record(x, t)
        if self.graph is None:
            self.calls += 1
            return self._run_beside(x, t)
        self.x.copy_(x)
        self.t.copy_(t)
        self.graph.replay()
        return self.output.clone()

    def _run_beside(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """One call on a stream of its own, as a recording wants of the calls before it."""
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside), attention_kernels(self.kernel):
            output = self.field(x, t)
        torch.cuda.current_stream().wait_stream(beside)
        output.record_stream(torch.cuda.current_stream())
        return output

    def _record(self, x: torch.Tensor, t: torch.Tensor) -> None:
        self.x, self.t = x.clone(), t.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph), attention_kernels(self.kernel):
                self.output = self.field(self.x, self.t)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            # A kernel of this device, or of this build, that cannot be recorded. It still runs.
            log.warning("no CUDA graph could be recorded (%s); sampling goes on without", error)
            self.recordable = False
        else:
            self.graph = graph


def windowed(windows: Windows, at_once: int, field_of: Callable[[torch.Tensor], CapturedField]) -> VelocityField:
    """A field of sequences (B, windows.total, ...), cross-faded (MultiDiffusion, arXiv 2302.08113).

    `field_of` gives, once, the field of the windows of some numbers (n,), counted over the batch.
    `at_once` of them go through the network together, which bounds the memory of long sequences.
    """
    fields: list[CapturedField] = []

    def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
        cut = windows.cut(x)
        rows = torch.arange(len(cut)).split(at_once)
        if not fields:
            fields.extend(map(field_of, rows))
        parts = [field(cut[some], x.new_full((len(some),), t)) for field, some in zip(fields, rows, strict=True)]
        return windows.blend(torch.cat(parts))

    return velocity
