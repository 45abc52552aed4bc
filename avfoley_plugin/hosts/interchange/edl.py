"""Edit decision lists (CMX 3600), in and out.

The adapter that OpenTimelineIO has for them reads one video track at one given rate, and writes no sound. Here each
channel is a track. A list does not tell its frame rate: it is given, or guessed from the timecodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import opentimelineio as otio
from opentimelineio.opentime import TimeRange

from avfoley_plugin.errors import HostError, TimelineError
from avfoley_plugin.timeline.identity import CaptionIdentity, identity
from avfoley_plugin.timeline.timing import (
    exact_frames,
    exact_rate,
    exact_seconds,
    format_timecode,
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
_NOTE = re.compile(
    r"\*\s*(?P<key>FROM CLIP NAME|TO CLIP NAME|SOURCE FILE|FROM FILE|FROM CLIP|TO CLIP):\s*(?P<value>.*)"
)
_FILES = ("SOURCE FILE", "FROM FILE", "FROM CLIP", "TO CLIP")
_LONGEST_LINE = 1000
_MOST_EVENTS = 20_000
_MOST_TRACKS = 500
_COLORS = {name: name for name in ("RED", "GREEN", "BLUE", "CYAN", "MAGENTA", "YELLOW", "BLACK", "WHITE")}


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


def read_edl(content: bytes, rate: Fraction | None = None) -> otio.schema.Timeline:
    """The timeline of a list; `rate` is its frame rate, else it is guessed: see `guessed_rate`. Raises HostError if it
    holds no events, or times that are none.
    """
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


def write_edl(timeline: otio.schema.Timeline) -> str:
    """A list of the lowest video track and all audio tracks, the timeline's markers as locators."""
    clock = record_clock(timeline)
    lines = [f"TITLE: {_line(timeline.name) or 'AVFoley'}"]
    drop = ";" in clock.timecode(0)
    lines.append(f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}")
    number = 0
    for channel, track in _channels(timeline):
        at = Fraction(0)
        for child in track:
            if not isinstance(child, otio.core.Item):
                continue
            plays = child.trimmed_range()
            length = exact_frames(plays.duration, clock.rate)
            if isinstance(child, otio.schema.Clip) and child.enabled and length > 0:
                number += 1
                first, last = round_half_up(at), round_half_up(at + length)
                lines += _event_lines(number, channel, child, clock.absolute(first), clock.absolute(last), clock.rate)
            at += length
    for marker in timeline.tracks.markers:
        frame = round_half_up(exact_frames(marker.marked_range.start_time, clock.rate)) - clock.origin
        color = marker.color if marker.color in _COLORS else "CYAN"
        # A locator has one text: of a caption of ours that is the caption, of any other marker its name.
        ours = identity(marker, CaptionIdentity) is not None
        text = (marker.comment if ours else marker.name) or marker.name or marker.comment
        lines.append(f"* LOC: {clock.timecode(frame)} {color:<8}{_line(text)}")
    return "\n".join(lines) + "\n"


def _event_lines(
    number: int, channel: str, clip: otio.schema.Clip, first: int, last: int, rate: Fraction
) -> Iterator[str]:
    speed = Fraction(1)
    for effect in clip.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            speed *= Fraction(effect.time_scalar).limit_denominator(1_000_000)
    start = round_half_up(exact_seconds(clip.trimmed_range().start_time) * rate)
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
    video = [track for track in timeline.tracks if track.kind == otio.schema.TrackKind.Video]
    audio = [track for track in timeline.tracks if track.kind == otio.schema.TrackKind.Audio]
    if video:
        yield "V", video[0]
    for position, track in enumerate(audio, start=1):
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
    placed: dict[str, list[tuple[int, int, int, int, _Event]]] = {}
    for event in events:
        source_in, source_out, record_in, record_out = (_frames(time, rate, event.drop) for time in event.times)
        if event.drop and event.speed is None and source_out - source_in != record_out - record_in:
            # The list counts drop-frame, but the source may not: its length then tells.
            first, last = (_frames(time, rate, drop=False) for time in event.times[:2])
            if last - first == record_out - record_in:
                source_in, source_out = first, last
        if record_out > record_in:
            for channel in _track_names(event.channel):
                placed.setdefault(channel, []).append((record_in, record_out, source_in, source_out, event))
    start = min((row[0][0] for row in map(_by_record, placed.values())), default=0)
    timeline = otio.schema.Timeline(title, global_start_time=rational_time(start, rate))
    for channel in sorted(placed, key=lambda name: (name[0] != "V", int(name[1:]))):
        for row in _free_rows(_by_record(placed[channel])):
            kind = otio.schema.TrackKind.Video if channel[0] == "V" else otio.schema.TrackKind.Audio
            track = otio.schema.Track(name=channel, kind=kind)
            _fill(track, row, start, rate)
            timeline.tracks.append(track)
    for event in events:
        for at, color, name in event.locators:
            frame = _frames(at, rate, drop) - start
            timeline.tracks.markers.append(
                otio.schema.Marker(
                    name=name,
                    marked_range=TimeRange(rational_time(frame, rate), rational_time(1, rate)),
                    color=_COLORS.get(color, otio.schema.MarkerColor.CYAN),
                )
            )
    return timeline


