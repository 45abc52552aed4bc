"""FCP7 XML ("xmeml" 4 and 5), as Final Cut Pro 7 wrote it and Premiere, Resolve, Hiero and others do, as a timeline.

Built to Apple's "Final Cut Pro XML Interchange Format". Every clip item says where it plays, and is read from there;
OpenTimelineIO's adapter lays items out one after the other, which moves those that overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from xml.etree.ElementTree import Element

import opentimelineio as otio
from opentimelineio.opentime import TimeRange

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.interchange.markup import parse
from avfoley_plugin.timeline.timing import exact_rate, rational_time

_ITEMS = ("clipitem", "generatoritem")
_KINDS = {"video": otio.schema.TrackKind.Video, "audio": otio.schema.TrackKind.Audio}
_DEEPEST = 20
_MOST_ITEMS = 20_000
_MOST_TRACKS = 500
#: A count of frames that no timeline has.
_LONGEST = 2**31


def read_fcp7(content: bytes) -> otio.schema.Timeline:
    """The one sequence of a file. Raises HostError if it has none, or several, or is damaged."""
    root = parse(content)
    if root.tag != "xmeml":
        raise HostError(f"it is not FCP7 XML: its root is <{root.tag[:40]}>, not <xmeml>")
    sequences = [sequence for sequence in _own_sequences(root) if sequence.find("media") is not None]
    if not sequences:
        raise HostError("it holds no sequence, only clips; export the sequence")
    if len(sequences) > 1:
        names = ", ".join(repr(sequence.findtext("name") or "") for sequence in sequences)
        raise HostError(f"it holds {len(sequences)} sequences ({names}); export one of them")
    return _Reader(root).timeline(sequences[0])


def _own_sequences(element: Element) -> Iterator[Element]:
    """The sequences of a document that are not clips of another."""
    for child in element:
        if child.tag == "sequence":
            yield child
        elif child.tag not in ("clipitem", "clip"):
            yield from _own_sequences(child)


@dataclass(frozen=True)
class _Placed:
    """An item where it plays, in frames of its sequence; what it plays begins ``skipped`` frames after its in point."""

    element: Element
    start: int
    end: int
    skipped: int


class _Reader:
    def __init__(self, root: Element) -> None:
        self._files = {found.get("id"): found for found in root.iter("file") if len(found)}
        self._sequences = {found.get("id"): found for found in root.iter("sequence") if found.find("media") is not None}
        # An item that another track has as well may be named there by its id alone.
        self._clips = {found.get("id"): found for found in root.iter("clipitem") if len(found)}
        self._items = 0

    def timeline(self, sequence: Element) -> otio.schema.Timeline:
        rate = _rate(sequence)
        if rate is None:
            raise HostError("its sequence does not tell its frame rate")
        start = _whole(sequence.findtext("timecode/frame")) or 0
        timeline = otio.schema.Timeline(
            (sequence.findtext("name") or "").strip(), global_start_time=rational_time(max(0, start), rate)
        )
        timeline.tracks = self._stack(sequence, rate, 0)
        timeline.tracks.name = "tracks"
        timeline.tracks.markers.extend(_markers(sequence, rate, 0))
        return timeline

    def _stack(self, sequence: Element, rate: Fraction, depth: int) -> otio.schema.Stack:
        stack = otio.schema.Stack()
        for medium, kind in _KINDS.items():
            number = 0
            for element in sequence.findall(f"media/{medium}/track"):
                # Premiere writes a track for each channel of a stereo track; all but the first repeat it.
                if (element.get("currentExplodedTrackIndex") or "0") != "0":
                    continue
                for row in _rows(self._placed(element)):
                    number += 1
                    track = otio.schema.Track(name=f"{kind[0]}{number}", kind=kind)
                    track.enabled = (element.findtext("enabled") or "TRUE").strip() != "FALSE"
                    self._fill(track, row, element.findall("transitionitem"), rate, depth)
                    stack.append(track)
        return stack

    def _fill(
        self, track: otio.schema.Track, row: list[_Placed], transitions: list[Element], rate: Fraction, depth: int
    ) -> None:
        at = 0
        for placed in row:
            if placed.start > at:
                track.append(otio.schema.Gap(source_range=_range(0, placed.start - at, rate)))
            cut = next((t for t in transitions if _cut(t) == placed.start and at == placed.start and len(track)), None)
            if cut is not None:
                first, last = _whole(cut.findtext("start")) or 0, _whole(cut.findtext("end")) or 0
                track.append(
                    otio.schema.Transition(
                        (cut.findtext("effect/name") or "").strip(),
                        otio.schema.TransitionTypes.SMPTE_Dissolve,
                        rational_time(placed.start - first, rate),
                        rational_time(last - placed.start, rate),
                    )
                )
            track.append(self._item(placed, rate, depth))
            at = placed.end

    def _item(self, placed: _Placed, rate: Fraction, depth: int) -> otio.core.Item:
        self._items += 1
        if self._items > _MOST_ITEMS or depth > _DEEPEST:
            raise HostError("it holds more clips, or sequences nested more deeply, than any timeline does")
        element, frames = placed.element, placed.end - placed.start
        own_rate = _rate(element) or rate
        speed = _speed(element)
        # In points count frames of the item's own rate; of a retimed item those that it has after being retimed.
        begins = (_whole(element.findtext("in")) or 0) + placed.skipped * own_rate / rate
        consumed = frames * own_rate / rate * abs(speed)
        into = begins * abs(speed)
        nested = element.find("sequence")
        if nested is not None:
            item: otio.core.Item = self._nested(nested, rate, depth)
            start = into
        else:
            file = self._file(element)
            item = otio.schema.Clip(media_reference=self._reference(element, file, own_rate))
            first = 0 if file is None else max(0, _whole(file.findtext("timecode/frame")) or 0)
            length = None if file is None else _whole(file.findtext("duration"))
            if speed < 0 and length is not None:
                # Reversed, they count from the media's end; a source range begins where its earliest frame is.
                into = max(Fraction(0), length - into - consumed)
            start = first + into
        item.name = (element.findtext("name") or "").strip()
        item.enabled = (element.findtext("enabled") or "TRUE").strip() != "FALSE"
        item.source_range = TimeRange(rational_time(start, own_rate), rational_time(frames, rate))
        item.markers.extend(_markers(element, own_rate, start - begins))
        if speed == 0:
            item.effects.append(otio.schema.FreezeFrame())
        elif speed != 1:
            item.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(speed)))
        return item

    def _nested(self, element: Element, rate: Fraction, depth: int) -> otio.schema.Stack:
        sequence = element if element.find("media") is not None else self._sequences.get(element.get("id"))
        if sequence is None:
            return otio.schema.Stack()
        return self._stack(sequence, _rate(sequence) or rate, depth + 1)

    def _placed(self, track: Element) -> list[_Placed]:
        """The items of a track. At a transition an item says -1, and its in point is that of the transition's start."""
        placed = []
        children = [child for child in track if child.tag in (*_ITEMS, "transitionitem")]
        for position, named in enumerate(children):
            if named.tag == "transitionitem":
                continue
            child = named if len(named) else self._clips.get(named.get("id"), named)
            start, end = _whole(child.findtext("start")), _whole(child.findtext("end"))
            before = children[position - 1] if position else None
            after = children[position + 1] if position + 1 < len(children) else None
            skipped = 0
            if start == -1 and before is not None and before.tag == "transitionitem":
                start = _cut(before)
                skipped = 0 if start is None else start - (_whole(before.findtext("start")) or 0)
            if end == -1 and after is not None and after.tag == "transitionitem":
                end = _cut(after)
            if start is not None and end is not None and 0 <= start < end:
                placed.append(_Placed(child, start, end, skipped))
        return sorted(placed, key=lambda item: item.start)

    def _file(self, element: Element) -> Element | None:
        named = element.find("file")
        return None if named is None else self._files.get(named.get("id"), named)

    def _reference(self, element: Element, file: Element | None, rate: Fraction) -> otio.core.MediaReference:
        if element.tag == "generatoritem":
            kind = (element.findtext("effect/effectid") or "").strip()
            return otio.schema.GeneratorReference(name=(element.findtext("name") or "").strip(), generator_kind=kind)
        url = "" if file is None else (file.findtext("pathurl") or "").strip()
        if file is None or not url:
            return otio.schema.MissingReference()
        own_rate = _rate(file) or rate
        length = _whole(file.findtext("duration"))
        first = max(0, _whole(file.findtext("timecode/frame")) or 0)
        reference = otio.schema.ExternalReference(url, _range(first, length, own_rate) if length else None)
        reference.name = (file.findtext("name") or "").strip()
        return reference


