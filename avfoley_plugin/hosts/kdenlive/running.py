"""A running Kdenlive, over D-Bus: has it save a project that it has open, and load it again. Its
window's title tells the project's name, but not the folder. If none has it open, nothing happens.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from avfoley_plugin.errors import HostError

_SERVICE = "org.kde.kdenlive-"
_WINDOW = "/kdenlive/MainWindow_1"
_TITLE = re.compile(r"(?P<name>.*?)\s*\[\*\]")
#: How long an answer may take, and how long a save, in seconds: Kdenlive answers nobody while it loads a project.
_ANSWER, _SAVE = 15.0, 30.0


class _NoAnswerError(Exception):
    """There is no D-Bus, or nobody of that name on it."""


@dataclass(frozen=True)
class _Window:
    """The window of a running Kdenlive."""

    service: str

    @property
    def title(self) -> str:
        return self._property("windowTitle")

    @property
    def modified(self) -> bool:
        return self._property("windowModified").endswith("true")

    def _property(self, name: str) -> str:
        arguments = ("string:org.qtproject.Qt.QWidget", f"string:{name}")
        answer = _ask(self.service, _WINDOW, "org.freedesktop.DBus.Properties.Get", *arguments)
        return answer.strip().removeprefix("variant").strip()

    def act(self, action: str) -> None:
        """Has it do one of its menu's actions; does not wait until that is done."""
        _send("--type=method_call", self.service, _WINDOW, "org.kde.KMainWindow.activateAction", f"string:{action}")


def save(path: Path) -> None:
    """Has Kdenlive save a project with changes in it. Raises HostError if it does not."""
    window = _window_of(path)
    try:
        if window is None or not window.modified:
            return
        window.act("file_save")
        deadline = time.monotonic() + _SAVE
        while time.monotonic() < deadline:
            if not window.modified:
                return
            time.sleep(0.1)
    except _NoAnswerError:
        # It was closed, and asked about its changes.
        return
    raise HostError(f"{path} is open in Kdenlive and has changes that it did not save; save it there and run again")


def reload(path: Path) -> None:
    """Has Kdenlive load a project again, unless it has changes: it would ask about them."""
    window = _window_of(path)
    with contextlib.suppress(_NoAnswerError):
        if window is not None and not window.modified:
            window.act("file_revert")


def _window_of(path: Path) -> _Window | None:
    """The window of a running Kdenlive that has a project of this name open; None if there is none."""
    try:
        names = _ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.ListNames").split()
    except _NoAnswerError:
        return None
    for window in (_Window(name) for name in names if name.startswith(_SERVICE)):
        with contextlib.suppress(_NoAnswerError):
            title = _TITLE.match(window.title)
            if title is not None and title["name"] in (path.name, path.stem):
                return window
    return None


def _ask(service: str, path: str, method: str, *arguments: str) -> str:
    return _send("--print-reply=literal", service, path, method, *arguments)


def _send(reply: str, service: str, path: str, method: str, *arguments: str) -> str:
    program = shutil.which("dbus-send")
    if program is None:
        raise _NoAnswerError
    timeout = f"--reply-timeout={round(_ANSWER * 1000)}"
    call = [program, "--session", reply, timeout, f"--dest={service}", path, method, *arguments]
    try:
        ran = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, errors="replace", timeout=_ANSWER + 5)
    except OSError as error:
        raise _NoAnswerError from error
    except subprocess.TimeoutExpired as error:
        raise _busy() from error
    if "org.freedesktop.DBus.Error.NoReply" in ran.stderr:
        raise _busy()
    if ran.returncode:
        raise _NoAnswerError(ran.stderr)
    return ran.stdout


def _busy() -> HostError:
    return HostError("Kdenlive is running, but does not answer; close it, or wait until it is ready, and run again")
