"""Fast sampling on a GPU: half precision, compiled blocks, attention kernels, CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from avfoley_engine.models.avlink.link import AVLink

#: The kernels of attention by name. cuDNN's is the fastest on Hopper; none of the first three keeps
#: the matrix of scores.
ATTENTION_KERNELS = {
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


def accelerate(
    link: AVLink, dtype: torch.dtype = torch.bfloat16, *, compiled: bool = False, backend: str = "inductor"
) -> AVLink:
    """Prepares a link for sampling, in place: frozen, in `dtype`, and if asked with compiled
    blocks.

    Data and velocities stay in float32. All blocks of a backbone are one code, so they are compiled
    once a shape: seconds, not minutes.
    """
    link.eval().requires_grad_(False).to(dtype)
    if compiled:
        for blocks in (link.audio.blocks, link.video.blocks, *(s.blocks for s in link.fusion.values())):
            for block in blocks:  # type: ignore[union-attr]
                block.compile(fullgraph=True, dynamic=False, backend=backend)
    return link


def attention_kernels(*first: str) -> AbstractContextManager[None]:
    """Within this context attention tries the named kernels first, in order, then the others."""
    order = [*first, *(name for name in ATTENTION_KERNELS if name not in first)]
    return sdpa_kernel([ATTENTION_KERNELS[name] for name in order], set_priority=True)


class CapturedField:
    """A function of x and t, recorded as a CUDA graph by the first call and replayed by later ones.

    A graph costs one launch instead of one for each kernel: it helps where kernels are short, and
    changes no result. What `field` reads besides x and t is read where it stood at the first call.
    """

    warm_up = 3

    def __init__(self, field: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        self.field = field
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """x (B, ...), t (B,), both on one CUDA device -> a tensor of its own, which the next call
        leaves alone.
        """
        if self.graph is None:
            self._record(x, t)
        assert self.graph is not None
        self.x.copy_(x)
        self.t.copy_(t)
        self.graph.replay()
        return self.output.clone()

    def _record(self, x: torch.Tensor, t: torch.Tensor) -> None:
        self.x, self.t = x.clone(), t.clone()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(self.warm_up):
                self.field(self.x, self.t)
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.output = self.field(self.x, self.t)
        self.graph = graph
