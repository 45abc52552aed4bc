"""Parts of played clips, each told apart from the others that play the very same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from avfoley_plugin.timeline.identity import HOST_ID
from avfoley_plugin.timeline.media import Media, Problem, UnusableError, media_name, why_length_is_unknown
from avfoley_plugin.timeline.playback import PlayedClip
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.timing import RecordClock, round_half_up


@dataclass(frozen=True)
class Piece:
    """A part of a played clip. ``repeat`` counts the earlier clips that play the very same."""

    whole: PlayedClip
    repeat: int
    start: Fraction
    end: Fraction

    def named(self, names: Iterable[str]) -> bool:
        return not set(self.whole.names).isdisjoint(names)

    def chosen(self, selection: Selection) -> bool:
        return self.chosen_in_host(selection) or self.named(selection.clips)

    def chosen_in_host(self, selection: Selection) -> bool:
        return self.whole.clip.metadata.get(HOST_ID) in selection.host_ids

    def record_frames(self, clock: RecordClock, media: Media) -> tuple[int, int]:
        """Its first record frame, and the one after its last. Raises UnusableError if unknown.

        Positions are rounded, not lengths: neighbours stay adjacent, and nothing adds up to drift.
        """
        if not self.whole.length_known:
            raise UnusableError(why_length_is_unknown(self.whole.clip, media))
        return round_half_up(self.start * clock.rate), round_half_up(self.end * clock.rate)

    def content_id(self, frames: int, kind: str = "") -> str:
        """The id of what it plays over so many record frames, wherever that lies."""
        whole, skipped = self.whole, self.start - self.whole.start
        content = f"{kind}{media_name(whole.clip)}|{whole.source_at(self.start)}|{whole.speed}|{frames}|{skipped}"
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        return f"{digest}-{self.repeat + 1}" if self.repeat else digest

    def problem(self, reason: Exception) -> Problem:
        return Problem(self.whole.clip.name, self.whole.track_index, self.whole.track_name, str(reason))


def pieces_of(played: Iterable[PlayedClip]) -> list[Piece]:
    seen: Counter[tuple[str, Fraction, Fraction, Fraction]] = Counter()
    repeats = {}
    for index, whole in sorted(enumerate(played), key=lambda item: (item[1].start, item[0])):
        picture = (media_name(whole.clip), whole.source_at(whole.start), whole.speed, whole.end - whole.start)
        repeats[index] = seen[picture]
        seen[picture] += 1
    return [Piece(whole, repeats[index], whole.start, whole.end) for index, whole in enumerate(played)]


def within(pieces: Iterable[Piece], bounds: tuple[int, int] | None, clock: RecordClock) -> list[Piece]:
    """The parts in a record range, by record start; empty pieces are part of what they lie in."""
    found = list(pieces)
    if bounds is not None:
        low, high = (frame / clock.rate for frame in bounds)
        cuts = [(piece, max(piece.start, low), min(piece.end, high)) for piece in found]
        found = [
            replace(piece, start=start, end=end)
            for piece, start, end in cuts
            if start < end or piece.start == piece.end == start < high
        ]
    return sorted(found, key=lambda piece: (piece.start, piece.whole.layer))
