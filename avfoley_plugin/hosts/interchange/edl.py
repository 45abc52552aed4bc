"""Edit decision lists (CMX 3600), in and out, each channel as a track. OpenTimelineIO's adapter
reads one video track, and writes no sound. A list does not tell its frame rate: it is given, or
guessed from the timecodes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import opentimelineio as otio

from avfoley_plugin.errors import HostError, TimelineError
from avfoley_plugin.hosts.items import dissolve, frame_range, free_rows, gap, items_of, retime, speed_of
from avfoley_plugin.timeline.identity import CaptionIdentity, identity
from avfoley_plugin.timeline.timing import (
    exact_rate,
    format_timecode,
    frames,
    parse_timecode,
    rational_time,
    record_clock,
    round_half_up,
)

KEY = "cmx_3600"
_TIMECODE = r"\d{1,2}[:;.,]\d{2}[:;.,]\d{2}[:;.,]\d{2,3}"
_EVENT = re.compile(
    r"\s*(?P<number>\d{1,7})\s+(?P<reel>\S(?:.{0,127}\S)?)\s+(?P<channel>NONE|B|V\d{0,2}|A\d{0,2}|AA|A\d{0,2}/V|AA/V)"
    rf"\s+(?P<edit>C|D|W\w{{1,6}}|K\w{{0,2}})\s+(?:(?P<length>\d{{1,6}})\s+)?(?P<times>{_TIMECODE}(?:\s+{_TIMECODE}){{3}})\s*"
)
_RETIME = re.compile(
    rf"M2\s+(?P<reel>\S.{{0,127}}?)\s+(?P<speed>[+-]?\d{{1,5}}(?:\.\d{{1,6}})?)\s+(?P<at>{_TIMECODE})\s*"
)
_LOCATOR = re.compile(rf"\*\s*LOC:\s*(?P<at>{_TIMECODE})\s+(?P<color>\w+)\s*(?P<name>.*)")
_NOTE = re.compile(r"\*\s*(?P<key>(?:FROM|TO) CLIP(?: NAME)?|(?:SOURCE|FROM) FILE):\s*(?P<value>.*)")
_FILES = ("SOURCE FILE", "FROM FILE", "FROM CLIP", "TO CLIP")
_LONGEST_LINE = 1000
_MOST_EVENTS = 20_000
_COLORS = ("RED", "GREEN", "BLUE", "CYAN", "MAGENTA", "YELLOW", "BLACK", "WHITE")


@dataclass
class _Event:
    number: str
    reel: str
    channel: str
    edit: str
    length: int
    times: list[str]
    drop: bool
    speed: Fraction | None = None
    notes: dict[str, str] = field(default_factory=dict)
    locators: list[tuple[str, str, str]] = field(default_factory=list)


class _Placed(NamedTuple):
    """An event's record frames, and those of its source."""

    start: int
    end: int
    source_start: int
    source_end: int
    event: _Event


def read_edl(content: bytes, rate: Fraction | None = None) -> otio.schema.Timeline:
    """The timeline of a list, at `rate` or `guessed_rate`. Raises HostError if it holds none."""
    title, events = _parsed(_text(content))
    if not events:
        raise HostError("it holds no events of a CMX 3600 list")
    exact = rate or guessed_rate(events)
    try:
        return _timeline(title, events, exact)
    except TimelineError as error:
        raise HostError(f"{error}; if its rate is not {float(exact):.6g}, say so with --rate") from error


def guessed_rate(events: list[_Event]) -> Fraction:
    """29.97 for drop-frame, else the slowest of 24, 25, 30, 50 and 60 that has all frame numbers of the list."""
    if any(event.drop for event in events):
        return exact_rate(29.97)
    highest = max(int(re.split(r"[:;.,]", time)[3]) for event in events for time in event.times)
    return next((Fraction(rate) for rate in (24, 25, 30, 50, 60) if highest < rate), Fraction(120))


