"""The way to a running Resolve: through the script in its menu, else through its own scripting module."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

from avfoley_plugin.errors import HostError

#: Where the script in Resolve's menu serves the API, "PORT:TOKEN"; see ``utility_script``.
BRIDGE = "AVFOLEY_RESOLVE"
#: How long one call of the API may take, in seconds: importing media can take long.
TIMEOUT = 120.0
_STUDIO = "DaVinci Resolve Studio"
_MODULES = {
    "darwin": "/Library/Application Support/Blackmagic Design/DaVinci Resolve/Developer/Scripting/Modules",
    "win32": r"%PROGRAMDATA%\Blackmagic Design\DaVinci Resolve\Support\Developer\Scripting\Modules",
    "linux": "/opt/resolve/Developer/Scripting/Modules",
}


def connect() -> Any:
    """The API's ``resolve`` object. Raises HostError if there is no Resolve, or none that may be scripted."""
    bridge = os.environ.get(BRIDGE)
    resolve = _from_module() if bridge is None else _from_bridge(bridge)
    # Asked before anything else: on the free edition a call of the Studio's opens a window that blocks Resolve.
    product = resolve.GetProductName()
    if product != _STUDIO:
        raise HostError(
            f"{product or 'this Resolve'} cannot be scripted, only {_STUDIO} can; export the timeline with File > "
            "Export > Timeline as .otio, run AVFoley on that file, and import the file that `avfoley export FILE "
            "NAME.otio --for resolve` makes"
        )
    return resolve


def offers(thing: Any, method: str) -> bool:
    """Whether an object of the API has a method. Only ``dir`` tells: ``hasattr`` is true for any name."""
    return method in dir(thing)


class RemoteObject:
    """An object of the API in Resolve's process; its methods are called there. Raises HostError if they fail."""

    def __init__(self, wire: _Wire, number: int) -> None:
        self._wire = wire
        self._number = number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments: self._wire.call(self._number, name, arguments)

    def __dir__(self) -> list[str]:
        return list(self._wire.call(self._number, "dir", ()))


class _Wire:
    """A connection to the script. For any thread; whoever comes second waits for one call."""

    def __init__(self, port: int, token: str) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._stream = socket.create_connection(("127.0.0.1", port), TIMEOUT).makefile("rwb")

    def call(self, target: int, method: str, arguments: tuple[Any, ...]) -> Any:
        call = {"token": self._token, "target": target, "method": method, "arguments": [*map(_packed, arguments)]}
        try:
            with self._lock:
                self._stream.write(json.dumps(call).encode() + b"\n")
                self._stream.flush()
                answer = json.loads(self._stream.readline())
        except (OSError, ValueError) as error:
            _wire.cache_clear()
            raise HostError("Resolve no longer answers; start AVFoley from its menu again") from error
        if "error" in answer:
            raise HostError(f"Resolve could not do {method}: {answer['error']}")
        return self._unpacked(answer["value"])

    def _unpacked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._unpacked(item) for item in value]
        if isinstance(value, dict) and "object" in value:
            return RemoteObject(self, value["object"])
        if isinstance(value, dict):
            return {self._unpacked(key): self._unpacked(item) for key, item in value["items"]}
        return value


@cache
def _wire(port: int, token: str) -> _Wire:
    """The one connection of this process: the script answers them one after the other, and not two at a time."""
    return _Wire(port, token)


def _packed(value: Any) -> Any:
    if isinstance(value, RemoteObject):
        return {"object": value._number}
    if isinstance(value, list | tuple):
        return [_packed(item) for item in value]
    if isinstance(value, dict):
        return {"items": [[_packed(key), _packed(item)] for key, item in value.items()]}
    return value


def _from_bridge(address: str) -> RemoteObject:
    port, _, token = address.partition(":")
    try:
        return RemoteObject(_wire(int(port), token), 0)
    except (OSError, ValueError, OverflowError) as error:
        raise HostError(f"the Resolve that started AVFoley is gone ({BRIDGE}={address}); start it again") from error


def _from_module() -> Any:
    resolve, module = None, module_file()
    if module is not None:
        specification = importlib.util.spec_from_file_location("DaVinciResolveScript", module)
        assert specification is not None
        assert specification.loader is not None
        script = importlib.util.module_from_spec(specification)
        with contextlib.suppress(ImportError, OSError, AttributeError):
            specification.loader.exec_module(script)
            # The module replaces itself by the library that it loads.
            resolve = sys.modules.get(specification.name, script).scriptapp("Resolve")
    if resolve is None:
        raise HostError(
            "there is no DaVinci Resolve to talk to; start it, then start AVFoley from its menu Workspace > Scripts "
            "(`avfoley install resolve` puts it there), or allow scripting in Preferences > System > General > External "
            "scripting using: Local"
        )
    return resolve


def module_file() -> Path | None:
    """Resolve's own scripting module on this machine; None where no Resolve is installed."""
    folder = os.environ.get("RESOLVE_SCRIPT_API")
    modules = Path(folder, "Modules") if folder else Path(os.path.expandvars(_MODULES.get(sys.platform, "")))
    found = modules / "DaVinciResolveScript.py"
    return found if found.is_file() else None
