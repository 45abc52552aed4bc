"""Models on their way from the Hugging Face Hub: with progress, stopped and resumed at any byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from avfoley_engine.errors import AVFoleyError, ModelError
from avfoley_engine.protocol import Pull
from avfoley_engine.zoo import Entry, entry

_CHUNK = 1 << 20


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
                path = fetch(found, name, report)
                report(path.stat().st_size, settled=True)
                try:
                    found.file(name)
                except ModelError:
                    # Damaged on the way: it is fetched anew the next time.
                    path.unlink()
                    raise
        except _StoppedError:
            state = "stopped"
        except AVFoleyError as failed:
            state, error = "failed", str(failed)
        except Exception as failed:
            state, error = "failed", f"{found.name} could not be pulled ({failed}). Check the network and try again."
        with self._lock:
            self._pulls[found.name] = self._pulls[found.name].model_copy(update={"state": state, "error": error})


def fetch(found: Entry, name: str, report: Callable[[int], None]) -> Path:
    """One file of a model, where `Entry.path` looks for it; `report` is told how many of its bytes are there.

    What an earlier attempt left in the ``.part`` file is not fetched again. (The Hub's own client starts anew.)

    Raises:
        ModelError: the Hub cannot be reached or has no such file.
    """
    path = found.path(name)
    if path.exists():
        return path
    import httpx2
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    repository, revision = found.config["repository"], found.config["revision"]
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = part.stat().st_size if part.exists() else 0
        report(there)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={there}-"}
        url = hf_hub_url(repository, name, revision=revision)
        with httpx2.stream("GET", url, headers=headers, follow_redirects=True, timeout=30) as answer:
            # 416: there is nothing after what is there.
            if answer.status_code != 416:
                answer.raise_for_status()
                there = there if answer.status_code == 206 else 0
                with part.open("ab" if there else "wb") as file:
                    for chunk in answer.iter_bytes(_CHUNK):
                        file.write(chunk)
                        there += len(chunk)
                        report(there)
        part.replace(path)
    except (httpx2.HTTPError, OSError) as error:
        raise ModelError(
            f"{name} of {found.name} cannot be fetched from {repository} at {revision[:12]} ({error}). "
            "Check the network and the disk, and pull it again; it goes on where it ended."
        ) from error
    return path
