"""What a take is, and how a clip of ours holds it: as one of its media references.

A take's file begins with its head handle; the clip's source range leaves the handle out, so that
the clip starts on the shot's first frame. The source range is in whole record frames, as every
program cuts, and the file's available range in samples, which is what it has.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE, FileRequest, FileResult
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.timeline.identity import TakeIdentity, identity, mark
from avfoley_plugin.timeline.timing import RecordClock, rational_time, round_half_up, samples

_KEY = re.compile(r"take (\d+)")
#: How long the file of a task's result is: the count of its samples or frames, and their rate.
_LENGTHS: dict[str, Callable[[Any], tuple[int, Fraction]]] = {
    "foley": lambda result: (result.samples, Fraction(SAMPLE_RATE)),
    "visualize": lambda result: (result.frames, result.rate),
}

References = dict[str, otio.core.MediaReference]


@dataclass(frozen=True)
class Take:
    """One finished take: what was asked for, what came out, and its file."""

    request: FileRequest
    result: FileResult
    path: Path

    @property
    def id(self) -> str:
        """The same for the same request to the same revision, and so for the same bytes."""
        return hashlib.sha256(f"{self.request.digest()}|{self.result.revision}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PlacedTake:
    """One of our takes as a timeline holds it, at its clip's ``record_start``, in record frames."""

    shot_id: str
    shot_name: str
    layer: str
    track_name: str
    record_start: int
    frames: int
    key: str
    active: bool
    url: str
    identity: TakeIdentity


def file_length(take: TakeIdentity, clock: RecordClock | None = None) -> RationalTime:
    """How long a take's file is: in samples, or in frames, their rate spelled as the `clock`'s."""
    count, rate = _LENGTHS[take.request.task](take.result)
    return clock.time(count) if clock is not None and clock.rate == rate else rational_time(count, rate)


def number(key: str) -> int:
    """The number of a take by its key, "take 2"; 0 for other keys."""
    match = _KEY.fullmatch(key)
    return int(match[1]) if match else 0


def our_takes(references: References) -> Iterator[tuple[str, TakeIdentity]]:
    """Those of a clip's media references that are takes of ours: their keys and identities."""
    for key, reference in references.items():
        if (take := identity(reference, TakeIdentity)) is not None:
            yield key, take


def add_takes(
    clip: otio.schema.Clip, takes: Sequence[Take], clock: RecordClock, kept: str | None, keep_earlier: bool
) -> None:
    """Adds takes to a clip's media references, replacing those of the same identity.

    It makes the one with the key `kept` active, or the first of them.
    """
    present = clip.media_references()
    ours = dict(our_takes(present))
    references = {
        key: reference
        for key, reference in present.items()
        if not isinstance(reference, otio.schema.MissingReference) and (keep_earlier or key not in ours)
    }
    keys = {take.id: key for key, take in ours.items() if key in references}
    latest = max(map(number, references), default=0)
    for take in takes:
        if take.id not in keys:
            latest += 1
            keys[take.id] = f"take {latest}"
        key = keys[take.id]
        references[key] = _reference(take, clock, starred=key in references and ours[key].starred)
    activate(clip, references, kept or keys[takes[0].id])


def add_missing_takes(clip: otio.schema.Clip, earlier: otio.schema.Clip) -> None:
    """Adds an earlier clip's takes to those of the same shot's clip; the active one stays."""
    references = clip.media_references()
    known = {take.id for _, take in our_takes(references)}
    latest = max(map(number, references), default=0)
    more = earlier.media_references()
    for key, take in our_takes(more):
        if take.id not in known:
            latest += 1
            references[f"take {latest}"] = more[key].deepcopy()
    activate(clip, references, clip.active_media_reference_key)


def activate(clip: otio.schema.Clip, references: References, key: str) -> None:
    """Gives a clip these media references, and has it play the one with that key.

    Takes may have handles of different length, but a clip has one source range: the files' own
    times are shifted so that the shot's first frame is at the same time in all. The active one
    counts from 0, as programs that know no available range expect.
    """
    takes = dict(our_takes(references))
    if key in takes:
        _align(((references[other], take) for other, take in takes.items()), takes[key].head_samples)
    clip.set_media_references(references, key)


def head_frames(clip: otio.schema.Clip, rate: Fraction) -> int | Fraction:
    """The head handle of the take that a clip plays in record frames, whole where the file's is."""
    take = identity(clip.media_reference, TakeIdentity)
    head = 0 if take is None else take.head_samples
    exact = head * rate / SAMPLE_RATE
    whole = round_half_up(exact)
    return whole if samples(whole, rate) == head else exact


def _reference(take: Take, clock: RecordClock, starred: bool) -> otio.schema.ExternalReference:
    its = TakeIdentity(id=take.id, request=take.request, result=take.result, starred=starred)
    length = file_length(its, clock)
    reference = otio.schema.ExternalReference(take.path.as_uri(), TimeRange(RationalTime(0, length.rate), length))
    reference.name = take.path.name
    mark(reference, its)
    return reference


def _align(takes: Iterable[tuple[otio.core.MediaReference, TakeIdentity]], head_samples: int) -> None:
    """Puts the shot's first frame at one time in all takes: `head_samples` after the active's 0."""
    for reference, take in takes:
        if take.sound is not None and reference.available_range is not None:
            length = reference.available_range.duration
            start = RationalTime(head_samples - take.head_samples, SAMPLE_RATE)
            reference.available_range = TimeRange(start, length)
