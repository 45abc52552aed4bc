"""kill -9 in the middle of a ten-shot job: nothing finished is lost, the rest completes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from avfoley_engine.protocol import Job, JobState

from support.engine import Engine
from support.messages import foley_request


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def three_done_and_one_running(jobs: list[Job]) -> bool:
    states = [job.state for job in jobs]
    return states.count(JobState.DONE) >= 3 and any(
        job.state is JobState.RUNNING and job.progress > 0.1 for job in jobs
    )


def check_all_done(before: list[Job], after: list[Job]) -> None:
    assert [job.state for job in after] == [JobState.DONE] * 10
    for old, new in zip(before, after, strict=True):
        assert new.result is not None
        assert new.result.path.is_file()
        if old.state is JobState.DONE:
            # Not made again: the very same take, finished at the very same time.
            assert new == old


def test_killed_worker(engine: Engine) -> None:
    jobs = engine.submit(*(foley_request(seed) for seed in range(10)))
    before = engine.wait(jobs, three_done_and_one_running)
    first = engine.status().worker_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    after = engine.wait(jobs)
    check_all_done(before, after)
    status = engine.status()
    assert status.worker_pid != first
    assert status.pid == engine.processes[0].pid


def test_killed_engine(engine: Engine) -> None:
    jobs = engine.submit(*(foley_request(seed) for seed in range(10)))
    before = engine.wait(jobs, three_done_and_one_running)
    worker = engine.status().worker_pid
    assert worker is not None
    engine.kill()
    deadline = time.monotonic() + 5
    while alive(worker):
        assert time.monotonic() < deadline, "the worker outlives its engine"
        time.sleep(0.02)
    engine.start()
    check_all_done(before, engine.wait(jobs))
    assert not list((engine.folder / "cache").rglob("*.part*"))
