"""Final Cut Pro's FCPXML (1.5 to 1.13) as a timeline, built to Apple's "FCPXML Reference". A
storyline is a track; what is connected on a lane goes to a track of that lane, above or below. An
item with both picture and sound is a clip on both a video and an audio track. Compound and
synchronised clips, and the angle of a multicam clip, are nested stacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from xml.etree.ElementTree import Element

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.interchange.markup import parse
from avfoley_plugin.hosts.items import dissolve, frame_range, gap, retime
from avfoley_plugin.timeline.timing import exact_rate, exact_seconds, rational_time

KEY = "fcpxml"
_KINDS = (otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio)
_ZERO = Fraction(0)
_ITEMS = ("asset-clip", "clip", "video", "audio", "ref-clip", "sync-clip", "mc-clip", "title", "gap", "live-drawing")
_MARKERS = ("marker", "chapter-marker")
_DEEPEST = 20
_MOST_ITEMS = 20_000
_MOST_TRACKS = 500
#: A day and more in either direction is no time of a timeline.
_LONGEST = 1_000_000


def read_fcpxml(content: bytes) -> otio.schema.Timeline:
    """The one project of a file. Raises HostError if it has none, or several, or is damaged."""
    root = parse(content)
    if root.tag != "fcpxml":
        raise HostError(f"it is not FCPXML: its root is <{root.tag[:40]}>")
    projects = [project for project in root.iter("project") if project.find("sequence") is not None]
    if not projects:
        raise HostError("it holds no project with a timeline, only clips; export the project from Final Cut Pro")
    if len(projects) > 1:
        names = ", ".join(repr(project.get("name", "")) for project in projects)
        raise HostError(f"it holds {len(projects)} projects ({names}); export one of them")
    return _Reader(root).timeline(projects[0])


@dataclass(frozen=True)
class _Asset:
    """A media file: its own start and duration in seconds of its timecode."""

    name: str
    url: str
    start: Fraction
    duration: Fraction
    rate: Fraction | None
    has_video: bool
    has_audio: bool


@dataclass
class _Placed:
    """An item where it plays, in seconds from the start of the composition that it is in."""

    lane: int
    kind: str
    start: Fraction
    item: otio.core.Item
    duration: Fraction

    @property
    def end(self) -> Fraction:
        return self.start + self.duration


#: Start, end and name.
_Transition = tuple[Fraction, Fraction, str]


@dataclass
class _Layout:
    """All items of one composition, and the transitions of its storyline."""

    placed: list[_Placed] = field(default_factory=list)
    transitions: list[_Transition] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    """Where items go: to a lane of a layout. ``depth`` is how deep they are nested."""

    layout: _Layout
    depth: int
    lane: int = 0

    def connected(self, lane: int) -> _Line:
        return _Line(self.layout, self.depth + 1, self.lane + lane)


class _Reader:
    def __init__(self, root: Element) -> None:
        resources = root.find("resources")
        self._resources = {} if resources is None else {child.get("id", ""): child for child in resources}
        self._rate = Fraction(0)
        self._items = 0

    def timeline(self, project: Element) -> otio.schema.Timeline:
        sequence = project.find("sequence")
        assert sequence is not None
        self._rate = self._format_rate(sequence.get("format")) or self._any_rate()
        start = _seconds(sequence.get("tcStart")) or _ZERO
        timeline = otio.schema.Timeline(project.get("name", ""), global_start_time=self._time(start))
        timeline.tracks = self._stack(sequence, 0)
        timeline.tracks.name = "tracks"
        return timeline

    def _any_rate(self) -> Fraction:
        rates = (self._format_rate(name) for name in self._resources)
        rate = next((rate for rate in rates if rate is not None), None)
        if rate is None:
            raise HostError("nothing in it tells the frame rate of its timeline")
        return rate

    def _format_rate(self, name: str | None) -> Fraction | None:
        found = self._resources.get(name or "")
        duration = None if found is None or found.tag != "format" else _seconds(found.get("frameDuration"))
        return exact_rate(1 / duration) if duration is not None and duration > 0 else None

    def _stack(self, sequence: Element, depth: int) -> otio.schema.Stack:
        """A sequence's tracks, which start where its timecode does."""
        layout = _Layout()
        start = _seconds(sequence.get("tcStart")) or _ZERO
        for spine in sequence.findall("spine")[:1]:
            self._storyline(spine, start, _Line(layout, depth), first=start)
        return self._tracks(layout)

    def _storyline(self, spine: Iterable[Element], origin: Fraction, line: _Line, first: Fraction = _ZERO) -> None:
        """The items of a storyline. Offsets are in its time; the composition begins at `origin`."""
        following = first
        for element in spine:
            if element.tag == "transition":
                start = _seconds(element.get("offset"))
                duration = _seconds(element.get("duration")) or _ZERO
                if start is not None and line.lane == 0:
                    line.layout.transitions.append((start - origin, start - origin + duration, element.get("name", "")))
                continue
            offset = _seconds(element.get("offset"))
            at = following if offset is None else offset
            following = at + self._place(element, at - origin, line)

    def _place(
        self, element: Element, at: Fraction, line: _Line, within: tuple[Fraction, Fraction] | None = None
    ) -> Fraction:
        """Places an item, as far as it lies `within`, and what is connected to it. Returns its duration."""
        chosen = _choice(element) if element.tag == "audition" else element
        if chosen is None or chosen.tag not in _ITEMS:
            return _ZERO
        self._items += 1
        if self._items > _MOST_ITEMS:
            raise HostError("it holds more clips than any timeline does")
        start, duration = self._range(chosen)
        if within is not None:
            first, end = max(at, within[0]), min(at + duration, within[1])
            at, start, duration = first, start + first - at, end - first
            if duration <= 0:
                return _ZERO
        alternatives = [other for other in element if other is not chosen and other.tag == "asset-clip"]
        others = alternatives if chosen is not element else ()
        for kind, item in self._made(chosen, start, duration, line.depth, others):
            item.enabled = chosen.get("enabled", "1") != "0"
            # Markers count in the element's time, which is not the source's where that is mapped.
            begins = exact_seconds(item.source_range.start_time)
            item.markers.extend(self._markers(chosen, begins - start))
            line.layout.placed.append(_Placed(line.lane, kind, at, item, duration))
        self._connected(chosen, at, start, duration, line)
        return duration

    def _connected(self, element: Element, at: Fraction, start: Fraction, duration: Fraction, line: _Line) -> None:
        """What hangs on an item: its offsets count in the item's own time, of which `start` is where it begins."""
        if line.depth > _DEEPEST:
            raise HostError("its clips are nested more deeply than any timeline's are")
        holders = [element]
        if element.tag == "clip":
            # The sound of a clip hangs on its picture, whose own time it counts in; it is cut as the clip is.
            holders += [child for child in element if child.tag in ("video", "audio") and child.get("lane") is None]
        for holder in holders:
            own = start if holder is element else _seconds(holder.get("start")) or _ZERO
            base = at if holder is element else at + (_seconds(holder.get("offset")) or _ZERO) - start
            for child in holder:
                if child.get("lane") is None or not (child.tag in _ITEMS or child.tag in ("spine", "audition")):
                    continue
                offset = _seconds(child.get("offset"))
                place = base + (own if offset is None else offset) - own
                inner = line.connected(_lane(child))
                if child.tag == "spine":
                    self._storyline(child, -place, inner)
                else:
                    self._place(child, place, inner, None if holder is element else (at, at + duration))

    def _range(self, element: Element) -> tuple[Fraction, Fraction]:
        """Start and duration of an item in its own time; by default all of its media."""
        asset = self._asset(element)
        start, duration = (_ZERO, _ZERO) if asset is None else (asset.start, asset.duration)
        own_start, own_duration = _seconds(element.get("start")), _seconds(element.get("duration"))
        return start if own_start is None else own_start, max(_ZERO, duration if own_duration is None else own_duration)

    def _made(
        self, element: Element, start: Fraction, duration: Fraction, depth: int, alternatives: Iterable[Element] = ()
    ) -> Iterator[tuple[str, otio.core.Item]]:
        """The items that an element is, one for each kind of track that it plays on."""
        if element.tag == "gap":
            return
        name = element.get("name", "")
        if element.tag in ("ref-clip", "mc-clip", "sync-clip"):
            for kind, stack in self._nested(element, depth + 1):
                stack.name = name
                self._retime(element, stack, start, duration)
                yield kind, stack
            return
        content = _content(element) if element.tag == "clip" else element
        asset = None if content is None else self._asset(content)
        if content is not None and content is not element:
            # What a clip shows is laid out in the clip's time.
            start += (_seconds(content.get("start")) or _ZERO) - (_seconds(content.get("offset")) or _ZERO)
        for kind in _kinds(element, content, asset):
            clip = otio.schema.Clip(name=name or ("" if asset is None else asset.name))
            clip.media_reference = self._reference(element, asset)
            self._retime(element, clip, start, duration)
            self._add_alternatives(clip, start, alternatives)
            yield kind, clip

    def _add_alternatives(self, clip: otio.schema.Clip, start: Fraction, alternatives: Iterable[Element]) -> None:
        """The other clips of an audition as further media of the one that it shows."""
        references = {clip.DEFAULT_MEDIA_KEY: clip.media_reference.deepcopy()}
        for number, element in enumerate(alternatives, start=2):
            asset = self._asset(element)
            if asset is not None:
                reference = self._reference(element, asset)
                own = reference.available_range
                if own is not None:
                    # All media of a clip share its source range: theirs is moved to where the clip's begins.
                    moved = asset.start + start - self._range(element)[0]
                    reference.available_range = TimeRange(_time(moved, exact_rate(own.duration.rate)), own.duration)
                references[f"alternative {number}"] = reference
        if len(references) > 1:
            clip.set_media_references(references, clip.DEFAULT_MEDIA_KEY)

    def _nested(self, element: Element, depth: int) -> Iterator[tuple[str, otio.schema.Stack]]:
        if depth > _DEEPEST:
            raise HostError("its compound clips are nested more deeply than any timeline's are, or in themselves")
        stack: otio.schema.Stack | None = None
        if element.tag == "sync-clip":
            layout = _Layout()
            inner = [child for child in element if child.get("lane") is None]
            spines = [child for child in inner if child.tag == "spine"]
            items = list(spines[0]) if spines else [child for child in inner if child.tag in _ITEMS]
            self._storyline(items, _ZERO, _Line(layout, depth))
            stack = self._tracks(layout)
        else:
            media = self._resources.get(element.get("ref", ""))
            sequence = None if media is None else media.find("sequence")
            if sequence is not None:
                stack = self._stack(sequence, depth)
            elif media is not None and (multicam := media.find("multicam")) is not None:
                stack = self._angle(element, multicam, depth)
        if stack is None:
            return
        kinds = {track.kind for track in stack}
        for kind in _enabled(element):
            if kind in kinds:
                only = stack.deepcopy()
                only[:] = [track.deepcopy() for track in stack if track.kind == kind]
                yield kind, only

    def _angle(self, element: Element, multicam: Element, depth: int) -> otio.schema.Stack:
        angles = {angle.get("angleID"): angle for angle in multicam.findall("mc-angle")}
        layout = _Layout()
        chosen: dict[str, Element | None] = {}
        for source in element.findall("mc-source"):
            for kind in _enabled(source):
                chosen.setdefault(kind, angles.get(source.get("angleID")))
        start = _seconds(multicam.get("tcStart")) or _ZERO
        for kind, angle in chosen.items():
            if angle is not None:
                shown = _Layout()
                self._storyline(angle, start, _Line(shown, depth), first=start)
                layout.placed += [placed for placed in shown.placed if placed.kind == kind]
        return self._tracks(layout)

    def _retime(self, element: Element, item: otio.core.Item, start: Fraction, duration: Fraction) -> None:
        """Gives an item its source range and its speed: a time map goes from the item's time to its source's."""
        points = _time_points(element)
        if len(points) > 1 and duration > 0:
            begin, end = _mapped(points, start), _mapped(points, start + duration)
            speed = (end - begin) / duration
            start = begin if speed >= 0 else end
            retime(item, speed)
        if isinstance(item, otio.schema.Stack):
            media = self._resources.get(element.get("ref", ""))
            composition = None if media is None else next(iter(media), None)
            start -= (None if composition is None else _seconds(composition.get("tcStart"))) or _ZERO
        item.source_range = self._time_range(start, duration)

    def _asset(self, element: Element) -> _Asset | None:
        found = self._resources.get(element.get("ref", ""))
        if found is None or found.tag != "asset":
            return None
        representation = found.find("media-rep")
        url = found.get("src") or (None if representation is None else representation.get("src")) or ""
        start, duration = (_seconds(found.get(name)) or _ZERO for name in ("start", "duration"))
        rate, has_video, has_audio = found.get("format"), found.get("hasVideo") == "1", found.get("hasAudio") == "1"
        name = found.get("name", "")
        return _Asset(name, url, start, max(_ZERO, duration), self._format_rate(rate), has_video, has_audio)

    def _reference(self, element: Element, asset: _Asset | None) -> otio.core.MediaReference:
        if asset is None:
            effect = self._resources.get(element.get("ref", ""))
            if effect is not None and effect.tag == "effect":
                return otio.schema.GeneratorReference(name=effect.get("name", ""), generator_kind=element.tag)
            return otio.schema.MissingReference()
        rate = asset.rate or self._rate
        available = frame_range(asset.start * rate, asset.duration * rate, rate) if asset.duration > 0 else None
        reference = otio.schema.ExternalReference(asset.url, available)
        reference.name = asset.name
        return reference

    def _markers(self, element: Element, shift: Fraction) -> list[otio.schema.Marker]:
        markers = []
        for child in element:
            start = _seconds(child.get("start")) if child.tag in _MARKERS else None
            if start is not None:
                length = _seconds(child.get("duration")) or 1 / self._rate
                marked = self._time_range(start + shift, length)
                marker = otio.schema.Marker(child.get("value", ""), marked, comment=child.get("note", ""))
                marker.metadata[KEY] = {"kind": child.tag}
                markers.append(marker)
        return markers

    def _tracks(self, layout: _Layout) -> otio.schema.Stack:
        """Tracks with gaps out of placed items: video tracks by lane, then audio tracks."""
        stack = otio.schema.Stack()
        for kind in _KINDS:
            rows: dict[tuple[int, int], list[_Placed]] = {}
            for placed in sorted((p for p in layout.placed if p.kind == kind), key=lambda p: (p.lane, p.start)):
                number = 0
                # Two storylines of one lane may overlap: then the second is on a track of its own.
                while (row := rows.get((placed.lane, number))) and row[-1].end > placed.start:
                    number += 1
                if number > _MOST_TRACKS:
                    raise HostError("it holds more tracks than any timeline does")
                rows.setdefault((placed.lane, number), []).append(placed)
            for position, ((lane, number), row) in enumerate(sorted(rows.items()), start=1):
                track = otio.schema.Track(name=f"{kind[0]}{position}", kind=kind)
                track.metadata[KEY] = {"lane": lane}
                self._fill(track, row, layout.transitions if lane == number == 0 else [])
                stack.append(track)
        return stack

    def _fill(self, track: otio.schema.Track, row: list[_Placed], transitions: list[_Transition]) -> None:
        at = _ZERO
        for placed in row:
            if placed.start > at:
                track.append(gap((placed.start - at) * self._rate, self._rate))
            cut = placed.start
            over = next((t for t in transitions if t[0] < cut < t[1] or (t[0] == cut and not len(track))), None)
            if over is not None and track.kind == otio.schema.TrackKind.Video:
                start, end, name = over
                track.append(dissolve(name, (cut - start) * self._rate, (end - cut) * self._rate, self._rate))
            track.append(placed.item)
            at = max(at, placed.end)

    def _time(self, seconds: Fraction) -> RationalTime:
        return _time(seconds, self._rate)

    def _time_range(self, start: Fraction, duration: Fraction) -> TimeRange:
        return frame_range(start * self._rate, duration * self._rate, self._rate)


