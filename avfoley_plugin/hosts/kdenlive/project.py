"""A Kdenlive project as MLT XML. Up to 22.12 its timeline is one tractor, the file's last. From
23.04 each sequence is a tractor with a ``kdenlive:uuid``; one more, the
``kdenlive:projectTractor``, plays the one that was open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PureWindowsPath

from avfoley_plugin.errors import HostError, TimelineError
from avfoley_plugin.hosts.kdenlive.markup import Document, Element
from avfoley_plugin.timeline.timing import exact_rate, is_picture_rate, parse_timecode, round_half_up

#: Kdenlive 23.04 and later have sequences, which keep these for themselves.
DOCUMENT = "kdenlive:docproperties."
_SEQUENCE = "kdenlive:sequenceproperties."

#: What is no track of the user's, by the id of its playlist.
_INTERNAL = ("timeline_preview", "timeline_overlay", "black_track", "playlistmain")
_PRODUCERS = ("producer", "chain", "playlist", "tractor")
_LARGEST = 2**31 - 1
_CLOCK = re.compile(r"(-?)(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d{1,9})?)")
_FRAMES = re.compile(r"-?\d{1,10}")


@dataclass(frozen=True)
class Track:
    """A track of a sequence. ``number`` is MLT's, counted from 0, the black one under all;
    ``label`` is Kdenlive's, like V1 or A2.
    """

    number: int
    reference: Element
    element: Element
    playlists: tuple[Element, ...]
    audio: bool
    label: str
    name: str
    enabled: bool


@dataclass(frozen=True)
class Slot:
    """An entry on a track: it plays `frames` frames of its producer, from ``in_point``, at record frame ``start``."""

    start: int
    frames: int
    in_point: int
    playlist: int
    entry: Element
    producer: Element

    @property
    def end(self) -> int:
        return self.start + self.frames


class Project:
    """A ``.kdenlive`` file's content. Raises HostError if it is none, or is damaged."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.path = path
        self.document = Document(content)
        self.root: Element = self.document.root
        if self.root.tag != "mlt":
            raise HostError(f"its root is <{self.root.tag}>, not <mlt>; it is no project of Kdenlive")
        self.rate = self._profile_rate()
        self.producers = {
            element.attributes["id"]: element
            for element in self.root.children
            if element.tag in _PRODUCERS and "id" in element.attributes
        }
        bin_playlist = self.producers.get("main_bin")
        if "main bin" in self.producers:
            raise HostError("it was made before 19.04 of Kdenlive; open it in a later one and save it")
        if bin_playlist is None:
            raise HostError("it has no bin; it is no project of Kdenlive, or one that another program wrote")
        self.main_bin = bin_playlist
        self.sequence = self._active_sequence()

    @property
    def has_sequences(self) -> bool:
        """Whether guides and targets belong to the sequence (23.04 and later), not to the project."""
        return "kdenlive:uuid" in self.sequence.properties

    @property
    def sequence_id(self) -> str:
        """The uuid of the sequence; empty in a project that has but one timeline."""
        return self.sequence.properties.get("kdenlive:uuid", "")

    @property
    def settings(self) -> tuple[Element, str]:
        """The element that has the timeline's own settings as properties, and how their names begin."""
        return (self.sequence, _SEQUENCE) if self.has_sequences else (self.main_bin, DOCUMENT)

    def setting(self, name: str) -> str:
        """A setting of the timeline; empty if it has none of that name."""
        element, prefix = self.settings
        return element.properties.get(prefix + name, "")

    @cached_property
    def folder(self) -> Path:
        """The folder that relative resources are in: the project's ``root`` if it is there, else that of the file."""
        root = Path(self.root.attributes.get("root", ""))
        try:
            return root if root.is_absolute() and root.is_dir() else self.path.parent
        except OSError:
            # No folder has a name that long.
            return self.path.parent

    def resource(self, text: str) -> Path:
        """The file that a resource names."""
        return Path(PureWindowsPath(text).as_posix()) if PureWindowsPath(text).drive else self.folder / text

    def producer_of(self, entry: Element) -> Element | None:
        """What an entry plays; None if it is not in the file."""
        return self.producers.get(entry.attributes.get("producer", ""))

    @cached_property
    def bin_clips(self) -> dict[str, Element]:
        """The clips of the bin by their ``kdenlive:id``."""
        clips = [clip for clip in map(self.producer_of, self.main_bin["entry"]) if clip is not None]
        return {clip.properties["kdenlive:id"]: clip for clip in clips if "kdenlive:id" in clip.properties}

    def bin_clip(self, entry: Element, producer: Element) -> Element | None:
        """The clip of the bin that an entry on a track is made of; None if it has none."""
        names = (entry.properties.get("kdenlive:id"), producer.properties.get("kdenlive:id"))
        return next((self.bin_clips[name] for name in names if name in self.bin_clips), None)

    def frames(self, text: str) -> int:
        """The frames that MLT's way to write a time means: a count, a clock (``00:00:05.080``) or a timecode."""
        text = text.strip()
        try:
            if _FRAMES.fullmatch(text):
                count = int(text)
            elif match := _CLOCK.fullmatch(text):
                sign, hours, minutes, seconds = match.groups()
                clock = int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds.replace(",", "."))
                count = round_half_up(clock * self.rate) * (-1 if sign else 1)
            else:
                count = parse_timecode(text, self.rate)
        except TimelineError as error:
            raise HostError(f"it has a time that cannot be read: {error}; open the project in Kdenlive") from error
        if abs(count) > _LARGEST:
            raise HostError(f"its time {text} is longer than MLT can count; open the project in Kdenlive and save it")
        return count

    def clock(self, frames: int) -> str:
        """A count of frames as Kdenlive writes it, ``HH:MM:SS.mmm``."""
        seconds, thousandths = divmod(round_half_up(frames * 1000 / self.rate), 1000)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"

    def reach(self, first: int, frames: int) -> dict[str, str]:
        """The attributes of what plays so many frames, from its first."""
        return {"in": self.clock(first), "out": self.clock(first + frames - 1)}

    def tracks(self, sequence: Element) -> list[Track]:
        """The user's tracks of a sequence, the lowest first."""
        found = []
        for number, reference in enumerate(sequence["track"]):
            element = self._named(reference, "track")
            if element.tag == "playlist":
                playlists: tuple[Element, ...] = (element,)
                hidden = [_hidden(reference)]
            elif element.tag == "tractor":
                parts = element["track"]
                playlists = tuple(self._named(part, "track") for part in parts)
                hidden = [_hidden(part) | _hidden(reference) for part in parts]
            else:
                continue
            if element.attributes.get("id") in _INTERNAL or any(part.tag != "playlist" for part in playlists):
                continue
            audio = any(part.properties.get("kdenlive:audio_track") == "1" for part in (element, *playlists))
            enabled = not hidden or not all(("audio" if audio else "video") in kinds for kinds in hidden)
            name = element.properties.get("kdenlive:track_name", "")
            found.append(Track(number, reference, element, playlists, audio, "", name, enabled))
        return _labelled(found)

    def slots(self, track: Track) -> list[Slot]:
        """All entries of a track in the order in which they play."""
        found = [slot for number, part in enumerate(track.playlists) for slot in self._slots(part, number)]
        return sorted(found, key=lambda slot: (slot.start, slot.end))

    def length(self, producer: Element) -> int | None:
        """The length of a producer in frames; None if it does not tell."""
        if "length" in producer.properties:
            return self.frames(producer.properties["length"])
        return self.frames(producer.attributes["out"]) + 1 if "out" in producer.attributes else None

    def _slots(self, playlist: Element, number: int) -> Iterator[Slot]:
        at = 0
        for child in playlist.children:
            if child.tag == "blank":
                at += max(0, self.frames(child.attributes.get("length", "0")))
            elif child.tag == "entry":
                producer = self._named(child, "clip")
                first = self.frames(child.attributes.get("in", producer.attributes.get("in", "0")))
                last = self._last(child, producer)
                if last < first or first < 0:
                    raise HostError(f"a clip on its timeline plays from frame {first} to {last}, which is no range")
                yield Slot(at, last - first + 1, first, number, child, producer)
                at += last - first + 1
            if at > _LARGEST:
                raise HostError("a track of it is longer than MLT can count; open the project in Kdenlive and save it")

    def _last(self, entry: Element, producer: Element) -> int:
        for element in (entry, producer):
            if "out" in element.attributes:
                return self.frames(element.attributes["out"])
        length = self.length(producer)
        if length is None:
            raise HostError("a clip on its timeline has no length; open the project in Kdenlive and save it")
        return length - 1

    def _named(self, reference: Element, what: str) -> Element:
        """The producer that an element refers to."""
        found = self.producer_of(reference)
        if found is None:
            name = reference.attributes.get("producer", "")
            raise HostError(f"a {what} of it is {name!r}, which is not in the file; open it in Kdenlive to repair it")
        return found

    def _profile_rate(self) -> Fraction:
        profile = next(iter(self.root["profile"]), None)
        try:
            if profile is None:
                raise ValueError
            number, unit = (int(profile.attributes[f"frame_rate_{part}"]) for part in ("num", "den"))
            rate = exact_rate(Fraction(number, unit))
            if not is_picture_rate(rate) or unit > 1_000_000:
                raise ValueError
        except (KeyError, ValueError, ZeroDivisionError, TimelineError):
            raise HostError("it does not say its frame rate; open it in Kdenlive and save it") from None
        return rate

    def _active_sequence(self) -> Element:
        tractors = self.root["tractor"]
        candidates = tractors[-1:]
        named = self.producers.get(self.main_bin.properties.get(f"{DOCUMENT}activetimeline", ""))
        if named is not None:
            candidates.append(named)
        for tractor in tractors:
            if tractor.properties.get("kdenlive:projectTractor") == "1" and tractor["track"]:
                candidates.append(self._named(tractor["track"][0], "sequence"))
        if not candidates or candidates[-1].tag != "tractor":
            raise HostError("it has no timeline; open it in Kdenlive and save it")
        return candidates[-1]


def _hidden(reference: Element) -> frozenset[str]:
    """What of a track is switched off: "video", "audio", or both."""
    hide = reference.attributes.get("hide", "")
    return frozenset(("video", "audio") if hide == "both" else (hide,))


def _labelled(tracks: list[Track]) -> list[Track]:
    """The tracks with Kdenlive's labels: V1 is the lowest video track, A1 the highest audio track."""
    audio, video = sum(track.audio for track in tracks), 0
    labelled = []
    for track in tracks:
        video += not track.audio
        label = f"A{audio}" if track.audio else f"V{video}"
        audio -= track.audio
        labelled.append(replace(track, label=label, name=track.name or label))
    return labelled
