"""A timeline as FCP7 XML, by OpenTimelineIO's adapter."""

from __future__ import annotations

import opentimelineio as otio

from avfoley_plugin.hosts.interchange.adapters import write_with

_KEY = "fcp_xml"


def write_fcp7(timeline: otio.schema.Timeline) -> bytes:
    """The document of a timeline whose media URLs are absolute. Raises HostError if the adapter is not installed."""
    prepared = timeline.deepcopy()
    for item in (prepared.tracks, *prepared.find_children(descended_from_type=otio.core.Item)):
        for marker in item.markers:
            if marker.comment:
                # The adapter writes a marker's comment from nowhere else.
                theirs = dict(marker.metadata.get(_KEY) or {})
                marker.metadata[_KEY] = {**theirs, "comment": marker.comment}
    for clip in prepared.find_clips():
        clip.set_media_references({clip.DEFAULT_MEDIA_KEY: clip.media_reference.deepcopy()}, clip.DEFAULT_MEDIA_KEY)
    return write_with("fcp_xml", prepared, ".xml")
