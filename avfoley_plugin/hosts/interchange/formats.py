"""The interchange formats: how each is read, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import AVFoleyError, HostError
from avfoley_plugin.hosts.interchange.adapters import read_with, write_with
from avfoley_plugin.hosts.interchange.edl import read_edl, write_edl
from avfoley_plugin.hosts.interchange.fcp7_reading import read_fcp7
from avfoley_plugin.hosts.interchange.fcp7_writing import write_fcp7
from avfoley_plugin.hosts.interchange.fcpxml_reading import read_fcpxml
from avfoley_plugin.hosts.interchange.fcpxml_writing import write_fcpxml
from avfoley_plugin.hosts.media_time import Probe, in_media_time
from avfoley_plugin.hosts.saving import absolute_url

#: More than any timeline's file has; what is larger would only fill the memory.
LARGEST = 1 << 28


@dataclass(frozen=True)
class Format:
    """An interchange format. ``read`` takes a file and its frame rate, if the user said one; ``write`` takes a timeline
    with absolute media URLs whose takes count in their files' timecode.
    """

    name: str
    read: Callable[[Path, Fraction | None], otio.schema.Timeline]
    write: Callable[[otio.schema.Timeline], bytes]
    #: The adapter of the `interchange` extra that it needs, if any: to be written, and AAF also to be read.
    adapter: str | None = None


def read_interchange(path: Path, rate: Fraction | None = None) -> otio.schema.Timeline:
    """The timeline in a file of an interchange format. Raises HostError if it cannot be read as one."""
    chosen = FORMATS[path.suffix.lower()]
    try:
        if path.stat().st_size > LARGEST:
            raise HostError("it is larger than any timeline")
        return chosen.read(path, rate)
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}") from error
    except AVFoleyError as error:
        raise HostError(f"{path} cannot be read as {chosen.name}: {error}") from error


def write_interchange(timeline: otio.schema.Timeline, folder: Path, suffix: str, probe: Probe | None = None) -> bytes:
    """The content of a file; relative media URLs resolve against `folder`. Raises HostError if the
    format cannot hold the timeline at all.
    """
    chosen = FORMATS[suffix.lower()]
    prepared = in_media_time(timeline, folder, probe)
    for clip in prepared.find_clips():
        for reference in clip.media_references().values():
            if isinstance(reference, otio.schema.ExternalReference):
                reference.target_url = absolute_url(reference.target_url, folder) or reference.target_url
    try:
        return chosen.write(prepared)
    except AVFoleyError as error:
        raise HostError(f"the timeline cannot be written as {chosen.name}: {error}") from error


def _read_aaf(path: Path, rate: Fraction | None) -> otio.schema.Timeline:
    # A structured storage file (Microsoft's compound file) says so in its first eight bytes.
    with path.open("rb") as file:
        if file.read(8) != bytes.fromhex("d0cf11e0a1b11ae1"):
            raise HostError("it is not an AAF file")
    return read_with("AAF", path)


FORMATS: dict[str, Format] = {
    ".fcpxml": Format("FCPXML", lambda path, rate: read_fcpxml(path.read_bytes()), write_fcpxml),
    ".xml": Format("FCP7 XML", lambda path, rate: read_fcp7(path.read_bytes()), write_fcp7, "fcp_xml"),
    ".aaf": Format("AAF", _read_aaf, lambda timeline: write_with("AAF", timeline, ".aaf"), "AAF"),
    ".edl": Format("EDL", lambda path, rate: read_edl(path.read_bytes(), rate), write_edl),
}
