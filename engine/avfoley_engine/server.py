"""The engine's HTTP server: requests in, event stream out. Loopback only; models run in the worker.

Routes, all with ``Authorization: Bearer <token>``:

=================================  ================================================================
``GET /v1/engine``                 `EngineStatus`
``GET /v1/models``                 list of `ModelInfo`
``POST /v1/models/{name}/pull``    202, starts or resumes a pull -> `Pull`
``DELETE /v1/models/{name}/pull``  stops it; what arrived is kept
``GET /v1/pulls``                  list of `Pull`
``GET /v1/media?path=``            `MediaProbe` of a local file
``POST /v1/jobs``                  `Submission` -> 202, list of `Job`
``GET /v1/jobs[?state=]``          list of `Job`
``GET /v1/jobs/{id}``              `Job`
``DELETE /v1/jobs/{id}``           cancels -> `Job`
``GET /v1/events[?job=]``          server-sent `JobEvent`s after ``Last-Event-ID`` (0: all), or new;
                                   one named ``shutdown`` ends the stream of an engine that stops
``POST /v1/shutdown``              202; a running job goes back into the queue
=================================  ================================================================

Errors are problem details (RFC 9457).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from filelock import FileLock, Timeout
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from avfoley_engine import __version__
from avfoley_engine.errors import AVFoleyError, JobError
from avfoley_engine.jobs.cache import KEEP_SECONDS, ArtefactCache
from avfoley_engine.jobs.store import JobStore
from avfoley_engine.jobs.supervisor import WORKER_COMMAND, Bell, Supervisor
from avfoley_engine.protocol import (
    ENDPOINT_FILE,
    Endpoint,
    EngineStatus,
    Job,
    JobState,
    MediaProbe,
    ModelInfo,
    Problem,
    Pull,
    Submission,
)
from avfoley_engine.pulling import Pulls

log = logging.getLogger(__name__)

#: Finished jobs are kept this long, in seconds.
REMEMBER_SECONDS = 30 * 86_400
#: Exit code of `serve` if another engine is running on the same folder.
ALREADY_RUNNING = 3


class Activity:
    """When the last request came, how many event streams are open, whether a stop was asked for."""

    def __init__(self) -> None:
        self.last = time.monotonic()
        self.listeners = 0
        self.stop_requested = False

    def note(self) -> None:
        self.last = time.monotonic()


def create_app(
    supervisor: Supervisor,
    activity: Activity,
    *,
    token: str,
    port: int,
    models: Callable[[], list[ModelInfo]],
    shut_down: Callable[[], None],
    lifespan: Lifespan[FastAPI],
) -> FastAPI:
    """The engine's web application. ``POST /v1/shutdown`` calls shut_down."""
    store, bell, pulls = supervisor.store, supervisor.bell, Pulls()
    app = FastAPI(title="AVFoley engine", version=__version__, openapi_url=None, lifespan=lifespan)
    app.add_middleware(AccessControl, token=token, port=port, activity=activity)
    _explain_errors(app)

    @app.get("/v1/engine")
    def engine() -> EngineStatus:
        device, model, memory = store.worker() or (None, None, None)
        return EngineStatus(
            version=__version__,
            pid=os.getpid(),
            device=device,
            worker=supervisor.state,
            worker_pid=supervisor.pid,
            model=model,
            memory_bytes=memory,
            queued=store.count(JobState.QUEUED),
            running=store.count(JobState.RUNNING),
            error=supervisor.error,
        )

    @app.get("/v1/models")
    def list_models() -> list[ModelInfo]:
        return models()

    @app.post("/v1/models/{name}/pull", status_code=202)
    def pull(name: str) -> Pull:
        return pulls.start(name)

    @app.delete("/v1/models/{name}/pull", status_code=204)
    def stop_pull(name: str) -> None:
        pulls.stop(name)

    @app.get("/v1/pulls")
    def list_pulls() -> list[Pull]:
        return pulls.all()

    @app.get("/v1/media")
    def media(path: Path) -> MediaProbe:
        if not path.is_absolute() or "://" in str(path):
            raise HTTPException(422, f"{path} is not an absolute path to a local file")
        if not path.is_file():
            raise HTTPException(404, f"there is no file {path}; bring the media online or relink it")
        from avfoley_engine.media.probe import probe

        return probe(path)

    @app.post("/v1/jobs", status_code=202)
    async def submit(submission: Submission) -> list[Job]:
        known = {model.name: model.tasks for model in await run_in_threadpool(models)}
        for request in submission.requests:
            if request.model not in known:
                names = ", ".join(sorted(known)) or "none"
                raise HTTPException(422, f"there is no model named {request.model!r}; the models are: {names}")
            if request.task not in known[request.model]:
                able = ", ".join(name for name, tasks in sorted(known.items()) if request.task in tasks) or "none does"
                raise HTTPException(422, f"{request.model} does not offer {request.task}; choose another model: {able}")
        jobs = await run_in_threadpool(store.submit, submission.requests)
        supervisor.call()
        return jobs

    @app.get("/v1/jobs")
    def jobs(state: Annotated[list[JobState] | None, Query()] = None) -> list[Job]:
        return store.jobs(state or tuple(JobState))

    @app.get("/v1/jobs/{job_id}")
    def job(job_id: str) -> Job:
        return _found(lambda: store.job(job_id))

    @app.delete("/v1/jobs/{job_id}")
    async def cancel(job_id: str) -> Job:
        cancelled = await run_in_threadpool(_found, lambda: store.cancel(job_id))
        supervisor.call()
        return cancelled

    @app.get("/v1/events")
    async def events(
        job: Annotated[list[str] | None, Query()] = None, last_event_id: Annotated[int | None, Header(ge=0)] = None
    ) -> EventSourceResponse:
        after = store.last_event() if last_event_id is None else last_event_id
        return EventSourceResponse(_stream(store, bell, activity, after, job or []), ping=10, sep="\n")

    @app.post("/v1/shutdown", status_code=202)
    async def shutdown() -> dict[str, str]:
        activity.stop_requested = True
        bell.ring()
        shut_down()
        return {"status": "the engine is shutting down"}

    return app


