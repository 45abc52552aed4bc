"""Hosts: where timelines come from and go back to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from avfoley_engine.protocol import MediaProbe

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.base import Host
from avfoley_plugin.hosts.kdenlive import SUFFIX as KDENLIVE_SUFFIX
from avfoley_plugin.hosts.kdenlive import KdenliveFile
from avfoley_plugin.hosts.otio_file import SUFFIXES, OtioFile
from avfoley_plugin.hosts.video_file import VideoFile

__all__ = ["Host", "KdenliveFile", "OtioFile", "VideoFile", "open_host"]


def open_host(path: Path, output: Path | None = None, probe: Callable[[Path], MediaProbe] | None = None) -> Host:
    """The host of a file: OpenTimelineIO's own and Kdenlive's by their suffix, any other file is taken for a video, which
    `probe` must describe.

    Raises HostError if the file is not there, or is no timeline and there is no `probe`.
    """
    if not path.exists():
        raise HostError(f"{path} is not there; give an .otio, an .otioz, a .kdenlive or a video file")
    if path.suffix.lower() in SUFFIXES:
        return OtioFile(path, output)
    if path.suffix.lower() == KDENLIVE_SUFFIX:
        return KdenliveFile(path, output)
    if probe is None:
        raise HostError(f"{path} is not a timeline; give an .otio, .otioz, .otiod or .kdenlive file")
    return VideoFile(path, probe(path.absolute()), output)
