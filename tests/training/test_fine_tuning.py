"""A user's own sounds: fine-tune the audio backbone of a model on them, and export a model that has changed in that alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from avfoley_engine import zoo
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.codec.vocoder import VocoderConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.training.cli import main
from avfoley_engine.training.loading import exported_parts, take_backbones, untrained_link
from safetensors.torch import save_file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    dit = replace(NANO.audio.dit, width=64, depth=2, heads=2)
    link = AVLink(
        AVLinkConfig(
            audio=replace(NANO.audio, dit=dit, latent_width=8),
            video=replace(NANO.video, dit=replace(dit, prediction="sample")),
            fusion=FusionConfig(blocks=1, width=64, heads=2, local_heads=1),
        )
    )
    codec = AudioCodec(
        CodecConfig(vae=VAEConfig(latent_width=8, widths=(32, 32, 32)), vocoder=VocoderConfig(width=32, layers=1))
    )
    system.save(tmp_path / "small", link, codec, title="Small", licence="Apache-2.0", steps=2, guidance_scale=2.0)
    return tmp_path / "small"


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "my sounds"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ["file,label,caption"]
    for number in range(3):
        decay = np.exp(-np.arange(24_000) / 4_000)
        soundfile.write(folder / f"gong {number}.wav", 0.5 * decay * rng.normal(size=24_000).clip(-1, 1), 48_000)
        rows.append(f"gong {number}.wav,gong,my grandfather's gong")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_fine_tuning_changes_the_audio_backbone_alone(tmp_path: Path, model: Path, sounds: Path) -> None:
    runs = tmp_path / "runs"
    arguments = ["audio", "--runs", str(runs), "--data", str(sounds), "--resume", str(model), "--device", "cpu"]
    assert main([*arguments, "--steps", "3", "--batch", "4", "--ema", "0.5", "--learning-rate", "0.01"]) == 0
    export = ["export", "--runs", str(runs), "--base", str(model), "--out", str(tmp_path / "mine"), "--device", "cpu"]
    assert main(export) == 0
    before, after = (json.loads((f / "config.json").read_text())["files"] for f in (model, tmp_path / "mine"))
    assert {name for name in before if before[name] != after[name]} == {"audio.safetensors"}
    tuned = system.load(zoo.entry_of(tmp_path / "mine"))
    assert tuned.generate(None, 4_800, caption="a gong", steps=1).shape == (4_800,)


@pytest.mark.parametrize(("trained", "sets"), [("a2v", {"v2a", "a2v"}), ("joint", {"joint"})])
def test_a_trained_direction_joins_those_of_the_base(tmp_path: Path, model: Path, trained: str, sets: set[str]) -> None:
    base = system.load(zoo.entry_of(model))
    link = untrained_link([trained], base.link.config)
    run = tmp_path / "runs" / f"fusion_{trained}"
    run.mkdir(parents=True)
    weights = {f"ema.link.{n}": p.detach() for n, p in link.named_parameters() if n.startswith("fusion")}
    save_file(weights, run / "checkpoint.safetensors")
    only_v2a = system.load(zoo.entry_of(model))
    del only_v2a.link.fusion["a2v"]
    exported, _ = exported_parts(tmp_path / "runs", only_v2a, torch.device("cpu"))
    assert set(exported.fusion) == sets
    for a, b in zip(exported.fusion[trained].parameters(), link.fusion[trained].parameters(), strict=True):
        assert torch.equal(a, b)
    if "v2a" in sets:
        for a, b in zip(exported.fusion["v2a"].parameters(), base.link.fusion["v2a"].parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_new_model_is_one_to_start_from(tmp_path: Path) -> None:
    assert main(["new", "--preset", "nano", "--out", str(tmp_path / "new"), "--device", "cpu"]) == 0
    model = system.load(zoo.entry_of(tmp_path / "new"))
    assert model.link.directions == ["v2a", "a2v"]
    assert model.link.config == NANO


def test_what_learned_to_draw_stands_behind_the_backbone_of_the_base(tmp_path: Path, model: Path) -> None:
    """From a model whose one last layer draws: the shipped world's clips, two steps, and foley that is the same to the sample."""
    base = system.load(zoo.entry_of(model))
    torch.manual_seed(1)
    plain = AVLink(replace(base.link.config, video=replace(base.link.config.video, drawing=None, time_shift=1.0)))
    link = plain.eval().requires_grad_(False)
    for fusion in link.fusion.values():
        for block in fusion.blocks:  # type: ignore[union-attr]
            for layer in block.modulation.values():
                torch.nn.init.normal_(layer.bias, std=0.5)
    system.save(tmp_path / "old", link, base.codec, title="Old", licence="Apache-2.0", steps=2, guidance_scale=2.0)

    common = ["--runs", str(tmp_path / "runs"), "--base", str(tmp_path / "old"), "--device", "cpu"]
    assert main(["world", *common, "--style", "plain", "--clips", "3"]) == 0
    assert main(["draw", *common, "--steps", "2", "--batch", "2", "--drawn-steps", "2"]) == 0
    fusion = ["fusion", *common, "--direction", "a2v", "--style", "plain", "--steps", "2", "--batch", "2"]
    assert main(fusion) == 0
    assert main(["export", *common, "--out", str(tmp_path / "new")]) == 0

    old, new = zoo.entry_of(tmp_path / "old"), zoo.entry_of(tmp_path / "new")
    changed = {name for name in new.config["files"] if new.config["files"][name] != old.config["files"][name]}
    assert changed == {"video.safetensors", "fusion_a2v.safetensors"}
    frames = torch.randint(0, 256, (24, *system.load(new).frame_size, 3), dtype=torch.uint8)
    sounds = [system.load(entry).generate(frames, 48_000, caption="a") for entry in (old, new)]
    assert torch.equal(*sounds)
    video = system.load_video(new)
    assert video.link.config.video.time_shift == NANO.video.time_shift
    assert video.generate(sounds[0], 12, caption="a").shape == (12, 36, 64, 3)


