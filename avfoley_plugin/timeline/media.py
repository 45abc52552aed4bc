"""What is known of the media behind clips, and why some cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import MediaProbe

from avfoley_plugin.errors import AVFoleyError
from avfoley_plugin.timeline.identity import METADATA_KEY
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.timing import exact_rate, exact_seconds, is_picture_rate


@dataclass(frozen=True)
class Problem:
    """A selected clip that nothing can be made for, and why."""

    name: str
    track_index: int
    track_name: str
    reason: str

    def __str__(self) -> str:
        track = self.track_name or f"track {self.track_index + 1}"
        return f"{self.name or 'unnamed clip'} ({track}): {self.reason}"


class UnusableError(Exception):
    """Why a clip makes no shot."""


class NoPictureError(UnusableError):
    """Why a clip has no picture to look at, where a caption will do instead."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}, or select it by name with a caption, for sound from words alone")


def media_name(clip: otio.schema.Clip) -> str:
    """What identifies a clip's media wherever the project is moved to: the file's name."""
    return str(getattr(clip.media_reference, "target_url", "") or clip.name).replace("\\", "/").rpartition("/")[2]


def clip_caption(clip: otio.schema.Clip) -> str:
    """A clip's caption: metadata["avfoley"]["caption"], or the comment of its marker "Foley"."""
    ours = clip.metadata.get(METADATA_KEY)
    if isinstance(ours, Mapping) and isinstance(ours.get("caption"), str):
        return str(ours["caption"])
    return next((marker.comment for marker in clip.markers if marker.name.casefold() == "foley" and marker.comment), "")


class Media:
    """What is known of media, from references, and from a probe where there is one."""

    def __init__(
        self, folder: Path, is_online: Callable[[Path], bool], probe: Callable[[Path], MediaProbe] | None
    ) -> None:
        self._folder = folder
        self._is_online = cache(is_online)
        self._probe = None if probe is None else cache(probe)

    def path(self, clip: otio.schema.Clip) -> Path:
        reference = clip.media_reference
        if isinstance(reference, otio.schema.ExternalReference):
            path = resolve_media(reference.target_url, self._folder, self._is_online)
            if path is None:
                raise UnusableError(
                    f"its media {reference.target_url!r} is not a local file; copy it here and relink the clip"
                )
            if not path.is_absolute() or not self._is_online(path):
                raise UnusableError(f"its media is offline: {path} is not there; relink the clip")
            return path
        if isinstance(reference, otio.schema.GeneratorReference):
            raise NoPictureError("it is a generator, not filmed picture; render it to a movie file first")
        if isinstance(reference, otio.schema.ImageSequenceReference):
            raise NoPictureError("it is an image sequence; render it to a movie file first")
        raise NoPictureError("its media is offline: the timeline names no file for it; relink the clip")

    def probed(self, clip: otio.schema.Clip) -> MediaProbe | None:
        if self._probe is None:
            return None
        try:
            return self._probe(self.path(clip))
        except AVFoleyError as error:
            raise UnusableError(str(error)) from error

    def range(self, clip: otio.schema.Clip) -> tuple[Fraction, Fraction] | None:
        """All of a clip's media: start and duration in seconds of its source; None if unknown."""
        available = clip.media_reference.available_range
        if available is not None:
            return exact_seconds(available.start_time), exact_seconds(available.duration)
        try:
            probed = self.probed(clip)
        except UnusableError:
            return None
        if probed is None:
            return None
        return self.start(clip, probed), probed.frames / probed.rate if probed.has_picture else probed.duration

    def start(self, clip: otio.schema.Clip, probed: MediaProbe | None) -> Fraction:
        """The source time, in seconds, of the media's first picture frame."""
        available = clip.media_reference.available_range
        if available is not None:
            return exact_seconds(available.start_time)
        if probed is None or clip.source_range is None:
            return Fraction(0)
        # Without an available range a source range may count in the media's timecode or from its
        # first frame; one that begins after that timecode can hardly mean the latter.
        timecode = probed.start_timecode / probed.rate
        return timecode if exact_seconds(clip.source_range.start_time) >= timecode else Fraction(0)

    def rate(self, clip: otio.schema.Clip, probed: MediaProbe | None, record_rate: Fraction) -> Fraction:
        if probed is not None:
            return probed.rate
        ranges = (clip.media_reference.available_range, clip.source_range)
        rates = (exact_rate(known.duration.rate) for known in ranges if known is not None)
        return next(filter(is_picture_rate, rates), record_rate)


def why_length_is_unknown(clip: otio.schema.Clip, media: Media) -> str:
    try:
        media.probed(clip)
    except NoPictureError as missing:
        cause = missing.reason
    except UnusableError as reason:
        cause = str(reason)
    else:
        cause = "nothing tells its range; set its in and out points"
    return f"{cause} (its length is unknown: what follows it on its track is taken to start where it does)"
