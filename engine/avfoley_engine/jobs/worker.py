"""The worker: the one process that owns the device, keeps models warm and carries out jobs in turn.

The server (`supervisor.py`) starts ``python -m avfoley_engine.jobs.worker FOLDER`` with two pipes.
A byte on stdin says that the queue changed, a byte on stdout that the worker wrote to the store,
and the end of stdin that the server is gone: then the worker ends too. The rest is in the store.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock

from avfoley_engine.errors import AVFoleyError, CancelledError, JobError
from avfoley_engine.jobs.cache import ArtefactCache
from avfoley_engine.jobs.store import JobStore
from avfoley_engine.jobs.threads import Threads, fixed
from avfoley_engine.protocol import Job, JobState, ModelInfo, Request, Result

if TYPE_CHECKING:
    from avfoley_engine.models.interface import Model

log = logging.getLogger(__name__)

#: Seconds between two progress events of a job.
REPORT_INTERVAL = 0.1
#: How often an idle worker looks into the queue without having been called, in seconds.
IDLE_INTERVAL = 5.0


@dataclass(frozen=True)
class Backend:
    """What makes takes: the device, the models, and the tasks.

    device: the torch device type, ``cuda``, ``mps`` or ``cpu``. load(name, task, device) reads a
    model's weights onto it, for requests of that task.
    """

    device: Callable[[], str]
    info: Callable[[str], ModelInfo]
    load: Callable[[str, str, str], Model]
    run: Callable[[Request, Model, Path, Callable[[float], None]], Result]


class Worker:
    """Takes jobs from the store until the server is gone."""

    def __init__(self, folder: Path, backend: Backend, *, changed: Callable[[], None] = lambda: None) -> None:
        self.name = uuid.uuid4().hex
        self.store = JobStore(folder / "jobs.sqlite")
        self.cache = ArtefactCache(folder / "cache")
        self._backend = backend
        self._changed = changed
        self._models: dict[tuple[str, str, str], Model] = {}
        self._device = ""
        self._threads = Threads(fixed(os.environ))

    def start(self) -> None:
        """Finds the device; from here on the engine's status shows the worker as ready.

        Only for the holder of worker.lock: what is still marked as running belongs to a worker that
        is gone, and goes back into the queue.
        """
        self.store.requeue()
        self._device = self._backend.device()
        self._tell_status()

    def work(self, called: threading.Event) -> None:
        """Carries out jobs for ever; `called` wakes an idle worker."""
        while True:
            called.clear()
            while (job := self.store.claim(self.name)) is not None:
                self._changed()
                self.carry_out(job)
            called.wait(IDLE_INTERVAL)
            self._threads.adjust()

    def carry_out(self, job: Job) -> None:
        """Makes one claimed job's take, from the cache if it is there, and writes how it ended."""
        try:
            result, message = self._take(job)
        except CancelledError:
            self._finish(job, JobState.CANCELLED)
        except AVFoleyError as error:
            self._finish(job, JobState.FAILED, error=str(error))
        except Exception as error:
            log.exception("job %s failed", job.id)
            unforeseen = (
                f"This take failed for a reason the engine did not foresee ({type(error).__name__}: {error}). "
                "The details are in worker.log in the engine's folder; please report them."
            )
            self._finish(job, JobState.FAILED, error=unforeseen)
        else:
            self._finish(job, JobState.DONE, result=result, message=message)

    def _take(self, job: Job) -> tuple[Result, str | None]:
        try:
            return self._take_on(job, self._device)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            log.warning("out of memory on %s: job %s is made again on the processor", self._device, job.id)
        # Outside the except clause: the error's traceback holds the tensors that filled the memory.
        self._free()
        self._report(job, 0.0, message=f"out of memory on {self._device}; trying again on the processor")
        try:
            return self._take_on(job, "cpu")
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
        finally:
            if self._device != "cpu":
                self._free()
        raise JobError(
            "There is not enough memory for this take, neither on the device nor on the processor. "
            "Close other programs, choose a smaller model, or cut the shot into shorter ones."
        )

    def _take_on(self, job: Job, device: str) -> tuple[Result, str | None]:
        name, task = job.request.model, job.request.task
        info = self._backend.info(name)
        request = job.request.settled(info)
        key = self.cache.key(request, info.revision, device)
        if (known := self.cache.get(key)) is not None:
            return known, "served from the cache"
        if (name, device, task) not in self._models:
            self._report(job, 0.0, message=f"loading {name}")
            if self._models:
                self._free()
            self._models[name, device, task] = self._backend.load(name, task, device)
            self._tell_status()
        model = self._models[name, device, task]
        progress = self._progress(job)
        progress(0.0)
        return self.cache.make(key, request.suffix, lambda out: self._backend.run(request, model, out, progress)), None

    def _progress(self, job: Job) -> Callable[[float], None]:
        """What a task calls at every step: stops a cancelled job, writes progress and time left."""
        began = reported = time.monotonic()

        def progress(done: float) -> None:
            nonlocal reported
            if self.store.must_stop(job.id, self.name):
                raise CancelledError("the job was cancelled")
            self._threads.adjust()
            now = time.monotonic()
            if done > 0 and now - reported >= REPORT_INTERVAL:
                reported = now
                self._report(job, min(done, 1.0), (now - began) * (1 - min(done, 1.0)) / done)

        return progress

    def _free(self) -> None:
        self._models.clear()
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._tell_status()

    def _finish(self, job: Job, state: JobState, **outcome: Any) -> None:
        self.store.finish(job.id, self.name, state, **outcome)
        self._changed()

    def _report(self, job: Job, progress: float, eta: float | None = None, message: str | None = None) -> None:
        self.store.report(job.id, self.name, progress, eta, message)
        self._changed()

    def _tell_status(self) -> None:
        warm = next(iter(self._models), (None,))[0]
        self.store.worker_is(self.name, self._device, warm, _memory(self._device))
        self._changed()