def _by_record(row: list[tuple[int, int, int, int, _Event]]) -> list[tuple[int, int, int, int, _Event]]:
    return sorted(row, key=lambda placed: placed[:2])


def _free_rows(
    placed: list[tuple[int, int, int, int, _Event]],
) -> list[list[tuple[int, int, int, int, _Event]]]:
    """Events of one channel that overlap are no cut, and go to tracks of their own."""
    rows: list[list[tuple[int, int, int, int, _Event]]] = []
    for event in placed:
        row = next((row for row in rows if row[-1][1] <= event[0]), None)
        if row is None:
            rows.append([event])
            if len(rows) > _MOST_TRACKS:
                raise HostError("it holds more tracks than any list does")
        else:
            row.append(event)
    return rows


def _fill(track: otio.schema.Track, row: list[tuple[int, int, int, int, _Event]], start: int, rate: Fraction) -> None:
    at = start
    for record_in, record_out, source_in, source_out, event in row:
        if record_in > at:
            gap = TimeRange(rational_time(0, rate), rational_time(record_in - at, rate))
            track.append(otio.schema.Gap(source_range=gap))
        if event.edit != "C" and event.length and len(track) and isinstance(track[-1], otio.schema.Clip):
            track.append(
                otio.schema.Transition(
                    event.edit,
                    otio.schema.TransitionTypes.SMPTE_Dissolve,
                    rational_time(0, rate),
                    rational_time(min(event.length, record_out - record_in), rate),
                )
            )
        track.append(_clip(event, source_in, source_out, record_out - record_in, rate))
        at = record_out


def _clip(event: _Event, source_in: int, source_out: int, frames: int, rate: Fraction) -> otio.schema.Clip:
    key = "FROM CLIP NAME" if event.edit == "C" else "TO CLIP NAME"
    clip = otio.schema.Clip(name=event.notes.get(key) or event.notes.get("FROM CLIP NAME") or event.reel)
    clip.source_range = TimeRange(rational_time(source_in, rate), rational_time(frames, rate))
    clip.metadata[KEY] = {"reel": event.reel, "event": event.number}
    file = next((event.notes[name] for name in _FILES if event.notes.get(name)), "")
    if file:
        clip.media_reference = otio.schema.ExternalReference(file)
    consumed = source_out - source_in
    speed = event.speed / rate if event.speed is not None else Fraction(consumed, frames)
    if speed == 0:
        clip.effects.append(otio.schema.FreezeFrame())
    elif speed != 1 and (event.speed is not None or consumed > 0):
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(speed)))
    return clip


def _track_names(channel: str) -> list[str]:
    """V1 and A1, A2, ... for a channel as the list names it."""
    if channel == "NONE":
        return []
    if channel == "B":
        return ["V1", "A1"]
    sound, _, picture = channel.partition("/")
    names = ["V1"] if picture else []
    if sound == "AA":
        return [*names, "A1", "A2"]
    return [*names, sound[0] + str(max(1, int(sound[1:] or 1)))]


def _frames(timecode: str, rate: Fraction, drop: bool) -> int:
    digits = re.split(r"[:;.,]", timecode)
    skips = drop or ";" in timecode
    text = f"{digits[0]:0>2}:{digits[1]}:{digits[2]}"
    if skips:
        # A source may count non-drop in a drop-frame list, which only a number that drop-frame lacks gives away.
        try:
            return parse_timecode(f"{text};{digits[3]}", rate)
        except TimelineError:
            pass
    return parse_timecode(f"{text}:{digits[3]}", rate)
