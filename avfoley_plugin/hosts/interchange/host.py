"""A timeline in an interchange format as a host."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.interchange.formats import FORMATS, read_interchange
from avfoley_plugin.hosts.otio_file import OtioFile


class InterchangeFile(OtioFile):
    """A timeline in a file that another program exported, written as ``.otio``: no other format
    keeps takes, captions and identity. `rate` is the frame rate of a list that does not tell it.
    """

    suffixes = tuple(FORMATS)

    def __init__(self, path: Path, output: Path | None = None, rate: Fraction | None = None) -> None:
        if path.suffix.lower() not in FORMATS:
            raise HostError(f"{path} is of no interchange format; its name must end in {', '.join(FORMATS)}")
        super().__init__(path, output or path.with_suffix(".otio"))
        self._rate = rate

    def _parsed(self, content: bytes) -> otio.schema.Timeline:
        return read_interchange(self._path, self._rate)
