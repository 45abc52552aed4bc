"""The upsampler: shapes, rates and pieces, on a miniature with random weights."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from avfoley_engine.errors import CancelledError, ModelError
from avfoley_engine.models.avlink import config as avlink
from avfoley_engine.models.avlink.backbones import VideoDiT
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder, fold, unfold
from avfoley_engine.models.avlink.upsampler.config import PRESETS, AutoencoderConfig, UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.flow import UpsamplerDiT
from avfoley_engine.models.avlink.upsampler.frames import at_rate, condition, enlarged
from avfoley_engine.models.avlink.upsampler.upsample import Interpolation, LatentUpsampler, UpsamplerNetworks
from avfoley_engine.nn.dit import DiTConfig, TextStates

SMALL = UpsamplerConfig(
    autoencoder=AutoencoderConfig(latent_width=4, encoder_widths=(8, 8, 8), decoder_widths=(8, 8, 8)),
    dit=DiTConfig(width=32, depth=1, heads=2, text_width=16),
    window_latents=3,
    height=64,
    width=128,
    steps=2,
)
FILM, PAPER = Fraction(24), Fraction(6)


def letters(captions: list[str]) -> TextStates:
    """A text encoder without weights: one state a caption, its first letter's."""
    states = torch.zeros(len(captions), 1, 16)
    for row, caption in zip(states, captions, strict=True):
        row[0, ord(caption[0]) % 16 if caption else 0] = 1
    return TextStates(states, torch.tensor([[bool(caption)] for caption in captions]))


@pytest.fixture
def networks() -> UpsamplerNetworks:
    torch.manual_seed(0)
    networks = UpsamplerNetworks(SMALL).eval()
    for p in networks.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return networks


@pytest.fixture
def upsampler(networks: UpsamplerNetworks) -> LatentUpsampler:
    return LatentUpsampler(networks, letters)  # type: ignore[arg-type]


def small_frames(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 8, 16, 3), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


def test_folding_is_undone() -> None:
    x = torch.randn(2, 3, 8, 16, 24)
    assert fold(x, 2, 4).shape == (2, 3 * 2 * 16, 4, 4, 6)
    assert torch.equal(unfold(fold(x, 2, 4), 2, 4), x)


@torch.no_grad()
def test_the_autoencoder_never_looks_ahead(networks: UpsamplerNetworks) -> None:
    autoencoder = networks.autoencoder
    frames, conditioning = torch.rand(1, 16, 32, 32, 3) * 2 - 1, torch.rand(1, 4, 4, 4, 12) * 2 - 1
    changed, other_conditioning = frames.clone(), conditioning.clone()
    changed[:, 8:] = 0
    other_conditioning[:, 2:] = 0
    latents, others = autoencoder.encode(frames, conditioning), autoencoder.encode(changed, other_conditioning)
    assert latents.shape == (1, 4, 4, 4, 4)
    assert torch.equal(latents[:, :2], others[:, :2])
    assert not torch.equal(latents[:, 2], others[:, 2])
    decoded, other = autoencoder.decode(latents, conditioning), autoencoder.decode(others, other_conditioning)
    assert decoded.shape == frames.shape
    torch.testing.assert_close(decoded[:, :8], other[:, :8])
    assert not torch.equal(decoded[:, 8:], other[:, 8:])


@torch.no_grad()
@pytest.mark.parametrize("piece", [1, 3, 20])
def test_decoding_in_pieces_changes_nothing(networks: UpsamplerNetworks, piece: int) -> None:
    latents, conditioning = torch.randn(1, 13, 4, 4, 4), torch.randn(1, 13, 4, 4, 12)
    pieces = list(networks.autoencoder.decode_in_pieces(latents, conditioning, piece))
    assert max(p.shape[1] for p in pieces) == 4 * min(piece, 13)
    torch.testing.assert_close(torch.cat(pieces, dim=1), networks.autoencoder.decode(latents, conditioning))


@torch.no_grad()
def test_an_untrained_autoencoder_gives_what_interpolation_gives() -> None:
    frames = small_frames(8)
    conditioning = condition(frames[None].float() / 127.5 - 1, FILM, FILM, 2)
    large = VideoAutoencoder(SMALL.autoencoder).decode(torch.randn(1, 2, 8, 16, 4), conditioning)
    assert torch.equal(large, enlarged(conditioning))
    interpolated = torch.cat(list(Interpolation(frame_size=(64, 128)).upsample(frames, FILM)))
    assert ((large[0].clamp(-1, 1) + 1) * 127.5 - interpolated.float()).abs().max() < 0.51


