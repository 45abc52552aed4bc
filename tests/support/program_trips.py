"""Round trips through programs' own projects: foley is put on a small edit, which is then read again.

A trip gives the timeline as it was handed over for writing, and as it is read afterwards.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin import hosts
from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.base import Host
from avfoley_plugin.hosts.kdenlive import KdenliveFile
from avfoley_plugin.hosts.resolve import ResolveHost
from support import resolve_stand_in as stand_in
from support.media import write_film
from support.sample_edit import RATE, add_foley

#: The environment variable that names a Python with Blender's module `bpy`.
BPY_PYTHON = "AVFOLEY_BPY_PYTHON"
_IN_BLENDER = Path(__file__).with_name("blender_trip.py")
_TIMEOUT = 300

_BeforeAndAfter = tuple[otio.schema.Timeline, otio.schema.Timeline]


def _kdenlive(folder: Path) -> _BeforeAndAfter:
    """A project of 23.04 and later, patched and read again."""
    path = folder / "edit.kdenlive"
    path.write_bytes(Path(__file__).with_name("sample.kdenlive").read_bytes())
    return _through(lambda: KdenliveFile(path))


def _resolve(folder: Path) -> _BeforeAndAfter:
    """A timeline in the stand-in of Resolve's API."""
    project = stand_in.small_project(folder)
    return _through(lambda: ResolveHost(folder / "edit.otio", stand_in.FakeResolve(project)))


def _blender(folder: Path) -> _BeforeAndAfter:
    """A scene in Blender as a Python module, by the add-on's own code."""
    python = os.environ.get(BPY_PYTHON) or (sys.executable if importlib.util.find_spec("bpy") else None)
    if python is None:
        raise HostError(f"needs a Python with `pip install bpy==5.0.1`, named by ${BPY_PYTHON}")
    for name in ("door", "fast"):
        write_film(folder / f"{name}.mov", [0] * 4 * RATE, Fraction(RATE))
    _in_blender(python, folder, "read")
    timeline = otio.adapters.read_from_file(str(folder / "before.otio"))
    add_foley(timeline, folder, folder / "edit.avfoley")
    otio.adapters.write_to_file(timeline, str(folder / "foley.otio"))
    _in_blender(python, folder, "write")
    return timeline, otio.adapters.read_from_file(str(folder / "after.otio"))


def _through(host: Callable[[], Host]) -> _BeforeAndAfter:
    first = host()
    timeline = first.read()
    add_foley(timeline, first.folder, first.output.with_name(f"{first.output.stem}.avfoley"))
    written = timeline.deepcopy()
    first.write(timeline)
    return written, host().read()


def _in_blender(python: str, folder: Path, step: str) -> None:
    # Of ours Blender's Python has the folder of the add-on's package only, and shall look nowhere else.
    environment = {**os.environ, "PYTHONPATH": str(Path(hosts.__file__).parent)}
    command = [python, str(_IN_BLENDER), step, str(folder), json.dumps({"rate": RATE})]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{python} cannot run Blender's module: {error}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise HostError(f"{python} cannot run Blender's module: {said[0]}")


TRIPS: dict[str, Callable[[Path], _BeforeAndAfter]] = {
    "Kdenlive": _kdenlive,
    "Resolve Studio (stand-in)": _resolve,
    "Blender": _blender,
}
