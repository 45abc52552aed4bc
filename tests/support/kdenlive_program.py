"""The real Kdenlive, on a screen and a D-Bus of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_PROGRAMS = {
    "kdenlive": "kdenlive",
    "Xvfb": "xvfb",
    "dbus-daemon": "dbus-daemon",
    "dbus-send": "dbus-bin",
    "xwininfo": "x11-utils",
}
_MISSING = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
#: Without frei0r's effects Kdenlive asks whether to go on without them.
if not any(Path("/usr/lib").glob("**/frei0r-1")):
    _MISSING.append("frei0r-plugins")
needs_kdenlive = pytest.mark.skipif(bool(_MISSING), reason=f"Debian packages are not installed: {' '.join(_MISSING)}")

_WINDOW = "/kdenlive/MainWindow_1"
_WIDGET = "string:org.qtproject.Qt.QWidget"


class Desktop:
    """A screen and a D-Bus session, with a home that knows no settings; ``environment`` leads programs to it."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        # Of a short path, for a socket's may have 107 bytes, and KIO names its own at length.
        self._runtime = tempfile.TemporaryDirectory(prefix="avfoley", ignore_cleanup_errors=True)
        runtime = Path(self._runtime.name)
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
            # Where a Kdenlive was ended by force, the next one finds its lock and asks what to do.
            "TMPDIR": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime / 'bus'}",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "QT_QPA_PLATFORM": "xcb",
        }
        self._home = home
        self._processes: list[subprocess.Popen[bytes]] = []
        screen = self._start("Xvfb", "-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", piped=True)
        assert screen.stdout is not None
        self.environment["DISPLAY"] = f":{int(screen.stdout.readline())}"
        self._start("dbus-daemon", "--session", "--nofork", f"--address={self.environment['DBUS_SESSION_BUS_ADDRESS']}")
        wait("the D-Bus", (runtime / "bus").exists)

    def kdenlive(self, project: Path) -> Kdenlive:
        return Kdenlive(self, self._start("kdenlive", str(project)), project)

    def windows(self) -> list[str]:
        """The titles of all windows that are shown."""
        tree = self.run("xwininfo", "-root", "-tree").splitlines()
        titled = [line.split() for line in tree if ' "' in line and '("' in line]
        shown = [line for line in titled if "IsViewable" in self.run("xwininfo", "-id", line[0])]
        return [" ".join(line[1:]).partition('": ')[0].strip('"') for line in shown]

    def run(self, *command: str) -> str:
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30)
        return ran.stdout if ran.returncode == 0 else ""

    def end(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._runtime.cleanup()

    def _start(self, *command: str, piped: bool = False) -> subprocess.Popen[bytes]:
        log = (self._home / f"{command[0]}.log").open("ab")
        output = subprocess.PIPE if piped else log
        process = subprocess.Popen(
            command, env=self.environment, cwd=self._home, stdin=subprocess.DEVNULL, stdout=output, stderr=log
        )
        log.close()
        self._processes.append(process)
        return process


class Kdenlive:
    """A running Kdenlive with one project."""

    def __init__(self, desktop: Desktop, process: subprocess.Popen[bytes], project: Path) -> None:
        self._desktop, self._process, self._project = desktop, process, project
        self._service = f"org.kde.kdenlive-{process.pid}"
        wait("the project to be open", lambda: project.stem in self.title)
        # The window is there before the timeline is.
        wait("Kdenlive to be idle", lambda: self._answers_soon() and self._answers_soon())

    @property
    def title(self) -> str:
        return self._property("windowTitle")

    @property
    def modified(self) -> bool:
        return self._property("windowModified").endswith("true")

    def act(self, action: str) -> None:
        """Does one of the menu's actions."""
        self._send("org.kde.KMainWindow.activateAction", f"string:{action}")

    def save(self) -> None:
        before = self._project.stat().st_mtime_ns
        self.act("file_save")
        wait("the project to be saved", lambda: self._project.stat().st_mtime_ns != before and not self.modified)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _answers_soon(self) -> bool:
        began = time.monotonic()
        return bool(self.title) and time.monotonic() - began < 0.5

    def _property(self, name: str) -> str:
        return self._send("org.freedesktop.DBus.Properties.Get", _WIDGET, f"string:{name}").strip()

    def _send(self, method: str, *arguments: str) -> str:
        address = f"--dest={self._service}", _WINDOW, method
        return self._desktop.run(
            "dbus-send", "--session", "--print-reply=literal", "--reply-timeout=20000", *address, *arguments
        )


def wait(what: str, until: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.2)
