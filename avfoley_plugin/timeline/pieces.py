"""Parts of played clips, each told apart from the others that play the very same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from avfoley_plugin.timeline.identity import HOST_ID
from avfoley_plugin.timeline.media import media_name
from avfoley_plugin.timeline.playback import PlayedClip
from avfoley_plugin.timeline.selection import Selection, within


@dataclass(frozen=True)
class Piece:
    """A part of a played clip. ``repeat`` counts the earlier clips of the timeline that play the very same."""

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

    def within(self, limits: tuple[Fraction, Fraction]) -> Piece | None:
        trimmed = within(self.start, self.end, limits)
        return None if trimmed is None else replace(self, start=trimmed[0], end=trimmed[1])


def pieces_of(played: Iterable[PlayedClip]) -> list[Piece]:
    seen: Counter[tuple[str, Fraction, Fraction, Fraction]] = Counter()
    repeats = {}
    for index, whole in sorted(enumerate(played), key=lambda item: (item[1].start, item[0])):
        picture = (media_name(whole.clip), whole.source_at(whole.start), whole.speed, whole.end - whole.start)
        repeats[index] = seen[picture]
        seen[picture] += 1
    return [Piece(whole, repeats[index], whole.start, whole.end) for index, whole in enumerate(played)]
