"""Our own, known again on a timeline that has been through a program or a format that keeps no
metadata. A take's file lies in ``NAME.avfoley`` beside the ``NAME.otio`` that it was placed on. So
wherever a clip plays one, its identity, other takes and caption can be had from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE
from opentimelineio.opentime import TimeRange

from avfoley_plugin.hosts.newer_schema import read_document
from avfoley_plugin.riff import wave_time_reference
from avfoley_plugin.timeline.identity import (
    METADATA_KEY,
    CaptionIdentity,
    ClipIdentity,
    TrackIdentity,
    identity,
    marker_identity,
)
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.placing import mark_track
from avfoley_plugin.timeline.takes import our_takes
from avfoley_plugin.timeline.timing import exact_seconds, rational_time, record_clock

FOLDER_SUFFIX = ".avfoley"
_LARGEST = 1 << 28


def recover(timeline: otio.schema.Timeline, folder: Path) -> int:
    """Marks what is ours on a timeline that does not say so; returns the count of clips known
    again. Relative media URLs resolve against `folder`. An edited caption stays. A copy of one of
    our clips is the editor's: the one nearest to where we put it is ours.
    """
    known: dict[Path, _Known] = {}
    tracks = [track for track in timeline.tracks if isinstance(track, otio.schema.Track)]
    present = {ours.id for clip in timeline.find_clips() if (ours := identity(clip, ClipIdentity)) is not None}
    found: dict[str, tuple[Fraction, otio.schema.Track, otio.schema.Clip, Path, Fraction]] = {}
    for track in tracks:
        for clip, start in _clips(track):
            path = _take_file(clip, folder) if identity(clip, ClipIdentity) is None else None
            if path is None:
                continue
            if path.parent not in known:
                known[path.parent] = _Known(path.parent.with_suffix(".otio"))
            original = known[path.parent].clips.get(path)
            ours = None if original is None else identity(original, ClipIdentity)
            if ours is None or ours.id in present:
                continue
            distance = abs(start - ours.record_start / ours.record_rate)
            if ours.id not in found or distance < found[ours.id][0]:
                found[ours.id] = (distance, track, clip, path, ours.record_rate)
    for _, _, clip, path, rate in found.values():
        _restore(clip, known[path.parent].clips[path], path, rate)
    for track in {id(entry[1]): entry[1] for entry in found.values()}.values():
        clips = [identity(clip, ClipIdentity) for clip, _ in _clips(track)]
        layers = [ours.layer for ours in clips if ours is not None]
        if len(layers) == len(clips) and identity(track, TrackIdentity) is None:
            number = sum(identity(other, TrackIdentity) is not None for other in tracks) + 1
            mark_track(track, f"avfoley-{number}", layers[0])
    for record in known.values():
        _restore_captions(timeline, record.captions, set(found))
    return len(found)


class _Known:
    """What an ``.otio`` of ours says, by the files of its takes; nothing, if it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.clips: dict[Path, otio.schema.Clip] = {}
        # Held, because the clips of a timeline end with it.
        self._timeline = _read(path) or otio.schema.Timeline()
        self.captions = [m for m in self._timeline.tracks.markers if marker_identity(m) is not None]
        for clip in self._timeline.find_clips():
            references = clip.media_references()
            for key, _ in our_takes(references) if identity(clip, ClipIdentity) is not None else ():
                file = resolve_media(references[key].target_url, path.parent)
                if file is not None and references[key].available_range is not None:
                    self.clips[file] = clip


def _read(path: Path) -> otio.schema.Timeline | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        found = read_document(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, otio.exceptions.OTIOError):
        return None
    return found if isinstance(found, otio.schema.Timeline) else None


def _take_file(clip: otio.schema.Clip, folder: Path) -> Path | None:
    url = getattr(clip.media_reference, "target_url", "")
    path = resolve_media(url, folder) if FOLDER_SUFFIX in url else None
    return path if path is not None and path.parent.suffix == FOLDER_SUFFIX else None


def _clips(track: otio.schema.Track) -> Iterable[tuple[otio.schema.Clip, Fraction]]:
    """The clips of a track, and where they start on it, in seconds."""
    at = Fraction(0)
    for child in track:
        if isinstance(child, otio.core.Item):
            if isinstance(child, otio.schema.Clip):
                yield child, at
            try:
                at += exact_seconds(child.duration())
            except otio.exceptions.CannotComputeAvailableRangeError:
                continue


def _restore(clip: otio.schema.Clip, original: otio.schema.Clip, path: Path, rate: Fraction) -> None:
    references, active = {}, ""
    for key, reference in original.media_references().items():
        kept = reference.deepcopy()
        file = resolve_media(getattr(kept, "target_url", ""), path.parent.parent)
        if file is not None:
            kept.target_url = file.as_uri() if file.is_absolute() else str(file)
            active = key if file == path else active
        references[key] = kept
    present = clip.trimmed_range() if clip.source_range is None else clip.source_range
    own = clip.media_reference.available_range
    begin = Fraction(wave_time_reference(path), SAMPLE_RATE) if own is None else exact_seconds(own.start_time)
    first = exact_seconds(references[active].available_range.start_time)
    start = max(first, exact_seconds(present.start_time) - begin + first)
    clip.set_media_references(references, active)
    clip.source_range = TimeRange(rational_time(start * rate, rate), present.duration)
    clip.metadata[METADATA_KEY] = original.metadata[METADATA_KEY]
    clip.name = original.name


def _restore_captions(timeline: otio.schema.Timeline, captions: list[otio.schema.Marker], shots: set[str]) -> None:
    rate = record_clock(timeline).rate
    for caption in captions:
        ours = marker_identity(caption)
        is_caption = isinstance(ours, CaptionIdentity)
        if ours is None or (is_caption and ours.id not in shots):
            continue
        start = exact_seconds(caption.marked_range.start_time)
        restored = caption.deepcopy()
        for holder, marker, at in list(_markers(timeline)):
            same = marker.name in (caption.name, caption.comment) or marker.comment == caption.comment
            if same and abs(at - start) < 1 / rate and METADATA_KEY not in marker.metadata:
                # Formats that have one text a marker have the caption as its name.
                restored.comment = marker.comment or (marker.name if marker.name != caption.name else caption.comment)
                holder.markers.remove(marker)
                timeline.tracks.markers.append(restored)
                break
        else:
            # An event that is not there was deleted; a caption is there as long as its shot is.
            if is_caption:
                timeline.tracks.markers.append(restored)


def _markers(timeline: otio.schema.Timeline) -> Iterable[tuple[otio.core.Item, otio.schema.Marker, Fraction]]:
    """The markers of a timeline and of its clips, with what they are on, and their record second."""
    for marker in timeline.tracks.markers:
        yield timeline.tracks, marker, exact_seconds(marker.marked_range.start_time)
    for track in timeline.tracks:
        if not isinstance(track, otio.schema.Track):
            continue
        for clip, at in _clips(track):
            begins = Fraction(0) if clip.source_range is None else exact_seconds(clip.source_range.start_time)
            for marker in clip.markers:
                yield clip, marker, at + exact_seconds(marker.marked_range.start_time) - begins