def _is_out_of_memory(error: Exception) -> bool:
    # torch reports it as OutOfMemoryError on CUDA, as a plain RuntimeError on MPS and on the processor.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error))


def _memory(device: str) -> int:
    """Bytes in use: on the graphics card if that is the device, else by this process."""
    torch = sys.modules.get("torch")
    if device == "cuda" and torch is not None:
        return int(torch.cuda.memory_reserved())
    return int(psutil.Process().memory_info().rss)


def best_device() -> str:
    """The torch device type to use: $AVFOLEY_DEVICE, else ``cuda``, ``mps`` or ``cpu``, the first there is."""
    if wish := os.environ.get("AVFOLEY_DEVICE"):
        return wish
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def real_backend() -> Backend:
    """The registered models and the real tasks."""
    from avfoley_engine import tasks
    from avfoley_engine.models import registry

    return Backend(device=best_device, info=registry.info, load=registry.load, run=tasks.run)


def main(argv: list[str], backend: Callable[[], Backend] = real_backend) -> None:
    """Runs the worker on the engine's folder given as the only argument, until stdin ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    folder = Path(argv[0])
    called = threading.Event()
    threading.Thread(target=_listen, args=(called,), daemon=True).start()
    # The worker of an engine that was killed may still be at its last step: one device, one owner.
    with FileLock(folder / "worker.lock"):
        worker = Worker(folder, backend(), changed=_ring_stdout)
        worker.start()
        worker.work(called)


def _listen(called: threading.Event) -> None:
    while os.read(0, 1024):
        called.set()
    # Not sys.exit: the main thread may be in a solver step. `.part` files are swept up later.
    os._exit(0)


def _ring_stdout() -> None:
    # A closed pipe means that the server is gone; `_listen` is about to notice.
    with contextlib.suppress(OSError):
        os.write(1, b".")


if __name__ == "__main__":
    main(sys.argv[1:])
