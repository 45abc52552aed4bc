"""The truth about jobs: one SQLite file that outlives every process that works on it.

Server and worker each open their own `JobStore` on it. A change of a job's state and its event are
one transaction, so that no reader sees the one without the other.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from avfoley_engine.errors import JobError
from avfoley_engine.protocol import FileResult, Job, JobEvent, JobState, Request, Result

#: A job whose worker died this many times is failed: it must not block the queue.
MAX_CRASHES = 3

_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
_RESULT: TypeAdapter[Result] = TypeAdapter(Result)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    request TEXT NOT NULL,
    progress REAL NOT NULL DEFAULT 0,
    result TEXT,
    error TEXT,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    claimed_by TEXT,
    cancel INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    state TEXT NOT NULL,
    progress REAL NOT NULL,
    eta_seconds REAL,
    message TEXT
);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job_id, id);
CREATE TABLE IF NOT EXISTS worker (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    name TEXT NOT NULL,
    device TEXT NOT NULL,
    model TEXT,
    memory_bytes INTEGER
);
"""


class JobStore:
    """Jobs and their events in a SQLite file (WAL), for any thread and several processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def submit(self, requests: Iterable[Request]) -> list[Job]:
        """Queues one job a request, all of them or none, in order."""
        now = time.time()
        jobs = [Job(id=uuid.uuid4().hex, state=JobState.QUEUED, request=request, created=now) for request in requests]
        with self._transaction() as db:
            for job in jobs:
                db.execute(
                    "INSERT INTO jobs (id, state, request, created) VALUES (?, ?, ?, ?)",
                    (job.id, job.state, job.request.model_dump_json(), now),
                )
                _record(db, job.id, job.state, 0.0)
        return jobs

    def job(self, job_id: str) -> Job:
        """The job of that id. Raises `JobError` if there is none."""
        row = self._one("SELECT * FROM jobs WHERE id = ?", job_id)
        if row is None:
            raise JobError(f"there is no job {job_id}; finished jobs are forgotten after a while, so submit it again")
        return _job(row)

    def jobs(self, states: Iterable[JobState] = tuple(JobState)) -> list[Job]:
        """All jobs in one of these states, in the order of their submission."""
        wanted = [str(state) for state in states]
        rows = self._all(f"SELECT * FROM jobs WHERE state IN ({_marks(wanted)}) ORDER BY number", *wanted)
        return [_job(row) for row in rows]

    def count(self, state: JobState) -> int:
        return int(self._all("SELECT count(*) AS jobs FROM jobs WHERE state = ?", state)[0]["jobs"])

    def claim(self, worker: str) -> Job | None:
        """Takes the oldest queued job for this worker alone; None if the queue is empty."""
        with self._transaction() as db:
            row = db.execute(
                "UPDATE jobs SET state = ?, claimed_by = ?, started = ?, progress = 0 "
                "WHERE number = (SELECT number FROM jobs WHERE state = ? ORDER BY number LIMIT 1) RETURNING *",
                (JobState.RUNNING, worker, time.time(), JobState.QUEUED),
            ).fetchone()
            if row is None:
                return None
            _record(db, row["id"], JobState.RUNNING, 0.0)
            return _job(row)

    def report(
        self, job_id: str, worker: str, progress: float, eta_seconds: float | None = None, message: str | None = None
    ) -> None:
        """Writes the progress (0..1) of a job this worker holds."""
        with self._transaction() as db:
            changed = db.execute(
                "UPDATE jobs SET progress = ? WHERE id = ? AND claimed_by = ? AND state = ?",
                (progress, job_id, worker, JobState.RUNNING),
            ).rowcount
            if changed:
                _record(db, job_id, JobState.RUNNING, progress, eta_seconds, message)

    def must_stop(self, job_id: str, worker: str) -> bool:
        """Whether the worker shall leave this job: it was cancelled, or is no longer this worker's."""
        row = self._one("SELECT cancel, state, claimed_by FROM jobs WHERE id = ?", job_id)
        return row is None or bool(row["cancel"]) or row["state"] != JobState.RUNNING or row["claimed_by"] != worker

    def finish(
        self,
        job_id: str,
        worker: str,
        state: JobState,
        *,
        result: Result | None = None,
        error: str | None = None,
        message: str | None = None,
    ) -> bool:
        """Ends a job this worker holds. False, and nothing changed, if it is no longer this worker's."""
        made = result.model_dump_json() if result else None
        with self._transaction() as db:
            row = db.execute(
                "UPDATE jobs SET state = ?, finished = ?, result = ?, error = ?, claimed_by = NULL, "
                "progress = CASE WHEN ? THEN 1 ELSE progress END "
                "WHERE id = ? AND claimed_by = ? AND state = ? RETURNING progress",
                (state, time.time(), made, error, state is JobState.DONE, job_id, worker, JobState.RUNNING),
            ).fetchone()
            if row is None:
                return False
            _forget_progress(db, job_id)
            _record(db, job_id, state, row["progress"], message=error or message)
            return True

    def cancel(self, job_id: str) -> Job:
        """Cancels a queued job at once, asks the worker to stop a running one, leaves a finished one.

        Raises `JobError` if there is no such job.
        """
        with self._transaction() as db:
            row = db.execute(
                "UPDATE jobs SET state = ?, finished = ?, cancel = 1 WHERE id = ? AND state = ? RETURNING progress",
                (JobState.CANCELLED, time.time(), job_id, JobState.QUEUED),
            ).fetchone()
            if row is not None:
                _record(db, job_id, JobState.CANCELLED, row["progress"])
            else:
                db.execute("UPDATE jobs SET cancel = 1 WHERE id = ? AND state = ?", (job_id, JobState.RUNNING))
        return self.job(job_id)

    def requeue(self, *, died: str | None = None) -> list[Job]:
        """Puts the running jobs back in their place in the queue: their worker is gone.

        died: how the worker ended, if by itself: a crash of its job, and `MAX_CRASHES` fail it.
        A job that was being cancelled is cancelled. Returns the jobs as they are then.
        """
        with self._transaction() as db:
            held = db.execute("SELECT * FROM jobs WHERE state = ?", (JobState.RUNNING,)).fetchall()
            for row in held:
                crashes = row["crashes"] + (died is not None)
                state, error, message = JobState.QUEUED, None, None
                if row["cancel"]:
                    state = JobState.CANCELLED
                elif crashes >= MAX_CRASHES:
                    state = JobState.FAILED
                    error = (
                        f"The engine's worker process ended {crashes} times while making this take (last: {died}). "
                        "It was given up so that the other takes can go on; try a shorter shot or a smaller model, "
                        "and look into worker.log in the engine's folder."
                    )
                elif died is not None:
                    message = f"the worker process ended ({died}); the take is made again"
                db.execute(
                    "UPDATE jobs SET state = ?, error = ?, crashes = ?, progress = 0, claimed_by = NULL, finished = ? "
                    "WHERE id = ?",
                    (state, error, crashes, time.time() if state.final else None, row["id"]),
                )
                _forget_progress(db, row["id"])
                _record(db, row["id"], state, 0.0, message=error or message)
        return [self.job(row["id"]) for row in held]

    def fail_queued(self, error: str) -> None:
        """Fails every queued job, for the one reason that stops them all."""
        with self._transaction() as db:
            rows = db.execute(
                "UPDATE jobs SET state = ?, error = ?, finished = ? WHERE state = ? RETURNING id",
                (JobState.FAILED, error, time.time(), JobState.QUEUED),
            ).fetchall()
            for row in rows:
                _record(db, row["id"], JobState.FAILED, 0.0, message=error)

    def last_event(self) -> int:
        """The id of the newest event ever written, 0 if none was."""
        row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return int(row["seq"]) if row else 0

    def events(self, after: int = 0, jobs: Iterable[str] = (), limit: int = 1000) -> list[JobEvent]:
        """The events with ids above `after`, oldest first; only of these jobs, if any are named."""
        wanted = list(jobs)
        where = f"AND job_id IN ({_marks(wanted)})" if wanted else ""
        rows = self._all(f"SELECT * FROM events WHERE id > ? {where} ORDER BY id LIMIT ?", after, *wanted, limit)
        return [JobEvent(**dict(row)) for row in rows]

    def prune(self, *, older_than: float) -> int:
        """Forgets jobs that ended before that time (since the epoch). Returns how many."""
        with self._transaction() as db:
            rows = db.execute("DELETE FROM jobs WHERE finished < ? RETURNING id", (older_than,)).fetchall()
            db.execute("DELETE FROM events WHERE job_id NOT IN (SELECT id FROM jobs)")
            return len(rows)

    def artefacts(self, *, since: float) -> set[Path]:
        """The files that jobs finished after that time refer to."""
        rows = self._all("SELECT request, result FROM jobs WHERE finished >= ? AND result IS NOT NULL", since)
        results = (_result(row) for row in rows)
        return {result.path for result in results if isinstance(result, FileResult)}

    def worker_is(self, name: str, device: str, model: str | None, memory_bytes: int | None) -> None:
        """Notes what the worker has at hand: its device and the model it keeps warm."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO worker VALUES (1, ?, ?, ?, ?)", (name, device, model, memory_bytes))

    def no_worker(self) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM worker")

    def worker(self) -> tuple[str, str | None, int | None] | None:
        """Device, warm model and memory (bytes) of the worker that is ready; None if none is."""
        row = self._one("SELECT * FROM worker")
        return (row["device"], row["model"], row["memory_bytes"]) if row else None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _one(self, sql: str, *values: object) -> sqlite3.Row | None:
        return next(iter(self._all(sql, *values)), None)

    def _all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _record(
    db: sqlite3.Connection,
    job_id: str,
    state: JobState,
    progress: float,
    eta: float | None = None,
    message: str | None = None,
) -> None:
    db.execute(
        "INSERT INTO events (job_id, state, progress, eta_seconds, message) VALUES (?, ?, ?, ?, ?)",
        (job_id, state, progress, eta, message),
    )


def _forget_progress(db: sqlite3.Connection, job_id: str) -> None:
    # Ten events a second add up; once the job is over nobody needs the steps between.
    db.execute(
        "DELETE FROM events WHERE job_id = ? AND state = ? AND (progress > 0 OR message IS NOT NULL)",
        (job_id, JobState.RUNNING),
    )


def _job(row: sqlite3.Row) -> Job:
    plain = {name: row[name] for name in ("id", "state", "progress", "error", "created", "started", "finished")}
    result = _result(row) if row["result"] else None
    return Job(**plain, request=_REQUEST.validate_json(row["request"]), result=result)


def _result(row: sqlite3.Row) -> Result:
    # Up to protocol 3 a result did not say its task; its request did.
    task = json.loads(row["request"])["task"]
    return _RESULT.validate_python({"task": task} | json.loads(row["result"]))


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))
