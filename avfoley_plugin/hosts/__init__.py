"""Hosts: where timelines come from and go back to."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from avfoley_engine.protocol import MediaProbe

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.base import Host
from avfoley_plugin.hosts.interchange import FORMATS, InterchangeFile
from avfoley_plugin.hosts.kdenlive import SUFFIX as KDENLIVE_SUFFIX
from avfoley_plugin.hosts.kdenlive import KdenliveFile
from avfoley_plugin.hosts.otio_file import SUFFIXES, OtioFile
from avfoley_plugin.hosts.resolve import SOURCE as RESOLVE
from avfoley_plugin.hosts.resolve import ResolveHost
from avfoley_plugin.hosts.video_file import VideoFile
from avfoley_plugin.timeline.timing import exact_rate

__all__ = [
    "RESOLVE",
    "TIMELINE_SUFFIXES",
    "Host",
    "InterchangeFile",
    "KdenliveFile",
    "OtioFile",
    "ResolveHost",
    "VideoFile",
    "open_host",
]

#: What names of timelines end in; all other files are taken for videos.
TIMELINE_SUFFIXES = (*SUFFIXES, KDENLIVE_SUFFIX, *FORMATS)


def open_host(
    path: Path, output: Path | None = None, probe: Callable[[Path], MediaProbe] | None = None, rate: str | None = None
) -> Host:
    """The host of a file: OpenTimelineIO's own, Kdenlive's and those of interchange formats by
    their suffix; any other is taken for a video, which `probe` must describe. ``resolve:`` is the
    timeline that is open in Resolve. `rate` is the frame rate, as the user spells it, of a list
    that does not tell it.

    Raises HostError if the file is not there, or is no timeline and there is no `probe`.
    """
    if str(path) == RESOLVE:
        return ResolveHost(output)
    if not _exists(path):
        raise HostError(f"{path} is not there; give an .otio, an .otioz, a .kdenlive or a video file")
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return OtioFile(path, output)
    if suffix == KDENLIVE_SUFFIX:
        return KdenliveFile(path, output)
    if suffix in FORMATS:
        return InterchangeFile(path, output, None if rate is None else _spelled_rate(rate))
    if probe is None:
        known = ", ".join(FORMATS)
        raise HostError(f"{path} is not a timeline; give an .otio, .otioz, .otiod, .kdenlive, {known} file")
    return VideoFile(path, probe(path.absolute()), output)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # No file has a name that long.
        return False


def _spelled_rate(text: str) -> Fraction:
    try:
        return exact_rate(float(text))
    except ValueError as error:
        raise HostError(f"{text!r} is not a frame rate; write it like 25 or 23.976") from error
