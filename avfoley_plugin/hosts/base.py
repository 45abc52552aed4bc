"""What a host is: the place a timeline is read from and written to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.timeline.selection import Selection


class Host(ABC):
    """One timeline in one editing program, or in one file, used in one go: ``read``, change,
    ``write``. What is replaced is backed up first; a timeline that changed in between is not
    overwritten.
    """

    #: Whether ``write`` backs up what it replaces. False only where that is known to be our own last writing.
    keeps_backup: bool = True
    #: Whether the editing program can tell what is selected in it.
    tells_selection: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """What the user knows this timeline by."""

    @property
    def folder(self) -> Path:
        """The folder that relative media URLs of the timeline resolve against."""
        return self.output.parent

    @property
    @abstractmethod
    def output(self) -> Path:
        """Where ``write`` writes; sound files belong beside it."""

    @abstractmethod
    def read(self) -> otio.schema.Timeline:
        """The timeline as it is now. Raises HostError if there is none, or not a readable one."""

    def selection(self) -> Selection:
        """What is selected in the editing program, after ``read``; everything, where it has no selection to tell."""
        return Selection()

    @abstractmethod
    def write(self, timeline: otio.schema.Timeline) -> Path:
        """Writes the timeline back, and returns where. Raises HostError if it cannot, ChangedError
        if it changed since it was read.
        """


class StoredHost(Host):
    """A host that is told its name, and where it writes."""

    def __init__(self, name: str, output: Path) -> None:
        self._name = name
        self._output = output.absolute()

    @property
    def name(self) -> str:
        return self._name

    @property
    def output(self) -> Path:
        return self._output
