"""Ten captions for each label that no model was trained on: they test more than templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from avfoley_engine.training.phrases import read_phrases


@cache
def load_phrasings() -> dict[str, list[str]]:
    """Ten phrasings for each label. None is in `training.phrases`, nor a part of one there."""
    return read_phrases(Path(__file__).with_name("phrasings.csv"))
