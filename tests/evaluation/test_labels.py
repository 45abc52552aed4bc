"""`evaluate labels`: distances of known Gaussians, what is asked of a model, and the command with models that are known."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.errors import MediaError, ModelError
from avfoley_engine.evaluation import labels
from avfoley_engine.evaluation.classifier import ClassifierConfig
from avfoley_engine.evaluation.cli import main
from avfoley_engine.evaluation.generated import Sampling
from avfoley_engine.evaluation.labels import (
    Recordings,
    Request,
    generate,
    noise,
    phrasing_requests,
    template_requests,
)
from avfoley_engine.evaluation.phrasings import load_phrasings
from avfoley_engine.evaluation.predictions import Predictions, frechet_distance
from avfoley_engine.models import registry
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training.phrases import load_phrases
from avfoley_engine.world.recordings import Sound, is_held_out
from scipy.linalg import sqrtm

from support.models import OneByOne

RATE = 48_000
SMALL = ClassifierConfig(widths=(8, 16), embedding=16, dropout=0.0, steps=100, batch=12, learning_rate=1e-2)


def test_a_set_is_at_no_distance_from_itself() -> None:
    x = np.random.default_rng(0).standard_normal((50, 8))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x[::-1]) == pytest.approx(0, abs=1e-9)


def test_distances_of_known_gaussians() -> None:
    x = np.random.default_rng(0).standard_normal((60, 8)) @ np.diag(np.arange(1, 9))
    shift = np.arange(8) / 3
    assert frechet_distance(x, x + shift) == pytest.approx(np.square(shift).sum())
    # Of the same shape about the same centre, a wider one is away by (1 - scale)^2 of the variance.
    centred = x - x.mean(axis=0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * np.trace(np.cov(x, rowvar=False)))


def test_it_is_the_formula_of_the_literature() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((80, 6)) @ rng.standard_normal((6, 6)), rng.standard_normal((90, 6)) + 1
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(x, y) == pytest.approx(expected) == pytest.approx(frechet_distance(y, x))


def test_fewer_sounds_than_dimensions_still_have_a_distance() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((5, 32)).astype(np.float32), rng.standard_normal((5, 32)).astype(np.float32)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-4)
    distance = frechet_distance(x, y)
    assert distance is not None
    assert 1 < distance < 200


def test_a_single_sound_has_no_distance() -> None:
    assert frechet_distance(np.zeros((1, 4)), np.zeros((5, 4))) is None


def test_every_new_phrasing_comes_before_one_comes_twice() -> None:
    requests = phrasing_requests({"bell": 2.0, "of_my_own": 1.0, "rain": 5.0}, 13, seed=3)
    assert {request.label for request in requests} == {"bell", "rain"}
    for label in ("bell", "rain"):
        asked = [request.caption for request in requests if request.label == label]
        assert set(asked[:10]) == set(load_phrasings()[label])
        assert asked[10:] == asked[:3]
    assert requests == phrasing_requests({"bell": 2.0, "of_my_own": 1.0, "rain": 5.0}, 13, seed=3)
    assert requests != phrasing_requests({"bell": 2.0, "of_my_own": 1.0, "rain": 5.0}, 13, seed=4)


def test_templates_and_phrasings_begin_from_the_same_noise_with_other_words() -> None:
    lengths = {"bell": 2.0, "rain": 5.0}
    templates, phrasings = template_requests(lengths, {"bell": 6, "rain": 6}, 0), phrasing_requests(lengths, 6, 0)
    assert [(r.label, r.seed, r.seconds) for r in templates] == [(r.label, r.seed, r.seconds) for r in phrasings]
    assert len({request.seed for request in templates}) == 12
    assert not {request.caption for request in templates} & {request.caption for request in phrasings}
    assert len({request.caption for request in templates}) > 6


def test_sounds_of_ones_own_labels_alone_have_no_phrasings() -> None:
    with pytest.raises(MediaError, match="none of the sounds' labels has new phrasings"):
        phrasing_requests({"of_my_own": 1.0}, 3, 0)


def test_white_noise_is_level_and_pink_noise_falls_3_db_an_octave() -> None:
    for pink, fall in ((False, 1), (True, 2)):
        x = noise(1 << 16, np.random.default_rng(0), pink=pink)
        power = np.abs(np.fft.rfft(x)) ** 2
        assert power[1000:2000].mean() / power[2000:4000].mean() == pytest.approx(fall, rel=0.1)
        assert x.dtype == np.float32
        assert np.abs(x).max() == pytest.approx(0.5)


def test_lengths_are_typical_of_a_label_within_bounds() -> None:
    def sound(label: str, seconds: float) -> Sound:
        return Sound("f", label, "", "", "", np.zeros(int(seconds * RATE), np.int16))

    sounds = [sound("a", 0.1), sound("b", 2.1), sound("b", 2.2), sound("b", 9.0), sound("c", 60.0)]
    found = Recordings(sounds, [], [])
    assert [found.seconds(label) for label in "abc"] == [1.0, 2.0, 5.0]


@dataclass
class AskedModel(OneByOne):
    """Makes a constant of each sound's seed at 16 kHz, and remembers how it was asked."""

    name: str = "asked"
    revision: str = "1"
    sample_rate: int = 16_000
    frame_rate: Fraction = Fraction(24)
    frame_size: tuple[int, int] = (36, 64)
    window_frames: int = 124
    default_steps: int = 3
    default_guidance_scale: float = 2.0
    asked: list[tuple[int, list[str]]] = field(default_factory=list)

    def generate(self, frames, samples, *, caption="", seed=0, steps, guidance_scale) -> torch.Tensor:
        assert frames is None
        assert (steps, guidance_scale) == (4, 1.5)
        self.asked.append((samples, [caption]))
        return torch.full((samples,), seed / 100)


