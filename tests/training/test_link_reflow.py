"""AV-Link's student: what learns, what it is told, and the folder that it leaves."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine import zoo
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models import registry
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, Direction, FusionConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.training.avlink import reflow
from avfoley_engine.training.avlink.reflow import LinkReflowOptions, ReflowableLink
from avfoley_engine.training.dataset import Clip, PairedClips
from avfoley_engine.training.recipe import Objective
from avfoley_engine.training.reflow import Pairs, PairsOptions, make_pairs, reflow_loss
from avfoley_engine.training.run import train
from avfoley_engine.training.shards import ShardFormat
from models.conftest import Letters, randomise

CPU = torch.device("cpu")


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AVLinkFoley:
    """A small model that is registered as `small`."""
    dit = replace(NANO.audio.dit, width=64, depth=2, heads=2, text_width=16)
    video = replace(
        NANO.video,
        dit=replace(dit, prediction="sample"),
        event_channels=(8, 8, 8, 8),
        flow_channels=8,
        frames=24,
        drawing=None,
    )
    config = AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=8),
        video=video,
        fusion=FusionConfig(blocks=2, width=64, heads=2, local_heads=1),
        caption_guidance=0.6,
        linked_guidance=2.0,
        temperature=0.8,
    )
    torch.manual_seed(0)
    link = AVLink(config)
    randomise(link)
    codec = AudioCodec(replace(CodecConfig(), vae=VAEConfig(latent_width=8, widths=(32, 32, 32))))
    how = {"title": "Small", "licence": "Apache-2.0", "steps": 3, "guidance_scale": 2.5}
    system.save(tmp_path / "models" / "small", link, codec, **how)  # type: ignore[arg-type]
    monkeypatch.setenv(zoo.EXTRA_MODELS, str(tmp_path / "models"))
    monkeypatch.setattr("avfoley_engine.models.text.text_encoder", lambda name, device: Letters())
    return system.load(zoo.entry("small"))


@pytest.fixture
def data(tmp_path: Path) -> PairedClips:
    folder, rng = tmp_path / "clips" / "0", np.random.default_rng(0)
    folder.mkdir(parents=True)
    np.save(folder / "frames.npy", rng.integers(0, 255, (3, 24, 36, 64, 3), dtype=np.uint8))
    np.save(folder / "motion.npy", rng.random((3, 24, 6, 6, 9)).astype(np.float16))
    np.save(folder / "latents.npy", rng.standard_normal((3, 25, 8)).astype(np.float16))
    clips = [Clip(n, "drop", word, "a thing falls", [0.5], [True]) for n, word in enumerate(("abc", "ab", "c"))]
    form = ShardFormat(None, 8, Fraction(25), 25, Fraction(24), 24, 36, 64)
    (folder / "shard.json").write_text(json.dumps(asdict(form), default=str))
    (folder / "clips.jsonl").write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips))
    return PairedClips(tmp_path / "clips", CPU, mirror=False)


DIRECTIONS: tuple[Direction, ...] = ("v2a", "a2v")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_student_begins_as_the_teacher_without_guidance(
    teacher: AVLinkFoley, data: PairedClips, direction: Direction
) -> None:
    system = ReflowableLink(teacher, data, direction, 1.0, rank=4)
    numbers, t = [0, 2], torch.tensor([0.1, 0.6])
    conditions, x = system.conditions(numbers), system.noise([5, 6])
    with torch.no_grad():
        torch.testing.assert_close(system.student(x, t, conditions), system.teacher(x, t, conditions))
        system.scale = 3.0
        guided = system.teacher(x, t, conditions)
        assert (system.student(x, t, conditions) - guided).abs().max() > 1e-3
    assert x.shape == system.data(numbers).shape
    # As the samplers have it: cooler noise, the same for a seed.
    torch.testing.assert_close(x[0], system.noise([5])[0])
    assert x.std() == pytest.approx(0.8, rel=0.15)


def test_what_the_stem_sees_is_remembered(teacher: AVLinkFoley, data: PairedClips) -> None:
    system = ReflowableLink(teacher, data, "v2a", 2.0)
    calls: list[int] = []
    stem = teacher.stem()
    extract = stem.extract

    def counted(x: torch.Tensor, motion: torch.Tensor | None = None) -> torch.Tensor:
        calls.append(len(x))
        return extract(x, motion)

    stem.extract = counted  # type: ignore[method-assign]
    first = system.conditions([0, 1])
    again = system.conditions([1, 2, 0])
    assert calls == [2, 1]
    assert first.event_features is not None
    assert again.event_features is not None
    assert torch.equal(first.event_features[0], again.event_features[2])
    assert torch.equal(first.other[1], again.other[0])


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_student_learns_and_its_teacher_stays(
    teacher: AVLinkFoley, data: PairedClips, direction: Direction, tmp_path: Path
) -> None:
    system = ReflowableLink(teacher, data, direction, 3.0, rank=8)
    pairs = PairsOptions(runs=tmp_path, noises=2, shard=8, sampling_steps=2)
    make_pairs(tmp_path / "pairs", system, pairs)
    options = LinkReflowOptions(
        direction=direction, steps=12, batch=5, learning_rate=3e-3, log_every=4, one_step_share=0.5
    )
    loss = reflow_loss(system, Pairs(tmp_path / "pairs", system), options)
    train(Objective("reflow", system.link, loss, frozen={"teacher": teacher.link}), tmp_path, options)
    rows = [json.loads(line) for line in (tmp_path / "reflow" / "curve.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < rows[0]["loss"]
    learned = {name.split(".")[0] for name, p in system.link.named_parameters() if p.requires_grad}
    assert learned == {"fusion", "audio" if direction == "v2a" else "video"}


def test_the_students_folder_holds_its_changes_alone(teacher: AVLinkFoley, data: PairedClips, tmp_path: Path) -> None:
    device = CPU
    shared: dict[str, Any] = {"runs": tmp_path / "runs", "teacher": "small", "data": tmp_path / "clips"}
    folder = tmp_path / "clips" / "0" / "shard.json"
    form = json.loads(folder.read_text())
    assert form["codec"] is None
    options = LinkReflowOptions(**shared, steps=2, batch=2, rank=8, real_share=1.0, learning_rate=1e-2)
    objective = reflow.build_reflow(options, device)
    train(objective, options.runs, options)
    out = tmp_path / "models" / "turbo"
    reflow.export_student(
        reflow.StudentExportOptions(runs=options.runs, out=out, teacher="small", rank=8, sampling_steps=2), device
    )
    assert [path.name for path in out.glob("*.safetensors")] == ["reflow.safetensors"]
    info = registry.info("turbo")
    assert (info.tasks, info.controls, info.default_steps) == (["foley", "spot"], ["caption", "steps"], 2)
    turbo = registry.load("turbo", "foley")
    picture = torch.randint(0, 256, (24, *turbo.frame_size, 3), dtype=torch.uint8)
    evaluations: list[int] = []
    turbo.link.audio.final_norm.register_forward_hook(lambda *given: evaluations.append(1))  # type: ignore[union-attr]
    made = turbo.generate(picture, 48_000, caption="abc", guidance_scale=1.0)
    assert len(evaluations) == 2
    assert torch.equal(made, turbo.generate(picture, 48_000, caption="abc", guidance_scale=7.0))
    assert not torch.equal(made, teacher.generate(picture, 48_000, caption="abc", steps=2, guidance_scale=1.0))
    with pytest.raises(ModelError, match="not from words alone"):
        turbo.generate(None, 48_000, caption="abc")


def test_a_missing_direction_is_named(teacher: AVLinkFoley, tmp_path: Path, data: PairedClips) -> None:
    del teacher.link.fusion["a2v"]
    how = {"title": "One", "licence": "Apache-2.0", "steps": 3, "guidance_scale": 2.5}
    system.save(tmp_path / "models" / "one", teacher.link, teacher.codec, **how)  # type: ignore[arg-type]
    options = LinkReflowOptions(runs=tmp_path, teacher="one", data=tmp_path / "clips", direction="a2v")
    with pytest.raises(ModelError, match="no fusion_a2v"):
        reflow.build_reflow(options, CPU)
