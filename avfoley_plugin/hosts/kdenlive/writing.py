"""From a timeline back into its Kdenlive project; what is somebody else's stays byte for byte, but
for the numbers of tracks: our sound is on the lowest, as a new audio track in Kdenlive, so that no
label changes, and those above it count one more. Taking it out counts them back. Picture of ours is
on top.
"""

from __future__ import annotations

import opentimelineio as otio

from avfoley_plugin.hosts.kdenlive.bin_writing import drop_takes, drop_unused_producers, write_takes
from avfoley_plugin.hosts.kdenlive.caption_writing import write_captions
from avfoley_plugin.hosts.kdenlive.changes import Changes
from avfoley_plugin.hosts.kdenlive.placed import placed_clips
from avfoley_plugin.hosts.kdenlive.project import Project
from avfoley_plugin.hosts.kdenlive.reading import read_timeline, track_owners
from avfoley_plugin.hosts.kdenlive.records import StoredTimeline, StoredTrack
from avfoley_plugin.hosts.kdenlive.track_writing import TrackWriter
from avfoley_plugin.timeline.identity import TimelineIdentity, TrackIdentity, identity
from avfoley_plugin.timeline.placing import track_layer


def patched(project: Project, timeline: otio.schema.Timeline) -> bytes:
    """The project's file with our tracks, takes and captions as on a timeline that was read from
    it. A file in which nothing of ours changes comes out as it is.
    """
    changes = Changes(project)
    before = placed_clips(read_timeline(project), project.rate)
    owners = track_owners(project, changes.record, changes.stored)

    bin_ids = write_takes(changes, placed_clips(timeline, project.rate))
    tracks = TrackWriter(changes, before, owners, bin_ids)
    tracks.write(timeline)
    takes = drop_takes(changes, bin_ids.values(), tracks.playlists)
    drop_unused_producers(changes, tracks.used_producers())

    mine = changes.record.sequences.setdefault(project.sequence_id, StoredTimeline())
    made = []
    for track in timeline.tracks:
        if (its := identity(track, TrackIdentity)) is not None:
            picture = track.kind == otio.schema.TrackKind.Video
            made.append(StoredTrack(id=its.id, name=track.name, picture=picture, layer=track_layer(track)))
    mine.tracks = sorted(made, key=lambda track: track.id)
    write_captions(changes, timeline, mine)
    origin = identity(timeline, TimelineIdentity)
    changes.record.source = None if origin is None else origin.source
    if not takes and not any(one.captions for one in changes.record.sequences.values()):
        changes.drop_category()
    changes.write_record()
    return changes.patch.result()
