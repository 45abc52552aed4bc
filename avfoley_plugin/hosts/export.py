"""Timelines for other programs: in their formats, with what these lose known before it is lost."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.interchange import FORMATS, marker_list, read_interchange, write_interchange
from avfoley_plugin.hosts.items import markers_of
from avfoley_plugin.hosts.media_time import Probe, in_media_time, with_lengths
from avfoley_plugin.hosts.resolve import for_resolve, from_resolve
from avfoley_plugin.hosts.saving import replace_file
from avfoley_plugin.hosts.survival import Survival, survival
from avfoley_plugin.timeline.cue_sheet import cue_sheet
from avfoley_plugin.timeline.identity import METADATA_KEY
from avfoley_plugin.timeline.timing import record_clock

_CUES = " cues"


class Program(StrEnum):
    """Programs that want an ``.otio`` of a shape of their own."""

    RESOLVE = "resolve"


def program_of(name: str | None) -> Program | None:
    """The program of that name. Raises HostError if it wants no shape of its own."""
    try:
        return None if name is None else Program(name)
    except ValueError as error:
        known = ", ".join(Program)
        raise HostError(f"{name!r} is no program with an .otio of its own shape; there is: {known}") from error


@dataclass(frozen=True)
class Export:
    """A file that is ready to be written, and what it lacks."""

    path: Path
    content: bytes
    losses: tuple[Survival, ...]

    def save(self) -> Path:
        """Writes the file; what it replaces is kept as a backup."""
        replace_file(self.path, self.content)
        return self.path


def prepare(
    timeline: otio.schema.Timeline,
    folder: Path,
    output: Path,
    program: Program | None = None,
    probe: Probe | None = None,
) -> Export:
    """Makes the file that `output`'s name asks for, and reads it back to see what it lacks. Nothing is written yet.

    An ``.otio`` is in the shape of `program`; a ``.csv`` is the list of markers, or the cue sheet if its name ends in
    " cues". Relative media URLs resolve against `folder`, and `probe` tells the range of media whose clip does not.
    Raises HostError if there is no such format, or if it cannot hold the timeline at all.
    """
    suffix = output.suffix.lower()
    if suffix == ".csv":
        table = cue_sheet(timeline) if output.stem.endswith(_CUES) else marker_list(timeline)
        return Export(output, table.encode(), ())
    if suffix not in (".otio", *FORMATS):
        known = ", ".join([".otio", *FORMATS, ".csv"])
        raise HostError(f"{output} is of no format that is known here; its name must end in one of {known}")
    if suffix == ".otio" and program is None:
        raise HostError(f"{output}: say for which program, with --for resolve; any other reads INPUT's own .otio")
    timeline = with_lengths(timeline, folder, probe)
    after: otio.schema.Timeline | None
    if suffix == ".otio":
        text = otio.adapters.write_to_string(for_resolve(timeline, folder, probe), "otio_json")
        content, after = text.encode(), _bare(otio.adapters.read_from_string(text))
    else:
        content = write_interchange(timeline, folder, suffix, probe)
        after = read_back(content, suffix, timeline)
    found = survival(in_media_time(timeline, folder, probe), after)
    return Export(output, content, tuple(one for one in found if one.lost))


def read_back(content: bytes, suffix: str, timeline: otio.schema.Timeline) -> otio.schema.Timeline | None:
    """What a file of an interchange format says by itself; None if nothing can be read from it."""
    with tempfile.TemporaryDirectory(prefix="avfoley-") as folder:
        path = Path(folder) / f"back{suffix}"
        path.write_bytes(content)
        rate = record_clock(timeline).rate if suffix == ".edl" else None
        try:
            return read_interchange(path, rate)
        except HostError:
            return None


def _bare(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """What Resolve keeps of a file: it knows no metadata but its own."""
    clips = timeline.find_clips()
    things = [timeline, timeline.tracks, *timeline.tracks, *clips]
    things += markers_of(timeline)
    things += [reference for clip in clips for reference in clip.media_references().values()]
    for thing in things:
        thing.metadata.pop(METADATA_KEY, None)
    from_resolve(timeline)
    return timeline