class BatchingModel(AskedModel):
    def generate_batch(self, frames, samples, *, captions, seeds, steps, guidance_scale) -> torch.Tensor:
        assert frames is None
        self.asked.append((samples, captions))
        return torch.tensor(seeds)[:, None].expand(-1, samples) / 100


@pytest.mark.parametrize("kind", [AskedModel, BatchingModel])
def test_sounds_of_one_length_are_made_together_and_come_back_in_their_places(kind: type[AskedModel]) -> None:
    requests = [Request("a", f"{n}", (1.0, 2.5)[n % 2], 10 + n) for n in range(7)]
    model = kind()
    made = dict(generate(requests, model, Sampling(4, 1.5, batch=3)))
    assert sorted(made) == list(range(7))
    for n, waveform in made.items():
        assert len(waveform) == (48_000, 120_000)[n % 2]
        assert waveform[20_000] == pytest.approx((10 + n) / 100, rel=0.01)
    if kind is BatchingModel:
        assert model.asked == [
            (16_000, ["0", "2", "4"]),
            (16_000, ["6"]),
            (40_000, ["1", "3", "5"]),
        ]


def test_samples_that_are_not_finite_are_an_error_of_the_model() -> None:
    with pytest.raises(ModelError, match="asked made samples that are not finite"):
        list(generate([Request("a", "a", 1.0, seed=math.nan)], AskedModel(), Sampling(4, 1.5)))  # type: ignore[arg-type]


def test_rates_are_by_label() -> None:
    ranking = np.array([[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 1, 0]])
    predictions = Predictions(np.array([0, 0, 1, 1]), ranking, np.zeros((4, 2), np.float32))
    np.testing.assert_array_equal(predictions.rates(), [0.5, 0.5, np.nan])
    np.testing.assert_array_equal(predictions.rates(2), [1, 1, np.nan])
    assert predictions.right().tolist() == [True, False, True, False]


BANK = ("bell", "rain", "siren")


