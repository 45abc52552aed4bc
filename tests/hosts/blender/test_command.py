"""The add-on's subprocess, without Blender."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avfoley_plugin.hosts.blender import command
from avfoley_plugin.hosts.blender.command import CommandError, Process, find


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "command.json"
    monkeypatch.setattr(command, "_INSTALLED", path)
    return path


def run(code: str) -> Process:
    return Process([sys.executable, "-c", code])


def all_events(process: Process) -> Iterator[dict[str, object]]:
    deadline = time.monotonic() + 30
    while process.running:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield from process.events()


def test_the_users_choice_comes_first(installed: Path) -> None:
    installed.write_text(json.dumps({"command": ["python", "-m", "avfoley_plugin.cli"]}))
    assert find("/opt/avfoley") == ["/opt/avfoley"]
    assert find("") == ["python", "-m", "avfoley_plugin.cli"]


@pytest.mark.parametrize("content", [None, "", "[]", '{"command": []}', '{"command": "avfoley"}', "\x00"])
def test_without_a_command_the_user_is_told_where_to_set_it(installed: Path, content: str | None) -> None:
    if content is not None:
        installed.write_text(content)
    with pytest.raises(CommandError, match="preferences"):
        find("")


def test_lines_that_are_no_events_are_passed_over() -> None:
    process = run("print('loading'); print('[1]'); print('{\"event\": \"planned\"}'); print('{\"event\": \"fin')")
    assert list(all_events(process)) == [{"event": "planned"}]
    assert process.last_words == "exit code 0"


def test_a_command_that_fails_tells_why() -> None:
    process = run("import sys; sys.exit('no such model')")
    assert list(all_events(process)) == []
    assert process.last_words == "no such model"


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="check the command"):
        Process(["/nowhere/avfoley"])


def test_blenders_python_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/blender")
    process = run("import json, os; print(json.dumps({'path': os.environ.get('PYTHONPATH')}))")
    assert list(all_events(process)) == [{"path": None}]


def test_cancelling_lets_the_command_finish_what_it_does() -> None:
    process = run(
        # A shell's background job would hand on that SIGINT is ignored.
        "import json, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n    print(json.dumps({'event': 'started'}), flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print(json.dumps({'event': 'finished'}))"
    )
    deadline = time.monotonic() + 30
    while not (events := list(process.events())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.cancel()
    assert [*events, *all_events(process)] == [{"event": "started"}, {"event": "finished"}]
    process.cancel()


class Recorded:
    """A process that runs, on a Windows that has a console or has none."""

    def __init__(self, console: bool) -> None:
        self.console = console
        self.done: list[object] = []

    def poll(self) -> None:
        return None

    def send_signal(self, number: object) -> None:
        if not self.console:
            raise OSError("the handle is invalid")
        self.done.append(number)

    def terminate(self) -> None:
        self.done.append("terminated")


@pytest.mark.parametrize(("console", "expected"), [(True, "Ctrl-Break"), (False, "terminated")])
def test_windows_is_sent_ctrl_break(monkeypatch: pytest.MonkeyPatch, console: bool, expected: str) -> None:
    process = run("pass")
    monkeypatch.setattr(command.signal, "CTRL_BREAK_EVENT", "Ctrl-Break", raising=False)
    recorded = Recorded(console)
    monkeypatch.setattr(process, "_process", recorded)
    process.cancel()
    assert recorded.done == [expected]
