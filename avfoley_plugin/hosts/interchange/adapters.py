"""OpenTimelineIO's adapters, run in a process of their own with a limit on time and memory:
whatever a damaged file does to one is an error of ours, and no crash, no hang and no full memory.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.media_time import in_whole_frames

#: What reading or writing one file may take: seconds of computing, seconds altogether, bytes of memory.
COMPUTING = 120
TIMEOUT = 600.0
MEMORY = 6 << 30
_CHILD = f"import sys; from {__name__} import convert; convert(*sys.argv[1:])"
_PACKAGES = {"fcp_xml": "otio_fcp_adapter", "AAF": "otio_aaf_adapter"}


def is_installed(adapter: str) -> bool:
    """Whether an adapter that comes with the `interchange` extra is there."""
    return importlib.util.find_spec(_PACKAGES[adapter]) is not None


def read_with(adapter: str, path: Path) -> otio.schema.Timeline:
    """The one timeline of a file. Raises HostError if the adapter is absent, or cannot read it as one."""
    with tempfile.TemporaryDirectory(prefix="avfoley-") as folder:
        out = Path(folder) / "read.otio"
        _in_child("read", adapter, path, out)
        found = otio.adapters.read_from_file(str(out), "otio_json")
    if isinstance(found, otio.schema.Timeline):
        return found
    timelines = found.find_children(descended_from_type=otio.schema.Timeline) if hasattr(found, "find_children") else []
    if not timelines:
        raise HostError("it holds no timeline")
    if len(timelines) > 1:
        names = ", ".join(repr(timeline.name) for timeline in timelines)
        raise HostError(f"it holds {len(timelines)} timelines ({names}); export one of them")
    return timelines[0].deepcopy()


def write_with(adapter: str, timeline: otio.schema.Timeline, suffix: str) -> bytes:
    """The file that an adapter makes of a timeline. Raises HostError if it is absent, or cannot."""
    with tempfile.TemporaryDirectory(prefix="avfoley-") as folder:
        source, out = Path(folder) / "write.otio", Path(folder) / f"written{suffix}"
        # The adapters do not mix rates.
        otio.adapters.write_to_file(in_whole_frames(timeline), str(source), "otio_json")
        _in_child("write", adapter, source, out)
        return out.read_bytes()


def _in_child(verb: str, adapter: str, path: Path, out: Path) -> None:
    if not is_installed(adapter):
        raise HostError("it needs the adapters of OpenTimelineIO: pip install 'avfoley[interchange]'")
    command = [sys.executable, "-c", _CHILD, verb, adapter, str(path), str(out)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise HostError(
            f"its {adapter} adapter did not end within {TIMEOUT:.0f} s; the file is damaged or huge"
        ) from error
    if done.returncode or not out.is_file():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[-1][:300] if said else f"it ended with {done.returncode}"
        raise HostError(f"OpenTimelineIO's {adapter} adapter cannot {verb} it: {reason}")


def convert(verb: str, adapter: str, path: str, out: str) -> None:
    """What the process of its own does: "read" a file into an ``.otio``, or "write" one from it."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (COMPUTING, COMPUTING))
    except (ImportError, OSError, ValueError):
        # Windows has no such limits, and where there is less memory than that it is not needed.
        pass
    if verb == "read":
        otio.adapters.write_to_file(otio.adapters.read_from_file(path, adapter), out, "otio_json")
    else:
        options = {"use_empty_mob_ids": True} if adapter == "AAF" else {}
        otio.adapters.write_to_file(otio.adapters.read_from_file(path, "otio_json"), out, adapter, **options)
