"""A running Kdenlive, over D-Bus: has it save a project that it has open, and load it again.

Kdenlive says the name of its project in its window's title, but not the folder. Without D-Bus, or without a Kdenlive
that has the project open, nothing happens. Nothing here waits longer than a few seconds.
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
#: How long one answer may take, and how long a save, in seconds.
_ANSWER, _SAVE = 2.0, 10.0


class _NoAnswerError(Exception):
    """Nobody answers on D-Bus, or there is none."""


@dataclass(frozen=True)
class Window:
    """The window of a running Kdenlive."""

    service: str
    modified: bool

    def act(self, action: str) -> None:
        """Does one of its menu's actions."""
        _call(self.service, "org.kde.KMainWindow.activateAction", f"string:{action}")


def window_of(path: Path) -> Window | None:
    """The window of a running Kdenlive that has a project of this name open; None if there is none."""
    try:
        names = _send("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.ListNames").split()
        services = [name for name in names if name.startswith(_SERVICE)]
    except _NoAnswerError:
        return None
    for service in services:
        with contextlib.suppress(_NoAnswerError):
            title = _TITLE.match(_property(service, "windowTitle"))
            if title is not None and title["name"] in (path.name, path.stem):
                return Window(service, _property(service, "windowModified").endswith("true"))
    return None


def save(path: Path) -> None:
    """Has Kdenlive save a project that it has open with changes in it.

    Raises HostError if it does not, for example because it shows a dialog.
    """
    window = window_of(path)
    if window is None or not window.modified:
        return
    with contextlib.suppress(_NoAnswerError):
        window.act("file_save")
        deadline = time.monotonic() + _SAVE
        while time.monotonic() < deadline:
            if _property(window.service, "windowModified").endswith("false"):
                return
            time.sleep(0.1)
    raise HostError(f"{path} is open in Kdenlive and has changes that it did not save; save it there and run again")


def reload(path: Path) -> bool:
    """Has Kdenlive load a project again that it has open without changes. Returns whether it was told to."""
    window = window_of(path)
    if window is None or window.modified:
        # With changes in it, Kdenlive would ask whether to throw them away.
        return False
    with contextlib.suppress(_NoAnswerError):
        window.act("file_revert")
        return True
    return False


def _property(service: str, name: str) -> str:
    arguments = ("string:org.qtproject.Qt.QWidget", f"string:{name}")
    answer = _send(service, _WINDOW, "org.freedesktop.DBus.Properties.Get", *arguments)
    return answer.strip().removeprefix("variant").strip()


def _call(service: str, method: str, *arguments: str) -> str:
    return _send(service, _WINDOW, method, *arguments)


def _send(service: str, path: str, method: str, *arguments: str) -> str:
    program = shutil.which("dbus-send")
    if program is None:
        raise _NoAnswerError
    timeout = f"--reply-timeout={round(_ANSWER * 1000)}"
    command = [program, "--session", "--print-reply=literal", timeout, f"--dest={service}", path, method, *arguments]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=2 * _ANSWER
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NoAnswerError from error
    if ran.returncode:
        raise _NoAnswerError(ran.stderr)
    return ran.stdout
