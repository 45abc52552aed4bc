"""Properties of AV-Link that hold for any weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from avfoley_engine.codec.audio import PAPER as PAPER_CODEC
from avfoley_engine.models.avlink.backbones import VideoDiT
from avfoley_engine.models.avlink.config import PAPER, AVLinkConfig, DrawingConfig
from avfoley_engine.models.avlink.fusion import FusionAttention
from avfoley_engine.models.avlink.link import AVLink, placements
from avfoley_engine.models.avlink.nano.drawing import _folded, _unfolded, expected, to_unit_scale
from avfoley_engine.nn.dit import DiTState, TextStates
from avfoley_engine.nn.rope import rotate
from avfoley_engine.vision.events import EventStem

Gates = Callable[[AVLink], AVLink]


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_at_initialisation_the_linked_model_equals_the_frozen_backbones(link: AVLink, inputs: dict[str, Any]) -> None:
    with torch.no_grad():
        audio, video, _ = link(**inputs)
        alone = link.audio(inputs["audio"], inputs["t_audio"], inputs["audio_text"])
        video_alone = link.video(inputs["video"], inputs["t_video"], inputs["video_text"])
    assert torch.equal(audio, alone)
    assert torch.equal(video, video_alone)


def test_open_gates_let_the_picture_change_the_sound_and_the_sound_change_the_picture(
    link: AVLink, inputs: dict[str, Any], open_gates: Gates
) -> None:
    open_gates(link)
    with torch.no_grad():
        audio, video, _ = link(**inputs)
        other_picture, _, _ = link(**{**inputs, "video": -inputs["video"]})
        _, other_sound, _ = link(**{**inputs, "audio": -inputs["audio"]})
    assert not torch.allclose(audio, other_picture, atol=1e-4)
    assert not torch.allclose(video, other_sound, atol=1e-4)


def test_leaving_out_the_video_head_does_not_change_the_sound(
    link: AVLink, inputs: dict[str, Any], open_gates: Gates
) -> None:
    open_gates(link)
    with torch.no_grad():
        both, _, _ = link(**inputs)
        audio, video, _ = link(**inputs, both=False)
    assert video is None
    assert torch.allclose(both, audio, atol=1e-6)


def test_the_same_instant_has_the_same_angle_in_both_modalities(link: AVLink) -> None:
    cos, sin = link.temporal_rotation(26, 13 * 4, torch.device("cpu"))
    # Audio token 25 and the first video token of step 12 both stand at one second.
    assert torch.allclose(cos[25], cos[26 + 12 * 4], atol=1e-6)
    assert torch.allclose(sin[25], sin[26 + 12 * 4], atol=1e-6)
    assert not torch.allclose(cos[24], cos[26 + 12 * 4], atol=1e-2)


def test_local_heads_start_out_looking_at_their_own_instant(link: AVLink) -> None:
    attention: FusionAttention = link.fusion_of("v2a").blocks[0].attention
    rotation = link.temporal_rotation(50, 0, torch.device("cpu"))
    q = rotate(attention.q_bias.expand(-1, 50, -1)[None], rotation)
    k = rotate(attention.k_bias.expand(-1, 50, -1)[None], rotation)
    weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)[0]
    assert weights[0, 25].argmax() == 25
    assert weights[0, 25, 21:30].sum() > 0.5
    assert torch.allclose(weights[1], torch.full_like(weights[1], 1 / 50))


def test_the_last_block_makes_nothing_that_nobody_reads(small_config: AVLinkConfig) -> None:
    def made(link: AVLink, name: str) -> list[set[str]]:
        return [set(block.output) for block in link.fusion[name].blocks]  # type: ignore[union-attr]

    link = AVLink(small_config)
    assert made(link, "v2a") == [{"audio", "video"}, {"audio"}]
    assert made(link, "a2v") == [{"audio", "video"}, {"video"}]
    shared = AVLink(replace(small_config, fusion=replace(small_config.fusion, joint=True)))
    assert made(shared, "joint") == [{"audio", "video"}] * 2


@pytest.fixture
def stem() -> EventStem:
    torch.manual_seed(0)
    stem = EventStem((8, 8, 8, 12), (2, 2), 2, 16).eval()
    torch.nn.init.normal_(stem.output.weight)
    return stem


def test_the_event_stem_opens_near_the_data_alone(stem: EventStem) -> None:
    times = torch.tensor([0.0, 0.5, 0.9, 0.93, 0.96, 1.0])
    added = stem(torch.ones(6, 4, 16), times)
    assert torch.equal(added[:3], torch.zeros(3, 4, 16))
    assert torch.allclose(added[3], added[4] / 2, atol=1e-5)
    assert torch.equal(added[4], added[5])
    assert stem.is_shut(times[:3])
    assert not stem.is_shut(times[2:4])


def test_the_event_stem_sees_the_same_whenever_it_happens(stem: EventStem) -> None:
    """A block that jumps a pixel, ten frames later: the same features, five steps later, away from the ends."""

    def seen(jump: int) -> torch.Tensor:
        frames = torch.full((1, 160, 36, 64, 3), -0.5)
        frames[:, :jump, 10:14, 20:24] = 0.5
        frames[:, jump:, 10:14, 21:25] = 0.5
        return stem.extract(frames).detach().unflatten(1, (80, 4))[0]

    early, late = seen(80), seen(90)
    assert (early[38:42] - early[22]).abs().max() > 1e-3
    assert torch.allclose(early[22:50], late[27:55], atol=1e-5)


def test_the_event_stem_sees_colours_of_one_brightness(stem: EventStem) -> None:
    frames = torch.zeros(1, 40, 36, 64, 3)
    frames[:, 20:, 10:20, 20:40] = torch.tensor([0.5, 0.0, -0.5])
    seen = stem.extract(frames).detach()
    assert not torch.allclose(seen, stem.extract(torch.zeros_like(frames)), atol=1e-3)


def test_what_is_seen_may_be_known_before(link: AVLink, inputs: dict[str, Any], open_gates: Gates) -> None:
    open_gates(link)
    with torch.no_grad():
        audio, _, _ = link(**inputs, both=False)
        seen = link.video.events.extract(inputs["video"])  # type: ignore[union-attr]
        known, _, _ = link(**inputs, both=False, event_features=seen)
        blind, _, _ = link(**inputs, both=False, event_features=torch.zeros_like(seen))
    assert torch.equal(audio, known)
    assert not torch.allclose(audio, blind, atol=1e-4)


def test_masked_text_is_not_read(link: AVLink, inputs: dict[str, Any]) -> None:
    text: TextStates = inputs["audio_text"]
    changed = text.states.clone()
    changed[~text.mask] += 5
    with torch.no_grad():
        before = link.audio(inputs["audio"], inputs["t_audio"], text)
        after = link.audio(inputs["audio"], inputs["t_audio"], TextStates(changed, text.mask))
        dropped = link.audio(inputs["audio"], inputs["t_audio"], text.drop(torch.tensor([True, False])))
    assert torch.allclose(before, after, atol=1e-6)
    assert not torch.allclose(before[0], dropped[0], atol=1e-4)
    assert torch.allclose(before[1], dropped[1], atol=1e-6)


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("interleaved", [2, 5, 8, 11, 14, 17, 20, 23]),
        ("early", list(range(8))),
        ("middle", list(range(8, 16))),
        ("late", list(range(16, 24))),
    ],
)
def test_placement_of_the_fusion_blocks(placement: str, expected: list[int]) -> None:
    assert placements(24, 8, placement) == expected


def test_paper_preset_has_the_papers_parameter_counts() -> None:
    with torch.device("meta"):
        link = AVLink(PAPER)
    assert parameters(link.audio) == pytest.approx(576e6, rel=0.03)
    assert parameters(link.video) == pytest.approx(576e6, rel=0.03)
    assert parameters(link.fusion_of("v2a").blocks[0]) == pytest.approx(23.25e6, rel=0.03)
    assert link.video.grid == (18, 32)
    assert PAPER_CODEC.vae.latent_width == PAPER.audio.latent_width
    assert PAPER_CODEC.latents_per_second == PAPER.audio.latents_per_second
    assert (PAPER.video.frames, PAPER.video.frame_rate, PAPER.video.patch) == (31, 6, (1, 2, 2))
    assert link.fuse_after == [2, 5, 8, 11, 14, 17, 20, 23]


def test_only_fusion_blocks_learn_once_the_backbones_are_frozen(
    link: AVLink, inputs: dict[str, Any], open_gates: Gates
) -> None:
    link.freeze_backbones()
    open_gates(link)
    audio, _, _ = link(**inputs, both=False)
    audio.square().mean().backward()
    assert all(p.grad is None for p in (*link.audio.parameters(), *link.video.parameters()))
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in link.fusion.parameters())


def drawn(config: AVLinkConfig, drawing: DrawingConfig | None) -> tuple[VideoDiT, DiTState, torch.Tensor, torch.Tensor]:
    """A video backbone that draws something, its state behind the last block, and the noised frames and flow times."""
    torch.manual_seed(5)
    video = VideoDiT(replace(config.video, drawing=drawing)).eval()
    for p in video.parameters():
        p.data += 0.05 * torch.randn(p.shape)
    x, t = torch.randn(2, 24, 36, 64, 3), torch.tensor([0.1, 0.6])
    nothing = TextStates(torch.zeros(2, 0, 16), torch.zeros(2, 0, dtype=torch.bool))
    state = video.embed(x, t, nothing)
    for index in range(video.config.depth):
        video.block(index, state)
    return video, state, x, t


@pytest.mark.parametrize("drawing", [DrawingConfig(), None], ids=["drawing", "layer"])
def test_some_steps_are_drawn_as_all_of_them_are(small_config: AVLinkConfig, drawing: DrawingConfig | None) -> None:
    with torch.no_grad():
        video, state, x, t = drawn(small_config, drawing)
        whole, part = video.head(state, x, t), video.head(state, x, t, slice(3, 9))
    assert whole.shape == x.shape
    assert part.shape == (2, 12, 36, 64, 3)
    # The convolutions reach four frames beyond what is shown.
    inside = slice(4, -4) if drawing else slice(None)
    assert torch.allclose(video.of_steps(whole, slice(3, 9))[:, inside], part[:, inside], atol=1e-5)


def test_what_is_drawn_crosses_the_borders_of_patches(small_config: AVLinkConfig) -> None:
    """A pixel beside a border of patches depends on a noised pixel beyond it, though no token and no still picture is looked at."""
    video, state, x, t = drawn(small_config, DrawingConfig())
    down, across = (side // n for side, n in zip((36, 64), video.grid, strict=True))
    noised = x.clone().requires_grad_(True)
    drawing = video.drawing
    assert drawing is not None
    with torch.no_grad():
        drawing.look.weight.zero_()
        drawing.still.input.weight.zero_()
    drawing(state, noised, t)[0, 10, down - 1, across - 1].sum().backward()
    assert noised.grad is not None
    assert noised.grad[0, 10, down, across].abs().max() > 0
    assert noised.grad[0, 20].abs().max() == 0
    assert noised.grad[1].abs().max() == 0


def test_the_still_picture_knows_where_it_is_and_what_it_is_of(small_config: AVLinkConfig) -> None:
    video, _, x, t = drawn(small_config, DrawingConfig())
    assert video.drawing is not None
    still, grey = video.drawing.still, torch.zeros(2, 36, 64, 3)
    words = TextStates(torch.randn(2, 3, 16), torch.ones(2, 3, dtype=torch.bool))
    nothing = TextStates(words.states[:, :0], words.mask[:, :0])
    with torch.no_grad():
        one, other = (still(grey, t, 24, video.conditions(t, text)) for text in (words, nothing))
        few, many = (still(x.mean(1), t, count, video.conditions(t, words)) for count in (1, 24))
    assert one.shape == (2, 36, 64, 3)
    assert (one - other).abs().max() > 1e-3
    assert one[:, :18].sub(one[:, 18:]).abs().max() > 1e-3
    assert (few - many).abs().max() > 1e-3


def test_what_is_expected_is_the_posterior_mean_of_a_clean_value() -> None:
    """Drawn from the prior, noised 20 times: no other gain on the mean is nearer."""
    torch.manual_seed(0)
    clean, t = 0.5 * torch.randn(20_000), torch.tensor([0.3])
    mean = (0.3 * clean + 0.7 * torch.randn(20, 20_000)).mean(0)
    error = (expected(mean[None], t, 20)[0] - clean).square().mean()
    gain = expected(torch.ones(1, 1), t, 20).item()
    assert all(error < ((gain * factor) * mean - clean).square().mean() for factor in (0.9, 1.1))
    assert expected(clean[None], torch.tensor([1.0]), 20)[0].allclose(clean)
    assert to_unit_scale(mean[None], t, 20).std().item() == pytest.approx(1, abs=0.02)


def test_folding_is_undone() -> None:
    x = torch.randn(24, 36, 64, 3)
    folded = _folded(x, 2)
    assert folded.shape == (24, 18, 32, 12)
    assert torch.equal(folded[3, 2, 5].unflatten(0, (2, 2, 3)), x[3, 4:6, 10:12])
    assert torch.equal(_unfolded(folded, 2), x)
