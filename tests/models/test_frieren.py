"""Frieren: its sizes, its regulator, its windows, its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from avfoley_engine import zoo
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models import registry
from avfoley_engine.models.frieren import system
from avfoley_engine.models.frieren.cavp import LONGEST, CAVPFeatures
from avfoley_engine.models.frieren.config import NANO, PAPER, CAVPConfig, ContrastiveConfig, FrierenConfig
from avfoley_engine.models.frieren.estimator import Estimator, regulated
from avfoley_engine.models.frieren.features import ContrastiveFeatures
from avfoley_engine.models.frieren.foley import FrierenFoley, guided_velocity
from models.conftest import randomise


@pytest.fixture
def config() -> FrierenConfig:
    features = ContrastiveConfig(embedding=8, width=16, stem_width=16, event_channels=(8, 8, 8, 8), flow_channels=8)
    estimator = replace(NANO.estimator, latent_width=8, width=32, blocks=2, heads=2, groups=8, condition_width=16)
    return replace(NANO, estimator=estimator, features=features)


@pytest.fixture
def frieren(config: FrierenConfig) -> FrierenFoley:
    torch.manual_seed(0)
    estimator, features = Estimator(config), ContrastiveFeatures(config.features)  # type: ignore[arg-type]
    randomise(estimator)
    randomise(features)
    codec = AudioCodec(replace(CodecConfig(), vae=VAEConfig(latent_width=8, widths=(32, 32, 32))))
    return FrierenFoley("small", "r", estimator, features, codec, default_steps=2, default_guidance_scale=3.0)


def picture(foley: FrierenFoley, frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (frames, *foley.frame_size, 3), dtype=torch.uint8, generator=generator)


def test_the_paper_has_159_million_parameters() -> None:
    with torch.device("meta"):
        count = sum(p.numel() for p in Estimator(PAPER).parameters())
    assert count == pytest.approx(159.3e6, rel=0.01)


def test_features_keep_to_their_instants() -> None:
    # A feature whose value is its own instant: every latent gets that of its own middle.
    instants = (torch.arange(62) + 0.5) / 12
    given = regulated(instants[None, :, None], 129, NANO)[0, :, 0]
    middles = (torch.arange(129) + 0.5) / 25
    inside = (middles > instants[0]) & (middles < instants[-1])
    torch.testing.assert_close(given[inside], middles[inside])
    assert given[0] == instants[0]
    assert given[-1] == instants[-1]


def test_repeated_features_lag_behind_as_the_authors_do() -> None:
    repeated = replace(PAPER, regulator="repeat")
    given = regulated(torch.arange(32.0)[None, :, None], 256, repeated)[0, :, 0]
    assert torch.equal(given, torch.arange(32.0).repeat_interleave(8))


def test_a_latent_meets_the_picture_of_its_own_instant(config: FrierenConfig) -> None:
    torch.manual_seed(0)
    # Without blocks nothing but the fusion of channels remains.
    estimator = Estimator(replace(config, estimator=replace(config.estimator, blocks=0))).eval()
    features, x, t = torch.zeros(1, 62, 10), torch.zeros(1, 129, 8), torch.tensor([0.5])
    shown = features.clone()
    shown[:, 30] = 1.0
    with torch.no_grad():
        change = (estimator(x, t, shown) - estimator(x, t, features)).abs().sum(-1)[0]
    # The norm spreads a little of it; at its own instant, 30.5 / 12 s, there is most.
    assert change.argmax().item() in range(62, 65)


def test_no_features_are_zero_features(frieren: FrierenFoley) -> None:
    x, t = torch.randn(2, 129, 8), torch.tensor([0.2, 0.7])
    nothing = torch.zeros(2, 62, 10)
    torch.testing.assert_close(frieren.estimator(x, t, None), frieren.estimator(x, t, nothing))


def test_guidance_leads_from_nothing_to_the_picture(frieren: FrierenFoley) -> None:
    x, t, features = torch.randn(2, 129, 8), torch.tensor([0.2, 0.7]), torch.randn(2, 62, 10)
    seen, unseen = frieren.estimator(x, t, features), frieren.estimator(x, t, None)
    torch.testing.assert_close(guided_velocity(frieren.estimator, x, t, features, 1.0), seen)
    guided = guided_velocity(frieren.estimator, x, t, features, 4.5)
    torch.testing.assert_close(guided, unseen + 4.5 * (seen - unseen), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 3])
def test_guidance_inside_costs_one_evaluation_a_step(frieren: FrierenFoley, steps: int) -> None:
    rows: list[int] = []
    frieren.estimator.register_forward_hook(lambda module, given, out: rows.append(len(given[0])))
    make = {"captions": [""], "seeds": [0], "steps": steps, "guidance_scale": 4.5}
    frieren.generate_batch(picture(frieren, 124)[None], 240_000, **make)  # type: ignore[arg-type]
    assert rows == [2] * steps
    rows.clear()
    frieren.estimator.config = replace(frieren.estimator.config, guided=True)
    frieren.generate_batch(picture(frieren, 124)[None], 240_000, **make)  # type: ignore[arg-type]
    assert rows == [1] * steps


@pytest.mark.parametrize(("frames", "samples"), [(1, 480), (124, 247_680), (124, 248_000), (300, 600_000)])
def test_any_length_is_made(frieren: FrierenFoley, frames: int, samples: int) -> None:
    sound = frieren.generate(picture(frieren, frames), samples, seed=1)
    assert sound.shape == (samples,)
    assert sound.abs().max() <= 1
    assert torch.equal(sound, frieren.generate(picture(frieren, frames), samples, seed=1))
    assert not torch.equal(sound, frieren.generate(picture(frieren, frames), samples, seed=2))


def test_a_change_far_away_leaves_the_beginning_alone(frieren: FrierenFoley) -> None:
    frames = picture(frieren, 300)
    changed = frames.clone()
    changed[200:] = 0
    first, second = (frieren.generate(f, 600_000) for f in (frames, changed))
    # A window ends at 5.2 s; the next begins a second before.
    torch.testing.assert_close(first[:150_000], second[:150_000], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(first[450_000:], second[450_000:], atol=1e-5, rtol=1e-4)


def test_what_cannot_be_made_is_refused(frieren: FrierenFoley) -> None:
    with pytest.raises(ModelError, match="not from words alone"):
        frieren.generate(None, 48_000, caption="rain")
    with pytest.raises(ModelError, match="loop"):
        frieren.generate(picture(frieren, 24), 48_000, loop=True)
    with pytest.raises(ModelError, match="needs \\(72, 128, 3\\)"):
        frieren.generate(torch.zeros(24, 36, 64, 3, dtype=torch.uint8), 48_000)


def test_cavp_sees_frames_in_chunks_and_stills_one_by_one() -> None:
    torch.manual_seed(0)
    features = CAVPFeatures(CAVPConfig(embedding=6, width=64, size=32)).eval()
    frames = torch.randint(0, 256, (1, LONGEST + 3, 32, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        whole, last = features(frames), features(frames[:, LONGEST:])
    assert whole.shape == (1, LONGEST + 3, 6)
    torch.testing.assert_close(whole.norm(dim=-1), torch.ones(1, LONGEST + 3))
    torch.testing.assert_close(whole[:, LONGEST:], last)


def test_cavp_reaches_along_time_in_its_last_stages_alone() -> None:
    with torch.device("meta"):
        encoder = CAVPFeatures(CAVPConfig()).video_encoder
    reach = {
        name: module.conv.kernel_size[0]
        for name, module in encoder.named_modules()
        if name.endswith("conv1") and hasattr(module, "conv")
    }
    assert {name for name, length in reach.items() if length == 3} == {
        *(f"layer3.{k}.conv1" for k in range(6)),
        *(f"layer4.{k}.conv1" for k in range(3)),
    }
    assert encoder.state_dict()["layer4.0.downsample.conv.weight"].shape == (2048, 1024, 1, 1, 1)


def test_the_papers_system_makes_sound_of_random_weights() -> None:
    torch.manual_seed(0)
    config = replace(
        PAPER,
        estimator=replace(PAPER.estimator, width=64, latent_width=8, condition_width=16),
        features=CAVPConfig(embedding=12, width=64, size=32),
    )
    codec = AudioCodec(replace(CodecConfig(), vae=VAEConfig(latent_width=8, widths=(32, 32, 32))))
    features = CAVPFeatures(config.features)  # type: ignore[arg-type]
    foley = FrierenFoley("p", "r", Estimator(config), features, codec, default_steps=1, default_guidance_scale=4.5)
    assert foley.frame_rate == Fraction(4)
    assert foley.generate(picture(foley, 40), 48_000).shape == (48_000,)


def test_a_folder_is_read_as_it_was_written(
    frieren: FrierenFoley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in (frieren.estimator, frieren.features, frieren.codec):
        for p in part.parameters():
            p.data = p.half().float()
    how = {"title": "Small", "licence": "Apache-2.0", "steps": 3, "guidance_scale": 2.5}
    system.save(tmp_path / "small", frieren.estimator, frieren.features, frieren.codec, **how)  # type: ignore[arg-type]
    monkeypatch.setenv(zoo.EXTRA_MODELS, str(tmp_path))
    info = registry.info("small")
    assert (info.tasks, info.controls) == (["foley"], ["steps", "guidance_scale"])
    assert (info.default_steps, info.default_guidance_scale, info.window_seconds) == (3, 2.5, Fraction(31, 6))
    read = registry.load("small", "foley")
    frames = picture(frieren, 50)
    same = {"steps": 2, "guidance_scale": 2.0}
    torch.testing.assert_close(read.generate(frames, 96_000, **same), frieren.generate(frames, 96_000, **same))


@pytest.fixture
def lent(frieren: FrierenFoley, tmp_path: Path) -> Callable[[], Path]:
    """A model whose codec is another model's, and that one's folder."""
    how = {"title": "Small", "licence": "Apache-2.0", "steps": 3, "guidance_scale": 2.5}
    parts = (frieren.estimator, frieren.features, frieren.codec)
    system.save(tmp_path / "lender", *parts, **how)  # type: ignore[arg-type]

    def borrow() -> Path:
        with torch.no_grad():
            frieren.estimator.output.bias += 1
        lender = zoo.entry_of(tmp_path / "lender")
        system.save(tmp_path / "borrower", *parts, **how, lender=lender)  # type: ignore[arg-type]
        return tmp_path / "borrower"

    return borrow


def test_what_another_model_has_is_not_stored_again(lent: Callable[[], Path]) -> None:
    folder = lent()
    assert [path.name for path in sorted(folder.glob("*.safetensors"))] == ["estimator.safetensors"]
    assert set(json.loads((folder / "config.json").read_text())["shared"]) == {
        f"{part}.safetensors" for part in ("events", "encoder", "vae", "vocoder")
    }
    entry = zoo.entry_of(folder)
    assert entry.local
    assert system.load(entry).generate(torch.zeros(24, 72, 128, 3, dtype=torch.uint8), 4800).shape == (4800,)


def test_a_lender_that_changed_is_noticed(lent: Callable[[], Path]) -> None:
    folder = lent()
    vae = folder.parent / "lender" / "vae.safetensors"
    vae.write_bytes((folder.parent / "lender" / "encoder.safetensors").read_bytes())
    with pytest.raises(ModelError, match="damaged or not the right version") as refused:
        system.load(zoo.entry_of(folder))
    assert str(vae) in str(refused.value)
