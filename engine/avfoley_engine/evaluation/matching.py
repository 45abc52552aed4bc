"""Onsets against events: counts that add up over clips, and CondFoleyGen's onset accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from avfoley_engine.extras import require

_CONDFOLEYGEN_WINDOW = 0.1


@dataclass(frozen=True)
class Counts:
    """Numbers of reference events, of estimated onsets, and of pairs matched one to one."""

    reference: int = 0
    estimated: int = 0
    matched: int = 0

    def __add__(self, other: Self) -> Counts:
        return Counts(self.reference + other.reference, self.estimated + other.estimated, self.matched + other.matched)

    @property
    def precision(self) -> float:
        return self.matched / self.estimated if self.estimated else 0.0

    @property
    def recall(self) -> float:
        return self.matched / self.reference if self.reference else 0.0

    @property
    def f1(self) -> float:
        both = self.reference + self.estimated
        return 2 * self.matched / both if both else 0.0


def count(reference: np.ndarray, estimated: np.ndarray, window: float, optional: np.ndarray | None = None) -> Counts:
    """Matches as many onsets to events within +-`window` seconds as possible (as `mir_eval.onset`).

    `optional` events are audible but off screen: an onset that meets one does not count.
    """
    matches = _matches(reference, estimated, window)
    spare = np.delete(estimated, [pair[1] for pair in matches])
    uncounted = 0 if optional is None else len(_matches(optional, spare, window))
    return Counts(len(reference), len(estimated) - uncounted, len(matches))


def onset_accuracy(reference: np.ndarray, times: np.ndarray, strengths: np.ndarray) -> float:
    """CondFoleyGen's onset accuracy of one clip: hits over events.

    Every event in turn takes the strongest free onset within 0.1 s. `times` come suppressed
    (`condfoleygen.suppressed`). False onsets cost nothing: read it beside its shuffled figure.
    """
    free = np.ones(len(times), bool)
    for event in reference:
        near = np.flatnonzero(free & (np.abs(times - event) < _CONDFOLEYGEN_WINDOW))
        if len(near):
            free[near[strengths[near].argmax()]] = False
    return int((~free).sum()) / len(reference)


def _matches(reference: np.ndarray, estimated: np.ndarray, window: float) -> list[tuple[int, int]]:
    if len(reference) == 0 or len(estimated) == 0:
        return []
    pairs: list[tuple[int, int]] = require("mir_eval.util", "evaluate").match_events(reference, estimated, window)
    return pairs
