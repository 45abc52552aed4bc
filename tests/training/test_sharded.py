"""Training over several processes: a run is the same on any number of them, and one resumes what another number has saved."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training import run as running
from avfoley_engine.training.avlink import AVLinkTraining
from avfoley_engine.training.checkpoints import ema_weights, newest_sharded
from avfoley_engine.training.dataset import Clip
from avfoley_engine.training.loading import load_run, untrained_link
from avfoley_engine.training.run import RunConfig, read_config, run
from avfoley_engine.training.trainer import TrainerConfig
from safetensors.torch import save_file

CONFIGS = Path(running.__file__).parent / "configs"
CPU = torch.device("cpu")


class NoText:
    """Captions without an encoder: every caption is no caption."""

    width = 16

    def __call__(self, captions: list[str]) -> TextStates:
        return TextStates(torch.zeros(len(captions), 1, 16), torch.ones(len(captions), 1, dtype=torch.bool))


@pytest.fixture
def model() -> AVLinkConfig:
    dit = replace(NANO.audio.dit, width=32, depth=2, heads=2, text_width=16)
    return AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=4),
        video=replace(NANO.video, dit=replace(dit, prediction="sample"), frames=12),
        fusion=FusionConfig(blocks=2, width=32, heads=2, local_heads=1),
    )


@pytest.fixture
def config(tmp_path: Path, model: AVLinkConfig) -> RunConfig:
    """Fusion blocks on eight clips of half a second, between backbones with weights drawn at random."""
    shard = tmp_path / "data" / "0"
    shard.mkdir(parents=True)
    rng = np.random.default_rng(0)
    np.save(shard / "frames.npy", rng.integers(0, 256, (8, 12, 36, 64, 3), np.uint8))
    np.save(shard / "latents.npy", rng.normal(size=(8, 12, 4)).astype(np.float16))
    clips = [Clip(n, "f", "a", "b", [0.1], [True]) for n in range(8)]
    (shard / "clips.jsonl").write_text("".join(json.dumps(asdict(c)) + "\n" for c in clips))
    torch.manual_seed(0)
    link = untrained_link([], model)
    for module, prefix in ((link.audio, ""), (link.video, "video.")):
        weights = {f"ema.{prefix}{n}": p.detach() + 0.05 * torch.randn(p.shape) for n, p in module.named_parameters()}
        folder = tmp_path / "runs" / (prefix.rstrip(".") or "audio")
        folder.mkdir(parents=True)
        save_file(weights, folder / "checkpoint.safetensors")
    trainer = TrainerConfig(steps=4, learning_rate=1e-3, warm_up=1, log_every=1, save_every=2, ema_decay=0.5)
    return RunConfig(
        part="v2a",
        data=tmp_path / "data",
        runs=tmp_path / "runs",
        model=model,
        batch=4,
        trainer=trainer,
        training=AVLinkTraining(batch=2, onset_latest_time=1.0),
    )


def process(rank: int, ports: list[int], half: RunConfig, whole: RunConfig, copy: Path) -> None:
    """One of two: trains half of the run, keeps a copy of what there is then, and goes on to the end."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1")
    for port, config in zip(ports, (half, whole), strict=True):
        os.environ["MASTER_PORT"] = str(port)
        alone(config)
        if config is half and rank == 0:
            shutil.copytree(half.runs, copy)


def alone(config: RunConfig) -> None:
    running.text_encoder = lambda name, device: NoText()  # type: ignore[assignment]
    run(config, CPU)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


@pytest.fixture(autouse=True)
def _real_encoder_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "text_encoder", running.text_encoder)


def weights(runs: Path) -> dict[str, torch.Tensor]:
    checkpoint = newest_sharded(runs / "fusion_v2a")
    assert checkpoint is not None
    return ema_weights(checkpoint)


def test_two_processes_train_and_save_and_one_resumes_to_the_same(config: RunConfig, tmp_path: Path) -> None:
    half = replace(config, trainer=replace(config.trainer, steps=2, final_learning_rate=1e-3))
    whole = replace(config, trainer=replace(config.trainer, final_learning_rate=1e-3))
    other = replace(whole, runs=tmp_path / "other")
    mp.spawn(process, (free_ports(2), half, whole, other.runs), nprocs=2)
    assert len(list((other.runs / "fusion_v2a" / "checkpoint" / "00000002").glob("*.safetensors"))) == 2
    before = weights(other.runs)
    alone(other)
    two, one = weights(whole.runs), weights(other.runs)
    assert two.keys() == one.keys() == before.keys()
    for name in two:
        torch.testing.assert_close(two[name], one[name], atol=2e-5, rtol=1e-3, msg=name)
    assert any(not torch.allclose(two[name], before[name], atol=2e-4) for name in two)
    curves = [(c.runs / "fusion_v2a" / "curve.jsonl").read_text().splitlines() for c in (whole, other)]
    losses = [[json.loads(line)["loss"] for line in curve] for curve in curves]
    assert len(losses[0]) == len(losses[1]) == 4
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    # What was trained is what an export takes.
    link = untrained_link(["v2a"], config.network)
    load_run(link, whole.runs, "fusion_v2a")
    name = "blocks.0.output.audio.0.weight"
    assert torch.equal(link.fusion["v2a"].state_dict()[name], two[f"link.fusion.v2a.{name}"])


@pytest.mark.parametrize("part", ["audio", "video", "joint"])
def test_the_other_parts_train_too_and_in_bfloat16(config: RunConfig, part: str) -> None:
    trainer = replace(config.trainer, steps=2, bf16=True)
    alone(replace(config, part=part, trainer=trainer, runs=config.runs))
    rows = [json.loads(line) for line in (config.runs / name_of(part) / "curve.jsonl").read_text().splitlines()]
    assert all(np.isfinite(row["loss"]) for row in rows)
    checkpoint = newest_sharded(config.runs / name_of(part))
    assert checkpoint is not None
    assert all(w.dtype == torch.float32 and w.isfinite().all() for w in ema_weights(checkpoint).values())


def name_of(part: str) -> str:
    return f"fusion_{part}" if part == "joint" else part


def test_a_batch_that_cannot_be_shared_is_refused(config: RunConfig) -> None:
    with pytest.raises(ModelError, match="not a multiple"):
        run(replace(config, batch=3), CPU)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_papers_runs_are_the_papers(path: Path) -> None:
    config = read_config(path)
    trainer = config.trainer
    assert config.preset == "paper"
    assert (trainer.learning_rate, trainer.final_learning_rate, trainer.warm_up) == (3e-4, 3e-4, 10_000)
    assert (trainer.betas, trainer.weight_decay) == ((0.9, 0.99), 0.01)
    steps, batch = {"audio": (100_000, 1024), "video": (250_000, 512)}.get(config.part, (50_000, 256))
    assert (trainer.steps, config.batch) == (steps, batch)
    assert config.batch % (8 * config.training.batch) == 0
    drops = (config.training.caption_drop, config.training.generated_caption_drop)
    assert (*drops, config.training.conditioning_caption_drop) == (0.1, 0.5, 0.2)


def test_a_wrong_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("part: audio\ndata: d\nstepps: 3\n")
    with pytest.raises(ModelError, match="stepps"):
        read_config(path)
    path.write_text("part: [")
    with pytest.raises(ModelError, match="YAML"):
        read_config(path)
