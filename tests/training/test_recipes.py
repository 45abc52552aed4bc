"""One room with two doors: flags and YAML keys are the same options, and build the same run."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
import yaml
from avfoley_engine.errors import ModelError
from avfoley_engine.training import cli, recipe
from avfoley_engine.training.avlink.fusion import FusionOptions
from avfoley_engine.training.recipe import Objective, Recipe, RecipeOptions, recipes
from avfoley_engine.training.run import run
from safetensors.torch import load_file
from torch import nn

#: Flags of earlier versions, with their defaults.
DEFAULTS: dict[str, dict[str, Any]] = {
    "vae": {"steps": 3600, "batch": 24, "learning_rate": 2e-3, "ema_decay": 0.999},
    "grain": {"steps": 1500, "batch": 24, "learning_rate": 1e-3, "ema_decay": 0.995},
    "vocoder": {"steps": 6000, "batch": 6, "learning_rate": 5e-4, "ema_decay": 0.999, "adversarial_from": 3000},
    "audio": {"steps": 8000, "batch": 24, "learning_rate": 1e-3, "ema_decay": 0.998, "world_share": 0.4},
    "video": {"steps": 8000, "batch": 12, "event_weight": 1.0, "event_share": 0.67, "drawn_steps": None},
    "events": {"steps": 8000, "batch": 16, "learning_rate": 2e-3, "ema_decay": 0.998, "alone": 0.85},
    "draw": {"steps": 8000, "batch": 12, "drawn_steps": 12, "stills": 4, "drawing_times": (0.0, 1.8)},
    "fusion": {"steps": 8000, "batch": 16, "drawn_steps": 12, "onset_weight": 0.3, "caption_drop": (0.5, 0.2)},
    "autoencoder": {"steps": 20_000, "batch": 4, "learning_rate": 1e-3, "ema_decay": 0.999, "clips": 500},
    "upsampler": {"steps": 20_000, "batch": 4, "crop": (288, 512), "clips": 500},
}


@pytest.mark.parametrize("part", DEFAULTS)
def test_defaults_are_what_they_were(part: str) -> None:
    kind = recipes()[part].options
    options = kind(sounds=Path()) if part in ("vae", "grain", "vocoder") else kind()
    assert {name: getattr(options, name) for name in DEFAULTS[part]} == DEFAULTS[part]


@pytest.mark.parametrize("part", DEFAULTS)
def test_every_option_is_a_flag_that_says_what_it_is(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([part, "--help"])
    said = capsys.readouterr().out
    kind = recipes()[part].options
    hints = get_type_hints(kind)
    for field in fields(kind):
        flag = "--ema" if field.name == "ema_decay" else "--" + field.name.replace("_", "-")
        nested = any(is_dataclass(inner) for inner in getattr(hints[field.name], "__args__", ()))
        assert (flag in said) != nested, field.name


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[RecipeOptions]:
    """The options that a run is given, instead of the run."""
    given: list[RecipeOptions] = []
    monkeypatch.setattr(cli, "run", lambda recipe, options, device: given.append(options))
    return given


def test_flags_and_yaml_keys_are_the_same_options(seen: list[RecipeOptions], tmp_path: Path) -> None:
    flags = "--runs r --steps 7 --ema 0.5 --bf16 --direction a2v --style plain --drawn-steps 3 --seed 4"
    cli.main(["fusion", *flags.split(), "--caption-drop", "0.15", "0.1", "--base", "m", "--device", "cpu"])
    keys = {"part": "fusion", "runs": "r", "steps": 7, "ema_decay": 0.5, "bf16": True, "direction": "a2v", "seed": 4}
    keys |= {"style": "plain", "drawn_steps": 3, "caption_drop": [0.15, 0.1], "base": "m"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(keys))
    cli.main(["run", str(tmp_path / "run.yaml"), "--device", "cpu"])
    shell, file = seen
    assert shell == file
    assert isinstance(shell, FusionOptions)
    assert (shell.caption_drop, shell.drawn_steps, shell.batch) == ((0.15, 0.1), 3, 16)


@pytest.mark.parametrize("wrong", [["--caption-drop", "15", "10"], ["--steps", "many"], ["--direction", "up"]])
def test_a_wrong_flag_is_refused(seen: list[RecipeOptions], wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(["fusion", *wrong])
    assert (refused.value.code, seen) == (2, [])


def a_line(options: RecipeOptions, device: torch.device) -> Objective:
    module = nn.Linear(1, 1)

    def loss(step: int, rng: Any) -> tuple[torch.Tensor, dict[str, float]]:
        x = torch.randn(options.at_once, 1)
        return (module(x) - 3 * x).square().mean(), {}

    return Objective("line", module, loss)


def test_both_doors_give_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {"line": Recipe("a line", RecipeOptions, a_line)}
    monkeypatch.setattr(recipe, "recipes", lambda: lines)
    monkeypatch.setattr(cli, "recipes", lambda: lines)
    cli.main(["line", "--runs", str(tmp_path / "a"), "--steps", "9", "--batch", "4", "--device", "cpu"])
    (tmp_path / "run.yaml").write_text(f"part: line\nruns: {tmp_path / 'b'}\nsteps: 9\nbatch: 4\n")
    cli.main(["run", str(tmp_path / "run.yaml"), "--device", "cpu"])
    a, b = (load_file(tmp_path / name / "line" / "checkpoint.safetensors") for name in "ab")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_that_was_begun_in_shards_is_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "line" / "checkpoint" / "00000003").mkdir(parents=True)
    with pytest.raises(ModelError, match="begun otherwise"):
        run(Recipe("a line", RecipeOptions, a_line), RecipeOptions(runs=tmp_path), torch.device("cpu"))