def _cut(transition: Element) -> int | None:
    """Where a transition has its cut, by its alignment."""
    start, end = _whole(transition.findtext("start")), _whole(transition.findtext("end"))
    if start is None or end is None:
        return None
    alignment = (transition.findtext("alignment") or "center").strip()
    if alignment.startswith("start"):
        return start
    return end if alignment.startswith("end") else start + (end - start) // 2


def _rows(placed: list[_Placed]) -> list[list[_Placed]]:
    """Items of one track that overlap go to tracks of their own; an empty track stays one."""
    rows: list[list[_Placed]] = [[]]
    for item in placed:
        row = next((row for row in rows if not row or row[-1].end <= item.start), None)
        if row is None:
            rows.append([item])
            if len(rows) > _MOST_TRACKS:
                raise HostError("it holds more tracks than any timeline does")
        else:
            row.append(item)
    return rows


def _markers(element: Element, rate: Fraction, shift: Fraction | int) -> list[otio.schema.Marker]:
    markers = []
    for child in element.findall("marker"):
        start, end = _whole(child.findtext("in")), _whole(child.findtext("out"))
        if start is not None and start >= 0:
            frames = 1 if end is None or end <= start else end - start
            markers.append(
                otio.schema.Marker(
                    name=(child.findtext("name") or "").strip(),
                    marked_range=TimeRange(rational_time(start + shift, rate), rational_time(frames, rate)),
                    comment=(child.findtext("comment") or "").strip(),
                )
            )
    return markers