def write_edl(timeline: otio.schema.Timeline) -> bytes:
    """A list of the lowest video track and all audio tracks, the timeline's markers as locators."""
    clock = record_clock(timeline)
    mode = "DROP FRAME" if ";" in clock.timecode(0) else "NON-DROP FRAME"
    lines = [f"TITLE: {_line(timeline.name) or 'AVFoley'}", f"FCM: {mode}"]
    number = 0
    for channel, track in _channels(timeline):
        for item, at, duration in items_of(track):
            if isinstance(item, otio.schema.Clip) and item.enabled and duration > 0:
                number += 1
                first, end = (clock.absolute(round_half_up(time * clock.rate)) for time in (at, at + duration))
                lines += _event_lines(number, channel, item, first, end, clock.rate)
    for marker in timeline.tracks.markers:
        frame = frames(marker.marked_range.start_time, clock.rate) - clock.origin
        color = marker.color if marker.color in _COLORS else "CYAN"
        # A locator has one text: of a caption of ours that is the caption, of any other marker its name.
        ours = identity(marker, CaptionIdentity) is not None
        text = (marker.comment if ours else marker.name) or marker.name or marker.comment
        lines.append(f"* LOC: {clock.timecode(frame)} {color:<8}{_line(text)}")
    return ("\n".join(lines) + "\n").encode()


def _event_lines(
    number: int, channel: str, clip: otio.schema.Clip, first: int, last: int, rate: Fraction
) -> Iterator[str]:
    speed = speed_of(clip)
    start = frames(clip.trimmed_range().start_time, rate)
    end = start + max(1, round_half_up(abs(speed) * (last - first)))
    times = " ".join(format_timecode(frame, rate) for frame in (start, end, first, last))
    name = re.sub(r"[^A-Za-z0-9_]", "", clip.name.rpartition(".")[0] or clip.name)[:8].upper() or "AX"
    yield f"{number:03d}  {name:<8} {channel:<5} C        {times}"
    if speed != 1:
        yield f"M2   {name:<8} {float(speed * rate):05.1f}                {format_timecode(start, rate)}"
    yield f"* FROM CLIP NAME: {_line(clip.name)}"
    url = getattr(clip.media_reference, "target_url", "")
    if url:
        yield f"* SOURCE FILE: {_line(url)}"


def _channels(timeline: otio.schema.Timeline) -> Iterator[tuple[str, otio.schema.Track]]:
    yield from (("V", track) for track in timeline.video_tracks()[:1])
    for position, track in enumerate(timeline.audio_tracks(), start=1):
        yield "A" if position == 1 else f"A{position}", track


def _line(text: str) -> str:
    return " ".join(text.split())


