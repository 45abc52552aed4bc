"""The host side's client against a real engine."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from avfoley_engine.protocol import ENDPOINT_FILE, PROTOCOL_VERSION, Job, JobEvent, JobState

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import EngineError
from support.engine import Engine, engine_command
from support.messages import foley_request

COMMAND = engine_command()


def finished(client: LocalEngine, jobs: list[Job]) -> dict[str, Job]:
    return {update.id: update for update in client.follow([job.id for job in jobs]) if isinstance(update, Job)}


def test_starts_an_engine_when_none_runs(stopped_engine: Engine) -> None:
    assert LocalEngine(command=None).running() is None
    client = LocalEngine(command=COMMAND)
    assert client.status().protocol == PROTOCOL_VERSION
    endpoint = stopped_engine.endpoint()
    assert endpoint is not None
    assert os.getsid(endpoint.pid) != os.getsid(0), "Ctrl-C in this terminal would reach the engine"
    # The next client finds that one.
    assert LocalEngine(command=None).status().pid == endpoint.pid
    assert [model.name for model in client.models()] == ["fake", "avlink-nano"]
    assert client.shut_down()
    assert not client.shut_down()


def test_without_engine_and_without_command_it_says_what_to_do(engine_home: Path) -> None:
    with pytest.raises(EngineError, match="avfoley engine serve"):
        LocalEngine(command=None).status()


def test_an_engine_that_cannot_start_is_explained_by_its_log(
    engine_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avfoley_plugin.engine_client.START_TIMEOUT", 3)
    with pytest.raises(EngineError, match="no such luck"):
        LocalEngine(command=[sys.executable, "-c", "raise SystemExit('no such luck')"]).status()


def test_a_stale_endpoint_is_not_believed(stopped_engine: Engine, engine: Engine) -> None:
    path = stopped_engine.folder / ENDPOINT_FILE
    real = json.loads(path.read_text())
    # Another process got the port: the token is not its own, or the process is not the one named.
    for lie in ({"token": "old"}, {"pid": real["pid"] + 1}, {"port": 9}):
        path.write_text(json.dumps({**real, **lie}))
        assert LocalEngine(command=None).running() is None
    path.write_text(json.dumps({**real, "protocol": 99}))
    with pytest.raises(EngineError, match="protocol 99"):
        LocalEngine(command=None).running()
    path.write_text(json.dumps(real))


def test_two_clients_at_once_start_one_engine(stopped_engine: Engine) -> None:
    pids: list[int] = []
    threads = [
        threading.Thread(target=lambda: pids.append(LocalEngine(command=COMMAND).status().pid)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 2
    assert pids[0] == pids[1]


def test_follow_tells_progress_and_ends_with_the_jobs(engine: Engine) -> None:
    client = LocalEngine(command=None)
    jobs = client.submit([foley_request(1), foley_request(2, caption="broken")])
    updates = list(client.follow([job.id for job in jobs]))
    assert any(isinstance(update, JobEvent) and 0 < update.progress < 1 for update in updates)
    ends = [update for update in updates if isinstance(update, Job)]
    assert [(end.id, end.state) for end in ends] == [(jobs[0].id, JobState.DONE), (jobs[1].id, JobState.FAILED)]
    # Jobs that ended before anyone followed them are told all the same.
    assert list(finished(client, jobs)) == [job.id for job in jobs]


def test_follow_survives_a_killed_engine(stopped_engine: Engine) -> None:
    client = LocalEngine(command=COMMAND)
    jobs = client.submit([foley_request(seed) for seed in range(4)])
    first = client.status().pid
    done = []
    for update in client.follow([job.id for job in jobs]):
        if isinstance(update, Job):
            done.append(update)
            if len(done) == 2:
                os.kill(first, signal.SIGKILL)
    assert [job.id for job in done] == [job.id for job in jobs]
    assert {job.state for job in done} == {JobState.DONE}
    assert client.status().pid != first


def test_follow_ends_when_the_engine_is_told_to_stop(engine: Engine) -> None:
    client = LocalEngine(command=None)
    jobs = client.submit([foley_request(caption="slow")])
    updates = client.follow([job.id for job in jobs])
    assert isinstance(next(updates), JobEvent)
    LocalEngine(command=None).shut_down()
    with pytest.raises(EngineError, match="told to stop"):
        list(updates)


def test_cancel_from_another_thread(engine: Engine) -> None:
    client = LocalEngine(command=None)
    jobs = client.submit([foley_request(1, caption="slow"), foley_request(2)])
    names = [job.id for job in jobs]
    thread = threading.Thread(target=client.cancel, args=(names[::-1],))
    began = time.monotonic()
    ends = {}
    for update in client.follow(names):
        if isinstance(update, Job):
            ends[update.id] = update.state
        elif update.progress > 0 and not thread.ident:
            thread.start()
    thread.join()
    assert ends == dict.fromkeys(names, JobState.CANCELLED)
    assert time.monotonic() - began < 6


def test_refusals_come_with_the_engines_words(engine: Engine, tmp_path: Path) -> None:
    client = LocalEngine(command=None)
    with pytest.raises(EngineError, match=r"gone\.mov"):
        client.probe(tmp_path / "gone.mov")
    with pytest.raises(EngineError, match="no model named"):
        client.submit([foley_request(model="gpt")])
