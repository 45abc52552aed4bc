"""The text encoder: where its weights come from, and what its states mean."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.models import text


@pytest.fixture(scope="module")
def encoder() -> text.TextEncoder:
    if importlib.util.find_spec(text.MINILM_PACKAGE) is None:
        pytest.skip("the offline extra is not installed")
    return text.MiniLM()


def mean(encoder: text.TextEncoder, caption: str) -> torch.Tensor:
    states = encoder([caption])
    return torch.nn.functional.normalize(states.states[0][states.mask[0]].mean(0), dim=0)


def test_captions_that_mean_the_same_are_near(encoder: text.TextEncoder) -> None:
    dog, puppy, rain = (mean(encoder, c) for c in ("a dog barks", "a puppy is barking", "heavy rain on a roof"))
    assert dog @ puppy > 0.7
    assert dog @ rain < 0.4


def test_an_empty_caption_is_no_condition(encoder: text.TextEncoder) -> None:
    states = encoder(["", "  ", "knock"])
    assert states.mask.sum(1).tolist()[:2] == [0, 0]
    assert states.mask[2].any()


def test_a_changed_weight_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.setattr(text, "_package_folder", lambda: tmp_path)
    text.minilm_folder.cache_clear()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        text.minilm_folder()
    text.minilm_folder.cache_clear()