def _time(seconds: Fraction, rate: Fraction) -> RationalTime:
    return rational_time(seconds * rate, rate)


def _seconds(text: str | None) -> Fraction | None:
    """A time as FCPXML writes it, "1001/30000s" or "5s", in seconds; None without one."""
    if text is None:
        return None
    try:
        number, _, unit = text.strip().partition("s")
        if unit or len(number) > 60:
            raise ValueError
        seconds = Fraction(number)
    except (ValueError, ZeroDivisionError) as error:
        raise HostError(f"{text[:60]!r} is not a time of FCPXML") from error
    if abs(seconds) > _LONGEST:
        raise HostError(f"{text[:60]!r} is longer than any timeline")
    return seconds


def _lane(element: Element) -> int:
    try:
        return max(-1000, min(1000, int(element.get("lane", "0"))))
    except ValueError:
        return 0


def _choice(audition: Element) -> Element | None:
    """The clip that an audition shows: its first."""
    return next((child for child in audition if child.tag in _ITEMS), None)


def _content(clip: Element) -> Element | None:
    """What a <clip> shows, which is laid out in it like on a storyline."""
    inner = [child for child in clip if child.get("lane") is None]
    inner += [child for spine in inner if spine.tag == "spine" for child in spine]
    return next((child for child in inner if child.tag in ("video", "audio", "asset-clip")), None)


