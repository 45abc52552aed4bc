"""The registry: what is saved is what is loaded, damaged or missing files are refused, the Hub is asked at a pinned revision."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from avfoley_engine import zoo
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.grain import GrainConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.codec.vocoder import VocoderConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models import registry
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, FusionConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.upsampler.config import AutoencoderConfig, UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.upsample import LatentUpsampler, UpsamplerNetworks
from avfoley_engine.nn.dit import DiTConfig
from avfoley_engine.training.loading import untrained_link
from pydantic import TypeAdapter
from safetensors.torch import load_file


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model with random weights, registered as "small" through $AVFOLEY_MODELS."""
    torch.manual_seed(0)
    dit = replace(NANO.audio.dit, width=64, depth=2, heads=2)
    link = AVLink(
        AVLinkConfig(
            audio=replace(NANO.audio, dit=dit, latent_width=8),
            video=replace(NANO.video, dit=replace(dit, prediction="sample")),
            fusion=FusionConfig(blocks=1, width=64, heads=2, local_heads=1),
        )
    )
    torch.nn.init.normal_(link.audio.output.weight, std=0.1)
    codec = AudioCodec(
        CodecConfig(vae=VAEConfig(latent_width=8, widths=(32, 32, 32)), vocoder=VocoderConfig(width=32, layers=1))
    )
    system.save(tmp_path / "small", link, codec, title="Small", licence="Apache-2.0", steps=2, guidance_scale=2.0)
    monkeypatch.setenv("AVFOLEY_MODELS", str(tmp_path))
    return tmp_path / "small"


