"""Sampling pictures with AV-Link: lengths, windows, determinism, guidance and cancelling, on a miniature with random weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from avfoley_engine.errors import CancelledError, ModelError
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.video import AVLinkVideo


def sound(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.3 * torch.randn(samples, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3)


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (48_000, 24), (248_000, 124), (100_000, 250)])
def test_any_length_comes_out_exact(video: AVLinkVideo, samples: int, frames: int) -> None:
    picture = video.generate(sound(samples), frames, caption="knock", steps=1)
    assert picture.shape == (frames, 36, 64, 3)
    assert picture.dtype == torch.uint8
    assert picture.float().std() > 1


def test_a_picture_of_exactly_one_window_is_made_in_one(video: AVLinkVideo) -> None:
    over_latents, over_frames = video.aligned.windows(frames=video.window_frames)
    assert over_latents.starts == over_frames.starts == (0,)
    assert (over_frames.total, over_latents.total) == (124, 130)


def test_same_request_same_frames_and_another_seed_another_picture(video: AVLinkVideo) -> None:
    first = video.generate(sound(48_000), 24, caption="a", seed=5)
    assert torch.equal(first, video.generate(sound(48_000), 24, caption="a", seed=5))
    assert not torch.equal(first, video.generate(sound(48_000), 24, caption="a", seed=6))


def test_a_picture_for_a_sound_starts_from_cooler_noise_and_one_from_words_does_not(video: AVLinkVideo) -> None:
    def made(temperature: float, heard: torch.Tensor | None) -> torch.Tensor:
        video.link.config = replace(video.link.config, temperature=temperature)
        return video.generate(heard, 24, caption="a", seed=5)

    assert torch.equal(made(1.0, None), made(0.5, None))
    assert not torch.equal(made(1.0, sound(48_000)), made(0.5, sound(48_000)))


def test_sound_caption_and_negative_caption_each_matter(video: AVLinkVideo) -> None:
    base = video.generate(sound(48_000), 24, caption="a", seed=5)
    for other in (
        video.generate(sound(48_000, seed=1), 24, caption="a", seed=5),
        video.generate(None, 24, caption="a", seed=5),
        video.generate(sound(48_000), 24, caption="b", seed=5),
        video.generate(sound(48_000), 24, caption="a", negative_caption="b", seed=5),
    ):
        assert not torch.equal(base, other)


def test_silence_follows_a_sound_that_ends_before_the_picture(video: AVLinkVideo) -> None:
    short = sound(24_000)
    padded = torch.cat([short, torch.zeros(48_000)])
    assert torch.equal(video.generate(short, 36, steps=1), video.generate(padded, 36, steps=1))


def test_a_batch_gives_what_its_rows_give_alone(video: AVLinkVideo) -> None:
    sounds = torch.stack([sound(60_000), sound(60_000, seed=1)])
    both = video.generate_batch(sounds, 30, captions=["a", "bc"], seeds=[1, 2])
    for row, (one, caption, seed) in enumerate(zip(sounds, ["a", "bc"], [1, 2], strict=True)):
        alone = video.generate(one, 30, caption=caption, seed=seed)
        # One grey level of rounding.
        assert (both[row].int() - alone.int()).abs().max() <= 1


def test_cancelling_stops_at_the_next_solver_step(video: AVLinkVideo) -> None:
    steps = []

    def on_step(share: float) -> None:
        steps.append(share)
        if len(steps) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        video.generate(sound(48_000), 24, steps=10, on_step=on_step)
    assert steps == [0.1, 0.2]


def test_no_frames_are_refused(video: AVLinkVideo) -> None:
    with pytest.raises(ModelError, match="0 frames"):
        video.generate(sound(48_000), 0)


def test_a_model_without_the_fusion_blocks_of_a_direction_says_so(foley: AVLinkFoley) -> None:
    picture = torch.zeros(24, 36, 64, 3, dtype=torch.uint8)
    for directions, message in (
        (["v2a"], "no audio-to-video"),
        (["a2v"], "no video-to-audio"),
        ([], "no video-to-audio"),
    ):
        foley.link = AVLink(foley.link.config, directions)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=message):
            AVLinkVideo.beside(foley) if directions == ["v2a"] else foley.generate(picture, 48_000)


def test_joint_blocks_serve_both_directions(foley: AVLinkFoley) -> None:
    config = foley.link.config
    foley.link = AVLink(replace(config, fusion=replace(config.fusion, joint=True))).eval()
    assert list(foley.link.fusion) == ["joint"]
    assert AVLinkVideo.beside(foley).generate(sound(48_000), 24, steps=1).shape[0] == 24
    assert foley.generate(torch.zeros(24, *foley.frame_size, 3, dtype=torch.uint8), 48_000, steps=1).shape == (48_000,)
