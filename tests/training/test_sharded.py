"""Training over several processes: a run is the same on any number of them, and one resumes what another number has saved."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import NANO, PAPER, AVLinkConfig, FusionConfig
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training import codec, dataset
from avfoley_engine.training.avlink.audio import AudioOptions
from avfoley_engine.training.avlink.fusion import FusionOptions
from avfoley_engine.training.avlink.options import DrawnOptions, LinkOptions
from avfoley_engine.training.avlink.video import DrawOptions, EventOptions, VideoOptions
from avfoley_engine.training.checkpoints import ema_weights, newest_sharded
from avfoley_engine.training.codec import VAEOptions, VocoderOptions
from avfoley_engine.training.dataset import Clip
from avfoley_engine.training.loading import load_run, untrained_link
from avfoley_engine.training.recipe import Objective, RecipeOptions, recipe_of
from avfoley_engine.training.run import read_run, run
from avfoley_engine.training.trainer import Trainer
from avfoley_engine.world.recordings import Sound
from safetensors.torch import load_file, save_file

CONFIGS = Path(dataset.__file__).parent / "configs"
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
def options(tmp_path: Path, model: AVLinkConfig) -> FusionOptions:
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
    return FusionOptions(
        **common(tmp_path, model),
        save_every=2,
        checkpointing=True,
        onset_latest_time=1.0,
        drawing_times=None,
        drawn_steps=None,
    )


def common(folder: Path, model: AVLinkConfig) -> dict[str, Any]:
    """Options of a short run of any part."""
    return {
        **{"data": folder / "data", "runs": folder / "runs", "model": model, "batch": 4, "micro_batch": 2},
        **{"steps": 4, "learning_rate": 1e-3, "warm_up": 1, "log_every": 1, "ema_decay": 0.5},
    }


def process(rank: int, ports: list[int], half: FusionOptions, whole: FusionOptions, copy: Path) -> None:
    """One of two: trains half of the run, keeps a copy of what there is then, and goes on to the end."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1")
    for port, options in zip(ports, (half, whole), strict=True):
        os.environ["MASTER_PORT"] = str(port)
        alone("fusion", options)
        if options is half and rank == 0:
            shutil.copytree(half.runs, copy)


def alone(part: str, options: RecipeOptions) -> None:
    dataset.text_encoder = lambda name, device: NoText()  # type: ignore[assignment]
    run(recipe_of(part), options, CPU)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


@pytest.fixture(autouse=True)
def _real_encoder_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "text_encoder", dataset.text_encoder)


def weights(runs: Path) -> dict[str, torch.Tensor]:
    checkpoint = newest_sharded(runs / "fusion_v2a")
    assert checkpoint is not None
    return ema_weights(checkpoint)


def test_two_processes_train_and_save_and_one_resumes_to_the_same(options: FusionOptions, tmp_path: Path) -> None:
    whole = replace(options, final_learning_rate=1e-3)
    half = replace(whole, steps=2)
    other = replace(whole, runs=tmp_path / "other")
    mp.spawn(process, (free_ports(2), half, whole, other.runs), nprocs=2)
    assert len(list((other.runs / "fusion_v2a" / "checkpoint" / "00000002").glob("*.safetensors"))) == 2
    before = weights(other.runs)
    alone("fusion", other)
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
    link = untrained_link(["v2a"], options.network)
    load_run(link, whole.runs, "fusion_v2a")
    name = "blocks.0.output.audio.0.weight"
    assert torch.equal(link.fusion["v2a"].state_dict()[name], two[f"link.fusion.v2a.{name}"])