def test_what_learned_to_see_events_stands_beside_the_backbone_of_the_base(tmp_path: Path, model: Path) -> None:
    """From a model without an event stem: two steps of it, two of new fusion blocks; the other files keep their bytes."""
    base = system.load(zoo.entry_of(model))
    link = AVLink(replace(base.link.config, video=replace(base.link.config.video, event_channels=None)))
    system.save(tmp_path / "old", link, base.codec, title="Old", licence="Apache-2.0", steps=2, guidance_scale=2.0)

    common = ["--runs", str(tmp_path / "runs"), "--base", str(tmp_path / "old"), "--device", "cpu"]
    assert main(["world", *common, "--clips", "3"]) == 0
    assert main(["events", *common, "--steps", "2", "--batch", "2", "--alone", "0.5"]) == 0
    assert main(["fusion", *common, "--steps", "2", "--batch", "2"]) == 0
    assert main(["export", *common, "--out", str(tmp_path / "new")]) == 0

    old, new = zoo.entry_of(tmp_path / "old"), zoo.entry_of(tmp_path / "new")
    changed = {name for name in new.config["files"] if new.config["files"][name] != old.config["files"].get(name)}
    assert changed == {"events.safetensors", "fusion_v2a.safetensors"}
    loaded = system.load(new)
    assert loaded.link.config.video.event_channels == NANO.video.event_channels
    assert loaded.link.video.events.output.weight.abs().max() > 0
    frames = torch.randint(0, 256, (24, *loaded.frame_size, 3), dtype=torch.uint8)
    assert loaded.generate(frames, 48_000, caption="a").shape == (48_000,)


def test_a_base_of_other_sizes_is_refused(tmp_path: Path, model: Path) -> None:
    base = system.load(zoo.entry_of(model))
    with pytest.raises(ModelError, match="backbone of the base does not fit"):
        take_backbones(untrained_link([]), base.link)
