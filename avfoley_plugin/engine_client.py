"""The client of the engine: finds or starts one, submits requests and follows their events."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from avfoley_engine.protocol import (
    ENDPOINT_FILE,
    PROTOCOL_VERSION,
    Endpoint,
    EngineStatus,
    Job,
    JobEvent,
    MediaProbe,
    ModelInfo,
    Pull,
    Request,
    Submission,
    state_folder,
)
from pydantic import TypeAdapter, ValidationError

from avfoley_plugin.errors import EngineError

__all__ = ["EngineClient", "EngineStatus", "LocalEngine", "MediaProbe", "ModelInfo", "Pull"]

#: The engine's own command; ``--folder`` and ``--idle-exit`` are added.
ENGINE_COMMAND = (sys.executable, "-m", "avfoley_engine", "serve")
#: An engine that a client started exits after this long without jobs and clients, in seconds.
IDLE_EXIT = 1800
#: Time limit for the start of an engine, in seconds.
START_TIMEOUT = 60.0
#: Time limits for cancelled jobs and for the engine to end, in seconds.
_CANCEL_TIMEOUT, _END_TIMEOUT = 5.0, 15.0
#: `follow` gives up after this many connections in a row without an event.
MAX_EMPTY_CONNECTIONS = 5
#: Above this number the URL of the event stream does not name the jobs; the client filters instead.
MAX_NAMED_JOBS = 500
_LOG_BYTES = 4 * 2**20
#: A console of its own on Windows, as a session on POSIX, so that Ctrl-C here does not reach it.
_NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)

_JOBS = TypeAdapter(list[Job])
_MODELS = TypeAdapter(list[ModelInfo])
_PULLS = TypeAdapter(list[Pull])


class EngineClient(ABC):
    """The interface to an engine, wherever it runs. All methods raise `EngineError`."""

    @abstractmethod
    def status(self) -> EngineStatus:
        """The state of the engine."""

    @abstractmethod
    def models(self) -> list[ModelInfo]:
        """The models that the engine can load."""

    @abstractmethod
    def pull(self, model: str) -> Pull:
        """Starts or resumes the download of a model to the engine's machine."""

    @abstractmethod
    def pulls(self) -> list[Pull]:
        """The state of all downloads since the engine started."""

    @abstractmethod
    def stop_pull(self, model: str) -> None:
        """Stops a download; the received part is kept."""

    @abstractmethod
    def probe(self, path: Path) -> MediaProbe:
        """Probes a media file."""

    @abstractmethod
    def submit(self, requests: Sequence[Request]) -> list[Job]:
        """Queues one job per request, in order."""

    @abstractmethod
    def follow(self, jobs: Iterable[str]) -> Iterator[JobEvent | Job]:
        """Yields the events of jobs (ids) until all have ended; the last of each is its `Job`."""

    @abstractmethod
    def cancel(self, jobs: Iterable[str]) -> None:
        """Cancels jobs (ids), in order; jobs that have ended stay as they are. Thread-safe."""

    def give_up(self) -> None:
        """Makes calls that wait for an engine raise `EngineError`. Thread-safe."""
        return None

    def close(self) -> None:
        """Closes the connections; the engine keeps running."""
        return None

    def end_started(self) -> None:
        """Stops the engine if this client started it and it has no work."""
        return None


