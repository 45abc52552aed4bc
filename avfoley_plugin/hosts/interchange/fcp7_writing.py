"""A timeline as FCP7 XML, by OpenTimelineIO's adapter."""

from __future__ import annotations

import opentimelineio as otio

from avfoley_plugin.hosts.interchange.adapters import write_with
from avfoley_plugin.hosts.items import keep_active_take, markers_of

_KEY = "fcp_xml"


def write_fcp7(timeline: otio.schema.Timeline) -> bytes:
    """The document of a timeline whose media URLs are absolute. Raises HostError if the adapter is not installed."""
    prepared = timeline.deepcopy()
    for marker in markers_of(prepared):
        if marker.comment:
            # The adapter writes a marker's comment from nowhere else.
            marker.metadata[_KEY] = {**(marker.metadata.get(_KEY) or {}), "comment": marker.comment}
    for clip in prepared.find_clips():
        keep_active_take(clip)
    return write_with("fcp_xml", prepared, ".xml")
