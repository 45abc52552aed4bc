"""Training the upsampler: it learns, a resumed run is the same run, and what is exported is what was trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.backbones import VideoDiT
from avfoley_engine.models.avlink.config import VideoConfig
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.avlink.upsampler.config import PRESETS, AutoencoderConfig, UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.frames import enlarged
from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
from avfoley_engine.nn.dit import DiTConfig, TextStates
from avfoley_engine.training import cli, loading
from avfoley_engine.training.avlink import upsampler
from avfoley_engine.training.avlink.upsampler import (
    AutoencoderOptions,
    UpsamplerOptions,
    autoencoder_objective,
    conditioning_of,
    flow_objective,
    shrunk,
)
from avfoley_engine.training.pictures import CLIP_FRAMES, WorldPictures, render_pictures
from avfoley_engine.training.run import train
from safetensors.torch import load_file
from torch.nn import functional as F

SMALL = UpsamplerConfig(
    autoencoder=AutoencoderConfig(latent_width=4, encoder_widths=(8, 8, 8), decoder_widths=(8, 8, 8)),
    dit=DiTConfig(width=32, depth=1, heads=2, text_width=8),
    height=48,
    width=80,
    window_latents=2,
)
SCHEDULE = {"batch": 2, "learning_rate": 3e-3, "warm_up": 2, "log_every": 5, "save_every": 100, "ema_decay": 0.9}
AUTOENCODER = AutoencoderOptions(**SCHEDULE, steps=80, frames=8, crop=(32, 32), measured=32)  # type: ignore[arg-type]
FLOW = UpsamplerOptions(**SCHEDULE, steps=30, crop=(32, 32))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    render_pictures(folder, range(3), (SMALL.height, SMALL.width))
    return folder


@pytest.fixture
def pictures(folder: Path) -> WorldPictures:
    return WorldPictures(folder, torch.device("cpu"), (SMALL.height, SMALL.width))


def no_words(captions: list[str]) -> TextStates:
    return TextStates(torch.zeros(len(captions), 1, 8), torch.ones(len(captions), 1, dtype=torch.bool))


def autoencoder() -> VideoAutoencoder:
    torch.manual_seed(0)
    return VideoAutoencoder(SMALL.autoencoder)


def figures(run: Path, name: str) -> list[float]:
    return [json.loads(line)[name] for line in (run / "curve.jsonl").read_text().splitlines()]


def test_pictures_are_rendered_once_and_their_crops_are_of_them(folder: Path, pictures: WorldPictures) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    render_pictures(folder, range(3), (SMALL.height, SMALL.width))
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert [clip.shape for clip in pictures.clips] == [(CLIP_FRAMES, 48, 80, 3)] * 3
    assert all(pictures.captions)
    batch = pictures.batch(5, CLIP_FRAMES, (48, 80), np.random.default_rng(0))
    whole = [torch.from_numpy(np.array(clip)).float() / 127.5 - 1 for clip in pictures.clips]
    for frames, caption in zip(batch.frames, batch.captions, strict=True):
        assert any(
            torch.equal(frames, clip) and caption == words for clip, words in zip(whole, pictures.captions, strict=True)
        )


def test_crops_that_are_too_large_and_folders_without_such_pictures_are_refused(
    pictures: WorldPictures, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="no crop"):
        pictures.batch(1, 8, (64, 64), np.random.default_rng(0))
    with pytest.raises(ModelError, match="train autoencoder"):
        WorldPictures(tmp_path, torch.device("cpu"), (48, 80))
    with pytest.raises(ModelError, match="48 x 80 pixels, not of 96 x 160"):
        WorldPictures(folder, torch.device("cpu"), (96, 160))


def test_the_autoencoder_learns_and_a_resumed_run_is_the_same_run(pictures: WorldPictures, tmp_path: Path) -> None:

    def learn(network: VideoAutoencoder, runs: Path) -> None:
        options = replace(AUTOENCODER, runs=runs)
        train(autoencoder_objective(network, pictures, SMALL.frame_rate, options), runs, options)

    whole = autoencoder()
    learn(whole, tmp_path / "whole")
    pieces = autoencoder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avfoley_engine.training.trainer.Trainer.in_time", lambda trainer, started: trainer.step < 13)
        learn(pieces, tmp_path / "pieces")
    learn(pieces, tmp_path / "pieces")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, pieces.state_dict()[name]), name
    frames = pictures.batch(32, 8, (32, 32), np.random.default_rng(0)).frames
    conditioning = conditioning_of(frames, SMALL.frame_rate, SMALL.frame_rate)
    with torch.no_grad():
        latents = whole.encode(frames, conditioning)
        error = F.mse_loss(whole.decode(latents, conditioning), frames)
    # Untrained it decodes what interpolation makes.
    assert error < 0.9 * F.mse_loss(enlarged(conditioning), frames)
    assert abs(latents.std().item() - 1) < 0.2


def test_the_flow_learns_and_leaves_the_autoencoder_alone(pictures: WorldPictures, tmp_path: Path) -> None:
    networks = UpsamplerNetworks(SMALL)
    networks.autoencoder.load_state_dict(autoencoder().state_dict())
    before = {name: tensor.clone() for name, tensor in networks.autoencoder.state_dict().items()}
    train(flow_objective(networks, pictures, no_words, FLOW), tmp_path, FLOW)  # type: ignore[arg-type]
    loss = figures(tmp_path / "upsampler", "loss")
    assert loss[-1] < 0.9 * loss[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in networks.autoencoder.state_dict().items())


def test_small_frames_are_means_over_their_own_pixels() -> None:
    frames = torch.rand(1, 8, 16, 24, 3)
    small = shrunk(frames, 4)
    assert small.shape == (1, 2, 2, 3, 3)
    torch.testing.assert_close(small[0, 1, 1, 2], frames[0, 4, 8:, 16:].mean((0, 1)))


@pytest.fixture
def small_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """`avfoley train` in small sizes."""
    monkeypatch.setitem(PRESETS, "nano", SMALL)
    monkeypatch.setattr(upsampler, "caption_states", lambda name, device: no_words)


@pytest.mark.usefixtures("small_commands")
def test_the_commands_leave_what_is_exported(tmp_path: Path) -> None:
    runs = ["--runs", str(tmp_path), "--device", "cpu"]
    with pytest.raises(ModelError, match="train autoencoder"):
        cli.main(["upsampler", *runs, "--clips", "2"])
    assert loading.upsampler_of_runs(tmp_path) is None
    for command in ("autoencoder", "upsampler"):
        cli.main([command, *runs, "--clips", "2", "--steps", "2", "--batch", "2", "--crop", "32", "32"])
    with pytest.raises(ModelError, match="other sizes"):
        cli.main(["autoencoder", *runs, "--preset", "paper"])
    networks = loading.upsampler_of_runs(tmp_path)
    assert networks is not None
    assert networks.config == SMALL
    trained = load_file(tmp_path / "upsampler" / "checkpoint.safetensors")
    assert torch.equal(networks.flow.output.weight, trained["ema.output.weight"])
    assert torch.equal(
        networks.autoencoder.latent_std, load_file(tmp_path / "autoencoder" / "autoencoder.safetensors")["latent_std"]
    )


@pytest.mark.usefixtures("small_commands")
def test_the_flow_starts_from_a_video_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ["--runs", str(tmp_path), "--device", "cpu", "--clips", "2"]
    runs += ["--batch", "2", "--crop", "32", "32", "--steps", "1"]
    cli.main(["autoencoder", *runs])
    video = VideoDiT(VideoConfig(dit=SMALL.dit, patch=(1, 2, 2), height=6, width=10, stem_channels=None))
    with torch.no_grad():
        for parameter in video.parameters():
            parameter.add_(0.1)
    model = SimpleNamespace(link=SimpleNamespace(video=video))
    monkeypatch.setattr(upsampler, "model_named", lambda name, device: model if name == "base" else pytest.fail(name))
    cli.main(["upsampler", *runs, "--learning-rate", "0", "--from-video", "base"])
    trained = load_file(tmp_path / "upsampler" / "checkpoint.safetensors")
    for name, tensor in video.state_dict().items():
        if name.startswith(("blocks.", "time.", "text.", "final_modulation.")):
            assert torch.equal(trained[f"model.{name}"], tensor), name
    assert (trained["model.output.weight"] == 0).all()
