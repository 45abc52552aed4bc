"""`evaluate ablations`: every variant is another model, all get the same data, and the table says what the paper's says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.codec.vocoder import VocoderConfig
from avfoley_engine.evaluation.ablations import OURS, VARIANTS, compared
from avfoley_engine.evaluation.cli import main
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training.avlink.fusion import FusionOptions, FusionTraining, fusion_loss
from avfoley_engine.training.dataset import Batch, Clip


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    dit = replace(NANO.audio.dit, width=32, depth=3, heads=2)
    link = AVLink(
        AVLinkConfig(
            audio=replace(NANO.audio, dit=dit, latent_width=4),
            video=replace(NANO.video, dit=replace(dit, prediction="sample")),
            fusion=FusionConfig(blocks=2, width=32, heads=2, local_heads=1),
        ),
        ["v2a"],
    )
    torch.nn.init.normal_(link.audio.output.weight, std=0.3)
    codec = AudioCodec(
        CodecConfig(vae=VAEConfig(latent_width=4, widths=(16, 16, 16)), vocoder=VocoderConfig(width=16, layers=1))
    )
    system.save(tmp_path / "small", link, codec, title="Small", licence="Apache-2.0", steps=2, guidance_scale=2.0)
    monkeypatch.setenv("AVFOLEY_MODELS", str(tmp_path))
    return tmp_path


def command(runs: Path, *more: str) -> list[str]:
    budget = ["--clips", "2", "--steps", "2", "--batch", "2", "--evaluate", "2", "--sampling-steps", "1"]
    return ["ablations", "--model", "small", "--runs", str(runs), "--device", "cpu", "--json", *budget, *more]


def test_a_tiny_budget_gives_a_table_and_goes_on_where_it_stopped(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = small / "runs"
    assert main(command(runs, "--variant", "cross")) == 0
    rows = {row["variant"]: row for row in json.loads(capsys.readouterr().out)["variants"]}
    assert rows.keys() == {OURS, "cross"}
    # Both start from the same backbones on the same draws, and differ by what was learned in two steps.
    assert rows["cross"]["loss"] == pytest.approx(rows[OURS]["loss"], rel=0.1)
    assert rows["cross"]["loss"] != rows[OURS]["loss"]
    assert rows["cross"]["paper"]["onset_accuracy"] == 0.410

    def never(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    with monkeypatch.context() as patched:
        patched.setattr("avfoley_engine.evaluation.ablations.train", never)
        assert main(command(runs, "--variant", "cross")) == 0
    assert {row["variant"]: row for row in json.loads(capsys.readouterr().out)["variants"]} == rows
    assert main(command(runs, "--seed", "3")) == 1
    assert "another model or budget" in capsys.readouterr().err


def no_captions(captions: list[str]) -> TextStates:
    return TextStates(torch.zeros(len(captions), 0, 16), torch.zeros(len(captions), 0, dtype=torch.bool))


def test_every_variant_is_another_model() -> None:
    """Another config, and on the same clip with the same draws and weights another loss."""
    dit = replace(NANO.audio.dit, width=32, depth=8, heads=2, text_width=16)
    base = AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=4),
        video=replace(NANO.video, dit=replace(dit, prediction="sample"), frames=24),
        fusion=FusionConfig(blocks=2, width=32, heads=2, local_heads=1),
    )
    generator = torch.Generator().manual_seed(0)
    clips = [Clip(seed=0, family="strike", caption="", video_caption="", events=[], seen=[])]
    frames = torch.rand(1, 24, 36, 64, 3, generator=generator) * 2 - 1
    batch = Batch(frames=frames, latents=torch.randn(1, 25, 4, generator=generator), clips=clips)
    configs, losses = set(), set()
    for variant in VARIANTS.values():
        training = FusionTraining(AVLink(variant.config(base), ["v2a"])).eval()
        weights = torch.Generator().manual_seed(1)
        for parameter in training.parameters():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=weights)
        options = FusionOptions(onset_weight=0, **variant.training)
        torch.manual_seed(2)
        with torch.no_grad():
            loss, _ = fusion_loss(training, "v2a", batch, no_captions, options, np.random.default_rng(0))  # type: ignore[arg-type]
        configs.add((variant.config(base), *variant.training.items()))
        losses.add(loss.item())
    assert len(configs) == len(losses) == len(VARIANTS)


def test_the_table_says_whether_the_papers_direction_is_ours() -> None:
    def result(accuracy: float, f1: float) -> dict[str, object]:
        return {"loss": 1.0, "matched": {"f1_80": f1, "onset_accuracy": accuracy}, "shuffled": {"f1_80": 0.2}}

    rows = compared({OURS: result(0.5, 0.6), "no-reinjection": result(0.4, 0.5), "early": result(0.45, 0.3)})
    by_name = {row["variant"]: row for row in rows}
    assert by_name[OURS]["as_in_the_paper"] is None
    assert by_name["no-reinjection"]["as_in_the_paper"] is True
    # The paper's early blocks hit more onsets than its interleaved ones.
    assert by_name["early"]["as_in_the_paper"] is False
    assert by_name[OURS]["f1_80_gap"] == pytest.approx(0.4)
