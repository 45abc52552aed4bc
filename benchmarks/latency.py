"""How long an editor waits: the engine's cold start, and a 5 s clip on the warm engine, through the real client.

    python benchmarks/latency.py [--device cpu] [--runs 3] [--json]

Runs an engine of its own, in a temporary state folder, and stops it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from avfoley_engine.protocol import FoleyRequest, FoleyResult, Job, JobState, PictureRange

from avfoley_plugin.engine_client import LocalEngine

RATE = Fraction(25)
SECONDS = 5
READY_TIMEOUT = 120


def main() -> int:
    """Prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="avlink-nano")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="solver steps (default: the model's)")
    parser.add_argument("--runs", type=int, default=3, help="warm clips to take the median of (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        os.environ["AVFOLEY_HOME"] = folder
        os.environ["AVFOLEY_DEVICE"] = arguments.device
        clip = bouncing_ball(Path(folder) / "clip.mp4")
        with closing(LocalEngine(Path(folder))) as engine:
            try:
                figures = measure(engine, clip, arguments)
            finally:
                engine.shut_down()
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):24}{value:.2f}" if isinstance(value, float) else f"{name:24}{value}")
    return 0


def measure(engine: LocalEngine, clip: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Cold start: until the worker waits for work. First clip: with loading the model.

    Warm clip: the median of the rest.
    """
    began = time.perf_counter()
    while engine.status().worker != "idle":
        if time.perf_counter() - began > READY_TIMEOUT:
            sys.exit(f"the engine was not ready after {READY_TIMEOUT} s: {engine.status().error}")
        time.sleep(0.05)
    cold_start = time.perf_counter() - began
    waits = []
    for seed in range(1 + arguments.runs):
        began = time.perf_counter()
        result = take(engine, clip, seed, arguments)
        waits.append(time.perf_counter() - began)
    return {
        "cold_start_seconds": cold_start,
        "first_clip_seconds": waits[0],
        "warm_clip_seconds": statistics.median(waits[1:]),
        "clip_seconds": float(SECONDS),
        "model": result.model,
        "steps": result.steps,
        "device": arguments.device,
        "processors": os.cpu_count(),
    }


def take(engine: LocalEngine, clip: Path, seed: int, arguments: argparse.Namespace) -> FoleyResult:
    """One take, from submitting to its result."""
    request = FoleyRequest(
        picture=PictureRange(media=clip, source_start=Fraction(0), source_rate=RATE),
        frames=SECONDS * int(RATE),
        record_rate=RATE,
        caption="a ball bounces",
        model=arguments.model,
        seed=seed,
        steps=arguments.steps,
    )
    [job] = engine.submit([request])
    if not job.state.final:
        job = next(done for done in engine.follow([job.id]) if isinstance(done, Job))
    if job.state is not JobState.DONE or job.result is None:
        sys.exit(f"the job ended {job.state}: {job.error}")
    return job.result


def bouncing_ball(path: Path) -> Path:
    """Writes five seconds of a white ball that bounces once a second, 1280 x 720."""
    y, x = np.mgrid[:720, :1280]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for n in range(SECONDS * int(RATE)):
            phase = float(n / RATE % 1)
            height = 620 - 1600 * phase * (1 - phase)
            ball = (x - 640) ** 2 + (y - height) ** 2 < 60**2
            image = np.where(ball[..., None], np.uint8(240), np.uint8(40)).repeat(3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


if __name__ == "__main__":
    sys.exit(main())
