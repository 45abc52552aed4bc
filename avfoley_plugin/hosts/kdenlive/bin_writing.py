"""Takes in the bin: each its own clip in a folder of ours; the one that plays on the timeline and the others."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import opentimelineio as otio
from avfoley_engine.protocol import SAMPLE_RATE

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.kdenlive.changes import NAME, Changes, json_text
from avfoley_plugin.hosts.kdenlive.markup import Element, property_tag, property_tags, tag
from avfoley_plugin.hosts.kdenlive.placed import PlacedClip
from avfoley_plugin.hosts.kdenlive.project import Project
from avfoley_plugin.hosts.kdenlive.records import TAKE_PROPERTY, StoredTake
from avfoley_plugin.timeline.identity import ClipIdentity, identity
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.takes import our_takes
from avfoley_plugin.timeline.timing import exact_frames, round_half_up


def take_path(reference: otio.core.MediaReference, project: Project) -> Path:
    """The file of a take."""
    path = resolve_media(reference.target_url, project.folder)
    if path is None:
        raise HostError(f"{reference.target_url} is no local file; the project can only take media that is")
    return path


def take_producer(
    changes: Changes, what: str, path: Path, frames: int, picture: bool, properties: Mapping[str, str]
) -> tuple[str, str]:
    """A producer of a take's file, `frames` long, for its `picture` or else its sound: its id and its XML."""
    project, folder = changes.project, changes.project.folder
    relative = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
    # What is before a colon MLT takes for a protocol, and plays silence, unless it begins with a slash or a drive.
    resource = relative if relative and ":" not in relative else str(path)
    every = {
        "length": str(frames),
        "eof": "pause",
        "resource": resource,
        "mlt_service": "avformat",
        "seekable": "1",
        **({} if picture else {"audio_index": "0", "video_index": "-1"}),
        **properties,
    }
    name = changes.new_id(what)
    return name, tag("producer", {"id": name, **project.reach(0, frames)}, *property_tags(every), indent=" ")


def file_frames(reference: otio.core.MediaReference, project: Project) -> int:
    """The length in frames of a take's file."""
    return max(1, round_half_up(exact_frames(reference.available_range.duration, project.rate)))


def write_takes(changes: Changes, clips: Iterable[PlacedClip]) -> dict[str, str]:
    """Puts all takes of our clips into the bin, where they are not. Returns their ``kdenlive:id`` by the take's id."""
    project = changes.project
    present: dict[tuple[str, Path], str] = {}
    for bin_id, stored in changes.stored.items():
        resource = project.bin_clips[bin_id].properties.get("resource", "")
        present.setdefault((stored.take.id, project.resource(resource)), bin_id)
    in_bin: dict[str, str] = {}
    for placed in clips:
        references, ours = placed.clip.media_references(), identity(placed.clip, ClipIdentity)
        for key, take in our_takes(references):
            if ours is None or take.id in in_bin:
                # The editor copied our clip.
                continue
            path, length = take_path(references[key], project), references[key].available_range.duration
            name, picture = placed.clip.name, placed.picture
            stored = StoredTake(
                name=name, key=key, length=length.value, rate=length.rate, picture=picture, clip=ours, take=take
            )
            known = present.get((take.id, path))
            if known is None:
                known = _add(changes, stored, path, file_frames(references[key], project))
            elif changes.stored[known] != stored:
                changes.set_property(project.bin_clips[known], TAKE_PROPERTY, stored.model_dump_json())
            in_bin[take.id] = known
    return in_bin


def drop_takes(changes: Changes, kept: Iterable[str], sequence_playlists: set[str | None]) -> set[str]:
    """Takes what is not `kept`, or played elsewhere, out of the bin; returns the ids that stay."""
    kept, project = set(kept), changes.project
    elsewhere = {
        name
        for playlist in project.root["playlist"]
        if playlist is not project.main_bin and playlist.attributes.get("id") not in sequence_playlists
        for entry in playlist["entry"]
        for name in _bin_ids(project, entry)
    }
    shots_elsewhere = {stored.clip.id for bin_id, stored in changes.stored.items() if bin_id in elsewhere}
    dropped = {
        bin_id
        for bin_id, stored in changes.stored.items()
        if bin_id not in kept and stored.clip.id not in shots_elsewhere
    }
    for entry in project.main_bin["entry"]:
        producer = project.producer_of(entry)
        if producer is not None and producer.properties.get("kdenlive:id") in dropped:
            changes.patch.remove(entry)
            changes.patch.remove(producer)
    stay = (set(changes.stored) | kept) - dropped
    if not stay:
        _drop_folder(changes, dropped)
    return stay


def drop_unused_producers(changes: Changes, used: set[str]) -> None:
    """Takes out the producers of our takes that no track plays any more."""
    project = changes.project
    in_bin = {entry.attributes.get("producer") for entry in project.main_bin["entry"]}
    for name, producer in project.producers.items():
        ours = producer.properties.get("kdenlive:id") in changes.stored and producer.tag in ("producer", "chain")
        if ours and name not in in_bin and name not in used:
            changes.patch.remove(producer)


def _bin_ids(project: Project, entry: Element) -> Iterator[str]:
    for element in (entry, project.producer_of(entry)):
        if element is not None and "kdenlive:id" in element.properties:
            yield element.properties["kdenlive:id"]


def _add(changes: Changes, stored: StoredTake, path: Path, frames: int) -> str:
    project, bin_id = changes.project, changes.new_bin_id()
    head = round_half_up(stored.take.head_samples * project.rate / SAMPLE_RATE)
    sync = {"comment": stored.take.request.caption or NAME, "pos": head, "type": changes.category()}
    properties = {
        "kdenlive:clipname": f"{stored.name} {stored.key}",
        "kdenlive:folderid": _folder(changes),
        "kdenlive:id": bin_id,
        "kdenlive:markers": json_text([sync]),
        TAKE_PROPERTY: stored.model_dump_json(),
    }
    if project.has_sequences:
        properties["kdenlive:control_uuid"] = f"{{{uuid.uuid5(uuid.NAMESPACE_URL, f'avfoley:{stored.take.id}')}}}"
    name, producer = take_producer(changes, "take", path, frames, stored.picture, properties)
    changes.patch.insert_before(project.main_bin, producer)
    changes.patch.append(project.main_bin, tag("entry", {"producer": name, **project.reach(0, frames)}))
    return bin_id


def _folder(changes: Changes) -> str:
    """The number of our folder in the bin, which is made if there is none."""
    if changes.made_folder is None:
        there = [number for number, element in changes.folders() if element.text == NAME]
        if there:
            return next((number for number in there if number == changes.record.folder), there[0])
        changes.made_folder = changes.record.folder = changes.new_bin_id()
        name = f"kdenlive:folder.-1.{changes.made_folder}"
        changes.add_child(changes.project.main_bin, property_tag(name, NAME))
    return changes.made_folder


def _drop_folder(changes: Changes, dropped: set[str]) -> None:
    """Takes our folder out of the bin, unless somebody keeps clips of their own in it."""
    folder = changes.record.folder
    held = [clip for bin_id, clip in changes.project.bin_clips.items() if bin_id not in dropped]
    if folder is not None and all(clip.properties.get("kdenlive:folderid") != folder for clip in held):
        for number, element in changes.folders():
            if number == folder and element.text == NAME:
                changes.patch.remove(element)
    changes.record.folder = None
