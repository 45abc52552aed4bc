"""FCP7 XML ("xmeml" 4 and 5) as a timeline, built to Apple's "Final Cut Pro XML Interchange
Format". Items are read from where they say that they play; OpenTimelineIO's adapter lays them out
one after the other, which moves those that overlap.
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
from avfoley_plugin.hosts.items import dissolve, frame_range, free_rows, gap, retime
from avfoley_plugin.timeline.timing import exact_rate, rational_time

_ITEMS = ("clipitem", "generatoritem")
_KINDS = {"video": otio.schema.TrackKind.Video, "audio": otio.schema.TrackKind.Audio}
_DEEPEST = 20
_MOST_ITEMS = 20_000
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
    """An item, in frames of its sequence; it plays from ``skipped`` frames after its in point."""

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
        start = rational_time(_first_frame(sequence), rate)
        timeline = otio.schema.Timeline(_text(sequence, "name"), global_start_time=start)
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
                for row in free_rows(self._placed(element)) or [[]]:
                    number += 1
                    track = otio.schema.Track(name=f"{kind[0]}{number}", kind=kind)
                    track.enabled = _text(element, "enabled") != "FALSE"
                    self._fill(track, row, element, rate, depth)
                    stack.append(track)
        return stack

    def _fill(self, track: otio.schema.Track, row: list[_Placed], element: Element, rate: Fraction, depth: int) -> None:
        transitions = element.findall("transitionitem")
        at = 0
        for placed in row:
            if placed.start > at:
                track.append(gap(placed.start - at, rate))
            cut = next((t for t in transitions if _cut(t) == placed.start and at == placed.start and len(track)), None)
            if cut is not None:
                first, last = (frame or 0 for frame in _span(cut, "start", "end"))
                track.append(dissolve(_text(cut, "effect/name"), placed.start - first, last - placed.start, rate))
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
            first = 0 if file is None else _first_frame(file)
            length = None if file is None else _whole(file.findtext("duration"))
            if speed < 0 and length is not None:
                # Reversed, they count from the media's end; a source range begins where its earliest frame is.
                into = max(Fraction(0), length - into - consumed)
            start = first + into
        item.name, item.enabled = _text(element, "name"), _text(element, "enabled") != "FALSE"
        item.source_range = TimeRange(rational_time(start, own_rate), rational_time(frames, rate))
        item.markers.extend(_markers(element, own_rate, start - begins))
        retime(item, speed)
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
            start, end = _span(child, "start", "end")
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
            kind = _text(element, "effect/effectid")
            return otio.schema.GeneratorReference(name=_text(element, "name"), generator_kind=kind)
        url = "" if file is None else _text(file, "pathurl")
        if file is None or not url:
            return otio.schema.MissingReference()
        length = _whole(file.findtext("duration"))
        available = frame_range(_first_frame(file), length, _rate(file) or rate) if length else None
        reference = otio.schema.ExternalReference(url, available)
        reference.name = _text(file, "name")
        return reference


def _cut(transition: Element) -> int | None:
    """Where a transition has its cut, by its alignment."""
    start, end = _span(transition, "start", "end")
    if start is None or end is None:
        return None
    alignment = _text(transition, "alignment")
    if alignment.startswith("start"):
        return start
    return end if alignment.startswith("end") else start + (end - start) // 2


def _markers(element: Element, rate: Fraction, shift: Fraction | int) -> list[otio.schema.Marker]:
    markers = []
    for child in element.findall("marker"):
        start, end = _span(child, "in", "out")
        if start is not None and start >= 0:
            marked = frame_range(start + shift, 1 if end is None or end <= start else end - start, rate)
            name, comment = _text(child, "name"), _text(child, "comment")
            markers.append(otio.schema.Marker(name=name, marked_range=marked, comment=comment))
    return markers


def _speed(item: Element) -> Fraction:
    """The speed of an item whose "timeremap" is one constant: below 0 for reversed; 1 for any other."""
    for effect in item.findall("filter/effect"):
        if _text(effect, "effectid") != "timeremap":
            continue
        values = {p.findtext("parameterid"): _text(p, "value") for p in effect.findall("parameter")}
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
    drops = _text(element, "rate/ntsc").upper() == "TRUE"
    return exact_rate(Fraction(timebase * 1000, 1001) if drops else Fraction(timebase))


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _span(element: Element, first: str, last: str) -> tuple[int | None, int | None]:
    return _whole(element.findtext(first)), _whole(element.findtext(last))


def _first_frame(element: Element) -> int:
    """The frame that the timecode of a sequence or a file begins with."""
    return max(0, _whole(element.findtext("timecode/frame")) or 0)


def _whole(text: str | None) -> int | None:
    """A count of frames, which some programs write as "0.0"."""
    try:
        value = round(float((text or "").strip()[:40]))
    except (ValueError, OverflowError):
        return None
    return value if abs(value) < _LONGEST else None
