"""Each loss of AV-Link's training goes down on a tiny set, and fusing leaves the backbones bit-identical."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training.avlink import (
    AVLinkTraining,
    FusionTraining,
    VideoTraining,
    train_audio,
    train_fusion,
    train_video,
)
from avfoley_engine.training.dataset import Clip, PairedClips, event_targets
from avfoley_engine.training.labelled import sounds_of
from avfoley_engine.training.trainer import TrainerConfig

CPU = torch.device("cpu")


class NoText:
    """Captions without an encoder: every caption is no caption."""

    def __call__(self, captions: list[str]) -> TextStates:
        return TextStates(torch.zeros(len(captions), 0, 16), torch.zeros(len(captions), 0, dtype=torch.bool))


@pytest.fixture
def config() -> AVLinkConfig:
    dit = replace(NANO.audio.dit, width=64, depth=2, heads=2, text_width=16)
    return AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=4),
        video=replace(NANO.video, dit=replace(dit, prediction="sample"), frames=24),
        fusion=FusionConfig(blocks=1, width=64, heads=2, local_heads=1),
    )


@pytest.fixture
def data(tmp_path: Path) -> PairedClips:
    """Eight one-second clips: a flash at a random frame, and a latent that jumps with it."""
    rng = np.random.default_rng(0)
    shard = tmp_path / "world" / "0"
    shard.mkdir(parents=True)
    frames = np.full((8, 24, 36, 64, 3), 40, np.uint8)
    latents = np.zeros((8, 25, 4), np.float16)
    clips = []
    for i in range(8):
        k = int(rng.integers(2, 22))
        frames[i, k : k + 2] = 220
        latents[i, int((k + 0.5) / 24 * 25)] = 3
        clips.append(Clip(i, "flash", "flash", "a flash", [(k + 0.5) / 24], [True]))
    np.save(shard / "frames.npy", frames)
    np.save(shard / "latents.npy", latents)
    (shard / "clips.jsonl").write_text("".join(json.dumps(asdict(c)) + "\n" for c in clips))
    return PairedClips(tmp_path / "world", CPU)


def trainer(steps: int) -> TrainerConfig:
    return TrainerConfig(steps=steps, learning_rate=3e-3, warm_up=3, log_every=5, save_every=steps, ema_decay=0.5)


def curve(folder: Path, name: str) -> list[float]:
    return [json.loads(line)[name] for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_events_land_in_their_cells() -> None:
    clips = [Clip(0, "f", "", "", [0.5, 0.99], [True, False]), Clip(1, "f", "", "", [], [])]
    target = event_targets(clips, 24, 24.0, CPU)
    assert target[0].nonzero().flatten().tolist() == [11, 12, 13]
    assert target[0, 12] == 1
    assert target[1].sum() == 0


def test_a_mirrored_picture_is_the_only_augmentation(data: PairedClips) -> None:
    batch = data.batch(4, np.random.default_rng(0))
    assert batch.frames is not None
    assert batch.frames.min() >= -1
    assert batch.frames.max() <= 1
    assert batch.latents.shape == (4, 25, 4)


def test_audio_backbone_learns(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    link = AVLink(config)
    train_audio(link.audio, sounds_of(data), NoText(), tmp_path / "a", trainer(60), AVLinkTraining(batch=8))  # type: ignore[arg-type]
    losses = curve(tmp_path / "a", "loss")
    assert np.mean(losses[-3:]) < 0.9 * losses[0]


def test_video_backbone_learns_flow_and_events(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    training = VideoTraining(AVLink(config).video)
    train_video(training, data, NoText(), tmp_path / "v", trainer(60), AVLinkTraining(batch=8), 0.96)  # type: ignore[arg-type]
    for name in ("flow", "events"):
        losses = curve(tmp_path / "v", name)
        assert np.mean(losses[-3:]) < 0.8 * losses[0], name


def test_fusion_learns_and_leaves_the_backbones_bit_identical(
    config: AVLinkConfig, data: PairedClips, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    link = AVLink(config)
    torch.nn.init.normal_(link.audio.output.weight, std=0.1)
    frozen = {n: p.clone() for n, p in link.named_parameters() if not n.startswith("fusion")}
    before = {n: p.clone() for n, p in link.fusion.named_parameters()}
    options = AVLinkTraining(batch=8, onset_latest_time=1.0)
    train_fusion(FusionTraining(link), data, NoText(), tmp_path / "f", trainer(60), options)  # type: ignore[arg-type]
    after = dict(link.named_parameters())
    assert all(torch.equal(p, after[n]) for n, p in frozen.items())
    assert any(not torch.equal(p, before[n]) for n, p in link.fusion.named_parameters())
    onsets = curve(tmp_path / "f", "onsets")
    assert np.mean(onsets[-3:]) < 0.8 * onsets[0]


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="avfoley train world"):
        PairedClips(tmp_path, CPU)
