"""Frieren's published checkpoints: numbers as its own code makes them, and files that may be hostile.

`data/frieren_public.npz` holds what the public implementation (github.com/cyanbx/Frieren-V2A, commit
0c39692) makes of small networks on a CPU, in the order of its stages; `data/frieren_public.json` the
names and shapes of their weights, which `weights` draws by name.
"""

from __future__ import annotations

import json
import math
import os
import sys
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine import zoo
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.bigvgan import BigVGAN, BigVGANConfig
from avfoley_engine.codec.kl_vae import KLVAE, KLVAEConfig
from avfoley_engine.converting import cli
from avfoley_engine.converting.frieren import CODEC, LATENT_SCALE, PUBLIC, convert, estimator_weights, parts_of
from avfoley_engine.converting.pickles import read_tensors, weights_in
from avfoley_engine.errors import ModelError
from avfoley_engine.models import registry
from avfoley_engine.models.frieren.cavp import CAVPFeatures
from avfoley_engine.models.frieren.config import CAVPConfig, EstimatorConfig
from avfoley_engine.models.frieren.estimator import Estimator
from avfoley_engine.models.frieren.foley import on_float_grid

DATA = Path(__file__).parent / "data"
SHAPES: dict[str, dict[str, list[int]]] = json.loads((DATA / "frieren_public.json").read_text())

SMALL = replace(
    PUBLIC,
    estimator=EstimatorConfig(4, 64, 2, 2, 4, 9, 32, 24, 300),
    features=CAVPConfig(embedding=12, width=64, size=32),
)
VAE = KLVAEConfig(bands=8, latent_width=4, width=32, multiples=(1, 2), blocks=1)
VOCODER = BigVGANConfig(
    num_mels=8,
    upsample_initial_channel=64,
    upsample_rates=(4, 2),
    upsample_kernel_sizes=(8, 4),
    resblock_kernel_sizes=(3, 7),
    resblock_dilation_sizes=((1, 3, 5), (1, 3, 5)),
)
SMALL_CODEC = CodecConfig(mel=replace(CODEC.mel, bands=8, hop=8, n_fft=64, window=64), vae=VAE, vocoder=VOCODER)


