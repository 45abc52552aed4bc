"""How fast AV-Link samples: seconds a 5.16 s clip, its operations counted, the share of the device's bf16 peak, and peak memory.

    python benchmarks/avlink_paper.py --compile          # the paper's setting: 64 steps, guidance 5, batch 1
    python benchmarks/avlink_paper.py --preset nano --steps 1 --device cpu     # a dry run

The weights are random: time does not depend on them. Timed is the sampling of latents (V2A) or frames (A2V); decoding, which is a few
milliseconds of audio codec, is not. The paper took 27.85 s on one A100 (Appx. C.3).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import torch
from avfoley_engine.flow.path import interpolate
from avfoley_engine.flow.solver import euler
from avfoley_engine.models.acceleration import ATTENTION_KERNELS, CapturedField, accelerate, attention_kernels
from avfoley_engine.models.avlink.config import NANO, PAPER, AVLinkConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.velocity import guided_velocity
from avfoley_engine.nn.attention import split_heads
from avfoley_engine.nn.dit import TextStates
from torch.nn import functional as F

from flops import Window, linked_flops, step_flops

PAPER_SECONDS = 27.85
#: Dense bf16 peaks of the vendors' data sheets, in TFLOP/s, by a part of the device's name; the first that fits counts.
PEAKS = {
    "B200": 2250.0,
    "GB200": 2250.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H200": 989.0,
    "GH200": 989.0,
    "A100": 312.0,
    "A10": 125.0,
    "L40S": 362.0,
    "L4": 121.0,
    "RTX 5090": 209.5,
    "RTX 4090": 165.2,
    "RTX 3090": 71.0,
}


def main() -> int:
    """Prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=("paper", "nano"), default="paper")
    parser.add_argument("--direction", choices=("v2a", "a2v"), default="v2a")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), help="default: bfloat16 on a GPU, else float32")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--text-tokens", type=int, default=32, help="of the caption; the negative caption has none")
    parser.add_argument("--attention", choices=("fastest", *ATTENTION_KERNELS), default="fastest")
    parser.add_argument("--compile", action="store_true", help="torch.compile on every block")
    parser.add_argument("--graphs", action="store_true", help="a CUDA graph of the whole guided step")
    parser.add_argument("--runs", type=int, default=3, help="samples to take the median of")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):28}{value:.4g}" if isinstance(value, float) else f"{name:28}{value}")
    return 0