@torch.no_grad()
def test_measured_latents_are_normalised(networks: UpsamplerNetworks) -> None:
    frames, conditioning = torch.rand(3, 8, 32, 32, 3) * 2 - 1, torch.rand(3, 2, 4, 4, 12) * 2 - 1
    networks.autoencoder.measure(frames, conditioning)
    latents = networks.autoencoder.encode(frames, conditioning).flatten(0, -2)
    torch.testing.assert_close(latents.mean(0), torch.zeros(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(latents.std(0), torch.ones(4), atol=1e-2, rtol=0)


def test_a_frame_keeps_its_instant_at_any_rate() -> None:
    # A picture as bright as its own time.
    at_film = torch.arange(24).float()[None, :, None, None, None].expand(1, 24, 2, 2, 3)
    at_six = at_film[:, ::4]
    assert torch.equal(at_rate(at_six, PAPER, FILM, 20), at_film[:, :20])
    assert torch.equal(at_rate(at_six, PAPER, FILM, 9, 7), at_film[:, 7:16])
    assert (at_rate(at_six, PAPER, FILM, 24)[:, 20:] == 20).all()
    conditioning = condition(at_film, FILM, FILM, 6)
    assert conditioning.shape == (1, 6, 2, 2, 12)
    assert conditioning[0, 2, 0, 0, ::3].tolist() == [8, 9, 10, 11]


def test_latents_lie_over_their_own_pixels_of_the_small_frames(networks: UpsamplerNetworks) -> None:
    x = torch.randn(1, 3, 8, 16, 4 + 12)
    flow = networks.flow
    tokens = flow.patchify(x)
    assert tokens.shape == (1, 3 * 4 * 8, 32)
    changed = x.clone()
    changed[0, 1, 5, 9, 7] += 1
    touched = (flow.patchify(changed) - tokens).abs().sum(-1)[0] > 1e-4
    # Its own patch, and the three that see one pixel more on every side.
    assert touched.nonzero()[:, 0].tolist() == [4 * 8 + row * 8 + column for row in (2, 3) for column in (4, 5)]
    # Numbered tokens come back to the places they were taken from.
    numbers = torch.arange(96).float()[None, :, None].expand(1, 96, 16)
    assert flow.unpatchify(numbers, x)[0, 1, 5, 9].tolist() == [4 * 8 + 2 * 8 + 4] * 4


def test_an_untrained_flow_says_nothing() -> None:
    x = torch.randn(1, 3, 8, 16, 16)
    velocity = UpsamplerDiT(SMALL)(x, torch.tensor([0.5]), letters(["a"]))
    assert velocity.shape == (1, 3, 8, 16, 4)
    assert (velocity == 0).all()


def test_a_predicted_sample_is_of_the_latents_alone() -> None:
    flow = UpsamplerDiT(replace(SMALL, dit=replace(SMALL.dit, prediction="sample")))
    x = torch.randn(1, 3, 8, 16, 16)
    # Untrained it predicts a sample of zeros, half the way to which is left.
    torch.testing.assert_close(flow(x, torch.tensor([0.5]), letters(["a"])), -x[..., :4] / 0.5)
    guess = flow.guess
    assert guess is not None
    guess[-1].bias.data.fill_(0.25)
    torch.testing.assert_close(flow(x, torch.tensor([0.5]), letters(["a"])), (0.25 - x[..., :4]) / 0.5)


def test_a_first_guess_is_made_from_the_neighbourhood_at_the_same_instants() -> None:
    guess = UpsamplerDiT(replace(SMALL, dit=replace(SMALL.dit, prediction="sample"))).guess
    assert guess is not None
    for parameter in guess.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    conditioning = torch.randn(1, 3, 8, 16, 12)
    changed = conditioning.clone()
    changed[0, 1, 4, 9] += 1
    touched = (guess(changed) - guess(conditioning)).abs().sum(-1) > 1e-6
    assert guess(conditioning).shape == (1, 3, 8, 16, 4)
    assert {tuple(place) for place in touched.nonzero().tolist()} <= {
        (0, 1, row, column) for row in range(1, 8) for column in range(6, 13)
    }
    assert touched[0, 1, 4, 9]


@pytest.mark.parametrize(
    ("count", "rate", "made"), [(1, FILM, 1), (24, FILM, 24), (7, PAPER, 28), (31, PAPER, 124), (50, FILM, 50)]
)
def test_every_rate_comes_out_at_24_frames(upsampler: LatentUpsampler, count: int, rate: Fraction, made: int) -> None:
    for method in (upsampler, Interpolation(frame_size=(64, 128))):
        large = torch.cat(list(method.upsample(small_frames(count), rate)))
        assert large.shape == (made, 64, 128, 3)
        assert large.dtype == torch.uint8
        assert large.float().std() > 1


def test_same_seed_same_frames_and_caption_and_seed_each_matter(upsampler: LatentUpsampler) -> None:
    def up(seed: int = 1, caption: str = "a", frames: int = 0) -> torch.Tensor:
        return torch.cat(list(upsampler.upsample(small_frames(12, frames), FILM, caption=caption, seed=seed)))

    first = up()
    assert torch.equal(first, up())
    for other in (up(seed=2), up(caption="b"), up(frames=1)):
        assert not torch.equal(first, other)


def test_cooler_noise_makes_takes_more_alike(upsampler: LatentUpsampler) -> None:
    def apart(temperature: float) -> float:
        upsampler.config = replace(SMALL, temperature=temperature, condition_time=1.0)
        takes = [torch.cat(list(upsampler.upsample(small_frames(12), FILM, seed=seed))).float() for seed in (1, 2)]
        return (takes[0] - takes[1]).abs().mean().item()

    assert apart(0.0) == 0
    assert 0 < apart(0.5) < apart(1.0)


def test_flow_times_are_shifted_towards_noise(upsampler: LatentUpsampler, monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    forward = UpsamplerDiT.forward
    monkeypatch.setattr(
        UpsamplerDiT, "forward", lambda self, x, t, *rest: times.append(t[0].item()) or forward(self, x, t, *rest)
    )
    upsampler.config = replace(SMALL, steps=4, time_shift=4.0)
    list(upsampler.upsample(small_frames(12), FILM))
    assert sorted(set(times)) == pytest.approx([0, 1 / 13, 1 / 5, 3 / 7])


def test_long_videos_run_in_windows_and_come_out_in_pieces(
    upsampler: LatentUpsampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []
    forward = UpsamplerDiT.forward
    monkeypatch.setattr(
        UpsamplerDiT, "forward", lambda self, x, *rest: batches.append(x.shape[:2]) or forward(self, x, *rest)
    )
    pieces = [len(piece) for piece in upsampler.upsample(small_frames(240), FILM)]
    assert max(length for _, length in batches) <= SMALL.window_latents
    assert max(rows for rows, _ in batches) == LatentUpsampler.windows_at_once
    assert pieces == [48] * 5


def test_interpolation_keeps_colours_and_instants() -> None:
    frames = torch.zeros(60, 8, 16, 3, dtype=torch.uint8)
    frames[:, :, :, 0] = torch.arange(60)[:, None, None] * 4
    large = torch.cat(list(Interpolation(frame_size=(64, 128)).upsample(frames, Fraction(12))))
    assert large.shape == (120, 64, 128, 3)
    assert large[:118, 30, 60, 0].tolist() == [2 * n for n in range(118)]
    assert large[:, :, :, 1:].max() == 0


def test_cancelling_stops_at_the_next_step(upsampler: LatentUpsampler) -> None:
    shares: list[float] = []

    def cancel(share: float) -> None:
        shares.append(share)
        raise CancelledError

    with pytest.raises(CancelledError):
        list(upsampler.upsample(small_frames(24), FILM, on_step=cancel))
    assert len(shares) == 1
    shares: list[float] = []
    list(upsampler.upsample(small_frames(120), FILM, on_step=shares.append))
    assert shares == sorted(shares)
    assert len(shares) == SMALL.steps + 3
    assert shares[-1] == 1


def test_the_sizes_turn_36x64_into_288x512() -> None:
    for config in PRESETS.values():
        assert (config.height // VideoAutoencoder.stride[1], config.width // VideoAutoencoder.stride[2]) == (36, 64)
        assert config.frame_rate == 24


def test_the_paper_sizes_start_from_its_video_backbone_token_for_token() -> None:
    paper = PRESETS["paper"]
    with torch.device("meta"):
        flow, video = UpsamplerDiT(paper), VideoDiT(avlink.PAPER.video)
    latents = torch.zeros(1, paper.window_latents, 36, 64, 20)
    pixels = torch.zeros(1, 31, 36, 64, 3)
    for ours, theirs in zip(flow.rotation(latents), video.rotation(pixels), strict=True):
        assert torch.equal(ours, theirs)
    shared = {name: p.shape for name, p in video.named_parameters() if not name.startswith(("input.", "output."))}
    assert shared.items() <= {name: p.shape for name, p in flow.named_parameters()}.items()


def test_a_backbone_of_other_sizes_is_refused(networks: UpsamplerNetworks) -> None:
    with pytest.raises(ModelError, match="other sizes"):
        networks.flow.start_from(VideoDiT(avlink.NANO.video))
