"""Models on their way from the Hugging Face Hub: with progress, stopped and resumed at any byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from avfoley_engine.errors import AVFoleyError, ModelError
from avfoley_engine.protocol import Pull
from avfoley_engine.zoo import Entry, entry


class _StoppedError(Exception):
    """The user stopped the pull."""


class Pulls:
    """The pulls of this engine's life, each in a thread of its own. For any thread.

    What has arrived of a file stays, so that a pull started again goes on where it ended.
    """

    def __init__(self, find: Callable[[str], Entry] = entry) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._pulls: dict[str, Pull] = {}
        self._stopping: set[str] = set()

    def start(self, model: str) -> Pull:
        """Starts to pull a model, unless that is being done already.

        Raises:
            ModelError: there is no such model, or nothing to pull it from.
        """
        found = self._find(model)
        if not found.local and not found.config.get("repository"):
            raise ModelError(
                f"The files of {model} are missing, and nothing says where they come from. Install it again."
            )
        with self._lock:
            self._stopping.discard(model)
            present = self._pulls.get(model)
            if present is None or present.state != "running":
                total = int(found.config.get("size_bytes", 0))
                self._pulls[model] = present = Pull(model=model, state="running", received=0, total=total)
                threading.Thread(target=self._pull, args=(found,), name=f"pull {model}", daemon=True).start()
            return present

    def all(self) -> list[Pull]:
        """How the pulls are, those that ended too."""
        with self._lock:
            return list(self._pulls.values())

    def stop(self, model: str) -> None:
        """Stops a pull if it runs; what has arrived is kept."""
        with self._lock:
            self._stopping.add(model)

    def _pull(self, found: Entry) -> None:
        received = 0

        def report(arrived: int, settled: bool = False) -> None:
            """`arrived` bytes of the present file."""
            nonlocal received
            with self._lock:
                if found.name in self._stopping:
                    raise _StoppedError
                self._pulls[found.name] = self._pulls[found.name].model_copy(update={"received": received + arrived})
            if settled:
                received += arrived

        state: Literal["done", "stopped", "failed"] = "done"
        error = None
        try:
            for name in found.config["files"]:
                path = found.file(name, report)
                report(path.stat().st_size, settled=True)
        except _StoppedError:
            state = "stopped"
        except AVFoleyError as failed:
            state, error = "failed", str(failed)
        except Exception as failed:
            state, error = "failed", f"{found.name} could not be pulled ({failed}). Check the network and try again."
        with self._lock:
            self._pulls[found.name] = self._pulls[found.name].model_copy(update={"state": state, "error": error})
