"""A timeline that somebody else reads and writes, as a host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.base import Host
from avfoley_plugin.timeline.selection import Selection


class InMemoryTimeline(Host):
    """A timeline whose sound files go beside `file`, which is not written."""

    def __init__(self, timeline: otio.schema.Timeline, file: Path) -> None:
        self._timeline = timeline
        self._file = file.absolute()

    @property
    def name(self) -> str:
        return str(self._timeline.name)

    @property
    def output(self) -> Path:
        return self._file

    def read(self) -> otio.schema.Timeline:
        return self._timeline

    def write(self, timeline: otio.schema.Timeline) -> Path:
        return self._file


def host_of(timeline: otio.schema.Timeline, arguments: Mapping[str, Any]) -> InMemoryTimeline:
    """A hook's timeline, which will be written to "file". Raises HostError without that."""
    file = arguments.get("file") or arguments.get("_filepath")
    if not file:
        raise HostError(
            'say in the hook\'s arguments where the timeline will be written, for example {"file": "edit.otio"}'
        )
    return InMemoryTimeline(timeline, Path(file))


def selection_of(arguments: Mapping[str, Any]) -> Selection:
    """The selection of "clips", a list of names, and "range", IN-OUT; all without them."""
    return Selection(tuple(arguments.get("clips") or ()), arguments.get("range"))


def known(arguments: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the arguments that a hook knows, for its settings."""
    return {name: arguments[name] for name in names if arguments.get(name) is not None}


def report(arguments: Mapping[str, Any], findings: Iterable[str]) -> None:
    """Adds findings to the argument "problems", a list; without it, raises HostError of them."""
    problems, findings = arguments.get("problems"), list(findings)
    if problems is not None:
        problems.extend(findings)
    elif findings:
        raise HostError("\n".join(findings))
