"""Sampling with AV-Link: lengths, windows, determinism, guidance and cancelling, on a miniature with random weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.errors import CancelledError, ModelError
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.nn.dit import TextStates


class Letters:
    """A text encoder that turns each letter into a state: no weights needed."""

    def __call__(self, captions: list[str]) -> TextStates:
        longest = max(map(len, captions))
        states, mask = torch.zeros(len(captions), longest, 16), torch.zeros(len(captions), longest, dtype=torch.bool)
        for i, caption in enumerate(captions):
            for j, letter in enumerate(caption):
                states[i, j, ord(letter) % 16] = 1
                mask[i, j] = True
        return TextStates(states, mask)


@pytest.fixture
def foley(link: AVLink) -> AVLinkFoley:
    torch.manual_seed(4)
    codec = AudioCodec(replace(CodecConfig(), vae=VAEConfig(latent_width=8, widths=(32, 32, 32))))
    for block in link.fusion_of("v2a").blocks:
        for layer in block.modulation.values():
            torch.nn.init.normal_(layer.bias, std=0.5)
    return AVLinkFoley("small", "r", link, codec, Letters(), default_steps=2, default_guidance_scale=3.0)  # type: ignore[arg-type]


def picture(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (frames, 36, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("frames", "samples"), [(1, 1), (24, 48_000), (124, 247_680), (300, 600_001)])
def test_any_length_comes_out_exact_and_finite(foley: AVLinkFoley, frames: int, samples: int) -> None:
    sound = foley.generate(picture(frames), samples, caption="knock")
    assert sound.shape == (samples,)
    assert sound.isfinite().all()
    assert sound.abs().max() <= 1


def test_windows_start_where_latents_and_video_steps_meet(foley: AVLinkFoley) -> None:
    config = foley.link.config
    assert foley.hop_latents / config.audio.latents_per_second == foley.hop_frames / config.video.frame_rate
    assert foley.hop_frames % config.video.patch[0] == 0
    assert foley.window_latents - foley.hop_latents >= 25


def test_same_request_same_samples_and_another_seed_another_sound(foley: AVLinkFoley) -> None:
    first = foley.generate(picture(24), 48_000, caption="a", seed=5)
    assert torch.equal(first, foley.generate(picture(24), 48_000, caption="a", seed=5))
    assert not torch.allclose(first, foley.generate(picture(24), 48_000, caption="a", seed=6), atol=1e-4)


def test_picture_caption_and_negative_caption_each_matter(foley: AVLinkFoley) -> None:
    base = foley.generate(picture(24), 48_000, caption="a", seed=5)
    for other in (
        foley.generate(picture(24, seed=1), 48_000, caption="a", seed=5),
        foley.generate(None, 48_000, caption="a", seed=5),
        foley.generate(picture(24), 48_000, caption="b", seed=5),
        foley.generate(picture(24), 48_000, caption="a", negative_caption="b", seed=5),
    ):
        assert not torch.allclose(base, other, atol=1e-5)


def test_a_batch_gives_what_its_rows_give_alone(foley: AVLinkFoley) -> None:
    frames = torch.stack([picture(30), picture(30, seed=1)])
    both = foley.generate_batch(frames, 48_000, captions=["a", "bc"], seeds=[1, 2])
    for row, (frame, caption, seed) in enumerate(zip(frames, ["a", "bc"], [1, 2], strict=True)):
        assert torch.allclose(both[row], foley.generate(frame, 48_000, caption=caption, seed=seed), atol=1e-4)


def test_overlapping_windows_blend_to_the_velocity_they_agree_on(foley: AVLinkFoley) -> None:
    whole = torch.randn(1, foley.window_latents + 2 * foley.hop_latents, 8)
    assert torch.allclose(foley._blend(foley._cut(whole, 3), 3), whole, atol=1e-5)


def test_cancelling_stops_at_the_next_solver_step(foley: AVLinkFoley) -> None:
    steps = []

    def on_step(share: float) -> None:
        steps.append(share)
        if len(steps) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        foley.generate(picture(24), 48_000, steps=10, on_step=on_step)
    assert steps == [0.1, 0.2]


def test_frames_of_the_wrong_size_are_refused(foley: AVLinkFoley) -> None:
    with pytest.raises(ModelError, match="36, 64"):
        foley.generate(torch.zeros(5, 18, 32, 3, dtype=torch.uint8), 1000)
