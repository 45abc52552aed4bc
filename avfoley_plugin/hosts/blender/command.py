"""The `avfoley` command in a process of its own: its progress line by line, without waiting for it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

_INSTALLED = Path(__file__).with_name("command.json")
#: What Blender sets for its own Python, which is none of AVFoley's business.
_BLENDERS_OWN = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "PYTHONNOUSERSITE")


class CommandError(Exception):
    """The command cannot be run, and what to do."""


def find(preferred: str) -> list[str]:
    """The command to call: the user's choice, else what `avfoley install blender` left. Raises CommandError."""
    if preferred:
        return [preferred]
    try:
        command = json.loads(_INSTALLED.read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        command = None
    if not (isinstance(command, list) and command and all(isinstance(part, str) for part in command)):
        raise CommandError("AVFoley's command is not known; set it in the add-on's preferences, or run avfoley install")
    return command


class Process:
    """A running command that prints one JSON object a line."""

    def __init__(self, command: Sequence[str]) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in _BLENDERS_OWN}
        try:
            self._process = subprocess.Popen(
                [*command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Windows sends Ctrl-Break to such a group, if it shares our console; Blender always has one, if hidden.
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise CommandError(
                f"{command[0]} cannot be run ({error.strerror}); check the command in the add-on's preferences"
            ) from error
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._stderr: list[str] = []
        self._readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in ((self._read_events, self._process.stdout), (self._read_errors, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def running(self) -> bool:
        """Whether events may still come."""
        return self._process.poll() is None or any(reader.is_alive() for reader in self._readers)

    @property
    def last_words(self) -> str:
        """The last line on standard error, or the exit code."""
        said = [line for line in self._stderr if line.strip()]
        return said[-1].strip() if said else f"exit code {self._process.returncode}"

    def events(self) -> Iterator[dict[str, Any]]:
        """What was printed since the last call."""
        while not self._events.empty():
            yield self._events.get()

    def cancel(self) -> None:
        """Asks the command to keep what is finished and to end; asked again, it ends at once."""
        if self._process.poll() is not None:
            return
        try:
            # Windows has no other signal that does not end a process at once.
            self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
        except OSError:
            # There is no console to send it through.
            self._process.terminate()

    def _read_events(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    self._events.put(event)

    def _read_errors(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._stderr = [*self._stderr[-20:], line.decode("utf-8", "replace")]
