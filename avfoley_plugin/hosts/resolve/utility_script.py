"""The entry in Resolve's menu Workspace > Scripts: starts AVFoley and serves it this Resolve's scripting API.

`avfoley install resolve` copies this file to Fusion/Scripts/Utility and fills COMMAND in. Resolve runs it with a Python
of its own choice, in which AVFoley is not installed; so it needs nothing but the standard library of Python 3.6, and
AVFoley runs in its own process. That process calls the API through a socket on the loopback: one JSON object a line,
`{"token", "target", "method", "arguments"}` answered by `{"value"}` or `{"error"}`. An object of the API travels as
`{"object": number}`, a dictionary as `{"items": [[key, value], ...]}`, because JSON's keys can only be strings.
"""

# Python 3.6 knows no list[str], and no collections.abc.Callable[...].
# ruff: noqa: UP006, UP035

import json
import os
import secrets
import socket
import subprocess
import threading
from typing import Any, Callable, List

COMMAND: List[str] = []


class Server:
    """Serves the methods of one object, and of the objects that they return, to whoever knows the token."""

    def __init__(self, root: Any) -> None:
        self.token = secrets.token_hex(16)
        self._objects: List[Any] = [root]
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1)
        self.port = self._socket.getsockname()[1]

    def serve(self, is_needed: Callable[[], bool]) -> None:
        """Answers calls, one after the other, as long as `is_needed()`: the API wants to be called in one thread."""
        self._socket.settimeout(0.2)
        while is_needed():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                continue
            with connection, connection.makefile("rwb") as stream:
                for line in stream:
                    stream.write(json.dumps(self._answer(line)).encode() + b"\n")
                    stream.flush()
        self._socket.close()

    def _answer(self, line: bytes) -> Any:
        try:
            call = json.loads(line.decode())
            if not secrets.compare_digest(str(call.get("token")), self.token):
                return {"error": "wrong token"}
            target = self._objects[call["target"]]
            if call["method"] == "dir":
                return {"value": self._packed(list(dir(target)))}
            arguments = [self._unpacked(argument) for argument in call["arguments"]]
            return {"value": self._packed(getattr(target, call["method"])(*arguments))}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _packed(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return [self._packed(item) for item in value]
        if isinstance(value, dict):
            return {"items": [[self._packed(key), self._packed(item)] for key, item in value.items()]}
        self._objects.append(value)
        return {"object": len(self._objects) - 1}

    def _unpacked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._unpacked(item) for item in value]
        if isinstance(value, dict) and "object" in value:
            return self._objects[value["object"]]
        if isinstance(value, dict):
            return {self._unpacked(key): self._unpacked(item) for key, item in value["items"]}
        return value


def run(resolve: Any) -> int:
    """Starts AVFoley and serves it until it ends. Returns its exit code."""
    server = Server(resolve)
    environment = dict(os.environ, AVFOLEY_RESOLVE=f"{server.port}:{server.token}")
    # Resolve's own Python is none of AVFoley's business.
    for name in ("PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)
    process = subprocess.Popen(
        COMMAND,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # What it says is shown in Resolve's console; on Windows it would open one of its own.
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )

    def show() -> None:
        for line in process.stdout or ():
            print(line.decode("utf-8", "replace").rstrip())

    reader = threading.Thread(target=show)
    reader.daemon = True
    reader.start()
    server.serve(lambda: process.poll() is None)
    reader.join(2)
    return process.returncode


if "resolve" in globals():
    run(globals()["resolve"])
