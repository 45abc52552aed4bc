"""As many threads as there are processors that nobody else uses."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from avfoley_engine.__main__ import main
from avfoley_engine.errors import AVFoleyError
from avfoley_engine.jobs.store import JobStore
from avfoley_engine.jobs.supervisor import Bell, Supervisor
from avfoley_engine.jobs.threads import INTERVAL, Load, Threads, fixed, worker_environment
from avfoley_engine.jobs.worker import Backend, Worker

from support import fake_worker
from support.messages import foley_request as request


@pytest.fixture(autouse=True)
def torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Machine:
    """A machine of some processors whose load is made up."""

    def __init__(self, processors: int) -> None:
        self.processors = processors
        self.load = Load(0.0, 0.0, 0.0)
        self.threads = Threads(most=processors, measure=lambda: self.load)

    def after(self, seconds: float, others: int, ours: int) -> int:
        """The threads to use after so long with this many computing threads, which share alike."""
        share = min(1.0, self.processors / max(1, others + ours))
        own, idle = ours * share, max(0, self.processors - others - ours)
        before = self.load
        self.load = Load(before.clock + seconds, before.idle + idle * seconds, before.own + own * seconds)
        self.threads.adjust()
        assert torch.get_num_threads() == self.threads.number
        return self.threads.number


@pytest.mark.parametrize(
    ("processors", "others", "expected"),
    [(2, 0, 2), (2, 1, 1), (2, 2, 1), (2, 9, 1), (4, 1, 3), (4, 4, 1), (8, 0, 8), (8, 3, 5), (1, 0, 1), (1, 3, 1)],
)
def test_an_idle_worker_begins_with_the_processors_that_are_free(processors: int, others: int, expected: int) -> None:
    assert Machine(processors).after(1.0, others, ours=0) == expected


def test_a_job_gives_way_to_others_and_takes_what_they_leave() -> None:
    machine = Machine(2)
    assert machine.after(1.0, others=0, ours=0) == 2
    assert machine.after(INTERVAL, others=0, ours=2) == 2
    assert machine.after(INTERVAL, others=2, ours=2) == 1
    assert machine.after(INTERVAL, others=2, ours=1) == 1
    assert machine.after(INTERVAL, others=1, ours=1) == 1
    assert machine.after(INTERVAL, others=0, ours=1) == 2


def test_of_many_processors_only_few_are_kept_when_all_are_wanted() -> None:
    machine = Machine(16)
    number = machine.after(1.0, others=0, ours=0)
    for _ in range(8):
        number = machine.after(INTERVAL, others=16, ours=number)
    assert number <= 3


def test_a_light_load_costs_no_thread() -> None:
    machine = Machine(2)
    machine.load = Load(10.0, 18.5, 0.0)  # Of 20 s, others used 1.5 s.
    machine.threads.adjust()
    assert machine.threads.number == 2


def test_a_passing_load_costs_no_thread() -> None:
    machine = Machine(2)
    assert machine.after(1.0, others=0, ours=0) == 2
    before = machine.load
    machine.load = Load(before.clock + 1, before.idle, before.own + 1.5)  # Others used half a processor.
    machine.threads.adjust()
    assert machine.threads.number == 2


def test_steps_that_follow_each_other_quickly_measure_nothing() -> None:
    machine = Machine(2)
    assert machine.after(1.0, others=0, ours=0) == 2
    assert machine.after(INTERVAL / 10, others=2, ours=2) == 2


def test_a_fixed_number_is_kept_whatever_the_load() -> None:
    threads = Threads(3, most=2, measure=lambda: Load(0.0, 0.0, 0.0))
    threads.adjust()
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"AVFOLEY_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "2,1"}, 2),
        ({"AVFOLEY_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3),
        ({"AVFOLEY_THREADS": "auto", "OMP_NUM_THREADS": "2"}, None),
    ],
)
def test_the_environment_fixes_the_number(environment: dict[str, str], expected: int | None) -> None:
    assert fixed(environment) == expected
    # And so it does in the worker, which is given an environment made of this one.
    assert fixed(worker_environment(environment)) == expected


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_number_that_is_none_is_an_error(value: str) -> None:
    with pytest.raises(AVFoleyError, match="AVFOLEY_THREADS"):
        fixed({"AVFOLEY_THREADS": value})


def test_threads_spin_briefly_unless_the_user_says_otherwise() -> None:
    assert int(worker_environment({})["GOMP_SPINCOUNT"]) < 300_000
    assert (
        worker_environment({"GOMP_SPINCOUNT": "5", "HOME": "x"}).items() >= {"GOMP_SPINCOUNT": "5", "HOME": "x"}.items()
    )


def test_the_supervisor_gives_its_worker_that_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFOLEY_THREADS", "3")
    program = (
        "import json, os, pathlib, sys; pathlib.Path(sys.argv[1], 'seen.json').write_text(json.dumps({**os.environ}))"
    )

    async def run_one() -> None:
        store = JobStore(tmp_path / "jobs.sqlite")
        supervisor = Supervisor(tmp_path, store, Bell(), [sys.executable, "-c", program])
        supervisor.start()
        while not (tmp_path / "seen.json").exists():
            await asyncio.sleep(0.02)
        await supervisor.stop()
        store.close()

    asyncio.run(run_one())
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen.items() >= {"AVFOLEY_THREADS": "3", "OMP_NUM_THREADS": "3", "GOMP_SPINCOUNT": "30000"}.items()


def test_the_worker_sets_torchs_threads_while_a_job_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFOLEY_THREADS", "3")
    monkeypatch.setattr(fake_worker, "STEP_SECONDS", 0.001)
    backend = Backend(lambda: "cpu", fake_worker.info, fake_worker.load, fake_worker.run)
    worker = Worker(tmp_path, backend)
    worker.start()
    torch.set_num_threads(1)
    worker.store.submit([request()])
    job = worker.store.claim(worker.name)
    assert job is not None
    worker.carry_out(job)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["--threads", "3", "--compile"], ("3", "1")), ([], ("auto", None))],
)
def test_options_of_serve_reach_the_worker(
    options: list[str], expected: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, str] = {}

    def serve(folder: Path, *, idle_exit: float | None) -> int:
        given.update(worker_environment(os.environ))
        return 0

    monkeypatch.setattr("avfoley_engine.server.serve", serve)
    monkeypatch.setattr(os, "environ", {"AVFOLEY_HOME": str(tmp_path)})
    assert main(["serve", *options]) == 0
    assert (given["AVFOLEY_THREADS"], given.get("AVFOLEY_COMPILE")) == expected


def test_serve_says_what_is_wrong_with_a_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", {"AVFOLEY_HOME": str(tmp_path)})
    assert main(["serve", "--threads", "lots"]) == 1
    assert "'lots'" in capsys.readouterr().err
