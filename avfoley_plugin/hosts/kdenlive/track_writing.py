"""Our clips on their tracks: entries in playlists, and whole tracks with their mix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.kdenlive.bin_writing import file_frames, take_path, take_producer
from avfoley_plugin.hosts.kdenlive.changes import Changes
from avfoley_plugin.hosts.kdenlive.json_array import Edit, changed, items
from avfoley_plugin.hosts.kdenlive.markup import Element, property_tag, property_tags, tag
from avfoley_plugin.hosts.kdenlive.placed import PlacedClip, placed_clips, track_number
from avfoley_plugin.hosts.kdenlive.project import Slot, Track
from avfoley_plugin.timeline.identity import TakeIdentity, TrackIdentity, identity

#: What Kdenlive adds by itself to a track, so that it is heard, or seen, together with those under it.
_INTERNAL = {"internal_added": "237", "always_active": "1"}
_MIX = {"mlt_service": "mix", "kdenlive_id": "mix", **_INTERNAL, "accepts_blanks": "1", "sum": "1"}
_COMPOSITE = {"mlt_service": "qtblend", "kdenlive_id": "qtblend", **_INTERNAL, "compositing": "0", "distort": "0"}
_LEAF = re.compile(r'"data"\s*:\s*"(-?\d+):')


class TrackWriter:
    """Brings the tracks of the project's sequence to what a timeline has of ours. `before` are our
    clips as they were read, `owners` the numbers of tracks that were ours, `bin_ids` by takes' ids.
    """

    def __init__(
        self, changes: Changes, before: Iterable[PlacedClip], owners: Iterable[int], bin_ids: dict[str, str]
    ) -> None:
        self._changes = changes
        self._project = changes.project
        self._owners = list(owners)
        self._bin_ids = bin_ids
        self._tracks = {track.number: track for track in self._project.tracks(self._project.sequence)}
        self._slots = {slot.entry.start: slot for track in self._tracks.values() for slot in self._project.slots(track)}
        self._before = {clip.entry: clip for clip in before}
        self._gone: set[int] = set()
        self._reused: set[str] = set()

    @property
    def playlists(self) -> set[str | None]:
        """The ids of the playlists of the sequence."""
        return {part.attributes.get("id") for track in self._tracks.values() for part in track.playlists}

    def used_producers(self) -> set[str]:
        """The producers that some track plays once these changes are made."""
        bin_playlist = self._project.main_bin
        return self._reused | {
            element.attributes.get("producer", "")
            for element in self._project.root.descendants()
            if element.tag == "entry" and element.parent is not bin_playlist and element.start not in self._gone
        }

    def write(self, timeline: otio.schema.Timeline) -> None:
        clips = placed_clips(timeline, self._project.rate)
        numbers = {track_number(track) for track in timeline.tracks}
        deleted = [number for number in self._owners if number not in numbers]
        for number, track in self._tracks.items():
            if number in deleted:
                self._delete(track)
            else:
                self._update(track, [clip for clip in clips if clip.track == number])
        new = [
            (track, ours.id)
            for track in timeline.tracks
            if track_number(track) is None and (ours := identity(track, TrackIdentity)) is not None
        ]
        sound = [one for one in reversed(new) if one[0].kind == otio.schema.TrackKind.Audio]
        pictures = [one for one in new if one[0].kind == otio.schema.TrackKind.Video]
        place, top = self._lowest(), len(self._project.sequence["track"])
        above = top + len(sound) - len(deleted)
        for added, at, first in ((sound, place, place), (pictures, top, above)):
            for number, (track, its_id) in enumerate(added, first):
                self._add(track, [clip for clip in clips if clip.track == its_id], at, number)
        self._renumber(deleted, place, len(sound))

    def _lowest(self) -> int:
        """The number of the lowest track, under which our sound goes: 1, above the black one."""
        return min(self._tracks, default=len(self._project.sequence["track"]))

    def _delete(self, track: Track) -> None:
        patch = self._changes.patch
        self._gone |= {slot.entry.start for slot in self._project.slots(track)}
        for element in (track.element, *track.playlists, track.reference):
            patch.remove(element)
        for transition in self._project.sequence["transition"]:
            if transition.properties.get("b_track") == str(track.number):
                patch.remove(transition)

    def _update(self, track: Track, clips: Sequence[PlacedClip]) -> None:
        """Brings the entries of ours on one track up to date; every other entry stays where it is."""
        kept = {clip.entry for clip in clips if self._unchanged(clip)}
        old = {entry for entry, clip in self._before.items() if clip.track == track.number and entry is not None}
        gone, new = old - kept, [clip for clip in clips if clip.entry not in kept]
        if not gone and not new:
            return
        self._gone |= gone
        slots = self._project.slots(track)
        content: list[list[tuple[int, int, str]]] = [[] for _ in track.playlists]
        for slot in slots:
            if slot.entry.start not in gone:
                raw = self._project.document.raw(slot.entry).decode()
                content[slot.playlist].append((slot.start, slot.end, raw))
        touched = {slot.playlist for slot in slots if slot.entry.start in gone}
        for clip in new:
            free = [n for n, part in enumerate(content) if all(clip.end <= a or b <= clip.start for a, b, _ in part)]
            if not free:
                name = clip.clip.name
                raise HostError(f"track {track.name} has no room for {name} at frame {clip.start}; move what is there")
            content[free[0]].append((clip.start, clip.end, self._entry(clip, track.playlists[0])))
            touched.add(free[0])
        for number in sorted(touched):
            self._rewrite(track.playlists[number], sorted(content[number]))
        self._drop_mixes(track, [slot for slot in slots if slot.entry.start in gone])

    def _unchanged(self, clip: PlacedClip) -> bool:
        before = self._before.get(clip.entry) if clip.entry is not None else None
        return before is not None and clip.playing == before.playing

    def _entry(self, clip: PlacedClip, following: Element) -> str:
        """The entry for a clip, with what an editor did to it (gain, fades). A producer that it
        needs is put before the element `following`.
        """
        project, reference = self._project, clip.clip.media_reference
        take = identity(reference, TakeIdentity)
        if take is None:
            raise HostError(f"the active take of {clip.clip.name} is none of ours; choose one of ours")
        bin_id = self._bin_ids[take.id]
        slot = self._slots.get(clip.entry) if clip.entry is not None else None
        before = self._before.get(clip.entry)
        on_its_track = before is not None and before.track == clip.track
        if slot is not None and on_its_track and slot.producer.properties.get("kdenlive:id") == bin_id:
            name = slot.entry.attributes["producer"]
            self._reused.add(name)
        else:
            frames = max(file_frames(reference, project), clip.in_point + clip.frames)
            off, on = ("audio", "image") if clip.picture else ("image", "audio")
            about = {"kdenlive:id": bin_id, f"set.test_{on}": "0", f"set.test_{off}": "1"}
            path = take_path(reference, project)
            name, producer = take_producer(self._changes, "clip", path, frames, clip.picture, about)
            self._changes.patch.insert_before(following, producer)
        content = [property_tag("kdenlive:id", bin_id)]
        for child in [] if slot is None else slot.entry.children:
            if child.attributes.get("name") != "kdenlive:id":
                content.append(project.document.raw(child).decode())
        reach = project.reach(clip.in_point, clip.frames)
        return tag("entry", {"producer": name, **reach}, *content, indent="  ")

    def _rewrite(self, playlist: Element, content: Sequence[tuple[int, int, str]]) -> None:
        """Gives a playlist these entries: the start, the end and the XML of each."""
        patch, lines = self._changes.patch, self._lines(content)
        present = [child for child in playlist.children if child.tag in ("blank", "entry")]
        if present:
            indent = patch.indent(present[0])
            text = "".join(f"\n{indent}{line}" for line in lines)
            patch.replace(patch.line(present[0]), present[-1].end, text)
        elif playlist.content is not None:
            for line in lines:
                patch.append(playlist, line)
        elif lines:
            patch.replace(playlist.start, playlist.end, tag("playlist", playlist.attributes, *lines, indent=" "))

    def _lines(self, content: Iterable[tuple[int, int, str]]) -> list[str]:
        """Entries, given with their starts and ends, and the blanks between them."""
        lines, at = [], 0
        for start, end, text in content:
            if start > at:
                lines.append(tag("blank", {"length": self._project.clock(start - at)}))
            lines.append(text)
            at = end
        return lines

    def _drop_mixes(self, track: Track, gone: Sequence[Slot]) -> None:
        """Takes out the mixes that an entry that is gone was part of."""
        for mix in track.element["transition"]:
            start = self._project.frames(mix.attributes.get("in", "0"))
            end = self._project.frames(mix.attributes.get("out", "0"))
            if any(slot.start <= start and end <= slot.end for slot in gone):
                self._changes.patch.remove(mix)

    def _add(self, track: otio.schema.Track, clips: Sequence[PlacedClip], place: int, number: int) -> None:
        """Puts a new track under the one that has the number `place`, or on top; its own will be `number`."""
        changes, patch, sequence = self._changes, self._changes.patch, self._project.sequence
        picture = track.kind == otio.schema.TrackKind.Video
        audio = [] if picture else [property_tag("kdenlive:audio_track", "1")]
        ordered = sorted(clips, key=lambda clip: clip.start)
        lines = [*audio, *self._lines((clip.start, clip.end, self._entry(clip, sequence)) for clip in ordered)]
        playlists = [changes.new_id("playlist"), changes.new_id("playlist")]
        name = changes.new_id("track")
        about = {"kdenlive:trackheight": "67", "kdenlive:timeline_active": "1", "kdenlive:track_name": track.name}
        hide = "audio" if picture else "video"
        parts = [tag("track", {"hide": hide, "producer": playlist}) for playlist in playlists]
        reach = self._project.reach(0, ordered[-1].end) if ordered else {"in": self._project.clock(0)}
        for part, content in zip(playlists, (lines, audio), strict=True):
            patch.insert_before(sequence, tag("playlist", {"id": part}, *content, indent=" "))
        content = [*audio, *property_tags(about), *parts]
        patch.insert_before(sequence, tag("tractor", {"id": name, **reach}, *content, indent=" "))

        references, transitions = sequence["track"], sequence["transition"]
        if place < len(references):
            patch.insert_before(references[place], tag("track", {"producer": name}))
        else:
            patch.insert_after(references[-1], tag("track", {"producer": name}))
        joins = {**(self._composite() if picture else _MIX), "a_track": "0", "b_track": str(number)}
        text = tag("transition", {"id": changes.new_id("mix")}, *property_tags(joins), indent="  ")
        # MLT goes through them in order: what lies on top is composited last.
        patch.insert_after(transitions[-1] if transitions else references[-1], text)

    def _composite(self) -> dict[str, str]:
        """How a video track is put over those under it: as the project's other tracks are."""
        for transition in self._project.sequence["transition"]:
            properties = transition.properties
            if properties.get("internal_added") == "237" and properties.get("mlt_service") != "mix":
                return properties
        return _COMPOSITE

    def _renumber(self, deleted: Sequence[int], place: int, added: int) -> None:
        """Counts the tracks again wherever the project names them by number."""
        if not deleted and not added:
            return

        def renumbered(number: int) -> int:
            if number < place:
                return number
            # A composition over a track that goes is then over the one under it.
            return number + added - sum(other <= number for other in deleted)

        def on_users(number: int) -> int:
            return renumbered(number + place) - place

        patch = self._changes.patch
        for transition in self._project.sequence["transition"]:
            for name in ("a_track", "b_track"):
                self._renumber_property(transition.property(name), renumbered)
        owner, prefix = self._project.settings
        for name in ("activeTrack", "audioTarget", "videoTarget"):
            # These count from the lowest track that is the user's; below 0 they name none.
            self._renumber_property(owner.property(prefix + name), lambda n: on_users(n) if n >= 0 else n)
        groups = owner.property(f"{prefix}groups")
        if groups is not None:
            patch.edit_text(groups, _renumbered_groups(groups.text, {n - place for n in deleted}, on_users))

    def _renumber_property(self, element: Element | None, renumbered: Callable[[int], int]) -> None:
        text = "" if element is None else element.text.strip()
        if element is not None and re.fullmatch(r"-?\d{1,9}", text) and renumbered(int(text)) != int(text):
            self._changes.patch.set_text(element, str(renumbered(int(text))))


def _renumbered_groups(text: str, deleted: set[int], renumbered: Callable[[int], int]) -> list[Edit]:
    """The edits that renumber the tracks of grouped clips, named ``"track:frame"``, and drop groups with a clip on a
    deleted one.
    """
    edits: list[Edit] = []
    drop = set()
    for index, item in enumerate(items(text, "groups")):
        leaves = [match for match in _LEAF.finditer(text, item.start, item.end) if int(match[1]) >= 0]
        if any(int(leaf[1]) in deleted for leaf in leaves):
            drop.add(index)
            continue
        edits += [(leaf.start(1), leaf.end(1), str(renumbered(int(leaf[1])))) for leaf in leaves]
    return edits + changed(text, "groups", drop)