def toy(label: str, seed: int, seconds: float) -> np.ndarray:
    """A ringing, a hiss, or a wail (samples,) float32, each time another one."""
    rng = np.random.default_rng((BANK.index(label), seed))
    t = np.arange(round(seconds * RATE)) / RATE
    if label == "bell":
        x = np.exp(-4 * t) * sum(np.sin(2 * np.pi * rng.uniform(600, 900) * n * t) for n in (1, 2.76, 5.4))
    elif label == "rain":
        x = rng.standard_normal(len(t))
    else:
        x = np.sin(2 * np.pi * 500 * t - 120 * np.cos(2 * np.pi * rng.uniform(0.6, 0.9) * t))
    return (0.5 * x / np.abs(x).max() + 1e-4 * rng.standard_normal(len(t))).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six sounds to train on of each of three labels, and three held out of two; a fourth label has held-out sounds alone."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    rows = []

    def add(label: str, kind: str, held_out: bool, count: int) -> None:
        names = (f"{label}_{n}.wav" for n in range(1000))
        for n, name in enumerate([name for name in names if is_held_out(name) == held_out][:count]):
            soundfile.write(folder / name, toy(kind, n + 50 * held_out, 0.8 + 0.2 * n), RATE)
            rows.append({"file": name, "label": label, "caption": label, "license": "CC0", "author": "nobody"})

    for label in BANK:
        add(label, label, False, 6)
    for label in ("bell", "rain"):
        add(label, label, True, 3)
    add("zipper", "rain", True, 1)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


class OracleModel(AskedModel):
    """Makes what is asked for if the caption has known phrases, else noise, which is rain."""

    sample_rate = RATE

    def __init__(self, phrases: dict[str, list[str]]) -> None:
        super().__init__(sample_rate=RATE)
        self.phrases = phrases

    def generate(self, frames, samples, *, caption="", seed=0, **rest) -> torch.Tensor:
        self.asked.append((samples, [caption]))
        named = [k for k in BANK if k in caption.split() or any(phrase in caption for phrase in self.phrases[k])]
        return torch.from_numpy(toy(named[0] if named else "rain", 200 + seed, samples / RATE))


Command = Callable[..., dict[str, Any]]


