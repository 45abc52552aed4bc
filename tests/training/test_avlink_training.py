"""Each loss of AV-Link's training goes down on a tiny set, and fusing leaves the backbones bit-identical."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.models.avlink.backbones import VideoDiT
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, DrawingConfig, FusionConfig
from avfoley_engine.models.avlink.link import AVLink, Linked
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.training.avlink.audio import AudioOptions, audio_loss
from avfoley_engine.training.avlink.fusion import FusionOptions, FusionTraining, fusion_loss, fusion_objective
from avfoley_engine.training.avlink.video import (
    DrawOptions,
    EventOptions,
    EventTraining,
    VideoOptions,
    VideoTraining,
    drawing_error,
    drawing_objective,
    drawing_times,
    event_stem_loss,
    recoloured,
    video_loss,
)
from avfoley_engine.training.dataset import Clip, PairedClips, event_targets
from avfoley_engine.training.labelled import sounds_of
from avfoley_engine.training.loading import untrained_link
from avfoley_engine.training.recipe import Objective
from avfoley_engine.training.run import train, unchanged

CPU = torch.device("cpu")


class NoText:
    """Captions without an encoder: every caption is no caption."""

    def __call__(self, captions: list[str]) -> TextStates:
        return TextStates(torch.zeros(len(captions), 0, 16), torch.zeros(len(captions), 0, dtype=torch.bool))


class OneWord:
    """Captions without an encoder: every caption is one word."""

    def __call__(self, captions: list[str]) -> TextStates:
        return TextStates(torch.zeros(len(captions), 1, 16), torch.ones(len(captions), 1, dtype=torch.bool))


@pytest.fixture
def config() -> AVLinkConfig:
    dit = replace(NANO.audio.dit, width=64, depth=2, heads=2, text_width=16)
    return AVLinkConfig(
        audio=replace(NANO.audio, dit=dit, latent_width=4),
        video=replace(NANO.video, dit=replace(dit, prediction="sample"), frames=24, time_shift=1.0),
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


def schedule(steps: int) -> dict[str, Any]:
    """Options of a short run."""
    return {
        **{"steps": steps, "batch": 8, "learning_rate": 3e-3, "warm_up": 3},
        **{"log_every": 5, "save_every": steps, "ema_decay": 0.5},
    }


def curve(folder: Path, name: str) -> list[float]:
    return [json.loads(line)[name] for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_events_land_in_their_cells() -> None:
    clips = [Clip(0, "f", "", "", [0.5, 0.99], [True, False]), Clip(1, "f", "", "", [], [])]
    target = event_targets(clips, 24, 24.0, CPU)
    assert target[0].nonzero().flatten().tolist() == [11, 12, 13]
    assert target[0, 12] == 1
    assert target[1].sum() == 0


def test_a_mirrored_picture_is_the_only_augmentation(data: PairedClips, tmp_path: Path) -> None:
    # Lit from the left, so that a mirrored picture is another one.
    shard = tmp_path / "world" / "0"
    frames, latents = (np.load(shard / f"{name}.npy") for name in ("frames", "latents"))
    frames[..., :10, 0] += 20
    np.save(shard / "frames.npy", frames)
    pictures = torch.from_numpy(frames).float() / 127.5 - 1
    for mirror in (True, False):
        batch = PairedClips(tmp_path / "world", CPU, mirror=mirror).batch(32, np.random.default_rng(0))
        assert batch.frames is not None
        assert batch.latents.tolist() == [latents[clip.seed].tolist() for clip in batch.clips]
        drawn = pictures[[clip.seed for clip in batch.clips]]
        mirrored = (batch.frames != drawn).flatten(1).any(1)
        assert torch.equal(batch.frames[mirrored], drawn[mirrored].flip(3))
        assert 8 < mirrored.sum() < 24 if mirror else not mirrored.any()


def test_audio_backbone_learns(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    audio, options = AVLink(config).audio, AudioOptions(**schedule(60))
    train(Objective("a", audio, audio_loss(audio, sounds_of(data), NoText(), options)), tmp_path, options)  # type: ignore[arg-type]
    losses = curve(tmp_path / "a", "loss")
    assert np.mean(losses[-3:]) < 0.9 * losses[0]


def test_video_backbone_learns_flow_and_events(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    training, options = VideoTraining(AVLink(config).video), VideoOptions(**schedule(60), event_weight=0.5)
    loss = video_loss(training, data, NoText(), options, 0.96)  # type: ignore[arg-type]
    train(Objective("v", training, loss), tmp_path, options)
    for name in ("flow", "events"):
        losses = curve(tmp_path / "v", name)
        assert np.mean(losses[-3:]) < 0.8 * losses[0], name


def test_only_what_draws_learns_to_draw(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    video = AVLink(config).video
    before = {n: p.clone() for n, p in video.named_parameters()}
    options = DrawOptions(**schedule(60), drawn_steps=4, drawing_times=None)
    train(drawing_objective(video, data, NoText(), options), tmp_path, options)  # type: ignore[arg-type]
    for name in ("frames", "stills"):
        losses = curve(tmp_path / "draw", name)
        assert np.mean(losses[-3:]) < 0.8 * losses[0], name
    changed = {n for n, p in video.named_parameters() if not torch.equal(p, before[n])}
    assert changed
    assert all(n.startswith("drawing.") for n in changed)


def test_stills_alone_teach_nothing_that_moves(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    video = AVLink(config).video
    before = {n: p.clone() for n, p in video.named_parameters()}
    options = DrawOptions(**schedule(40), stills_alone=True, drawing_times=None)
    train(drawing_objective(video, data, NoText(), options), tmp_path, options)  # type: ignore[arg-type]
    losses = curve(tmp_path / "draw", "stills")
    assert np.mean(losses[-3:]) < 0.8 * losses[0]
    changed = {n for n, p in video.named_parameters() if not torch.equal(p, before[n])}
    assert changed
    assert all(n.startswith("drawing.still.") for n in changed)


def test_only_the_event_stem_learns_to_see_events(config: AVLinkConfig, data: PairedClips, tmp_path: Path) -> None:
    """First alone, then through the frozen blocks, which say nothing else than before where video is generated."""
    torch.manual_seed(0)
    config = replace(config, video=replace(config.video, event_channels=(8, 8, 8, 8)))
    video = AVLink(config).video.eval()
    torch.nn.init.normal_(video.drawing.output.weight)  # type: ignore[union-attr]
    before = {n: p.clone() for n, p in video.named_parameters()}
    x, nothing = torch.randn(2, 24, 36, 64, 3), NoText()(["", ""])
    drawn = [video(x, torch.full((2,), t), nothing).detach() for t in (0.3, 0.96)]
    run, training, options = tmp_path / "e", EventTraining(video), EventOptions(**schedule(80), alone=50 / 80)
    loss = event_stem_loss(training, data, NoText(), options, 0.96)  # type: ignore[arg-type]
    train(Objective("e", training, loss), tmp_path, options)
    seen = curve(run, "seen")
    behind = [
        row["behind"]
        for line in (run / "curve.jsonl").read_text().splitlines()
        if "behind" in (row := json.loads(line))
    ]
    assert np.mean(seen[-3:]) < 0.8 * seen[0]
    assert len(behind) == 6
    assert behind[-1] < behind[0]
    changed = {n for n, p in video.named_parameters() if not torch.equal(p, before[n])}
    assert "events.output.weight" in changed
    assert all(n.startswith("events.") for n in changed)
    video.eval()
    assert torch.equal(video(x, torch.full((2,), 0.3), nothing), drawn[0])
    assert not torch.allclose(video(x, torch.full((2,), 0.96), nothing), drawn[1], atol=1e-4)


def test_a_backbone_without_an_event_stem_has_none_to_train(config: AVLinkConfig) -> None:
    with pytest.raises(ModelError, match="no event stem"):
        EventTraining(AVLink(replace(config, video=replace(config.video, event_channels=None))).video)


def test_other_colours_move_alike() -> None:
    frames = torch.rand(64, 4, 2, 3, 3) * 2 - 1
    other = recoloured(frames, np.random.default_rng(0))
    assert other.abs().max() <= 1.2
    # Clip by clip, each colour of one is a colour of the other, scaled and moved by what holds for the whole clip.
    assert all(
        min(np.linalg.matrix_rank(np.stack([o, np.ones_like(o), f]), tol=1e-4) for f in plain.reshape(-1, 3).T.numpy())
        == 2
        for plain, changed in zip(frames, other, strict=True)
        for o in changed.reshape(-1, 3).T.numpy()
    )
    assert not torch.equal(frames, other)


def test_families_are_drawn_as_often_as_told(data: PairedClips, tmp_path: Path) -> None:
    families = ["clock"] * 2 + ["flash"] * 6
    rows = [json.dumps({**asdict(clip), "family": family}) for clip, family in zip(data.clips, families, strict=True)]
    (tmp_path / "world" / "0" / "clips.jsonl").write_text("\n".join(rows) + "\n")
    often = PairedClips(tmp_path / "world", CPU, often={"clock": 3.0})
    drawn = [clip.family for clip in often.batch(2000, np.random.default_rng(0), picture=False).clips]
    assert drawn.count("clock") == pytest.approx(2000 * 6 / 12, rel=0.1)


def test_a_backbone_with_one_last_layer_has_nothing_that_draws(config: AVLinkConfig, data: PairedClips) -> None:
    video = AVLink(replace(config, video=replace(config.video, drawing=None))).video
    with pytest.raises(ModelError, match="train it whole"):
        drawing_objective(video, data, NoText(), DrawOptions())  # type: ignore[arg-type]


@pytest.mark.parametrize("drawing", [NANO.video.drawing, None], ids=["drawing", "layer"])
def test_a_perfect_picture_costs_nothing_at_any_time(config: AVLinkConfig, drawing: DrawingConfig | None) -> None:
    video = VideoDiT(replace(config.video, drawing=drawing))
    x1, x0, t = torch.randn(3, 4, 36, 64, 3), torch.randn(3, 4, 36, 64, 3), torch.tensor([0.0, 0.4, 0.97])
    xt = interpolate(x1, x0, t)
    assert drawing_error(video, video.velocity_of(x1, xt, t), x1, xt, t).item() == pytest.approx(0, abs=1e-9)
    # Off by a tenth: the velocity's error where it is far from the data, a bounded one near to it.
    costs = [
        drawing_error(video, video.velocity_of(x1 + 0.1, xt, t)[n, None], x1[n, None], xt[n, None], t[n, None]).item()
        for n in range(3)
    ]
    assert costs == pytest.approx([0.01, 0.01 / 0.36, 0.04], rel=1e-3)


def test_a_time_shift_moves_the_drawing_times_towards_noise(config: AVLinkConfig) -> None:
    torch.manual_seed(0)
    video = VideoDiT(replace(config.video, time_shift=8.0))
    for options, location, scale in ((VideoOptions(), -1, 1), (VideoOptions(drawing_times=(0.5, 2.0)), 0.5, 2)):
        logits = torch.logit(drawing_times(video, 4000, (-1.0, 1.0), options, CPU))
        assert logits.mean().item() == pytest.approx(location - np.log(8), abs=0.1)
        assert logits.std().item() == pytest.approx(scale, abs=0.1)


@pytest.mark.parametrize("part", ["v2a", "a2v", "joint"])
def test_fusion_learns_and_leaves_the_backbones_bit_identical(
    config: AVLinkConfig, data: PairedClips, tmp_path: Path, part: str
) -> None:
    torch.manual_seed(0)
    link = untrained_link([part], config)
    torch.nn.init.normal_(link.audio.output.weight, std=0.1)
    frozen = {n: p.clone() for n, p in link.named_parameters() if not n.startswith("fusion")}
    before = {n: p.clone() for n, p in link.fusion.named_parameters()}
    options = FusionOptions(**schedule(60), onset_latest_time=1.0, direction=part, drawing_times=None, drawn_steps=None)  # type: ignore[arg-type]
    training = FusionTraining(link, options.directions)
    train(fusion_objective(training, data, NoText(), options), tmp_path, options)  # type: ignore[arg-type]
    after = dict(link.named_parameters())
    assert all(torch.equal(p, after[n]) for n, p in frozen.items())
    assert any(not torch.equal(p, before[n]) for n, p in link.fusion.named_parameters())
    for name in ["v2a_onsets", "a2v_onsets"] if part == "joint" else ["onsets"]:
        onsets = curve(tmp_path / f"fusion_{part}", name)
        assert np.mean(onsets[-3:]) < 0.8 * onsets[0], name


def test_a_backbone_that_changes_is_noticed(config: AVLinkConfig, tmp_path: Path) -> None:
    link = AVLink(config)
    modules = {"audio backbone": link.audio, "video backbone": link.video}
    with pytest.raises(ModelError, match="changed the frozen video backbone"), unchanged(modules, tmp_path):
        next(link.video.parameters()).data.view(-1)[0] += 1e-6


@pytest.mark.parametrize(("direction", "fixed"), [("v2a", 0.96), ("a2v", 0.8)])
@pytest.mark.parametrize("times", ["fixed", "uniform"])
def test_flow_times_and_dropped_prompts_are_the_papers(
    config: AVLinkConfig,
    data: PairedClips,
    monkeypatch: pytest.MonkeyPatch,
    direction: str,
    fixed: float,
    times: str,
) -> None:
    training = FusionTraining(AVLink(config), [direction])  # type: ignore[list-item]
    calls = []

    def noted(audio, t_audio, audio_text, video, t_video, video_text, **options):  # type: ignore[no-untyped-def]
        calls.append((t_audio, t_video, audio_text.mask.any(1), video_text.mask.any(1)))
        return Linked(torch.zeros_like(audio), torch.zeros_like(video), [])

    monkeypatch.setattr(training.link, "forward", noted)
    options = FusionOptions(onset_weight=0, conditioning_time=times, drawing_times=None)  # type: ignore[arg-type]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        fusion_loss(training, direction, data.batch(16, rng), OneWord(), options, rng)  # type: ignore[arg-type]
    t_audio, t_video, audio_words, video_words = (torch.cat(part) for part in zip(*calls, strict=True))
    made, given = (t_audio, t_video) if direction == "v2a" else (t_video, t_audio)
    made_words, given_words = (audio_words, video_words) if direction == "v2a" else (video_words, audio_words)
    # The logit of a logit-normal (-1, 1).
    assert torch.logit(made).mean().item() == pytest.approx(-1, abs=0.1)
    assert torch.logit(made).std().item() == pytest.approx(1, abs=0.1)
    assert made_words.float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert given_words.float().mean().item() == pytest.approx(0.8, abs=0.06)
    if times == "fixed":
        assert given.unique().tolist() == pytest.approx([fixed])
    else:
        assert given.mean().item() == pytest.approx(0.5, abs=0.04)
        assert given.max() > 0.97


@pytest.mark.parametrize("part", ["audio", "video"])
def test_the_backbones_flow_times_and_dropped_prompts_are_the_papers(
    config: AVLinkConfig, data: PairedClips, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    link = AVLink(config)
    calls = []
    network = link.get_submodule(part)
    embed = network.embed

    def noted(x, t, text, *mask):  # type: ignore[no-untyped-def]
        calls.append((t, text.mask.any(1)))
        return embed(x, t, text, *mask)

    monkeypatch.setattr(network, "embed", noted)
    monkeypatch.setattr(network, "block", lambda index, state: None)
    if part == "audio":
        loss = audio_loss(link.audio, sounds_of(data), OneWord(), AudioOptions(batch=16))  # type: ignore[arg-type]
    else:
        options = VideoOptions(batch=16, event_weight=0)
        loss = video_loss(VideoTraining(link.video), data, OneWord(), options, config.video_time)  # type: ignore[arg-type]
    torch.manual_seed(0)
    with torch.no_grad():
        for step in range(40):
            loss(step, np.random.default_rng(step))
    t, words = (torch.cat(column) for column in zip(*calls, strict=True))
    assert torch.logit(t).mean().item() == pytest.approx(0, abs=0.12)
    assert torch.logit(t).std().item() == pytest.approx(1, abs=0.12)
    assert words.float().mean().item() == pytest.approx(0.9, abs=0.04)


def test_checkpointing_changes_no_gradient(config: AVLinkConfig, data: PairedClips) -> None:
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        link = AVLink(replace(config, fusion=replace(config.fusion, blocks=2)))
        for p in link.parameters():
            p.data += 0.05 * torch.randn(p.shape)
        if checkpointing:
            link.checkpoint_blocks()
        training = FusionTraining(link)
        torch.manual_seed(1)
        rng = np.random.default_rng(0)
        loss, _ = fusion_loss(training, "v2a", data.batch(2, rng), NoText(), FusionOptions(), rng)  # type: ignore[arg-type]
        loss.backward()
        gradients.append({n: p.grad for n, p in training.named_parameters() if p.grad is not None})
    plain, again = gradients
    assert plain.keys() == again.keys()
    for name in plain:
        torch.testing.assert_close(plain[name], again[name], msg=name)


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="avfoley train world"):
        PairedClips(tmp_path, CPU)
