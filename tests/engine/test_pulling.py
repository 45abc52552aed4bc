"""Pulling a model from a Hub that breaks off, is stopped, and serves ranges."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from avfoley_engine.errors import ModelError
from avfoley_engine.protocol import Pull
from avfoley_engine.pulling import Pulls
from avfoley_engine.zoo import Entry

CONTENT = os.urandom(4 << 20)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """One file, sent slowly."""

    starts: list[int]

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        self.starts.append(start)
        self._answer(206 if asked else 200, start)
        for at in range(start, len(CONTENT), 1 << 18):
            try:
                self.wfile.write(CONTENT[at : at + (1 << 18)])
            except OSError:
                return
            threading.Event().wait(0.02)

    def _answer(self, status: int, start: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    _Hub.starts = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def model(hub: ThreadingHTTPServer, engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    here = f"http://127.0.0.1:{hub.server_address[1]}"
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", here + "/{repo_id}/{revision}/{filename}"
    )
    files = {"audio.safetensors": hashlib.sha256(CONTENT).hexdigest()}
    config = {"repository": "us/model", "revision": COMMIT, "size_bytes": len(CONTENT), "files": files}
    return Entry("big", engine_home / "nowhere", config)


def wait(pulls: Pulls, until: Callable[[Pull], bool]) -> Pull:
    deadline = time.monotonic() + 60
    while not until(pull := pulls.all()[0]):
        assert time.monotonic() < deadline, pull
        time.sleep(0.005)
    return pull


def ended(pull: Pull) -> bool:
    return pull.state != "running"


def test_a_stopped_pull_goes_on_where_it_ended(model: Entry) -> None:
    pulls = Pulls(lambda name: model)
    assert not model.local
    assert pulls.start("big").state == "running"
    wait(pulls, lambda pull: pull.received > 0)
    pulls.stop("big")
    stopped = wait(pulls, ended)
    assert stopped.state == "stopped"
    assert 0 < stopped.received < stopped.total == len(CONTENT)
    # Another engine's life, later.
    pulls = Pulls(lambda name: model)
    pulls.start("big")
    assert wait(pulls, ended) == Pull(model="big", state="done", received=len(CONTENT), total=len(CONTENT))
    assert model.local
    assert model.file("audio.safetensors").read_bytes() == CONTENT
    assert _Hub.starts[0] == 0 < stopped.received <= _Hub.starts[1]


def test_what_arrives_damaged_is_fetched_anew(model: Entry) -> None:
    good = dict(model.config["files"])
    model.config["files"]["audio.safetensors"] = "0" * 64
    pulls = Pulls(lambda name: model)
    pulls.start("big")
    failed = wait(pulls, ended)
    assert failed.state == "failed"
    assert "audio.safetensors" in str(failed.error)
    model.config["files"].update(good)
    pulls.start("big")
    assert wait(pulls, ended).state == "done"


def test_a_model_that_comes_from_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Install it again"):
        Pulls(lambda name: Entry("lost", tmp_path, {"files": {"audio.safetensors": "0"}})).start("lost")