async def _stream(
    store: JobStore, bell: Bell, activity: Activity, after: int, jobs: list[str]
) -> AsyncIterator[ServerSentEvent]:
    activity.listeners += 1
    try:
        with bell.listen() as rung:
            while True:
                rung.clear()
                # In a thread, because reading may wait for the lock of the database.
                batch = await run_in_threadpool(store.events, after, jobs)
                for event in batch:
                    after = event.id
                    yield ServerSentEvent(id=str(event.id), event="job", data=event.model_dump_json(), sep="\n")
                if activity.stop_requested:
                    yield ServerSentEvent(event="shutdown", data="the engine was told to stop", sep="\n")
                    return
                if not batch:
                    await rung.wait()
    finally:
        activity.listeners -= 1
        activity.note()


class AccessControl:
    """Refuses requests without the token, with a foreign `Host` (DNS rebinding), or an `Origin`.

    Browsers send an `Origin`. Our clients do not.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, activity: Activity) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").lower() not in self._hosts:
            refusal = problem(403, "this engine only accepts requests to 127.0.0.1")
        elif b"origin" in headers:
            refusal = problem(403, "requests from web pages are refused")
        elif not secrets.compare_digest(headers.get(b"authorization", b""), self._expected):
            detail = f"the engine's token is missing or wrong; it is in {ENDPOINT_FILE} in the engine's folder"
            refusal = problem(401, detail)
        else:
            self._activity.note()
            return await self._app(scope, receive, send)
        return await refusal(scope, receive, send)


def problem(status: int, detail: str) -> JSONResponse:
    """An error answer (RFC 9457)."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(mode="json"), status, media_type="application/problem+json")


def _found(look_up: Callable[[], Job]) -> Job:
    try:
        return look_up()
    except JobError as error:
        raise HTTPException(404, str(error)) from error


def _explain_errors(app: FastAPI) -> None:
    @app.exception_handler(StarletteHTTPException)
    async def http_error(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(str(part) for part in fault['loc'][1:])}: {fault['msg']}" for fault in error.errors()]
        return problem(422, "; ".join(faults))

    @app.exception_handler(AVFoleyError)
    async def ours(_: Request, error: AVFoleyError) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        what = f"{type(error).__name__}: {error}"
        return problem(500, f"unexpected error in the engine ({what}); its log has the details")


def registered_models() -> list[ModelInfo]:
    from avfoley_engine.models import registry

    return registry.models()


def serve(
    folder: Path,
    *,
    idle_exit: float | None = None,
    worker_command: Sequence[str] = WORKER_COMMAND,
    models: Callable[[], list[ModelInfo]] = registered_models,
) -> int:
    """Runs the engine on its state folder until it is told to stop. Returns the exit code.

    idle_exit: the engine stops after so many seconds without jobs and clients; None for never.
    worker_command: see `Supervisor`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / "engine.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.error(
            "an engine is already running on %s; `avfoley engine status` shows it, `avfoley engine stop` stops it",
            folder,
        )
        return ALREADY_RUNNING
    with lock:
        asyncio.run(_serve(folder, idle_exit, worker_command, models))
    return 0


async def _serve(
    folder: Path, idle_exit: float | None, worker_command: Sequence[str], models: Callable[[], list[ModelInfo]]
) -> None:
    store = JobStore(folder / "jobs.sqlite")
    store.requeue()
    store.prune(older_than=time.time() - REMEMBER_SECONDS)
    activity, token = Activity(), secrets.token_urlsafe(32)
    supervisor = Supervisor(folder, store, Bell(), worker_command)

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            kept = store.artefacts(since=time.time() - KEEP_SECONDS)
            await run_in_threadpool(ArtefactCache(folder / "cache").prune, kept)
            supervisor.start()
            idle = asyncio.create_task(_stop_when_idle(server, store, activity, idle_exit))
            try:
                yield
            finally:
                # Not after `server.serve`: on SIGTERM uvicorn ends the process before that returns.
                idle.cancel()
                (folder / ENDPOINT_FILE).unlink(missing_ok=True)
                await supervisor.stop()
                store.close()

        def shut_down() -> None:
            server.should_exit = True

        app = create_app(
            supervisor, activity, token=token, port=port, models=models, shut_down=shut_down, lifespan=lifespan
        )
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2, server_header=False)
        )
        listener.listen(128)
        endpoint = Endpoint(pid=os.getpid(), port=port, token=token, version=__version__)
        _write_endpoint(folder / ENDPOINT_FILE, endpoint)
        log.info("engine %s listens on 127.0.0.1:%d, folder %s", __version__, port, folder)
        await server.serve(sockets=[listener])


async def _stop_when_idle(server: uvicorn.Server, store: JobStore, activity: Activity, idle_exit: float | None) -> None:
    while idle_exit is not None:
        if store.count(JobState.QUEUED) or store.count(JobState.RUNNING) or activity.listeners:
            activity.note()
        wait = activity.last + idle_exit - time.monotonic()
        if wait <= 0:
            log.info("the engine was idle for %.0f s and stops", idle_exit)
            server.should_exit = True
            return
        await asyncio.sleep(min(wait, 60))


def _write_endpoint(path: Path, endpoint: Endpoint) -> None:
    # Created as 0600, so that others cannot read it even for a moment.
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(endpoint.model_dump_json())
    part.replace(path)
