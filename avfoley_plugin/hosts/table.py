"""What survives a round trip, for each format: found out with a small timeline that has some of everything."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE, FoleyResult
from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import Clip, ExternalReference, Gap, Marker, MarkerColor, Timeline, Track

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.export import Program, prepare
from avfoley_plugin.hosts.interchange import FORMATS, InterchangeFile
from avfoley_plugin.hosts.otio_file import OtioFile
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.hosts.survival import ASPECTS, Survival, survival
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.identity import METADATA_KEY
from avfoley_plugin.timeline.shots import Shot, read_shots
from avfoley_plugin.timeline.takes import Placement, Take, place_takes

_RATE = 25
_HOUR = 3600 * _RATE


@dataclass(frozen=True)
class Row:
    """A format, and what survives in it: as its file alone tells, and with the takes' own ``.otio`` beside them.

    ``problem`` says why it could not be tried.
    """

    format: str
    alone: Sequence[Survival] = ()
    beside: Sequence[Survival] = ()
    problem: str | None = None


def round_trips() -> list[Row]:
    """Writes the sample timeline in each format and reads it back."""
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
    return rows


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table. "2/3" is 2 of 3; where a file alone keeps less, that comes first, then with its files."""
    lines = [
        "| format | " + " | ".join(aspect.name for aspect in ASPECTS) + " |",
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


def sample(folder: Path) -> Timeline:
    """A timeline of 25 frames a second from 01:00:00:00: two video tracks, one of sound, a speed, a freeze frame, their
    markers, and foley with two takes a shot and its captions. Its takes' files are in `folder`.
    """
    main = Track("Picture", kind=otio.schema.TrackKind.Video)
    main.extend(
        [_clip("door", 10, 50), Gap(source_range=_range(0, 10)), _clip("fast", 100, 40), _clip("still", 200, 30)]
    )
    main[2].effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    main[3].effects.append(otio.schema.FreezeFrame())
    over = Track("Titles", kind=otio.schema.TrackKind.Video)
    over.extend([Gap(source_range=_range(0, 5)), _clip("insert", 0, 20)])
    sound = Track("Dialogue", kind=otio.schema.TrackKind.Audio)
    sound.append(_clip("door", 10, 50))
    timeline = Timeline("sample", tracks=[main, over, sound], global_start_time=RationalTime(_HOUR, _RATE))
    timeline.tracks.markers.extend(
        [
            Marker("fix", _range(7, 1), MarkerColor.GREEN, comment="too dark"),
            Marker("note", _range(70, 5), MarkerColor.RED),
        ]
    )
    shots, _ = read_shots(timeline, folder=folder, is_online=lambda path: True)
    chosen = [shot for shot in shots if shot.name in ("door", "fast")]
    place_takes(timeline, [Placement(shot, [_take(shot, seed, folder) for seed in (0, 1)]) for shot in chosen])
    for shot in chosen:
        write_caption(timeline, shot, f"a {shot.name} shuts")
    return timeline


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
        OtioFile(path, folder / "none.otio")
        if program
        else InterchangeFile(path, folder / "none.otio", Fraction(_RATE))
    )
    return Row(title, alone, survival(timeline, host.read()))


def _strip(timeline: Timeline) -> None:
    for clip in timeline.find_clips():
        clip.metadata.pop(METADATA_KEY, None)
        clip.media_reference.metadata.pop(METADATA_KEY, None)
    for thing in (*timeline.tracks, *timeline.tracks.markers):
        thing.metadata.pop(METADATA_KEY, None)


def _share(found: Survival) -> str:
    return "all" if found.lost == 0 else f"{found.kept}/{found.total}"


def _range(start: int, frames: int) -> TimeRange:
    return TimeRange(RationalTime(start, _RATE), RationalTime(frames, _RATE))


def _clip(name: str, start: int, frames: int) -> Clip:
    media = ExternalReference(f"{name}.mov", _range(_HOUR, 1000))
    return Clip(name, media_reference=media, source_range=_range(_HOUR + start, frames))


def _take(shot: Shot, seed: int, folder: Path) -> Take:
    path = folder / "edit.avfoley" / f"{shot.name}_{shot.id}_foley_{seed}.wav"
    path.parent.mkdir(exist_ok=True)
    samples = shot.frames * SAMPLE_RATE // _RATE
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * samples))
    request = shot.request(seed=seed)
    result = FoleyResult(
        path=path,
        sha256="0" * 64,
        samples=samples,
        shot_samples=samples,
        head_samples=0,
        tail_samples=0,
        channels=1,
        peak_dbtp=-1.0,
        loudness_lufs=-23.0,
        onsets=[],
        model="avlink-nano",
        revision="0",
        seed=seed,
        caption="",
        negative_caption="",
        steps=1,
        guidance_scale=1.0,
        seconds=0.0,
    )
    return Take(request, result, path)
