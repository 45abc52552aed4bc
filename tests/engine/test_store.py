from __future__ import annotations

import threading
from pathlib import Path

import pytest
from avfoley_engine.errors import JobError
from avfoley_engine.jobs.store import MAX_CRASHES, JobStore
from avfoley_engine.protocol import JobState

from support.messages import foley_request, foley_result


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def test_jobs_are_claimed_in_the_order_of_their_submission(store: JobStore) -> None:
    jobs = store.submit([foley_request(seed) for seed in range(3)])
    claimed = [store.claim("w") for _ in range(4)]
    assert [job and job.id for job in claimed] == [*(job.id for job in jobs), None]


def test_no_two_workers_get_the_same_job(store: JobStore) -> None:
    store.submit([foley_request(seed) for seed in range(60)])
    taken: list[str] = []

    def work(name: str) -> None:
        own = JobStore(store.path)
        while (job := own.claim(name)) is not None:
            taken.append(job.id)
        own.close()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60


def test_a_finished_job_keeps_its_result_in_the_file(store: JobStore, tmp_path: Path) -> None:
    (job,) = store.submit([foley_request()])
    store.claim("w")
    assert store.finish(job.id, "w", JobState.DONE, result=foley_result(path=tmp_path / "a.wav"))
    store.close()
    found = JobStore(store.path).job(job.id)
    assert (found.state, found.progress, found.result) == (JobState.DONE, 1.0, foley_result(path=tmp_path / "a.wav"))
    assert found.started
    assert found.finished


def test_a_worker_that_was_given_up_changes_nothing(store: JobStore, tmp_path: Path) -> None:
    (job,) = store.submit([foley_request()])
    store.claim("old")
    store.requeue()
    store.claim("new")
    assert store.must_stop(job.id, "old")
    assert not store.must_stop(job.id, "new")
    assert not store.finish(job.id, "old", JobState.DONE, result=foley_result(path=tmp_path / "a.wav"))
    store.report(job.id, "old", 0.9)
    assert store.job(job.id).state is JobState.RUNNING
    assert store.job(job.id).progress == 0


def test_a_requeued_job_keeps_its_place(store: JobStore) -> None:
    first, _second = store.submit([foley_request(0), foley_request(1)])
    store.claim("w")
    store.requeue(died="killed")
    again = store.claim("w")
    assert again is not None
    assert again.id == first.id


def test_a_job_that_kills_its_worker_is_given_up(store: JobStore) -> None:
    (job,) = store.submit([foley_request()])
    for _ in range(MAX_CRASHES):
        assert store.claim("w") is not None
        store.requeue(died="killed by SIGKILL")
    assert store.claim("w") is None
    found = store.job(job.id)
    assert found.state is JobState.FAILED
    assert "killed by SIGKILL" in (found.error or "")


def test_an_engine_that_is_restarted_is_not_the_jobs_fault(store: JobStore) -> None:
    (job,) = store.submit([foley_request()])
    for _ in range(MAX_CRASHES + 2):
        assert store.claim("w") is not None
        store.requeue()
    assert store.job(job.id).state is JobState.QUEUED


def test_cancelling(store: JobStore) -> None:
    running, queued = store.submit([foley_request(0), foley_request(1)])
    store.claim("w")
    assert store.cancel(queued.id).state is JobState.CANCELLED
    assert store.cancel(running.id).state is JobState.RUNNING
    assert store.must_stop(running.id, "w")
    # The worker dies before it looks: the job must not be made again.
    store.requeue(died="killed")
    assert store.job(running.id).state is JobState.CANCELLED
    with pytest.raises(JobError, match="no job"):
        store.cancel("nonsense")


def test_event_ids_grow_even_after_pruning(store: JobStore, tmp_path: Path) -> None:
    (job,) = store.submit([foley_request()])
    store.claim("w")
    store.report(job.id, "w", 0.5, 1.0)
    before = [event.id for event in store.events()]
    assert before == sorted(before)
    store.finish(job.id, "w", JobState.DONE, result=foley_result(path=tmp_path / "a.wav"))
    last = store.last_event()
    assert store.prune(older_than=float("inf")) == 1
    assert store.events() == []
    store.submit([foley_request()])
    assert store.events()[0].id > last


def test_only_the_last_word_on_a_finished_job_is_kept(store: JobStore) -> None:
    (job,) = store.submit([foley_request()])
    store.claim("w")
    for step in range(1, 10):
        store.report(job.id, "w", step / 10)
    assert len(store.events()) == 11
    store.finish(job.id, "w", JobState.FAILED, error="no luck")
    assert [event.state for event in store.events()] == [JobState.QUEUED, JobState.RUNNING, JobState.FAILED]
    assert store.events()[-1].message == "no luck"


def test_pruning_leaves_what_is_not_finished(store: JobStore) -> None:
    store.submit([foley_request()])
    assert store.prune(older_than=float("inf")) == 0
    assert len(store.jobs()) == len(store.events()) == 1
