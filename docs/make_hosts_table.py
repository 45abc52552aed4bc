"""The table of docs/hosts.md: ``PYTHONPATH=tests python docs/make_hosts_table.py``.

It says what survives a round trip, for each format and each program: found out with small edits
that have some of everything. The edits and the doubles are the tests'.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from opentimelineio.schema import Timeline

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.export import Program, prepare
from avfoley_plugin.hosts.interchange import FORMATS, InterchangeFile
from avfoley_plugin.hosts.otio_file import OtioFile
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.hosts.survival import ASPECTS, Survival, survival
from avfoley_plugin.timeline.identity import METADATA_KEY
from support.program_trips import TRIPS
from support.sample_edit import RATE, sample


@dataclass(frozen=True)
class Row:
    """A format or program, and what survives in it: as its file alone tells, and with the takes' own ``.otio`` beside them.

    ``problem`` says why it could not be tried.
    """

    format: str
    alone: Sequence[Survival] = ()
    beside: Sequence[Survival] = ()
    problem: str | None = None


def round_trips() -> list[Row]:
    """Writes the sample timeline in each format, and foley into a sample edit of each program, and reads it back."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="avfoley-") as name:
        folder = Path(name)
        timeline = sample(folder)
        save(timeline, folder, folder / "edit.otio")
        targets = [
            ("OpenTimelineIO", folder / "same.otio", None),
            ("OTIO of Resolve", folder / "r.otio", Program.RESOLVE),
        ]
        targets += [(form.name, folder / f"out{suffix}", None) for suffix, form in FORMATS.items()]
        for title, path, program in targets:
            try:
                rows.append(_row(title, timeline, folder, path, program))
            except HostError as error:
                rows.append(Row(title, problem=str(error)))
        for number, (title, trip) in enumerate(TRIPS.items()):
            place = folder / f"program {number}"
            place.mkdir()
            try:
                found = survival(*trip(place))
                rows.append(Row(title, found, found))
            except HostError as error:
                rows.append(Row(title, problem=str(error)))
    return rows


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table. "2/3" is 2 of 3, "-" that there was nothing to keep; where a file alone keeps less, that
    comes first, then with its files.
    """
    lines = [
        "| format or program | " + " | ".join(aspect.name for aspect in ASPECTS) + " |",
        "|---" * (len(ASPECTS) + 1) + "|",
    ]
    for row in rows:
        if row.problem is not None:
            lines.append(f"| {row.format} | {row.problem} |" + " |" * (len(ASPECTS) - 1))
            continue
        cells = []
        for alone, beside in zip(row.alone, row.beside, strict=True):
            first, second = _share(alone), _share(beside)
            cells.append(first if first == second else f"{first} → {second}")
        lines.append(f"| {row.format} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _row(title: str, timeline: Timeline, folder: Path, path: Path, program: Program | None) -> Row:
    if path.name == "same.otio":
        save(timeline, folder, path)
        found = survival(timeline, OtioFile(path, folder / "none.otio").read())
        return Row(title, found, found)
    export = prepare(timeline, folder, path, program)
    lost = {found.aspect.name: found for found in export.losses}
    totals = survival(timeline, timeline)
    alone = [lost.get(found.aspect.name, found) for found in totals]
    export.save()
    if program is not None:
        # Resolve knows no metadata but its own, and gives none back.
        stripped = otio.adapters.read_from_file(str(path))
        _strip(stripped)
        otio.adapters.write_to_file(stripped, str(path))
    host = (
        OtioFile(path, folder / "none.otio") if program else InterchangeFile(path, folder / "none.otio", Fraction(RATE))
    )
    return Row(title, alone, survival(timeline, host.read()))


def _strip(timeline: Timeline) -> None:
    for clip in timeline.find_clips():
        clip.metadata.pop(METADATA_KEY, None)
        clip.media_reference.metadata.pop(METADATA_KEY, None)
    for thing in (*timeline.tracks, *timeline.tracks.markers):
        thing.metadata.pop(METADATA_KEY, None)


def _share(found: Survival) -> str:
    if not found.total:
        return "-"
    return "all" if found.lost == 0 else f"{found.kept}/{found.total}"


if __name__ == "__main__":
    print(markdown(round_trips()), end="")
