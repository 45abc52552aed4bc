"""Ten ways of asking for each label that no model has been trained on, to tell understanding from templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from avfoley_engine.training.phrases import read_phrases


@cache
def load_phrasings() -> dict[str, list[str]]:
    """The phrasings to evaluate with, ten for each label. None of them is in `training.phrases`, nor a part of one there."""
    return read_phrases(Path(__file__).with_name("phrasings.csv"))
