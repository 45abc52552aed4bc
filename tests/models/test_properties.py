"""What AV-Link promises of time and of its start, for any weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from avfoley_engine.models.avlink.config import DIRECTIONS, AVLinkConfig, Direction
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.video import AVLinkVideo
from hypothesis import given, settings
from hypothesis import strategies as st

Linked = Callable[[AVLinkConfig], AVLink]
Gates = Callable[[AVLink], AVLink]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "switches",
    [{}, {"joint": True}, {"attention": "cross"}, {"reinjection": False}, {"placement": "early"}],
    ids=lambda switches: "-".join(switches) or "paper",
)
def test_at_initialisation_the_linked_model_equals_the_frozen_backbones(
    linked: Linked,
    small_config: AVLinkConfig,
    inputs: dict[str, Any],
    direction: Direction,
    switches: dict[str, Any],
) -> None:
    link = linked(replace(small_config, fusion=replace(small_config.fusion, **switches)))
    with torch.no_grad():
        audio, video, _ = link(**inputs, direction=direction)
        assert torch.equal(audio, link.audio(inputs["audio"], inputs["t_audio"], inputs["audio_text"]))
        assert torch.equal(video, link.video(inputs["video"], inputs["t_video"], inputs["video_text"]))
        one, other, _ = link(**inputs, direction=direction, both=False)
    made, left_out = (one, other) if direction == "v2a" else (other, one)
    assert torch.equal(made, audio if direction == "v2a" else video)
    assert left_out is None


@pytest.fixture(scope="module")
def bare() -> AVLinkConfig:
    from avfoley_engine.models.avlink.config import NANO

    return NANO


@settings(max_examples=25, deadline=None)
@given(
    latent_rate=st.fractions(min_value=5, max_value=100, max_denominator=8),
    frame_rate=st.fractions(min_value=4, max_value=60, max_denominator=1001),
    patch=st.sampled_from([1, 2, 4]),
)
def test_the_same_instant_has_the_same_angle_at_any_pair_of_rates(
    bare: AVLinkConfig, latent_rate: Fraction, frame_rate: Fraction, patch: int
) -> None:
    config = replace(
        bare,
        audio=replace(bare.audio, latents_per_second=latent_rate),
        video=replace(bare.video, frame_rate=frame_rate, patch=(patch, 18, 32)),
    )
    with torch.device("meta"):
        link = AVLink(config, [])
    ratio = config.video.tokens_per_second / latent_rate
    # Latents n and steps m that begin together: n / latent_rate == m / tokens_per_second.
    together = [(k * ratio.denominator, k * ratio.numerator) for k in range(4)]
    together = [(n, m) for n, m in together if max(n, m) <= 400] or [(0, 0)]
    latents, steps = (max(pair[i] for pair in together) + 1 for i in (0, 1))
    down, across = link.video.grid
    cos, sin = link.temporal_rotation(latents, steps * down * across, torch.device("cpu"))
    for n, m in together:
        for token in (latents + m * down * across, latents + (m + 1) * down * across - 1):
            assert torch.equal(cos[n], cos[token])
            assert torch.equal(sin[n], sin[token])


def test_only_differences_in_time_matter(
    link: AVLink, open_gates: Gates, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole clip a second later on the clock is the same clip."""
    open_gates(link)
    with torch.no_grad():
        now = link(**inputs)
    audio, video, both = link.audio.rotation, link.video.rotation, link.temporal_rotation
    latents, steps, area = 25, 12, 4

    def rows(by: tuple[torch.Tensor, torch.Tensor], *keep: slice) -> tuple[torch.Tensor, ...]:
        return tuple(torch.cat([part[k] for k in keep]) for part in by)

    def later(n: int, tokens: int, device: torch.device) -> tuple[torch.Tensor, ...]:
        longer = both(n + latents, tokens + steps * area, device)
        return rows(longer, slice(latents, n + latents), slice(n + latents + steps * area, None))

    def skewed(n: int, tokens: int, device: torch.device) -> tuple[torch.Tensor, ...]:
        """The sound a second later than the picture."""
        audio_by, all_by = later(n, tokens, device), both(n, tokens, device)
        return tuple(torch.cat([a[:n], b[n:]]) for a, b in zip(audio_by, all_by, strict=True))

    def padded(x: torch.Tensor, by: int) -> torch.Tensor:
        return torch.cat([x.new_zeros(len(x), by, *x.shape[2:]), x], dim=1)

    monkeypatch.setattr(link.audio, "rotation", lambda x: rows(audio(padded(x, latents)), slice(latents, None)))
    monkeypatch.setattr(link.video, "rotation", lambda x: rows(video(padded(x, 24)), slice(steps * area, None)))
    monkeypatch.setattr(link, "temporal_rotation", later)
    with torch.no_grad():
        second_later = link(**inputs)
        monkeypatch.setattr(link, "temporal_rotation", skewed)
        out_of_step = link(**inputs)
    torch.testing.assert_close(second_later.audio, now.audio, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(second_later.video, now.video, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(out_of_step.audio, now.audio, atol=1e-2)


@pytest.fixture
def noise_that_moves(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, int]], None]:
    """Makes all noise one long tape, read from a place that depends on how many axes it has: 2 latents, 4 frames."""
    original = torch.randn

    def read_from(places: dict[int, int]) -> None:
        def randn(*size: Any, generator: torch.Generator) -> torch.Tensor:
            shape = tuple(size[0]) if len(size) == 1 else size
            tape = original((400, *shape[1:]), generator=torch.Generator().manual_seed(len(shape)))
            place = places[len(shape)]
            return tape[place : place + shape[0]]

        monkeypatch.setattr(torch, "randn", randn)

    return read_from