def _speed(item: Element) -> Fraction:
    """The speed of an item whose "timeremap" is one constant: below 0 for reversed; 1 for any other."""
    for effect in item.findall("filter/effect"):
        if (effect.findtext("effectid") or "").strip() != "timeremap":
            continue
        values = {p.findtext("parameterid"): (p.findtext("value") or "").strip() for p in effect.findall("parameter")}
        try:
            speed = Fraction(values.get("speed", "")) / 100
        except (ValueError, ZeroDivisionError):
            continue
        if values.get("variablespeed", "0") in ("0", "FALSE") and abs(speed) <= 100:
            return -abs(speed) if values.get("reverse") == "TRUE" else speed
    return Fraction(1)


def _rate(element: Element) -> Fraction | None:
    timebase = _whole(element.findtext("rate/timebase"))
    if timebase is None or not 0 < timebase <= 1_000_000:
        return None
    drops = (element.findtext("rate/ntsc") or "").strip().upper() == "TRUE"
    return exact_rate(Fraction(timebase * 1000, 1001) if drops else Fraction(timebase))


def _whole(text: str | None) -> int | None:
    """A count of frames, which some programs write as "0.0"."""
    try:
        value = round(float((text or "").strip()[:40]))
    except (ValueError, OverflowError):
        return None
    return value if abs(value) < _LONGEST else None


def _range(start: int, frames: int, rate: Fraction) -> TimeRange:
    return TimeRange(rational_time(start, rate), rational_time(frames, rate))
