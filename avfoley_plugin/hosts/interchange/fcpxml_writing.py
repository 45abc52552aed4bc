"""A timeline as Final Cut Pro's FCPXML 1.10. The lowest video track is the storyline; what is on
other tracks is connected to it, on lanes above or below. Sound that is cut as its picture stays
with it in one clip. Takes are an audition, the active one first. Markers of the timeline go on the
storyline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import opentimelineio as otio

from avfoley_plugin.hosts.items import items_of, speed_of
from avfoley_plugin.timeline.timing import exact_rate, exact_seconds, is_picture_rate, record_clock

_ZERO = Fraction(0)


def write_fcpxml(timeline: otio.schema.Timeline) -> bytes:
    """The document of a timeline whose media URLs are absolute."""
    return _Writer(timeline).document()


@dataclass
class _Piece:
    """An item on a track, in seconds from where its tracks start; ``local`` is where its own time begins."""

    item: otio.core.Item
    start: Fraction
    duration: Fraction
    local: Fraction
    element: Element | None = None
    has_audio: bool = False
    connected: list[Element] = field(default_factory=list)
    markers: list[Element] = field(default_factory=list)

    @property
    def end(self) -> Fraction:
        return self.start + self.duration


class _Writer:
    def __init__(self, timeline: otio.schema.Timeline) -> None:
        self._timeline = timeline
        self._clock = record_clock(timeline)
        self._resources = Element("resources")
        self._formats: dict[Fraction, str] = {}
        self._assets: dict[str, Element] = {}
        self._format = self._format_of(self._clock.rate)

    def document(self) -> bytes:
        root = Element("fcpxml", version="1.10")
        root.append(self._resources)
        event = SubElement(SubElement(root, "library"), "event", name="AVFoley")
        project = SubElement(event, "project", name=self._timeline.name or "AVFoley")
        start = self._clock.start / self._clock.rate
        project.append(self._sequence(self._timeline.tracks, start, self._timeline.tracks.markers))
        ElementTree.indent(root)
        body = ElementTree.tostring(root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{body}\n'.encode()

    def _sequence(self, stack: otio.schema.Stack, start: Fraction, markers: list[otio.schema.Marker]) -> Element:
        video = [self._pieces(track) for track in stack if _kind(track) == otio.schema.TrackKind.Video]
        audio = [self._pieces(track) for track in stack if _kind(track) == otio.schema.TrackKind.Audio]
        spine = self._spine(video[0] if video else [], [*video, *audio])
        rest = [(lane, piece) for lane, row in enumerate(video[1:], start=1) for piece in row]
        rest += [(-lane, one) for lane, row in enumerate(audio, start=1) for one in row if not _joined(one, spine)]
        for piece in spine:
            piece.element = self._element(piece, ("video", "audio") if piece.has_audio else ("video",))
            piece.element.set("offset", _time(start + piece.start))
        for lane, piece in rest:
            if not isinstance(piece.item, otio.schema.Gap):
                below = _at(spine, piece.start)
                element = self._element(piece, ("video",) if lane > 0 else ("audio",))
                element.set("lane", str(lane))
                element.set("offset", _time(below.local + piece.start - below.start))
                below.connected.append(element)
        for marker in markers:
            begins = exact_seconds(marker.marked_range.start_time) - self._clock.origin / self._clock.rate
            if spine:
                below = _at(spine, begins)
                below.markers.append(self._marker(marker, below.local + begins - below.start))
        duration = spine[-1].end if spine else _ZERO
        mode = "DF" if ";" in self._clock.timecode(0) else "NDF"
        made = Element("sequence", format=self._format, duration=_time(duration), tcStart=_time(start), tcFormat=mode)
        line = SubElement(made, "spine")
        for piece in spine:
            assert piece.element is not None
            # The order is the document type's: what is connected comes before markers.
            inner = piece.element if piece.element.tag != "audition" else piece.element[0]
            times = inner.findall("timeMap")
            others = [child for child in inner if child.tag != "timeMap"]
            inner[:] = [*times, *piece.connected, *others, *piece.markers]
            line.append(piece.element)
        return made

    def _spine(self, first: list[_Piece], rows: list[list[_Piece]]) -> list[_Piece]:
        """The storyline: the lowest video track, prolonged by a gap to where the last of the other tracks ends."""
        spine, pieces = list(first), [piece for row in rows for piece in row]
        end = max((piece.end for piece in pieces if not isinstance(piece.item, otio.schema.Gap)), default=_ZERO)
        reached = spine[-1].end if spine else _ZERO
        if end > reached:
            spine.append(_Piece(otio.schema.Gap(), reached, end - reached, _ZERO))
        audio = [piece for piece in pieces if _kind(piece.item.parent()) == otio.schema.TrackKind.Audio]
        for piece in spine:
            piece.has_audio = any(_same_cut(piece, other) for other in audio)
        return spine

    def _pieces(self, track: otio.schema.Track) -> list[_Piece]:
        pieces = []
        for item, at, duration in items_of(track):
            own_time = speed_of(item) == 1 and not isinstance(item, otio.schema.Gap)
            local = exact_seconds(item.trimmed_range().start_time) if own_time else _ZERO
            if duration > 0:
                pieces.append(_Piece(item, at, duration, local))
        return pieces

    def _element(self, piece: _Piece, kinds: tuple[str, ...]) -> Element:
        item = piece.item
        if isinstance(item, otio.schema.Gap):
            return Element("gap", name="Gap", start="0s", duration=_time(piece.duration))
        if isinstance(item, otio.core.Composition):
            element = Element("ref-clip", ref=self._compound(item), name=item.name or "Compound Clip")
            self._describe(element, piece, kinds)
            return element
        takes = self._takes(item)
        if len(takes) < 2:
            return self._clip(piece, item.media_reference, kinds)
        audition = Element("audition")
        audition.extend(self._clip(piece, reference, kinds) for reference in takes)
        return audition

    def _clip(self, piece: _Piece, reference: otio.core.MediaReference, kinds: tuple[str, ...]) -> Element:
        name = piece.item.name or reference.name or "Clip"
        if isinstance(reference, otio.schema.ExternalReference):
            element = Element("asset-clip", ref=self._asset(reference, piece, kinds), name=name)
        else:
            # Offline media and generators have no file to name; their place is kept by their name.
            element = Element("gap", name=name)
        self._describe(element, piece, kinds)
        return element

    def _describe(self, element: Element, piece: _Piece, kinds: tuple[str, ...]) -> None:
        # All takes of a clip have the same time at the shot's first frame.
        element.set("start", _time(piece.local))
        element.set("duration", _time(piece.duration))
        if element.tag != "gap" and len(kinds) == 1:
            element.set("srcEnable", kinds[0])
        if not piece.item.enabled:
            element.set("enabled", "0")
        begins = exact_seconds(piece.item.trimmed_range().start_time)
        speed = speed_of(piece.item)
        if speed != 1 and element.tag != "gap":
            first = begins if speed >= 0 else begins - speed * piece.duration
            time_map = SubElement(element, "timeMap")
            for time in (_ZERO, piece.duration):
                SubElement(time_map, "timept", time=_time(time), value=_time(first + speed * time), interp="linear")
        for marker in piece.item.markers:
            into = exact_seconds(marker.marked_range.start_time) - begins
            element.append(self._marker(marker, piece.local + into))

    def _marker(self, marker: otio.schema.Marker, start: Fraction) -> Element:
        duration = max(1 / self._clock.rate, exact_seconds(marker.marked_range.duration))
        element = Element("marker", start=_time(start), duration=_time(duration), value=marker.name)
        if marker.comment:
            element.set("note", marker.comment)
        return element

    def _takes(self, clip: otio.schema.Clip) -> list[otio.schema.ExternalReference]:
        active = clip.active_media_reference_key
        found = sorted(clip.media_references().items(), key=lambda entry: entry[0] != active)
        return [reference for _, reference in found if isinstance(reference, otio.schema.ExternalReference)]

    def _compound(self, stack: otio.core.Composition) -> str:
        is_track = isinstance(stack, otio.schema.Track)
        inner = otio.schema.Stack(children=[stack.deepcopy()]) if is_track else stack
        media = SubElement(self._resources, "media", id=self._new_id(), name=stack.name or "Compound Clip")
        media.append(self._sequence(inner, _ZERO, []))
        return media.get("id", "")

    def _asset(self, reference: otio.schema.ExternalReference, piece: _Piece, kinds: tuple[str, ...]) -> str:
        url, available = reference.target_url, reference.available_range
        asset = self._assets.get(url)
        if asset is None:
            name = reference.name or url.rpartition("/")[2]
            asset = SubElement(self._resources, "asset", id=self._new_id(), name=name)
            asset.set("start", _time(_ZERO if available is None else exact_seconds(available.start_time)))
            asset.set("duration", _time(piece.duration if available is None else exact_seconds(available.duration)))
            SubElement(asset, "media-rep", kind="original-media", src=url)
            self._assets[url] = asset
        if "video" in kinds:
            asset.set("hasVideo", "1")
            if available is not None and is_picture_rate(available.duration.rate):
                asset.set("format", self._format_of(exact_rate(available.duration.rate)))
        if "audio" in kinds:
            asset.attrib.update(hasAudio="1", audioSources="1", audioRate="48000")
        return asset.get("id", "")

    def _format_of(self, rate: Fraction) -> str:
        if rate not in self._formats:
            made = SubElement(self._resources, "format", id=self._new_id(), frameDuration=_time(1 / rate))
            self._formats[rate] = made.get("id", "")
        return self._formats[rate]

    def _new_id(self) -> str:
        return f"r{len(self._resources) + 1}"


def _at(spine: list[_Piece], time: Fraction) -> _Piece:
    return next((piece for piece in spine if piece.start <= time < piece.end), spine[-1])


def _joined(piece: _Piece, spine: list[_Piece]) -> bool:
    return any(other.has_audio and _same_cut(other, piece) for other in spine)


def _same_cut(one: _Piece, other: _Piece) -> bool:
    """Whether two items show the same stretch of the same file at the same time."""
    urls = {getattr(getattr(piece.item, "media_reference", None), "target_url", None) for piece in (one, other)}
    places = {(piece.start, piece.duration, piece.local, speed_of(piece.item)) for piece in (one, other)}
    return len(urls) == 1 and None not in urls and len(places) == 1


def _kind(track: otio.core.Composable | None) -> str:
    return str(getattr(track, "kind", otio.schema.TrackKind.Video))


def _time(seconds: Fraction) -> str:
    return f"{seconds.numerator}s" if seconds.denominator == 1 else f"{seconds.numerator}/{seconds.denominator}s"
