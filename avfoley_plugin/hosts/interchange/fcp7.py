"""What OpenTimelineIO's adapter for FCP7 XML leaves in metadata of its own, put where timelines have it, and back."""

from __future__ import annotations

from fractions import Fraction
from xml.etree.ElementTree import Element

import opentimelineio as otio
from opentimelineio.opentime import TimeRange

from avfoley_plugin.timeline.timing import exact_rate, exact_seconds, rational_time

KEY = "fcp_xml"


def from_fcp7(timeline: otio.schema.Timeline, root: Element) -> otio.schema.Timeline:
    """A timeline as the adapter read it, with the comments of its markers and the constant speeds of its clips.

    `root` is the document, whose clip items the adapter's clips name by their id.
    """
    speeds = _speeds(root)
    for item in (timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)):
        for marker in item.markers:
            comment = (marker.metadata.get(KEY) or {}).get("comment")
            if isinstance(comment, str) and not marker.comment:
                marker.comment = comment
    for clip in timeline.find_clips():
        speed = speeds.get(str((clip.metadata.get(KEY) or {}).get("@id")))
        if speed is not None and speed != 1:
            _retime(clip, speed)
    return timeline


def for_fcp7(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """A copy of a timeline with the comments of its markers where the adapter writes them from."""
    prepared = timeline.deepcopy()
    for item in (prepared.tracks, *prepared.find_children(descended_from_type=otio.core.Item)):
        for marker in item.markers:
            if marker.comment:
                theirs = dict(marker.metadata.get(KEY) or {})
                marker.metadata[KEY] = {**theirs, "comment": marker.comment}
    for clip in prepared.find_clips():
        clip.set_media_references({clip.DEFAULT_MEDIA_KEY: clip.media_reference.deepcopy()}, clip.DEFAULT_MEDIA_KEY)
    return prepared


def _retime(clip: otio.schema.Clip, speed: Fraction) -> None:
    """Gives a clip its speed. FCP7 XML counts the in point of a retimed clip in frames of the retimed media."""
    available, present = clip.media_reference.available_range, clip.source_range
    if available is not None and present is not None:
        rate = exact_rate(present.start_time.rate)
        begin = exact_seconds(available.start_time)
        into = (exact_seconds(present.start_time) - begin) * abs(speed)
        if speed < 0:
            # Reversed, it counts from the media's end; a source range begins where the earliest frame is.
            into = exact_seconds(available.duration) - into + speed * exact_seconds(present.duration)
        clip.source_range = TimeRange(rational_time((begin + max(Fraction(0), into)) * rate, rate), present.duration)
    if speed == 0:
        clip.effects.append(otio.schema.FreezeFrame())
    else:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(speed)))


def _speeds(root: Element) -> dict[str, Fraction]:
    """The speed of each clip item whose "timeremap" is one constant, by the item's id; reversed ones are below 0."""
    speeds = {}
    for item in root.iter("clipitem"):
        for effect in item.iter("effect"):
            if (effect.findtext("effectid") or "").strip() != "timeremap":
                continue
            values = {
                p.findtext("parameterid"): (p.findtext("value") or "").strip() for p in effect.findall("parameter")
            }
            try:
                speed = Fraction(values.get("speed", "")) / 100
            except (ValueError, ZeroDivisionError):
                continue
            if values.get("variablespeed", "0") in ("0", "FALSE") and abs(speed) <= 100:
                speeds[item.get("id", "")] = -abs(speed) if values.get("reverse") == "TRUE" else speed
    return speeds