@pytest.mark.parametrize(
    ("part", "kind", "more"),
    [
        ("audio", AudioOptions, {}),
        ("video", VideoOptions, {}),
        ("fusion", FusionOptions, {"direction": "joint"}),
        ("events", EventOptions, {"alone": 0.5}),
        ("draw", DrawOptions, {"drawn_steps": 2}),
    ],
)
@pytest.mark.usefixtures("options")
def test_the_other_parts_train_too_and_in_bfloat16(
    model: AVLinkConfig, tmp_path: Path, part: str, kind: type[RecipeOptions], more: dict[str, Any]
) -> None:
    # The backbones themselves are trained from nothing, in a folder of their own.
    runs = tmp_path / ("new" if part in ("audio", "video") else "runs")
    options = kind(**common(tmp_path, model) | {"runs": runs, "steps": 2, "bf16": True} | more)
    alone(part, options)
    folder = options.runs / ("fusion_joint" if part == "fusion" else part)
    rows = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    assert all(np.isfinite(row["loss"]) for row in rows)
    checkpoint = newest_sharded(folder)
    assert checkpoint is not None
    assert all(w.dtype == torch.float32 and w.isfinite().all() for w in ema_weights(checkpoint).values())


def test_a_sharded_run_leaves_what_a_run_on_one_device_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The VAE's codec with its statistics, from averaged weights that were spread."""
    samples = (np.random.default_rng(0).normal(size=48_000) * 3000).astype(np.int16)
    sounds = [Sound("a.wav", "bang", "", "", "", samples)]
    monkeypatch.setattr(codec, "training_sounds", lambda folder, runs: sounds)
    options = VAEOptions(sounds=tmp_path, runs=tmp_path / "runs", steps=1, batch=2, sharded=True)
    alone("vae", options)
    trained = load_file(options.runs / "vae" / "codec.safetensors")
    averaged = ema_weights(newest_sharded(options.runs / "vae"))  # type: ignore[arg-type]
    assert all(torch.equal(trained[f"vae.{name}"], weight) for name, weight in averaged.items())
    assert not torch.equal(trained["latent_std"], torch.ones_like(trained["latent_std"]))
    with pytest.raises(ModelError, match="go on with `sharded`"):
        alone("vae", replace(options, sharded=False))


def test_a_vocoder_trains_on_one_device(tmp_path: Path) -> None:
    recipe = replace(
        recipe_of("vocoder"), build=lambda options, device: Objective("vocoder", None, None, trainer=Trainer)
    )  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="one device"):
        run(recipe, VocoderOptions(sounds=tmp_path, runs=tmp_path, sharded=True), CPU)


def test_a_batch_that_cannot_be_shared_is_refused(options: FusionOptions) -> None:
    with pytest.raises(ModelError, match="not a multiple"):
        alone("fusion", replace(options, batch=3))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_papers_runs_are_the_papers(path: Path) -> None:
    recipe, options = read_run(path)
    assert isinstance(options, recipe.options)
    assert isinstance(options, LinkOptions)
    assert options.network == PAPER
    assert (options.learning_rate, options.final_learning_rate, options.warm_up) == (3e-4, 3e-4, 10_000)
    assert (options.betas, options.weight_decay) == ((0.9, 0.99), 0.01)
    expected = {AudioOptions: (100_000, 1024, 0.1), VideoOptions: (250_000, 512, 0.1)}
    paper = expected.get(recipe.options, (50_000, 256, (0.5, 0.2)))
    assert (options.steps, options.batch, options.caption_drop) == paper  # type: ignore[attr-defined]
    assert options.batch % (8 * options.at_once) == 0
    if isinstance(options, DrawnOptions) and path.stem != "paper-fusion-v2a":
        assert (options.drawing_times, options.drawn_steps) == (None, None)


def test_a_wrong_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("part: audio\ndata: d\nstepps: 3\n")
    with pytest.raises(ModelError, match="stepps"):
        read_run(path)
    path.write_text("part: audoi")
    with pytest.raises(ModelError, match=r"no recipe for 'audoi'.*audio, video"):
        read_run(path)
    path.write_text("part: [")
    with pytest.raises(ModelError, match="YAML"):
        read_run(path)
