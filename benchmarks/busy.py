"""How long an editor waits while other programs keep every core busy, and on an idle machine.

    python benchmarks/busy.py [--rounds 3] [--threads N] [--json]

A round makes a 5 s clip on the warm engine, then another with a busy process on every core. Each
busy process is in a session of its own, as another program is. Rounds are interleaved, so that
what else the machine does falls on both. The engine runs in a temporary state folder.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
from latency import SECONDS, bouncing_ball, take

from avfoley_plugin.engine_client import LocalEngine

#: Seconds between a change of the load and the clip, in which an engine may see it.
SETTLING = 0.5


def main() -> int:
    """Prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="avlink-nano")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="solver steps (default: the model's)")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of warm clips (default: %(default)s)")
    parser.add_argument("--threads", help="fix the engine's number of threads (default: it chooses)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"AVFOLEY_HOME": folder, "AVFOLEY_DEVICE": arguments.device}
        if arguments.threads:
            os.environ["AVFOLEY_THREADS"] = arguments.threads
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
    """The first clip, which loads the model, does not count."""
    take(engine, clip, 0, arguments)
    idle, busy, loads = [], [], []
    for number in range(arguments.rounds):
        loads.append(cores_in_use(SETTLING))
        idle.append(seconds_of_take(engine, clip, 2 * number + 1, arguments))
        with every_core_busy():
            time.sleep(SETTLING)
            busy.append(seconds_of_take(engine, clip, 2 * number + 2, arguments))
    return {
        "idle_seconds": statistics.median(idle),
        "busy_seconds": statistics.median(busy),
        "busy_to_idle": statistics.median(busy) / statistics.median(idle),
        "all_idle_seconds": idle,
        "all_busy_seconds": busy,
        "cores_in_use_when_idle": loads,
        "clip_seconds": float(SECONDS),
        "threads": arguments.threads or "chosen",
        "device": arguments.device,
        "processors": os.cpu_count(),
    }


def seconds_of_take(engine: LocalEngine, clip: Path, seed: int, arguments: argparse.Namespace) -> float:
    began = time.perf_counter()
    take(engine, clip, seed, arguments)
    return time.perf_counter() - began


@contextlib.contextmanager
def every_core_busy() -> Iterator[None]:
    """Runs a process on every core that does nothing but compute."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command, start_new_session=True) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def cores_in_use(seconds: float) -> float:
    """The cores that whatever runs on this machine uses meanwhile."""
    return psutil.cpu_percent(seconds) / 100 * (os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(main())