@pytest.fixture
def without_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text encoder: these tests are about the other files."""
    monkeypatch.setattr("avfoley_engine.models.text.text_encoder", lambda name, device: None)


@pytest.mark.usefixtures("without_text")
def test_saved_and_loaded_is_the_same_model(saved: Path) -> None:
    model = system.load(zoo.entry("small"))
    assert (model.name, model.default_steps, model.default_guidance_scale) == ("small", 2, 2.0)
    assert model.link.config.fusion.local_heads == 1  # type: ignore[attr-defined]
    torch.manual_seed(2)
    for parameter in (*model.link.parameters(), *model.codec.parameters()):
        parameter.data = torch.randn(parameter.shape)
    system.save(saved, model.link, model.codec, title="Small", licence="Apache-2.0", steps=3, guidance_scale=4.0)
    again = system.load(zoo.entry("small"))
    assert (again.default_steps, again.default_guidance_scale) == (3, 4.0)
    for written, found in ((model.link, again.link), (model.codec, again.codec)):
        kept = dict(found.named_parameters())
        assert kept.keys() == dict(written.named_parameters()).keys()
        # Weights are kept in half precision.
        assert all(torch.equal(kept[name], p.half().float()) for name, p in written.named_parameters())


@pytest.mark.usefixtures("without_text")
def test_a_codec_with_grain_comes_back_with_it(saved: Path) -> None:
    plain = system.load(zoo.entry("small"))
    torch.manual_seed(1)
    codec = AudioCodec(replace(plain.codec.config, grain=GrainConfig(width=8)))
    system.save(saved, plain.link, codec, title="Small", licence="Apache-2.0", steps=2, guidance_scale=2.0)
    grain = system.load(zoo.entry("small")).codec.grain
    assert grain is not None
    assert codec.grain is not None
    for found, expected in zip(grain.parameters(), codec.grain.parameters(), strict=True):
        assert torch.equal(found, expected.half().float())


def test_info_needs_no_weights(saved: Path) -> None:
    weights = {path: path.stat().st_size for path in saved.glob("*.safetensors")}
    for path, size in weights.items():
        # As large as before, and nothing that can be loaded.
        path.write_bytes(bytes(size))
    info = registry.info("small")
    assert info.local
    assert info.sample_rate == 48_000
    assert info.size_bytes == sum(weights.values())
    assert float(info.window_seconds) == pytest.approx(31 / 6)
    for path in weights:
        path.unlink()
    assert registry.info("small") == info.model_copy(update={"local": False, "size_bytes": 0})


def test_unknown_names_list_the_known_ones(saved: Path) -> None:
    with pytest.raises(ModelError, match="small"):
        zoo.entry("nonesuch")


def test_a_damaged_file_is_refused(saved: Path) -> None:
    path = saved / "audio.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match=r"audio\.safetensors is damaged"):
        system.load(zoo.entry("small"))


def test_a_missing_file_is_refused(saved: Path) -> None:
    (saved / "vocoder.safetensors").unlink()
    assert not registry.info("small").local
    with pytest.raises(ModelError, match=r"vocoder\.safetensors is missing"):
        system.load(zoo.entry("small"))


def test_the_revision_follows_the_weights(saved: Path) -> None:
    before = zoo.entry("small").revision
    config = json.loads((saved / "config.json").read_text())
    config["files"]["audio.safetensors"] = "0" * 64
    (saved / "config.json").write_text(json.dumps(config))
    assert zoo.entry("small").revision != before


@pytest.mark.usefixtures("without_text")
@pytest.mark.parametrize(
    ("sets", "tasks"),
    [
        (["v2a"], ["foley"]),
        (["a2v"], ["visualize"]),
        (["v2a", "a2v"], ["foley", "visualize"]),
        (["joint"], ["foley", "visualize"]),
    ],
)
def test_the_fusion_blocks_that_are_there_decide_the_tasks(saved: Path, sets: list[str], tasks: list[str]) -> None:
    config = system.load(zoo.entry("small")).link.config
    link = untrained_link(sets, config)
    codec = system.load(zoo.entry("small")).codec
    folder = saved.parent / "other"
    system.save(folder, link, codec, title="Other", licence="Apache-2.0", steps=2, guidance_scale=2.0)
    assert {p.name for p in folder.glob("fusion*")} == {f"fusion_{name}.safetensors" for name in sets}
    # Its event stem has a head.
    assert registry.info("other").tasks == [*tasks, "spot"]
    loaded = system.load(zoo.entry("other")).link
    for (name, a), b in zip(loaded.named_parameters(), link.parameters(), strict=True):
        assert torch.equal(a, b.half().float()), name
    if "visualize" in tasks:
        assert system.load_video(zoo.entry("other")).link.directions == loaded.directions
    else:
        with pytest.raises(ModelError, match="no audio-to-video"):
            system.load_video(zoo.entry("other"))


@pytest.mark.usefixtures("without_text")
def test_an_upsampler_is_saved_and_loaded_and_otherwise_frames_are_interpolated(saved: Path) -> None:
    assert system.load_video(zoo.entry("small")).upsampler.method == "interpolation"
    assert system.load_upsampler(zoo.entry("small")) is None
    before = zoo.entry("small").revision
    base = system.load(zoo.entry("small"))
    networks = UpsamplerNetworks(
        UpsamplerConfig(AutoencoderConfig(decoder_widths=(8, 8, 8)), DiTConfig(width=32, depth=1, heads=2), steps=3)
    )
    networks.autoencoder.latent_mean.fill_(0.5)
    config = {"title": "Small", "licence": "Apache-2.0", "steps": 2, "guidance_scale": 2.0}
    system.save(saved, base.link, base.codec, **config, upsampler=networks)
    assert {"autoencoder.safetensors", "upsampler.safetensors"} <= {p.name for p in saved.iterdir()}
    assert zoo.entry("small").revision != before
    upsampler = system.load_video(zoo.entry("small")).upsampler
    assert isinstance(upsampler, LatentUpsampler)
    assert upsampler.method == "latent flow"
    assert upsampler.config == networks.config
    for (name, a), b in zip(upsampler.networks.state_dict().items(), networks.state_dict().values(), strict=True):
        assert torch.equal(a, b.half().float()), name
    (saved / "upsampler.safetensors").unlink()
    assert system.load(zoo.entry("small")).name == "small"
    with pytest.raises(ModelError, match=r"upsampler\.safetensors is missing"):
        system.load_video(zoo.entry("small"))


def test_what_shipped_before_there_were_two_directions_still_fits() -> None:
    entry = zoo.entry("avlink-nano")
    config = TypeAdapter(AVLinkConfig).validate_python(entry.config["model"])
    link = AVLink(config, system.directions(entry))
    written = entry.config["model"]["fusion"]
    assert {name: getattr(config.fusion, name) for name in written} == written
    assert (config.fusion.attention, config.fusion.reinjection, config.text) == ("self", True, "minilm")
    weights = {part: load_file(entry.file(f"{part}.safetensors")) for part in ("audio", "video", "events")}
    # The event stem came later, in a file of its own: the backbone's file is what it was.
    assert not any(name.startswith("events.") for name in weights["video"])
    weights["video"] |= {f"events.{name}": weight for name, weight in weights["events"].items()}
    for part in ("audio", "video"):
        link.get_submodule(part).load_state_dict(weights[part])
    link.fusion["v2a"].load_state_dict(load_file(entry.file("fusion_v2a.safetensors")))


@pytest.mark.usefixtures("without_text")
def test_files_come_from_the_hub_at_the_pinned_revision(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    hub.mkdir()
    for path in saved.glob("*.safetensors"):
        shutil.move(path, hub / path.name)
    config = json.loads((saved / "config.json").read_text()) | {"repository": "owner/model", "revision": "a" * 40}
    (saved / "config.json").write_text(json.dumps(config))
    asked = []

    def fetch(repository: str, name: str, revision: str, path: Path, report: Callable[[int], None]) -> None:
        asked.append((repository, revision))
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(hub / name, path)

    monkeypatch.setattr("avfoley_engine.hub.fetch", fetch)
    monkeypatch.setenv("AVFOLEY_HOME", str(tmp_path / "home"))
    assert not registry.info("small").local
    assert system.load(zoo.entry("small")).name == "small"
    assert set(asked) == {("owner/model", "a" * 40)}
    assert registry.info("small").local


def test_exporting_one_part_leaves_the_other_files_alone(saved: Path) -> None:
    before = {p.name: p.read_bytes() for p in saved.glob("*.safetensors")}
    torch.manual_seed(9)
    config = json.loads((saved / "config.json").read_text())
    link = AVLink(TypeAdapter(AVLinkConfig).validate_python(config["model"]))
    codec = AudioCodec(TypeAdapter(CodecConfig).validate_python(config["codec"]))
    system.save(
        saved, link, codec, title="Small", licence="Apache-2.0", steps=2, guidance_scale=2.0, parts=("fusion_v2a",)
    )
    changed = {p.name for p in saved.glob("*.safetensors") if p.read_bytes() != before[p.name]}
    assert changed == {"fusion_v2a.safetensors"}