@pytest.fixture(scope="module")
def public() -> dict[str, torch.Tensor]:
    """What the public implementation gives and gets."""
    with np.load(DATA / "frieren_public.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def weights(shapes: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Weights by their names alone, so that both implementations have the same."""
    drawn = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            drawn[name] = torch.tensor(0)
            continue
        if "filter" in name:
            continue
        values = torch.randn(tuple(shape), generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
        if name.endswith("running_var"):
            values = 1 + 0.2 * values.abs()
        elif values.dim() > 1:
            values = values / math.sqrt(values[0].numel())
        elif name.endswith("weight"):
            values = 1 + 0.1 * values
        else:
            values = 0.1 * values
        drawn[name] = values.abs() if name.endswith("weight_g") else values
    return drawn


def error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The relative error."""
    return ((ours - theirs).norm() / theirs.norm()).item()


@torch.no_grad()
def test_the_estimator_is_theirs(public: dict[str, torch.Tensor]) -> None:
    estimator = Estimator(SMALL).eval()
    state = estimator_weights(weights(SHAPES["estimator"]))
    state["positions"] = torch.cat([state["positions"], torch.zeros(220, 64)])
    estimator.load_state_dict(state)
    x, features = public["x"].transpose(1, 2), public["features"]
    conditional = estimator(x, public["t"], features).transpose(1, 2)
    unconditional = estimator(x, public["t"], torch.zeros_like(features)).transpose(1, 2)
    assert error(conditional, public["conditional"]) < 1e-4
    assert error(unconditional, public["unconditional"]) < 1e-4
    assert error(unconditional, public["conditional"]) > 0.05


def test_flow_times_are_cut_off_as_theirs(public: dict[str, torch.Tensor]) -> None:
    times = torch.tensor([k / 25 for k in range(25)])
    assert torch.equal((1000 * on_float_grid(times, 25)).long(), public["network_times"])
    # Without the grid three of them would be one higher.
    assert ((1000 * times).long() != public["network_times"]).sum() == 3


@torch.no_grad()
def test_the_vae_is_theirs(public: dict[str, torch.Tensor]) -> None:
    vae = KLVAE(VAE).eval()
    vae.load_state_dict(weights(SHAPES["vae"]))
    assert error(torch.cat(vae.posterior(public["mel"]), dim=1), public["moments"]) < 1e-4
    assert error(vae.decode(public["latent"]), public["decoded"]) < 1e-4


@torch.no_grad()
def test_the_vocoder_is_theirs(public: dict[str, torch.Tensor]) -> None:
    vocoder = BigVGAN(VOCODER).eval()
    vocoder.load_state_dict(weights(SHAPES["vocoder"]))
    assert error(vocoder(public["vocoded_mel"]), public["waveform"]) < 1e-4


@torch.no_grad()
def test_cavp_is_theirs(public: dict[str, torch.Tensor]) -> None:
    features = CAVPFeatures(CAVPConfig()).eval()
    features.load_state_dict(weights({name: tensor.shape for name, tensor in features.state_dict().items()}))
    assert error(features(public["frames"]), public["cavp"]) < 1e-4


def test_the_published_sizes_are_ours() -> None:
    with torch.device("meta"):
        codec = KLVAE(KLVAEConfig())
    state = codec.state_dict()
    assert state["encoder.down.0.downsample.conv.weight"].shape == (384, 384, 3)
    assert state["decoder.up.1.upsample.conv.weight"].shape == (768, 768, 3)
    assert state["encoder.down.2.block.0.nin_shortcut.weight"].shape == (1536, 768, 1)
    assert state["decoder.up.0.block.2.conv1.weight"].shape == (384, 384, 3)
    assert not any(name.startswith(("encoder.down.1.down", "decoder.up.0.up")) for name in state)


def published(folder: Path) -> list[Path]:
    """Three files as the authors publish them, of small networks."""
    estimator = dict(SHAPES["estimator"])
    estimator["model.diffusion_model.pos_emb.weight"] = [300, 64]
    whole = weights(estimator) | {f"first_stage_model.{n}": t for n, t in weights(SHAPES["vae"]).items()}
    whole["alphas_cumprod"] = torch.linspace(1, 0, 1000)
    cavp = weights({name: t.shape for name, t in CAVPFeatures(SMALL.features).state_dict().items()})  # type: ignore[arg-type]
    # Lightning 1.4 keeps the state of a callback under its class.
    module = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    parents = {name: ModuleType(name) for name in ("pytorch_lightning", "pytorch_lightning.callbacks")}
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = callback  # type: ignore[attr-defined]
    lightning = {"epoch": 3, "state_dict": OrderedDict(whole), "callbacks": {callback: {"best": torch.tensor(0.1)}}}
    with pytest.MonkeyPatch.context() as patched:
        for name, one in {**parents, module.__name__: module}.items():
            patched.setitem(sys.modules, name, one)
        torch.save(lightning, folder / "reflow.ckpt")
    torch.save({"state_dict": {f"module.{n}": t for n, t in cavp.items()}}, folder / "cavp.ckpt")
    torch.save({"generator": weights(SHAPES["vocoder"])}, folder / "best_netG.pt")
    return [folder / name for name in ("cavp.ckpt", "reflow.ckpt", "best_netG.pt")]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return published(tmp_path)


def test_published_files_become_a_model(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert(files, tmp_path / "models" / "frieren-public", SMALL, SMALL_CODEC)
    monkeypatch.setenv(zoo.EXTRA_MODELS, str(tmp_path / "models"))
    info = registry.info("frieren-public")
    assert (info.tasks, info.default_steps, info.default_guidance_scale) == (["foley"], 25, 4.5)
    assert "MIT" in info.licence
    model = registry.load("frieren-public", "foley")
    codec: AudioCodec = model.codec  # type: ignore[attr-defined]
    assert isinstance(codec.vae, KLVAE)
    latent = torch.randn(1, 12, 4)
    whole = weights(SHAPES["vae"])
    vae = KLVAE(VAE)
    vae.load_state_dict(whole)
    mel = vae.decode(latent.transpose(1, 2) / LATENT_SCALE)
    torch.testing.assert_close(codec.vae.decode((latent * codec.latent_std).transpose(1, 2)), mel)
    frames = torch.randint(0, 256, (9, 32, 32, 3), dtype=torch.uint8)
    sound = model.generate(frames, 9 * 16_000 // 4, steps=2)
    assert sound.shape == (36_000,)
    assert sound.isfinite().all()


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_missing_file_is_named(files: list[Path], left_out: int) -> None:
    what = ("cavp", "estimator", "vocoder")[left_out]
    with pytest.raises(ModelError, match=f"missing: .*{what} \\("):
        parts_of([path for n, path in enumerate(files) if n != left_out])


def test_a_file_of_something_else_is_named(files: list[Path], tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match=r"other\.pt holds none of Frieren's parts"):
        parts_of([*files, tmp_path / "other.pt"])


def test_weights_of_another_size_are_refused(files: list[Path], tmp_path: Path) -> None:
    larger = replace(SMALL, estimator=replace(SMALL.estimator, width=128))
    with pytest.raises(ModelError, match="estimator is not the one that Frieren published"):
        convert(files, tmp_path / "out", larger, SMALL_CODEC)
    assert not (tmp_path / "out").exists()


class Hostile:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("beside", [True, False])
def test_a_hostile_file_does_nothing_but_fail(tmp_path: Path, beside: bool, capsys: pytest.CaptureFixture[str]) -> None:
    marker, path = tmp_path / "was here", tmp_path / "hostile.ckpt"
    hostile = Hostile(f"touch '{marker}'")
    torch.save({"state_dict": {"a": torch.zeros(1)}, "callbacks": hostile} if beside else hostile, path)
    with pytest.raises(ModelError, match=r"it refers to posix\.system") as refused:
        cli.main(["frieren", str(path), "--out", str(tmp_path / "out")])
    assert str(path) in str(refused.value)
    assert not marker.exists()
    assert not (tmp_path / "out").exists()
    # The file is hostile indeed.
    torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "not a checkpoint of PyTorch"), (b"PK\x03\x04 broken", "not a checkpoint of PyTorch")],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "broken.ckpt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=said):
        read_tensors(path)
    with pytest.raises(ModelError, match="no such file"):
        read_tensors(tmp_path / "nowhere.ckpt")


def test_what_frameworks_leave_is_inert(files: list[Path]) -> None:
    stored = read_tensors(files[1])
    ((key, state),) = stored["callbacks"].items()
    assert key.__name__ == "ModelCheckpoint"
    assert "pytorch_lightning" not in sys.modules
    assert state["best"] == torch.tensor(0.1)
    assert set(weights_in(stored)) == set(stored["state_dict"])