def _enabled(element: Element) -> list[str]:
    """The kinds of track that an element's sources are switched on for."""
    return [kind for kind in _KINDS if element.get("srcEnable", "all") in ("all", kind.lower())]


def _kinds(element: Element, content: Element | None, asset: _Asset | None) -> list[str]:
    """The kinds of track that an element plays on."""
    tag = element.tag if content is None else content.tag
    video, audio = _KINDS
    if tag == "audio":
        return [audio]
    if tag in ("video", "title", "live-drawing") or asset is None:
        return [video]
    return [kind for kind in _enabled(element) if (asset.has_video if kind == video else asset.has_audio)]


def _time_points(element: Element) -> list[tuple[Fraction, Fraction]]:
    found = [point for time_map in element.findall("timeMap")[:1] for point in time_map.findall("timept")]
    pairs = ((_seconds(point.get("time")), _seconds(point.get("value"))) for point in found)
    return sorted({time: value for time, value in pairs if time is not None and value is not None}.items())


def _mapped(points: list[tuple[Fraction, Fraction]], time: Fraction) -> Fraction:
    """The source time of an instant: between two points in a straight line, beyond them as the nearest two go on."""
    pairs = list(pairwise(points))
    (t0, v0), (t1, v1) = next((pair for pair in pairs if time <= pair[1][0]), pairs[-1])
    return v0 + (v1 - v0) * (time - t0) / (t1 - t0)