@pytest.fixture
def evaluated(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setattr(labels, "CLASSIFIER", SMALL)

    def command(model: object, *more: str) -> dict[str, Any]:
        monkeypatch.setattr(registry, "load", lambda name, task, device: model)
        where = ["--sounds", str(folder), "--cache", str(tmp_path / "cache"), "--device", "cpu"]
        assert main(["labels", *where, "--clips-per-label", "2", "--json", *more]) == 0
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return command


def test_the_command_tells_who_understands_from_who_knows_the_templates(evaluated: Command) -> None:
    both = {label: load_phrases()[label] + load_phrasings()[label] for label in BANK}
    model = OracleModel(both)
    result = evaluated(model, "--phrasings", "--seed", "5")
    assert set(result) == {
        *("model", "revision", "steps", "guidance_scale", "seed", "sounds_a_label", "seconds", "training_sounds"),
        *("labels", "left_out", "ceiling", "codec", "templates", "phrasings", "points_below_templates", "frechet"),
        "by_label",
    }
    assert (result["model"], result["seed"], result["labels"], result["training_sounds"]) == ("asked", 5, 3, 18)
    assert result["left_out"] == ["zipper"]
    assert (result["ceiling"]["sounds"], result["ceiling"]["labels"]) == (6, 2)
    assert result["ceiling"]["top1"] > 0.8
    assert result["codec"] is None
    # As many bells and rains as are held out, so that the distances compare; two of the siren, as asked.
    assert result["templates"]["sounds"] == 3 + 3 + 2
    assert result["phrasings"]["sounds"] == 6
    for row in ("templates", "phrasings"):
        assert result[row]["labels"] == 3
        assert result[row]["top1"] > 0.8
        assert result[row]["share_of_ceiling"].keys() == {"top1", "held_out_labels", "held_out_mix"}
    assert abs(result["points_below_templates"]) < 20
    siren = result["by_label"]["siren"]
    assert (siren["seconds"], siren["training"], siren["held_out"], siren["ceiling"]) == (1.5, 6, 0, None)
    assert siren["templates"].keys() == {"sounds", "top1", "top5", "heard_as"}
    assert {samples for samples, _ in model.asked} == {RATE * 3 // 2}
    distances = {name: row["distance"] for name, row in result["frechet"].items() if isinstance(row, dict)}
    assert distances.keys() == {"generated", "real_training", "white_noise", "pink_noise"}
    assert max(distances["generated"], distances["real_training"]) < min(
        distances["white_noise"], distances["pink_noise"]
    )
    assert all(row["sounds"] == 6 for row in result["frechet"].values() if isinstance(row, dict))

    parrot = evaluated(OracleModel({label: load_phrases()[label] for label in BANK}), "--phrasings", "--seconds", "1")
    assert parrot["templates"]["top1"] > 0.8
    assert parrot["by_label"]["bell"]["seconds"] == 1
    # It hears "bell" in no more than a few of the new phrasings, and makes rain of the rest.
    assert parrot["points_below_templates"] > 20
    worst = parrot["phrasings"]["confusions"][0]
    assert (worst["label"], worst["heard_as"]) in {("bell", "rain"), ("siren", "rain")}


class Letters:
    """A text encoder that turns each letter into a state: no weights needed."""

    def __call__(self, captions: list[str]) -> TextStates:
        longest = max(map(len, captions))
        states, mask = torch.zeros(len(captions), longest, 16), torch.zeros(len(captions), longest, dtype=torch.bool)
        for i, caption in enumerate(captions):
            for j, letter in enumerate(caption):
                states[i, j, ord(letter) % 16] = 1
                mask[i, j] = True
        return TextStates(states, mask)


def test_the_command_on_an_untrained_model(
    evaluated: Command, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dit = replace(NANO.audio.dit, width=32, depth=2, heads=1, text_width=16)
    config = AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=8),
        video=replace(NANO.video, dit=replace(dit, prediction="sample")),
        fusion=FusionConfig(blocks=1, width=32, heads=1, local_heads=0),
    )
    torch.manual_seed(0)
    codec = AudioCodec(replace(CodecConfig(), vae=VAEConfig(latent_width=8, widths=(16, 16, 16), blocks=1)))
    text: Any = Letters()
    model = AVLinkFoley("small", "r", AVLink(config), codec, text, default_steps=2, default_guidance_scale=3.0)
    result = evaluated(model)
    assert (result["model"], result["steps"], result["guidance_scale"]) == ("small", 2, 3)
    assert result["phrasings"] is result["points_below_templates"] is None
    assert result["ceiling"]["top1"] > 0.8
    assert result["templates"]["top1"] < 0.7
    assert result["codec"]["sounds"] == 6
    assert result["frechet"]["codec"]["distance"] > result["frechet"]["real_training"]["distance"]
    assert evaluated(model) == result

    assert main(["labels", "--sounds", str(folder), "--cache", str(tmp_path / "cache"), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for words in ("ceiling", "codec", "templates", "siren", "real training", "left out", "zipper"):
        assert words in printed


def test_a_folder_without_held_out_sounds_is_an_error_that_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "load", lambda name, task, device: AskedModel())
    rows = (folder / "index.csv").read_text().splitlines()
    (folder / "index.csv").write_text("\n".join([row for row in rows if not is_held_out(row.split(",")[0])]))
    assert main(["labels", "--sounds", str(folder), "--cache", str(tmp_path / "cache")]) == 1
    assert "held out of training" in capsys.readouterr().err
    assert main(["labels", "--sounds", str(tmp_path), "--cache", str(tmp_path / "cache")]) == 1
    assert "index.csv is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--sounds", ".", "--clips-per-label", "0"],
        ["--sounds", ".", "--clips-a-label", "0"],
        ["--sounds", ".", "--seconds", "0"],
        ["--sounds", ".", "--model", "a", "--runs", "b"],
    ],
)
def test_wrong_usage(more: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["labels", *more])
    assert error.value.code == 2
