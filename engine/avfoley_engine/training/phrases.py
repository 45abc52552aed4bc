"""Captions for labelled sounds: many ways of asking for each label, so that a model learns the meaning and not a template."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

#: Shares of captions that are the file's own, and the label's bare words; the rest are phrases of the bank.
_FILE_SHARE, _LABEL_SHARE = 0.2, 0.1
#: How often a phrase is drawn among those that share a word with the file's caption, where there are any: "a tiger roars"
#: for "tiger roar" rather than any wild animal.
_FITTING_SHARE = 0.5
_FRAME_SHARE = 0.3

#: What a caption may be framed by: any, or the name of a thing alone.
_FRAMES: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("frames.toml").read_text(encoding="utf-8"))
#: Words that do not make a phrase fit a file.
_GRAMMAR = frozenset({"and", "being", "for", "from", "into", "its", "off", "out", "over", "the", "with"})


def read_phrases(path: Path) -> dict[str, list[str]]:
    """The phrases of each label in a CSV with the columns label and phrase, in the order of the file."""
    bank: dict[str, list[str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            bank.setdefault(row["label"], []).append(row["phrase"])
    return bank


@cache
def load_phrases() -> dict[str, list[str]]:
    """The phrases to train with, 12 to 16 for each label. None of them is in `evaluation.phrasings`."""
    return read_phrases(Path(__file__).with_name("phrases.csv"))


def caption_of(label: str, file_caption: str, rng: np.random.Generator) -> str:
    """Draws a caption for a sound: mostly a phrase for its label, at times its file's own caption or the label's words, at times framed.

    A label that the bank does not know, such as a user's own, is described by the file's caption and the label's words. The same state
    of `rng` gives the same caption.
    """
    words = label.replace("_", " ").strip().lower()
    own = file_caption.strip().lower().removesuffix(f"({words})").rstrip(" .") or words
    phrases = load_phrases().get(label)
    kind = rng.random()
    named = True
    if phrases is None:
        caption = own if kind < 0.7 else words
    elif kind < _FILE_SHARE:
        caption = own
    elif kind < _FILE_SHARE + _LABEL_SHARE:
        caption = words
    else:
        fitting = _fitting(phrases, own, words) if rng.random() < _FITTING_SHARE else []
        caption, named = _draw(fitting or phrases, rng), False
    if rng.random() >= _FRAME_SHARE:
        return caption
    return _draw(_FRAMES["any"] + (_FRAMES["names"] if named else []), rng).format(caption)


def _draw(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _fitting(phrases: Sequence[str], file_caption: str, label_words: str) -> list[str]:
    """The phrases that share a word with the file's caption that is not in the label; "roar" is the same as "roars"."""
    stems = _stems(file_caption) - _stems(label_words)
    return [phrase for phrase in phrases if stems & _stems(phrase)]


def _stems(text: str) -> set[str]:
    # Four letters tell these words apart and ignore their endings.
    return {word[:4] for word in text.split() if len(word) > 2 and word not in _GRAMMAR}