def test_a_picture_k_frames_later_makes_the_sound_as_much_later(
    foley: AVLinkFoley, noise_that_moves: Callable[[dict[int, int]], None]
) -> None:
    aligned, stride = foley.aligned, foley.codec.config.samples_per_latent
    frames, latents = aligned.hop_frames, aligned.hop_latents
    assert frames / foley.frame_rate == latents / foley.link.config.audio.latents_per_second
    generator = torch.Generator().manual_seed(1)
    picture = torch.randint(
        0, 256, (frames + aligned.window_frames, 72, 128, 3), dtype=torch.uint8, generator=generator
    )
    delayed = torch.cat([picture[:1].expand(frames, -1, -1, -1), picture])
    length = latents + aligned.window_latents
    noise_that_moves({2: latents, 4: frames})
    sound = foley.generate(picture, length * stride, caption="a", steps=1)
    noise_that_moves({2: 0, 4: 0})
    later = foley.generate(delayed, (length + latents) * stride, caption="a", steps=1)
    # At its very beginning the later sound has a window before it to agree with.
    settled = (aligned.window_latents - latents + foley.codec.config.reach) * stride
    level = sound[settled:].abs().max().item()
    torch.testing.assert_close(later[latents * stride + settled :], sound[settled:], atol=1e-2 * level, rtol=0)
    assert not torch.allclose(later[settled : len(sound)], sound[settled:], atol=0.1 * level)


def test_a_sound_k_frames_later_makes_the_picture_as_much_later(
    video: AVLinkVideo, noise_that_moves: Callable[[dict[int, int]], None]
) -> None:
    aligned, stride = video.aligned, video.codec.config.samples_per_latent
    frames, latents = aligned.hop_frames, aligned.hop_latents
    generator = torch.Generator().manual_seed(1)
    sound = 0.3 * torch.rand((latents + aligned.window_latents) * stride, generator=generator)
    delayed = torch.cat([torch.zeros(latents * stride), sound])
    length = frames + aligned.window_frames
    noise_that_moves({2: latents, 4: frames})
    picture = video.generate(sound, length, caption="a", steps=1)
    noise_that_moves({2: 0, 4: 0})
    later = video.generate(delayed, length + frames, caption="a", steps=1)
    # The sound's first latents hear its beginning, so the first window of the two is not quite the same.
    settled = aligned.window_frames
    difference = (later[frames + settled :].int() - picture[settled:].int()).abs()
    assert difference.max() <= 1
    assert (later[settled:length].int() - picture[settled:].int()).abs().float().mean() > 5
