from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from avfoley_engine.protocol import ENDPOINT_FILE, JobEvent, JobState, VisualizeResult
from avfoley_engine.server import ALREADY_RUNNING

from support.engine import Engine, engine_command, running_at
from support.messages import foley_request, visualize_request


def events(engine: Engine, after: int | None, jobs: list[str] | None = None, count: int = 1) -> list[JobEvent]:
    """The next `count` events of the stream."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    found: list[JobEvent] = []
    with engine.http.sse("/v1/events", params={"job": jobs or []}, headers=headers) as stream:
        for sent in stream:
            assert sent.event == "job"
            event = JobEvent.model_validate_json(sent.data)
            assert sent.id == str(event.id)
            found.append(event)
            if len(found) == count:
                break
    return found


def test_the_door(engine: Engine) -> None:
    endpoint = engine.endpoint()
    assert endpoint is not None
    base = f"http://127.0.0.1:{endpoint.port}"
    token = {"Authorization": f"Bearer {endpoint.token}"}

    def status(path: str = "/v1/engine", **headers: str) -> int:
        answer = httpx2.get(base + path, headers=headers, trust_env=False)
        if not answer.is_success:
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["status"] == answer.status_code
            assert problem["detail"]
        return answer.status_code

    assert status(**token) == 200
    assert status(**token, Host=f"localhost:{endpoint.port}") == 200
    assert status() == 401
    assert status(Authorization="Bearer guess") == 401
    assert status(**token, Host="attacker.example") == 403
    assert status(**token, Host=f"attacker.example:{endpoint.port}") == 403
    assert status(**token, Origin="http://127.0.0.1") == 403
    assert status(**token, Origin="null") == 403
    assert status("/v1/nothing") == 401
    assert status("/v1/nothing", **token) == 404
    assert status("/v1/jobs/nothing", **token) == 404
    assert status("/docs", **token) == 404
    assert status("/openapi.json", **token) == 404


def test_the_token_is_for_its_user_only(engine: Engine) -> None:
    assert stat.S_IMODE((engine.folder / ENDPOINT_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(engine.folder.stat().st_mode) == 0o700


def test_wrong_requests_are_explained(engine: Engine) -> None:
    def refusal(body: object) -> str:
        answer = engine.http.post("/v1/jobs", json=body)
        assert answer.status_code == 422
        return str(answer.json()["detail"])

    good = json.loads(foley_request().model_dump_json())
    assert "requests" in refusal({"requests": []})
    assert "frames" in refusal({"requests": [{**good, "frames": 0}]})
    assert "the models are: avlink-nano, fake" in refusal({"requests": [{**good, "model": "gpt"}]})
    picture = {"media": "http://example.org/a.mov", "source_start": "0", "source_rate": "25"}
    assert "local file" in refusal({"requests": [{**good, "picture": picture}]})
    # One wrong request of several: nothing is queued.
    assert "model" in refusal({"requests": [good, {**good, "model": "gpt"}]})
    assert engine.http.get("/v1/jobs").json() == []


def test_media_must_be_local_and_there(engine: Engine, tmp_path: Path) -> None:
    for path in ("http://example.org/a.mov", "clip.mov", ""):
        assert engine.http.get("/v1/media", params={"path": path}).status_code == 422
    answer = engine.http.get("/v1/media", params={"path": str(tmp_path / "gone.mov")})
    assert answer.status_code == 404
    assert "gone.mov" in answer.json()["detail"]
    broken = tmp_path / "text.mov"
    broken.write_text("no movie")
    answer = engine.http.get("/v1/media", params={"path": str(broken)})
    assert answer.status_code == 422
    assert "text.mov" in answer.json()["detail"]


def test_a_job_from_request_to_take(engine: Engine) -> None:
    (done,) = engine.wait(engine.submit(foley_request(seed=7)))
    assert done.state is JobState.DONE
    assert done.result is not None
    assert done.result.path.is_relative_to(engine.folder)
    assert done.result.samples == 48_000
    status = engine.status()
    assert (status.worker, status.model, status.device, status.running) == ("idle", "fake", "cpu", 0)


def test_events_are_in_order_and_resumable(engine: Engine) -> None:
    jobs = engine.submit(foley_request(1), foley_request(2))
    names = [job.id for job in jobs]
    seen = events(engine, after=0, count=6)
    assert [event.id for event in seen] == sorted(event.id for event in seen)
    assert [event.state for event in seen[:2]] == [JobState.QUEUED] * 2
    engine.wait(jobs)
    # Resumed in the middle, and after everything is over: the rest comes, nothing twice, nothing of what ended is lost.
    last = engine.http.get("/v1/events", headers={"Last-Event-ID": "x"})
    assert last.status_code == 422
    rest = events(engine, after=seen[-1].id, count=2)
    assert all(event.id > seen[-1].id for event in rest)
    ends = {event.job_id for event in events(engine, after=seen[1].id, count=4) if event.state is JobState.DONE}
    assert ends == set(names)


def test_events_tell_progress_and_time_left(engine: Engine) -> None:
    (job,) = engine.submit(foley_request(1))
    running = [event for event in events(engine, after=0, jobs=[job.id], count=6) if event.state is JobState.RUNNING]
    progress = [event.progress for event in running]
    assert progress == sorted(progress)
    assert progress[-1] > 0
    assert any(event.eta_seconds is not None and 0 < event.eta_seconds < 5 for event in running)


def test_events_of_some_jobs_only(engine: Engine) -> None:
    first, second = engine.submit(foley_request(1), foley_request(2))
    assert {event.job_id for event in events(engine, after=0, jobs=[second.id], count=3)} == {second.id}
    assert {event.job_id for event in events(engine, after=0, jobs=[first.id], count=3)} == {first.id}


def test_cancel_stops_within_a_step(engine: Engine) -> None:
    running, queued = engine.submit(foley_request(1, caption="slow"), foley_request(2))
    engine.wait([running], running_at(0.01))
    assert engine.http.delete(f"/v1/jobs/{queued.id}").json()["state"] == "cancelled"
    began = time.monotonic()
    engine.http.delete(f"/v1/jobs/{running.id}")
    stopped, never = engine.wait([running, queued])
    # The whole job takes 10 s, a step 0.05 s.
    assert time.monotonic() - began < 1
    assert stopped.state is never.state is JobState.CANCELLED
    assert 0 < stopped.progress < 0.5
    assert never.started is None
    assert list((engine.folder / "cache").rglob("*.wav")) == []


def test_a_duplicate_is_served_from_the_cache(engine: Engine) -> None:
    first, again = engine.wait(engine.submit(foley_request(5), foley_request(5)))
    assert first.result == again.result
    assert again.started is not None
    assert again.finished is not None
    assert again.finished - again.started < 0.3


def test_a_poison_job_does_not_block_the_queue(engine: Engine) -> None:
    before, poison, after = engine.wait(
        engine.submit(foley_request(1), foley_request(2, caption="crash"), foley_request(3))
    )
    assert before.state is after.state is JobState.DONE
    assert poison.state is JobState.FAILED
    assert "3 times" in (poison.error or "")
    assert "SIGKILL" in (poison.error or "")


def test_a_worker_that_cannot_start_is_said_plainly(stopped_engine: Engine) -> None:
    stopped_engine.start("broken_worker")
    (job,) = stopped_engine.wait(stopped_engine.submit(foley_request()))
    assert job.state is JobState.FAILED
    assert "libcuda is missing" in (job.error or "")
    assert stopped_engine.status().worker == "failed"
    assert "libcuda is missing" in (stopped_engine.status().error or "")


def test_two_clients_share_one_queue(engine: Engine) -> None:
    endpoint = engine.endpoint()
    assert endpoint is not None
    other = Engine(engine.folder)
    other.http = httpx2.Client(
        base_url=f"http://127.0.0.1:{endpoint.port}",
        headers={"Authorization": f"Bearer {endpoint.token}"},
        trust_env=False,
    )
    mine = engine.submit(foley_request(1), foley_request(2))
    theirs = other.submit(foley_request(3))
    assert [job.state for job in other.wait(mine + theirs)] == [JobState.DONE] * 3
    found = [engine.job(job) for job in mine + theirs]
    assert [job.started for job in found] == sorted(job.started or 0 for job in found)


def test_one_engine_a_folder(engine: Engine) -> None:
    second = subprocess.run(
        [*engine_command(), "--folder", str(engine.folder)], capture_output=True, text=True, timeout=20
    )
    assert second.returncode == ALREADY_RUNNING
    assert "already running" in second.stderr
    assert engine.status().pid == engine.processes[0].pid


def test_shutdown_puts_the_running_job_back(engine: Engine) -> None:
    (job,) = engine.submit(foley_request(1))
    engine.wait([job], running_at(0.1))
    with engine.http.sse("/v1/events", headers={"Last-Event-ID": "0"}) as stream:
        assert engine.http.post("/v1/shutdown").status_code == 202
        assert [sent.event for sent in stream][-1] == "shutdown"
    assert engine.processes[0].wait(10) == 0
    assert not (engine.folder / ENDPOINT_FILE).exists()
    engine.start()
    assert engine.wait([job])[0].state is JobState.DONE


def test_an_idle_engine_stops_by_itself_but_not_while_it_works(stopped_engine: Engine) -> None:
    stopped_engine.start("fake_worker", "--idle-exit", "0.6")
    stopped_engine.submit(foley_request(1), foley_request(2), foley_request(3))
    time.sleep(1.0)
    assert stopped_engine.processes[0].poll() is None
    assert stopped_engine.processes[0].wait(10) == 0


@pytest.mark.parametrize(
    "module",
    ["avfoley_engine.server", "avfoley_engine.__main__", "avfoley_engine.media.probe", "avfoley_engine.zoo"],
)
def test_the_server_never_imports_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_picture_is_a_job_like_any_other_for_models_that_can(engine: Engine) -> None:
    asked = visualize_request(3, model="avlink-nano", codec="prores")
    (done,) = engine.wait(engine.submit(asked))
    assert done.state is JobState.DONE
    assert done.request == asked
    assert isinstance(done.result, VisualizeResult)
    assert done.result.path.suffix == ".mov"
    assert done.result.path.read_bytes() == bytes([3]) * 25
    body = {"requests": [asked.model_copy(update={"model": "fake"}).model_dump(mode="json")]}
    answer = engine.http.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert "fake does not offer visualize; choose another model: avlink-nano" in answer.json()["detail"]
