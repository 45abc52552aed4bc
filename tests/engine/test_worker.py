"""The worker in this process, on made-up backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from avfoley_engine.errors import ModelError
from avfoley_engine.jobs.worker import Backend, Worker
from avfoley_engine.protocol import FoleyRequest, FoleyResult, Job, JobState, Request

from support import fake_worker
from support.messages import foley_request


class Fixture:
    """A worker whose backend counts what it is asked for."""

    def __init__(self, folder: Path, device: str = "cpu", run: Any = fake_worker.run) -> None:
        self.loaded: list[tuple[str, str]] = []
        self.runs = 0
        self._run = run
        backend = Backend(device=lambda: device, info=fake_worker.info, load=self._load, run=self._counted_run)
        self.worker = Worker(folder, backend)
        self.worker.start()

    def _load(self, name: str, task: str, device: str) -> Any:
        self.loaded.append((name, device))
        return fake_worker.load(name, task, device)

    def _counted_run(
        self, request: FoleyRequest, model: Any, out: Path, progress: Callable[[float], None]
    ) -> FoleyResult:
        self.runs += 1
        result: FoleyResult = self._run(request, model, out, progress)
        return result

    def do(self, *requests: Request) -> list[Job]:
        jobs = self.worker.store.submit(requests)
        while (job := self.worker.store.claim(self.worker.name)) is not None:
            self.worker.carry_out(job)
        return [self.worker.store.job(job.id) for job in jobs]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_worker, "STEP_SECONDS", 0.001)


def test_a_model_is_loaded_once_and_kept(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path)
    jobs = fixture.do(foley_request(0), foley_request(1), foley_request(2))
    assert [job.state for job in jobs] == [JobState.DONE] * 3
    assert fixture.loaded == [("fake", "cpu")]
    assert fixture.worker.store.worker() is not None
    device, model, _ = fixture.worker.store.worker() or (None, None, None)
    assert (device, model) == ("cpu", "fake")


def test_the_same_request_is_computed_once(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path)
    first, other, again = fixture.do(foley_request(1), foley_request(2), foley_request(1))
    assert fixture.runs == 2
    assert first.result == again.result
    assert other.result != first.result
    # A later engine on the same folder does not even load the model.
    later = Fixture(tmp_path)
    (job,) = later.do(foley_request(1))
    assert job.result == first.result
    assert (later.runs, later.loaded) == (0, [])


def test_defaults_asked_for_are_the_same_take(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path)
    silent, explicit, other = fixture.do(foley_request(1), foley_request(1, steps=10), foley_request(1, steps=11))
    assert silent.result == explicit.result
    assert other.result != silent.result
    assert fixture.runs == 2


@pytest.mark.parametrize(("caption", "says"), [("broken", "fetch them again"), ("bug", "ZeroDivisionError")])
def test_an_error_ends_its_job_only(tmp_path: Path, caption: str, says: str) -> None:
    bad, good = Fixture(tmp_path).do(foley_request(caption=caption), foley_request())
    assert bad.state is JobState.FAILED
    assert says in (bad.error or "")
    assert good.state is JobState.DONE


def test_out_of_memory_on_the_device_falls_back_to_the_processor(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path, device="cuda")
    job, _next_job = fixture.do(foley_request(caption="greedy"), foley_request())
    assert job.state is JobState.DONE
    # The next take is made on the device again.
    assert fixture.loaded == [("fake", "cuda"), ("fake", "cpu"), ("fake", "cuda")]


def test_out_of_memory_everywhere_is_said_plainly(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path, device="cuda")
    job, next_job = fixture.do(foley_request(caption="huge"), foley_request())
    assert job.state is JobState.FAILED
    assert "not enough memory" in (job.error or "")
    assert fixture.runs == 3
    assert next_job.state is JobState.DONE


def test_torchs_own_memory_errors_are_known(tmp_path: Path) -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    for error in (
        OutOfMemoryError("x"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("can't allocate memory"),
    ):

        def run(request: FoleyRequest, model: Any, out: Path, progress: Any, error: Exception = error) -> FoleyResult:
            if model.device != "cpu":
                raise error
            return fake_worker.run(request, model, out, progress)

        (job,) = Fixture(tmp_path / str(id(error)), device="mps", run=run).do(foley_request())
        assert job.state is JobState.DONE


def test_a_cancelled_job_stops_at_the_next_step(tmp_path: Path) -> None:
    steps: list[float] = []

    def run(request: FoleyRequest, model: Any, out: Path, progress: Callable[[float], None]) -> FoleyResult:
        for step in range(10):
            if step == 3:
                store = fixture.worker.store
                store.cancel(store.jobs([JobState.RUNNING])[0].id)
            progress((step + 1) / 10)
            steps.append(step)
        raise AssertionError("it went on")

    fixture = Fixture(tmp_path, run=run)
    (job,) = fixture.do(foley_request())
    assert job.state is JobState.CANCELLED
    assert steps == [0, 1, 2]


def test_a_model_that_cannot_be_loaded_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, task: str, device: str) -> Any:
        raise ModelError(f"the weights of {name} are damaged; fetch them again")

    monkeypatch.setattr(fake_worker, "load", load)
    (job,) = Fixture(tmp_path).do(foley_request())
    assert job.state is JobState.FAILED
    assert "damaged" in (job.error or "")
