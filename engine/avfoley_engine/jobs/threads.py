"""How many threads torch computes with, chosen by the load of the machine.

torch's OpenMP threads spin while they wait for each other. Beside a busy editing program the one
waited for may not run while the others burn its time: a job then takes ten times as long. So the
worker uses as many threads as there are processors that nobody else uses, looks again while a job
runs, and its threads spin briefly before they sleep.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from avfoley_engine.errors import AVFoleyError

#: The environment variable that fixes the number of threads; "auto" has the load choose it.
THREADS = "AVFOLEY_THREADS"
#: Seconds over which the load is measured, at least.
INTERVAL = 0.25
#: Processors that others may use without costing a new thread: the load is never quite zero.
TOLERANCE = 0.25
#: Processors that others may use without costing a thread that is there. It is more than the
#: tolerance because the number of threads decides the last bits of sums, so it changes rarely.
KEPT = 0.6

#: How long a thread spins before it sleeps, read when torch loads: rounds of GNU's OpenMP (Linux),
#: about a millisecond in all, and milliseconds of LLVM's and Intel's (macOS, Windows).
SHORT_SPINNING = {"GOMP_SPINCOUNT": "30000", "KMP_BLOCKTIME": "1"}


def fixed(environment: Mapping[str, str]) -> int | None:
    """What $AVFOLEY_THREADS, or else $OMP_NUM_THREADS, fixes; None where the load decides.

    Raises AVFoleyError where it is no whole number above 0.
    """
    name = THREADS if environment.get(THREADS) else "OMP_NUM_THREADS"
    # OpenMP takes a list, one number for each level of nesting.
    value = environment.get(name, "").partition(",")[0].strip()
    if value in ("", "auto"):
        return None
    if not value.isdecimal() or int(value) < 1:
        raise AVFoleyError(f"{name} is {value!r}: give a number of threads, 1 or more, or leave it unset.")
    return int(value)


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """A worker's environment, read by OpenMP when torch loads. Raises AVFoleyError as `fixed`."""
    threads = fixed(environment)
    # torch loads with one thread, and gets more as soon as the load was measured.
    chosen = {THREADS: str(threads or "auto"), "OMP_NUM_THREADS": str(threads or 1)}
    return SHORT_SPINNING | dict(environment) | chosen


@dataclass(frozen=True)
class Load:
    """Seconds so far: by the clock, that processors were idle, and that they ran this process."""

    clock: float
    idle: float
    own: float


def measured() -> Load:
    """The load of this machine."""
    times = psutil.cpu_times()
    return Load(time.monotonic(), times.idle + getattr(times, "iowait", 0.0), time.process_time())


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Threads:
    """Keeps torch's threads at what the load allows, 1 to `most` (all processors), or `fixed`."""

    def __init__(
        self, fixed: int | None = None, *, most: int | None = None, measure: Callable[[], Load] = measured
    ) -> None:
        self._fixed = fixed
        self._most = most or processors()
        self._measure = measure
        self._before = measure()
        self.number = fixed or self._most

    def adjust(self) -> None:
        """Measures the load since the last call, at most every `INTERVAL`, and sets the threads.

        Only what is computed in the calling thread counts. It costs some microseconds.
        """
        if self._fixed is None:
            self._choose()
        torch = sys.modules.get("torch")
        if torch is not None and torch.get_num_threads() != self.number:
            torch.set_num_threads(self.number)

    def _choose(self) -> None:
        load, before = self._measure(), self._before
        if load.clock - before.clock < INTERVAL:
            return
        # The processors that nobody else used since then: idle ones, and our own.
        free = (load.idle - before.idle + load.own - before.own) / (load.clock - before.clock)
        self._before = load
        if free < self.number - KEPT or free + TOLERANCE >= self.number + 1:
            self.number = min(self._most, max(1, int(free + TOLERANCE)))
