"""The classifier of sounds: what it hears, what it does not, and that it learns labels and is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from avfoley_engine.errors import MediaError
from avfoley_engine.evaluation.classifier import WINDOW, Classifier, ClassifierConfig, levels, train, trained
from avfoley_engine.world.recordings import Sound
from scipy.signal import butter, sosfilt

RATE = 48_000
SMALL = ClassifierConfig(widths=(8, 16), embedding=16, dropout=0.0, steps=80, batch=12, learning_rate=1e-2)
LABELS = ("clicks", "hiss", "hum", "sweep")


def toy(label: str, seed: int) -> np.ndarray:
    """A second or two of one of four kinds of sound (samples,) float32, each time another one."""
    rng = np.random.default_rng((LABELS.index(label), seed))
    t = np.arange(int(rng.uniform(0.5, 1.5) * RATE)) / RATE
    if label == "clicks":
        x = rng.standard_normal(len(t)) * np.exp(-((t * rng.uniform(4, 9)) % 1) * 20)
    elif label == "hiss":
        x = rng.standard_normal(len(t))
    elif label == "hum":
        x = sum(np.sin(2 * np.pi * rng.uniform(50, 120) * n * t) / n for n in (1, 2, 3))
    else:
        x = np.sin(2 * np.pi * (rng.uniform(300, 800) * t + rng.uniform(400, 1200) * t**2))
    return (rng.uniform(0.02, 0.9) * x / np.abs(x).max() + 1e-4 * rng.standard_normal(len(t))).astype(np.float32)


def sound(label: str, seed: int) -> Sound:
    return Sound(f"{label}/{seed}.wav", label, label, "CC0", "nobody", (toy(label, seed) * 32767).astype(np.int16))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    names = [label for label in LABELS for _ in range(8)]
    return train([levels(toy(label, n % 8)) for n, label in enumerate(names)], names, seed=1, config=SMALL)


def test_it_names_sounds_that_it_has_not_heard(classifier: Classifier) -> None:
    names = [label for label in LABELS for _ in range(10)]
    embeddings = np.stack([classifier.embed(toy(label, 100 + n)) for n, label in enumerate(names)])
    assert embeddings.shape == (40, classifier.width) == (40, 16)
    ranking = classifier.ranking(embeddings)
    assert np.array_equal(np.sort(ranking, axis=1), np.tile(np.arange(4), (40, 1)))
    assert np.mean([classifier.labels[first] == name for first, name in zip(ranking[:, 0], names, strict=True)]) > 0.9


def test_long_sounds_are_named_too_and_silence_is_no_error(classifier: Classifier) -> None:
    long = np.concatenate([np.zeros(3 * RATE, np.float32), *[toy("hum", 7)] * 4, np.zeros(70 * RATE, np.float32)])
    assert classifier.labels[classifier.ranking(classifier.embed(long)[None])[0, 0]] == "hum"
    for nothing in (np.zeros(RATE, np.float32), np.zeros(1, np.float32), np.zeros(0, np.float32)):
        assert np.isfinite(classifier.embed(nothing)).all()


def test_level_and_silent_ends_are_not_heard() -> None:
    x = toy("clicks", 0)
    np.testing.assert_allclose(levels(x), levels(0.01 * x), atol=1e-3)
    silence = np.zeros(2 * RATE, np.float32)
    assert abs(levels(np.concatenate([silence, x, silence])).shape[1] - levels(x).shape[1]) <= 2
    assert levels(x).max() == 0
    assert levels(x).min() >= -1


def test_what_mp3_takes_away_is_not_heard() -> None:
    x = toy("hiss", 0)
    cut = sosfilt(butter(16, 15_500, fs=RATE, output="sos"), x).astype(np.float32)
    duller = sosfilt(butter(16, 8_000, fs=RATE, output="sos"), x).astype(np.float32)
    assert np.abs(levels(cut) - levels(x)).mean() < 0.005
    assert np.abs(levels(duller) - levels(x)).mean() > 0.02


def test_the_same_seed_trains_the_same_weights() -> None:
    few = replace(SMALL, steps=3, batch=4)
    features, names = [levels(toy(label, 0)) for label in LABELS], list(LABELS)
    weights = [train(features, names, seed, few).network.head.weight.numpy() for seed in (5, 5, 6)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_trained_classifier_is_kept_for_the_same_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(SMALL, steps=2, batch=4)
    sounds = [sound(label, n) for label in LABELS for n in range(2)]
    first = trained(sounds, tmp_path / "cache", config=few)
    x = toy("hum", 3)

    def never(*_: object) -> None:
        raise AssertionError("trained again")

    with monkeypatch.context() as patched:
        patched.setattr("avfoley_engine.evaluation.classifier.train", never)
        again = trained(sounds, tmp_path / "cache", config=few)
        assert again.labels == first.labels == LABELS
        np.testing.assert_array_equal(first.embed(x), again.embed(x))

        (kept,) = (tmp_path / "cache").iterdir()
        kept.write_bytes(kept.read_bytes()[:1000])
        with pytest.raises(AssertionError, match="trained again"):
            trained(sounds, tmp_path / "cache", config=few)
    np.testing.assert_array_equal(trained(sounds, tmp_path / "cache", config=few).embed(x), first.embed(x))

    trained([*sounds[:-1], sound("sweep", 9)], tmp_path / "cache", config=few)
    trained(sounds, tmp_path / "cache", seed=1, config=few)
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_one_label_cannot_be_told_from_others(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no two labels"):
        trained([sound("hum", 0), sound("hum", 1)], tmp_path, config=SMALL)


def test_a_window_is_two_seconds() -> None:
    assert levels(np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)).shape == (64, WINDOW)
