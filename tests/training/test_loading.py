"""A model straight from its runs: the weights that were trained, and errors that say which run is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.grain import Grain, GrainConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.backbones import AudioDiT
from avfoley_engine.models.avlink.config import NANO
from avfoley_engine.training import loading
from avfoley_engine.training.loading import model_of_runs
from safetensors.torch import save_file


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runs of a codec and an audio backbone with weights drawn at random."""
    monkeypatch.setattr(loading, "text_encoder", lambda name, device: None)
    torch.manual_seed(3)
    codec, audio = AudioCodec(CodecConfig()), AudioDiT(NANO.audio)
    torch.nn.init.normal_(next(iter(audio.parameters())))
    vae = {f"vae.{name}": p for name, p in codec.vae.state_dict().items()}
    files = {
        "vae/codec": {**vae, "latent_mean": codec.latent_mean + 2, "latent_std": codec.latent_std * 3},
        "vocoder/checkpoint": {f"ema.{name}": p for name, p in codec.vocoder.named_parameters()},
        "audio/checkpoint": {f"ema.{name}": p for name, p in audio.named_parameters()},
    }
    for file, weights in files.items():
        path = tmp_path / "runs" / f"{file}.safetensors"
        path.parent.mkdir(parents=True)
        save_file({name: p.detach().clone() for name, p in weights.items()}, path)
    return tmp_path / "runs"


def test_the_trained_weights_are_taken_and_name_the_revision(runs: Path) -> None:
    model = model_of_runs(runs)
    torch.manual_seed(3)
    codec, audio = AudioCodec(CodecConfig()), AudioDiT(NANO.audio)
    torch.nn.init.normal_(next(iter(audio.parameters())))
    for mine, theirs in ((model.link.audio, audio), (model.codec.vae, codec.vae), (model.codec.vocoder, codec.vocoder)):
        for (name, found), expected in zip(mine.named_parameters(), theirs.parameters(), strict=True):
            assert torch.equal(found, expected), name
    assert model.codec.latent_mean.unique().tolist() == [2]
    assert model.codec.latent_std.unique().tolist() == [3]
    assert model.name == "runs"
    assert model_of_runs(runs).revision == model.revision
    path = runs / "vae" / "codec.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\x40")
    assert model_of_runs(runs).revision != model.revision


def test_a_run_of_grain_is_part_of_the_codec_and_of_the_revision(runs: Path) -> None:
    without = model_of_runs(runs)
    grain = Grain(GrainConfig(), 100)
    (runs / "grain").mkdir()
    save_file({f"ema.{name}": p for name, p in grain.named_parameters()}, runs / "grain" / "checkpoint.safetensors")
    model = model_of_runs(runs)
    assert without.codec.grain is None
    assert model.codec.grain is not None
    assert torch.equal(model.codec.grain.network[0].weight, grain.network[0].weight)
    assert model.revision != without.revision


@pytest.mark.parametrize("missing", ["vae/codec", "vocoder/checkpoint", "audio/checkpoint"])
def test_a_missing_run_is_named(runs: Path, missing: str) -> None:
    (runs / f"{missing}.safetensors").unlink()
    with pytest.raises(
        ModelError, match=f"{missing}.safetensors is missing. Run `avfoley train {missing.split('/')[0]}`"
    ):
        model_of_runs(runs)


def test_weights_of_another_network_are_refused(runs: Path) -> None:
    save_file({"ema.somewhere.weight": torch.zeros(3)}, runs / "audio" / "checkpoint.safetensors")
    with pytest.raises(ModelError, match="does not fit this version's network"):
        model_of_runs(runs)