@torch.no_grad()
def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Takes the samples and the time."""
    config, device = {"paper": PAPER, "nano": NANO}[arguments.preset], torch.device(arguments.device)
    gpu = device.type == "cuda"
    dtype = getattr(torch, arguments.dtype or ("bfloat16" if gpu else "float32"))
    link = random_link(config, arguments.direction, device)
    accelerate(link, dtype, compiled=arguments.compile)
    window = Window(
        frames=config.video.frames,
        latents=ceil(config.video.frames / config.video.frame_rate * config.audio.latents_per_second),
        text=arguments.text_tokens,
    )
    speeds = attention_speeds(config, window, arguments.batch, device, dtype) if gpu else {}
    kernel = max(speeds, key=speeds.__getitem__) if speeds else "flash"
    kernel = kernel if arguments.attention == "fastest" else arguments.attention
    with attention_kernels(kernel):
        sample = sampler(link, arguments, window, device)
        began = time.perf_counter()
        sample(2 if arguments.steps > 1 else 1)
        synchronise(device)
        first = time.perf_counter() - began
        if gpu:
            torch.cuda.reset_peak_memory_stats(device)
        seconds = statistics.median(timed(lambda: sample(arguments.steps), arguments.runs, device))
        memory = peak_memory(device)
    guided = arguments.guidance != 1
    flops = arguments.batch * arguments.steps * step_flops(config, arguments.direction, window, guided=guided)
    matmul = matmul_tflops(device, dtype)
    name = torch.cuda.get_device_name(device) if gpu else "cpu"
    vendor = next((peak for part, peak in PEAKS.items() if part in name), None)
    peak = vendor or matmul
    return {
        "device": name,
        "torch": torch.__version__,
        "preset": arguments.preset,
        "direction": arguments.direction,
        "dtype": str(dtype).removeprefix("torch."),
        "steps": arguments.steps,
        "guidance_scale": arguments.guidance,
        "batch": arguments.batch,
        "compiled": arguments.compile,
        "graphs": arguments.graphs,
        "attention": kernel,
        "attention_tflops": {name: round(speed, 1) for name, speed in speeds.items()},
        "clip_seconds": float(config.video.frames / config.video.frame_rate),
        "seconds_a_sample": seconds / arguments.batch,
        "paper_seconds_a_sample": PAPER_SECONDS,
        "first_seconds": first,
        "tflop_a_conditional_step": linked_flops(config, arguments.direction, window) / 1e12,
        "tflop_a_sample": flops / arguments.batch / 1e12,
        "tflops": flops / seconds / 1e12,
        "peak_tflops": peak,
        "peak_source": "data sheet, dense bf16" if vendor else "the matrix product",
        "share_of_peak": flops / seconds / 1e12 / peak,
        "matmul_tflops": matmul,
        "weights_gib": sum(p.numel() * p.element_size() for p in link.parameters()) / 2**30,
        "peak_memory_gib": memory / 2**30,
    }


def random_link(config: AVLinkConfig, direction: str, device: torch.device) -> AVLink:
    """A link with no layer of zeros in it: a GPU is faster on zeros."""
    torch.manual_seed(0)
    with device:
        link = AVLink(config, [direction])  # type: ignore[list-item]
    for parameter in link.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return link


def sampler(
    link: AVLink, arguments: argparse.Namespace, window: Window, device: torch.device
) -> Callable[[int], torch.Tensor]:
    """Makes a batch of samples in so many steps, as `AVLinkFoley` and `AVLinkVideo` do within one window."""
    config, batch, direction = link.config, arguments.batch, arguments.direction
    audio = torch.randn(batch, window.latents, config.audio.latent_width, device=device)
    video = torch.rand(batch, window.frames, config.video.height, config.video.width, 3, device=device)
    noise, data = (audio, 2 * video - 1) if direction == "v2a" else (torch.randn_like(video), audio)
    fixed = torch.full((batch,), config.conditioning_time(direction), device=device)
    condition = interpolate(data, torch.randn_like(data), fixed)
    width = config.audio.dit.text_width
    mask = torch.ones(batch, window.text, dtype=torch.bool, device=device)
    text = TextStates(torch.randn(batch, window.text, width, device=device), mask)
    nothing = TextStates(text.states[:, :0], text.mask[:, :0])

    def field(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return guided_velocity(link, direction, x, t, condition, text, nothing, arguments.guidance)

    guided = CapturedField(field) if arguments.graphs else field

    def sample(steps: int) -> torch.Tensor:
        return euler(lambda x, t: guided(x, x.new_full((batch,), t)), noise, steps)

    return sample


def attention_speeds(
    config: AVLinkConfig, window: Window, batch: int, device: torch.device, dtype: torch.dtype
) -> dict[str, float]:
    """TFLOP/s of every kernel that keeps no matrix of scores, on the video backbone's self-attention."""
    dit, patch = config.video.dit, config.video.patch
    tokens = window.frames // patch[0] * (config.video.height // patch[1]) * (config.video.width // patch[2])
    q, k, v = (
        split_heads(torch.randn(batch, tokens, dit.width, device=device, dtype=dtype), dit.heads) for _ in range(3)
    )
    speeds = {}
    for name in ("cudnn", "flash", "efficient"):
        # A kernel that this device, or this build, does not have raises.
        with contextlib.suppress(RuntimeError), torch.nn.attention.sdpa_kernel(ATTENTION_KERNELS[name]):
            F.scaled_dot_product_attention(q, k, v)
            seconds = min(timed(lambda: F.scaled_dot_product_attention(q, k, v), 5, device))
            speeds[name] = 4 * batch * tokens**2 * dit.width / seconds / 1e12
    return speeds


def matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product."""
    size = 16_384 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    torch.mm(a, b)
    return 2 * size**3 / min(timed(lambda: torch.mm(a, b), 10, device)) / 1e12


def timed(work: Callable[[], object], runs: int, device: torch.device) -> Iterator[float]:
    """Seconds of each run."""
    for _ in range(runs):
        synchronise(device)
        began = time.perf_counter()
        work()
        synchronise(device)
        yield time.perf_counter() - began


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> int:
    """Bytes: allocated on the GPU while sampling, or the process's largest resident size."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
