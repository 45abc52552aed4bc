"""The banks of phrases, and the captions drawn from them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from avfoley_engine.evaluation.phrasings import load_phrasings
from avfoley_engine.training.phrases import caption_of, load_phrases

BANKS = {"training": load_phrases, "evaluation": load_phrasings}


def all_phrases(bank: dict[str, list[str]]) -> list[str]:
    return list(chain.from_iterable(bank.values()))


def drawn(label: str, file_caption: str, count: int = 400) -> list[str]:
    rng = np.random.default_rng(1)
    return [caption_of(label, file_caption, rng) for _ in range(count)]


def test_every_label_has_its_number_of_phrases() -> None:
    assert load_phrases().keys() == load_phrasings().keys()
    assert {label: len(p) for label, p in load_phrases().items() if not 12 <= len(p) <= 16} == {}
    assert {label: len(p) for label, p in load_phrasings().items() if len(p) != 10} == {}


def test_every_label_of_the_recorded_sounds_has_phrases(shared_data: Callable[[str], Path]) -> None:
    with (shared_data("sfx") / "index.csv").open(encoding="utf-8", newline="") as index:
        labels = {row["label"] for row in csv.DictReader(index)}
    assert labels - load_phrases().keys() == set()


@pytest.mark.parametrize("bank", BANKS)
def test_a_phrase_names_one_label(bank: str) -> None:
    times = Counter(all_phrases(BANKS[bank]()))
    assert [phrase for phrase, count in times.items() if count > 1] == []


@pytest.mark.parametrize("bank", BANKS)
def test_phrases_are_short_lower_case_words(bank: str) -> None:
    form = re.compile(r"[a-z][a-z' -]{1,58}[a-z]")
    odd = [p for p in all_phrases(BANKS[bank]()) if not form.fullmatch(p) or "  " in p]
    assert odd == []


def test_no_evaluation_phrase_was_trained_on_even_in_part() -> None:
    trained = [f" {p} " for p in all_phrases(load_phrases())]
    asked = [f" {p} " for p in all_phrases(load_phrasings())]
    assert [(a, t) for a in asked for t in trained if a in t or t in a] == []


def test_the_same_seed_draws_the_same_captions() -> None:
    assert drawn("dog", "puppy bark (dog)") == drawn("dog", "puppy bark (dog)")
    assert len(set(drawn("dog", "puppy bark (dog)"))) > 50


def test_captions_are_mostly_phrases_and_at_times_the_files_own_or_the_labels_words() -> None:
    captions = drawn("door_close", "hangar boom (door close)", 2000)
    share = {
        "phrase": np.mean([any(p in c for p in load_phrases()["door_close"]) for c in captions]),
        "file": np.mean(["hangar boom" in c for c in captions]),
        "label": np.mean(["door close" in c and "door closes" not in c for c in captions]),
        "framed": np.mean([c not in {*load_phrases()["door_close"], "hangar boom", "door close"} for c in captions]),
    }
    assert share == pytest.approx({"phrase": 0.7, "file": 0.2, "label": 0.1, "framed": 0.3}, abs=0.04)
    assert not any("(" in c for c in captions)


def test_a_phrase_that_fits_the_file_is_preferred() -> None:
    captions = drawn("wild_animal", "tiger snarl (wild animal)", 1000)
    tigers = sum("tiger" in c for c in captions)
    elephants = sum("elephant" in c for c in captions)
    assert tigers > 4 * elephants > 0


def test_a_label_of_the_users_own_is_described_by_its_caption_and_its_words() -> None:
    captions = drawn("Squeegee_Window", "Rubber squeegee on wet glass.")
    assert {"rubber squeegee on wet glass", "squeegee window", "the sound of squeegee window"} <= set(captions)
    assert all("rubber squeegee on wet glass" in c or "squeegee window" in c for c in captions)
    assert all("squeegee window" in c for c in drawn("squeegee_window", ""))