class LocalEngine(EngineClient):
    """The engine on this machine, found by ``engine.json`` in its state folder, or started there.

    command: the command that starts an engine; None to use only one that is running already.
    """

    def __init__(self, folder: Path | None = None, *, command: Sequence[str] | None = ENGINE_COMMAND) -> None:
        self.folder = folder or state_folder()
        self._command = command
        self._http: httpx2.Client | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = threading.Event()

    def running(self) -> EngineStatus | None:
        """The status of the running engine, None if there is none. Never starts one."""
        return self.status() if self._reconnect() else None

    def status(self) -> EngineStatus:
        return EngineStatus.model_validate_json(self._request("GET", "/v1/engine").content)

    def models(self) -> list[ModelInfo]:
        return _MODELS.validate_json(self._request("GET", "/v1/models").content)

    def pull(self, model: str) -> Pull:
        return Pull.model_validate_json(self._request("POST", f"/v1/models/{quote(model, safe='')}/pull").content)

    def pulls(self) -> list[Pull]:
        return _PULLS.validate_json(self._request("GET", "/v1/pulls").content)

    def stop_pull(self, model: str) -> None:
        self._request("DELETE", f"/v1/models/{quote(model, safe='')}/pull")

    def probe(self, path: Path) -> MediaProbe:
        answer = self._request("GET", "/v1/media", params={"path": str(path)})
        return MediaProbe.model_validate_json(answer.content)

    def submit(self, requests: Sequence[Request]) -> list[Job]:
        body = Submission(requests=list(requests)).model_dump_json()
        answer = self._request("POST", "/v1/jobs", content=body, headers={"Content-Type": "application/json"})
        return _JOBS.validate_json(answer.content)

    def job(self, job: str) -> Job:
        """The job of that id."""
        return Job.model_validate_json(self._request("GET", f"/v1/jobs/{job}").content)

    def cancel(self, jobs: Iterable[str]) -> None:
        """See `EngineClient`. Does nothing if no engine is running."""
        # A separate connection, because the other one belongs to the thread that follows the jobs.
        http = self._find()
        if http is None:
            return
        with closing(http):
            for job in jobs:
                try:
                    _check(http.delete(f"/v1/jobs/{job}"))
                except httpx2.TransportError as error:
                    raise EngineError(f"The engine does not answer ({error}). {self._log_hint()}") from error

    def shut_down(self) -> bool:
        """Stops the engine and waits until it is gone. Returns whether one was running."""
        if not self._reconnect():
            return False
        self._request("POST", "/v1/shutdown")
        deadline = time.monotonic() + 15
        while (http := self._find()) is not None:
            http.close()
            if time.monotonic() > deadline:
                raise EngineError("The engine was told to stop but is still running; end its process.")
            time.sleep(0.05)
        return True

    def follow(self, jobs: Iterable[str]) -> Iterator[JobEvent | Job]:
        """See `EngineClient`. It survives broken connections and a killed engine."""
        pending = set(jobs)
        params = {"job": sorted(pending)} if len(pending) <= MAX_NAMED_JOBS else {}
        seen = 0
        empty_connections = 0
        while pending:
            try:
                # The engine sends a ping every ten seconds.
                with self._connected().sse(
                    "/v1/events", params=params, headers={"Last-Event-ID": str(seen)}, timeout=30
                ) as stream:
                    _check(stream.response)
                    for sent in stream:
                        if sent.event == "shutdown":
                            raise EngineError(
                                "The engine was told to stop. The unfinished takes wait in its queue; "
                                "run the command again to continue."
                            )
                        event = JobEvent.model_validate_json(sent.data)
                        if event.job_id in pending:
                            yield self.job(event.job_id) if event.state.final else event
                            if event.state.final:
                                pending.remove(event.job_id)
                        # Last: it comes again if the connection breaks while the job is fetched.
                        seen = event.id
                        empty_connections = 0
                        if not pending:
                            return
            except httpx2.TransportError as error:
                empty_connections += 1
                if empty_connections >= MAX_EMPTY_CONNECTIONS:
                    raise EngineError(
                        f"The connection to the engine keeps breaking ({error}). {self._log_hint()}"
                    ) from error
            else:
                empty_connections += 1
            self._disconnect()
            self._given_up.wait(0.1 * 2**empty_connections)
            # The queue outlives the engine. If its folder was emptied, this raises an error.
            self.job(next(iter(pending)))

    def give_up(self) -> None:
        self._given_up.set()

    def close(self) -> None:
        self._disconnect()

    def end_started(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        with suppress(EngineError, httpx2.HTTPError, subprocess.TimeoutExpired):
            http = self._find()
            if http is None:
                # It is still starting, so it has no work yet.
                process.terminate()
            else:
                with closing(http):
                    deadline = time.monotonic() + _CANCEL_TIMEOUT
                    while _works(http):
                        # A cancelled job ends after its current solver step.
                        if time.monotonic() > deadline:
                            return
                        time.sleep(0.05)
                    http.post("/v1/shutdown")
            process.wait(_END_TIMEOUT)

    def _request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        for last_try in (False, True):
            try:
                answer = self._connected().request(method, path, **options)
            except httpx2.TransportError as error:
                self._disconnect()
                # A request that may have arrived is only repeated if that changes nothing.
                if last_try or (method == "POST" and not isinstance(error, httpx2.ConnectError)):
                    raise EngineError(f"The engine does not answer ({error}). {self._log_hint()}") from error
            else:
                _check(answer)
                return answer
        raise AssertionError

    def _connected(self) -> httpx2.Client:
        if self._given_up.is_set():
            raise EngineError("The wait for the engine was cancelled.")
        if self._http is None:
            self._http = self._find() or self._start()
        return self._http

    def _disconnect(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _reconnect(self) -> bool:
        """Connects to the engine that runs now; False if none does."""
        http = self._find()
        if http is not None:
            self._disconnect()
            self._http = http
        return http is not None

    def _find(self) -> httpx2.Client | None:
        """A connection to the engine that `engine.json` names; None if that engine is gone."""
        path = self.folder / ENDPOINT_FILE
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        protocol = found.get("protocol") if isinstance(found, dict) else None
        if protocol != PROTOCOL_VERSION:
            raise EngineError(
                f"The running engine uses protocol {protocol}, but this program uses {PROTOCOL_VERSION}. "
                f"End the engine (process {found.get('pid') if isinstance(found, dict) else 'unknown'}) and try again."
            )
        try:
            endpoint = Endpoint.model_validate(found)
        except ValidationError:
            return None
        http = httpx2.Client(
            base_url=f"http://127.0.0.1:{endpoint.port}",
            headers={"Authorization": f"Bearer {endpoint.token}"},
            timeout=httpx2.Timeout(30, connect=5),
            # Loopback only, so no proxy and no certificates.
            trust_env=False,
            verify=False,
        )
        try:
            answer = http.get("/v1/engine")
            # Another program on this port would know neither the token nor the process id.
            ours = answer.status_code == 200 and answer.json().get("pid") == endpoint.pid
        except httpx2.ConnectError:
            ours = False
        except httpx2.TimeoutException as error:
            http.close()
            raise EngineError(
                f"The engine (process {endpoint.pid}) does not answer. End that process and try again. {self._log_hint()}"
            ) from error
        except (httpx2.TransportError, ValueError):
            ours = False
        if ours:
            return http
        http.close()
        return None

    def _start(self) -> httpx2.Client:
        """Starts an engine that outlives this process, and waits until it responds."""
        if self._command is None:
            raise EngineError("No engine is running; start one with `avfoley engine serve`.")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "engine.log").open("ab") as log:
            if log.tell() > _LOG_BYTES:
                log.truncate(0)
            try:
                self._process = subprocess.Popen(
                    [*self._command, "--folder", str(self.folder), "--idle-exit", str(IDLE_EXIT)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Not the user's: the engine would keep its drive mounted, and import from it.
                    cwd=self.folder,
                    start_new_session=True,
                    creationflags=_NO_CONSOLE,
                )
            except OSError as error:
                raise EngineError(f"The engine cannot be started ({error}); reinstall avfoley.") from error
        deadline = time.monotonic() + START_TIMEOUT
        died: float | None = None
        while time.monotonic() < deadline:
            if (http := self._find()) is not None:
                return http
            if self._process.poll() is not None:
                # It exits in favour of one that another client started at the same moment.
                died = died or time.monotonic()
                if time.monotonic() - died > 5:
                    break
            if self._given_up.wait(0.05):
                raise EngineError("The wait for the engine was cancelled.")
        raise EngineError(f"The engine did not start. {self._log_hint()}")

    def _log_hint(self) -> str:
        path = self.folder / "engine.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        return f"Its log, {path}, ends with: {last}" if last else f"Its log is {path}."


def _works(http: httpx2.Client) -> bool:
    status = EngineStatus.model_validate_json(http.get("/v1/engine").content)
    pulls = _PULLS.validate_json(http.get("/v1/pulls").content)
    return bool(status.queued or status.running or any(pull.state == "running" for pull in pulls))


def _check(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    answer.read()
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"HTTP status {answer.status_code}"
    raise EngineError(f"The engine refused the request: {detail}")
