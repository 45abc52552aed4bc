"""A real engine with a fake model, in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
from avfoley_engine.protocol import ENDPOINT_FILE, Endpoint, EngineStatus, Job, JobState, Request
from avfoley_engine.server import ALREADY_RUNNING


def engine_command(worker: str = "fake_worker") -> tuple[str, ...]:
    """The real server with a worker of this package: one of its modules that run as programs."""
    return (sys.executable, "-m", "support.fake_engine", "--worker", f"support.{worker}")


class Engine:
    """One engine's folder, and the processes that ran on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, worker: str = "fake_worker", *options: str, **environment: str) -> Endpoint:
        """Starts the engine with a worker of this package, and waits until it answers."""
        process = subprocess.Popen(
            [*engine_command(worker), "--folder", str(self.folder), *options],
            env={**os.environ, **environment},
        )
        self.processes.append(process)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            endpoint = self.endpoint()
            if endpoint is not None and endpoint.pid == process.pid:
                self.http = httpx2.Client(
                    base_url=f"http://127.0.0.1:{endpoint.port}",
                    headers={"Authorization": f"Bearer {endpoint.token}"},
                    trust_env=False,
                    timeout=20,
                )
                self.http.get("/v1/engine")
                return endpoint
            assert process.poll() in (None, ALREADY_RUNNING), "the engine ended at its start"
            time.sleep(0.02)
        raise AssertionError("the engine did not start")

    def endpoint(self) -> Endpoint | None:
        try:
            return Endpoint.model_validate_json((self.folder / ENDPOINT_FILE).read_text())
        except OSError:
            return None

    def status(self) -> EngineStatus:
        return EngineStatus.model_validate_json(self.http.get("/v1/engine").content)

    def submit(self, *requests: Request) -> list[Job]:
        answer = self.http.post("/v1/jobs", json={"requests": [item.model_dump(mode="json") for item in requests]})
        assert answer.status_code == 202, answer.text
        return [Job.model_validate(item) for item in answer.json()]

    def job(self, job: Job) -> Job:
        return Job.model_validate_json(self.http.get(f"/v1/jobs/{job.id}").content)

    def jobs(self, jobs: list[Job]) -> list[Job]:
        now = {item["id"]: item for item in self.http.get("/v1/jobs").json()}
        return [Job.model_validate(now[job.id]) for job in jobs]

    def wait(self, jobs: list[Job], until: Callable[[list[Job]], bool] | None = None, seconds: float = 30) -> list[Job]:
        """The jobs as soon as they all ended, or `until` holds of them."""
        until = until or (lambda found: all(job.state.final for job in found))
        deadline = time.monotonic() + seconds
        while not until(found := self.jobs(jobs)):
            assert time.monotonic() < deadline, [(job.state, job.progress, job.error) for job in found]
            time.sleep(0.03)
        return found

    def kill(self) -> None:
        """kill -9 of the engine's server process."""
        self.processes[-1].send_signal(signal.SIGKILL)
        self.processes[-1].wait()

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(20)
        # Engines that a client under test started on this folder.
        endpoint = self.endpoint()
        if endpoint is not None:
            try:
                os.kill(endpoint.pid, signal.SIGTERM)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + 15
            while self.endpoint() is not None and time.monotonic() < deadline:
                time.sleep(0.05)


def running_at(fraction: float) -> Callable[[list[Job]], bool]:
    """Holds when a job runs and is at least so far."""
    return lambda jobs: any(job.state is JobState.RUNNING and job.progress >= fraction for job in jobs)
