"""A bare video file as a timeline of one clip."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import MediaProbe

from avfoley_plugin.errors import ChangedError, HostError
from avfoley_plugin.hosts.base import StoredHost
from avfoley_plugin.hosts.items import frame_range
from avfoley_plugin.hosts.otio_file import OtioFile
from avfoley_plugin.hosts.saving import save
from avfoley_plugin.timeline.media_url import relative_url, resolve_media


class VideoFile(StoredHost):
    """A video whose foley goes onto a new timeline: the picture on V1, its sound, if any, on A1,
    both from the video's own timecode. A timeline of this video that is at the output, by default
    an ``.otio`` beside it, is updated instead, so that a second run finds what the first one made.
    """

    def __init__(self, path: Path, probe: MediaProbe, output: Path | None = None) -> None:
        self._path = path.absolute()
        super().__init__(self._path.name, output or path.with_suffix(".otio"))
        self._probe = probe
        self._earlier = OtioFile(self._output)
        self._updates = False

    def read(self) -> otio.schema.Timeline:
        if not self._probe.has_picture or self._probe.frames == 0:
            raise HostError(f"{self._path} has no picture; foley needs one")
        self._updates = False
        if not self._output.exists():
            return self._new_timeline()
        timeline = self._earlier.read()
        self._updates = True
        urls = [getattr(clip.media_reference, "target_url", "") for clip in timeline.find_clips()]
        if not any(resolve_media(url, self.folder) == self._path for url in urls):
            raise HostError(
                f"{self._output} is there already and is not a timeline of {self._path}; choose another output"
            )
        return timeline

    def write(self, timeline: otio.schema.Timeline) -> Path:
        if self._updates:
            self._earlier.keeps_backup = self.keeps_backup
            return self._earlier.write(timeline)
        if self._output.exists():
            raise ChangedError(f"{self._output} appeared since the video was read; nothing was written; run again")
        save(timeline, self.folder, self._output)
        return self._output

    def _new_timeline(self) -> otio.schema.Timeline:
        probe = self._probe
        played = frame_range(probe.start_timecode, probe.frames, probe.rate)
        timeline = otio.schema.Timeline(name=self._path.stem, global_start_time=played.start_time)
        kinds = [otio.schema.TrackKind.Video, *([otio.schema.TrackKind.Audio] if probe.has_sound else [])]
        for kind in kinds:
            media = otio.schema.ExternalReference(relative_url(self._path, self.folder), available_range=played)
            clip = otio.schema.Clip(name=self._path.name, media_reference=media, source_range=played)
            timeline.tracks.append(otio.schema.Track(name=f"{kind[0]}1", kind=kind, children=[clip]))
        return timeline