def _text(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if "\0" in text:
        raise HostError("it is no text, and so no edit decision list")
    return text


def _parsed(text: str) -> tuple[str, list[_Event]]:
    title, drop = "", False
    events: list[_Event] = []
    for line in text.splitlines():
        if len(line) > _LONGEST_LINE:
            continue
        stripped = line.strip()
        if stripped.startswith("TITLE:"):
            title = title or stripped.removeprefix("TITLE:").strip()
        elif stripped.startswith("FCM:"):
            drop = "DROP" in stripped and "NON" not in stripped
        elif found := _EVENT.fullmatch(line):
            times = found["times"].split()
            length = int(found["length"] or 0)
            events.append(_Event(found["number"], found["reel"], found["channel"], found["edit"], length, times, drop))
            if len(events) > _MOST_EVENTS:
                raise HostError("it holds more events than any list does")
        elif events:
            _annotate(events, stripped)
    return title, events


def _annotate(events: list[_Event], line: str) -> None:
    """What follows an event belongs to it, or to all lines of its number."""
    event = events[-1]
    if found := _RETIME.fullmatch(line):
        of_reel = (e for e in reversed(events) if e.number == event.number and e.reel.startswith(found["reel"].strip()))
        next(of_reel, event).speed = Fraction(found["speed"])
    elif found := _LOCATOR.fullmatch(line):
        event.locators.append((found["at"], found["color"].upper(), found["name"].strip()))
    elif found := _NOTE.fullmatch(line):
        event.notes.setdefault(found["key"], found["value"].strip())


def _timeline(title: str, events: list[_Event], rate: Fraction) -> otio.schema.Timeline:
    drop = any(event.drop for event in events)
    placed: dict[str, list[_Placed]] = {}
    for event in events:
        source_in, source_out, record_in, record_out = (_frames(time, rate, event.drop) for time in event.times)
        if event.drop and event.speed is None and source_out - source_in != record_out - record_in:
            # The list counts drop-frame, but the source may not: its length then tells.
            first, last = (_frames(time, rate, drop=False) for time in event.times[:2])
            if last - first == record_out - record_in:
                source_in, source_out = first, last
        if record_out > record_in:
            for channel in _track_names(event.channel):
                placed.setdefault(channel, []).append(_Placed(record_in, record_out, source_in, source_out, event))
    start = min((one.start for row in placed.values() for one in row), default=0)
    timeline = otio.schema.Timeline(title, global_start_time=rational_time(start, rate))
    for channel in sorted(placed, key=lambda name: (name[0] != "V", int(name[1:]))):
        # Events of one channel that overlap are no cut.
        for row in free_rows(sorted(placed[channel], key=lambda one: one[:2])):
            kind = otio.schema.TrackKind.Video if channel[0] == "V" else otio.schema.TrackKind.Audio
            track = otio.schema.Track(name=channel, kind=kind)
            _fill(track, row, start, rate)
            timeline.tracks.append(track)
    for event in events:
        for at, color, name in event.locators:
            marked = frame_range(_frames(at, rate, drop) - start, 1, rate)
            known = color if color in _COLORS else otio.schema.MarkerColor.CYAN
            timeline.tracks.markers.append(otio.schema.Marker(name=name, marked_range=marked, color=known))
    return timeline


def _fill(track: otio.schema.Track, row: list[_Placed], start: int, rate: Fraction) -> None:
    at = start
    for placed in row:
        event, length = placed.event, placed.end - placed.start
        if placed.start > at:
            track.append(gap(placed.start - at, rate))
        if event.edit != "C" and event.length and len(track) and isinstance(track[-1], otio.schema.Clip):
            track.append(dissolve(event.edit, 0, min(event.length, length), rate))
        track.append(_clip(event, placed.source_start, placed.source_end, length, rate))
        at = placed.end


def _clip(event: _Event, source_in: int, source_out: int, length: int, rate: Fraction) -> otio.schema.Clip:
    key = "FROM CLIP NAME" if event.edit == "C" else "TO CLIP NAME"
    clip = otio.schema.Clip(name=event.notes.get(key) or event.notes.get("FROM CLIP NAME") or event.reel)
    clip.source_range = frame_range(source_in, length, rate)
    clip.metadata[KEY] = {"reel": event.reel, "event": event.number}
    file = next((event.notes[name] for name in _FILES if event.notes.get(name)), "")
    if file:
        clip.media_reference = otio.schema.ExternalReference(file)
    consumed = source_out - source_in
    speed = event.speed / rate if event.speed is not None else Fraction(consumed, length)
    if event.speed is not None or consumed >= 0:
        retime(clip, speed)
    return clip


def _track_names(channel: str) -> list[str]:
    """V1 and A1, A2, ... for a channel as the list names it."""
    if channel in ("NONE", "B"):
        return [] if channel == "NONE" else ["V1", "A1"]
    sound, _, picture = channel.partition("/")
    names = ["A1", "A2"] if sound == "AA" else [sound[0] + str(max(1, int(sound[1:] or 1)))]
    return ["V1", *names] if picture else names


def _frames(timecode: str, rate: Fraction, drop: bool) -> int:
    digits = re.split(r"[:;.,]", timecode)
    text = f"{digits[0]:0>2}:{digits[1]}:{digits[2]}"
    if drop or ";" in timecode:
        # A source may count non-drop in a drop-frame list: a number that drop-frame lacks tells.
        with contextlib.suppress(TimelineError):
            return parse_timecode(f"{text};{digits[3]}", rate)
    return parse_timecode(f"{text}:{digits[3]}", rate)
