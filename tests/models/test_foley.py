"""Sampling with AV-Link: lengths, windows, loops, determinism, guidance and cancelling, on a miniature with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from avfoley_engine.codec.audio import NANO, AudioCodec, CodecConfig
from avfoley_engine.errors import CancelledError, ModelError
from avfoley_engine.flow.guidance import guide
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.velocity import guided_velocity


def picture(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (frames, 72, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("frames", "samples"), [(1, 1), (24, 48_000), (124, 247_680), (300, 600_001)])
def test_any_length_comes_out_exact_and_finite(foley: AVLinkFoley, frames: int, samples: int) -> None:
    sound = foley.generate(picture(frames), samples, caption="knock")
    assert sound.shape == (samples,)
    assert sound.isfinite().all()
    assert sound.abs().max() <= 1


def test_windows_start_where_latents_and_video_steps_meet(foley: AVLinkFoley) -> None:
    config = foley.link.config
    aligned = foley.aligned
    assert aligned.hop_latents / config.audio.latents_per_second == aligned.hop_frames / config.video.frame_rate
    assert aligned.hop_frames % config.video.patch[0] == 0
    assert aligned.window_latents - aligned.hop_latents >= 25


def test_the_event_stem_looks_once_at_every_window(foley: AVLinkFoley, monkeypatch: pytest.MonkeyPatch) -> None:
    stem = foley.link.video.events
    assert stem is not None
    windows, extract = [], stem.extract
    monkeypatch.setattr(stem, "extract", lambda x, motion: windows.append(len(x)) or extract(x, motion))
    foley.generate(picture(300), 600_001, caption="knock", steps=3)
    assert sum(windows) == len(foley.aligned.windows(latents=313)[0].starts)


def test_same_request_same_samples_and_another_seed_another_sound(foley: AVLinkFoley) -> None:
    first = foley.generate(picture(24), 48_000, caption="a", seed=5)
    assert torch.equal(first, foley.generate(picture(24), 48_000, caption="a", seed=5))
    assert not torch.allclose(first, foley.generate(picture(24), 48_000, caption="a", seed=6), atol=1e-4)


def test_sound_for_a_picture_starts_from_cooler_noise_and_sound_from_words_does_not(foley: AVLinkFoley) -> None:
    def made(temperature: float, frames: torch.Tensor | None) -> torch.Tensor:
        foley.link.config = replace(foley.link.config, temperature=temperature)
        return foley.generate(frames, 48_000, caption="a", seed=5)

    assert torch.equal(made(1.0, None), made(0.5, None))
    assert not torch.allclose(made(1.0, picture(24)), made(0.5, picture(24)), atol=1e-4)
    seeds = [foley.generate(picture(24), 48_000, caption="a", seed=n) for n in (5, 6)]
    foley.link.config = replace(foley.link.config, temperature=0.0)
    cold = [foley.generate(picture(24), 48_000, caption="a", seed=n) for n in (5, 6)]
    # Without any noise only that on the picture is left to tell two takes apart.
    assert (cold[0] - cold[1]).square().mean() < (seeds[0] - seeds[1]).square().mean()


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


def shown_to_the_audio_backbone(foley: AVLinkFoley, run: Callable[[], object]) -> list[tuple[int, ...]]:
    """The shapes of the latents that the audio backbone alone is given."""
    shapes = []
    forward = foley.link.audio.forward

    def listening(x: torch.Tensor, *arguments: object) -> torch.Tensor:
        shapes.append(tuple(x.shape))
        return forward(x, *arguments)

    foley.link.audio.forward = listening  # type: ignore[method-assign,assignment]
    run()
    foley.link.audio.forward = forward  # type: ignore[method-assign]
    return shapes


@pytest.mark.parametrize(("samples", "latents"), [(1, 10), (19_201, 11), (96_000, 50), (247_680, 129)])
def test_words_alone_make_as_many_latents_as_they_need(foley: AVLinkFoley, samples: int, latents: int) -> None:
    sounds = []
    shapes = shown_to_the_audio_backbone(foley, lambda: sounds.append(foley.generate(None, samples, caption="a")))
    assert sounds[0].shape == (samples,)
    # Both halves of guidance at once, in each of two steps.
    assert shapes == [(2, latents, 8)] * 2


def test_words_alone_go_on_beyond_a_window(foley: AVLinkFoley) -> None:
    sounds = []
    shapes = shown_to_the_audio_backbone(foley, lambda: sounds.append(foley.generate(None, 600_001, caption="a")))
    assert sounds[0].shape == (600_001,)
    assert sounds[0].isfinite().all()
    windows, length = shapes[0][0] // 2, shapes[0][1]
    assert windows > 1
    assert length <= foley.aligned.window_latents
    assert windows * length - (windows - 1) * foley.overlap_latents >= 313


def test_guidance_in_one_batch_is_guidance(foley: AVLinkFoley) -> None:
    x, t = torch.randn(1, 20, 8), torch.tensor([0.3])
    caption, negative = foley.text(["abc"]), foley.text(["d"])
    expected = guide(foley.link.audio(x, t, caption), foley.link.audio(x, t, negative), 3.0)
    assert torch.allclose(guided_velocity(foley.link, "v2a", x, t, None, caption, negative, 3.0), expected, atol=1e-5)
    alone = guided_velocity(foley.link, "v2a", x, t, None, caption, negative, 1.0)
    assert torch.allclose(alone, foley.link.audio(x, t, caption))


def test_the_caption_is_the_prompt_of_both_modalities(foley: AVLinkFoley) -> None:
    link, x, t = foley.link, torch.randn(1, 20, 8), torch.tensor([0.3])
    condition, fixed = torch.randn(1, 24, 36, 64, 3), torch.tensor([link.config.video_time])
    caption, nothing = foley.text(["abc"]), foley.text([""])
    guided = guided_velocity(link, "v2a", x, t, condition, caption, nothing, 1.0)
    assert torch.allclose(guided, link(x, t, caption, condition, fixed, caption, both=False).audio)
    assert not torch.allclose(guided, link(x, t, caption, condition, fixed, nothing, both=False).audio, atol=1e-5)


def test_guidance_is_split_where_the_config_says_so(foley: AVLinkFoley, monkeypatch: pytest.MonkeyPatch) -> None:
    link, x, t = foley.link, torch.randn(1, 20, 8), torch.tensor([0.3])
    condition, fixed = torch.randn(1, 24, 36, 64, 3), torch.tensor([link.config.video_time])
    caption, negative = foley.text(["abc"]), foley.text(["d"])

    def guided(scale: float, caption_guidance: float, linked_guidance: float) -> torch.Tensor:
        config = replace(link.config, caption_guidance=caption_guidance, linked_guidance=linked_guidance)
        monkeypatch.setattr(link, "config", config)
        return guided_velocity(link, "v2a", x, t, condition, caption, negative, scale)

    both = link(x, t, caption, condition, fixed, caption, both=False).audio
    text_only, unconditional = link.audio(x, t, caption), link.audio(x, t, negative)
    assert torch.allclose(guided(4.0, 1, 1), unconditional + 4 * (both - unconditional), atol=1e-5)
    assert torch.allclose(
        guided(4.0, 0.5, 2), unconditional + 2 * (text_only - unconditional) + 8 * (both - text_only), atol=1e-5
    )
    assert torch.allclose(guided(1.0, 0.5, 2), both)


class TestLoops:
    def test_a_loop_lasts_the_nearest_whole_number_of_latents(self, foley: AVLinkFoley) -> None:
        for samples, latents in ((1, 1), (48_000, 25), (48_959, 25), (48_961, 26), (600_000, 312)):
            assert foley.generate(None, samples, caption="a", loop=True, steps=1).shape == (1920 * latents,)

    def test_a_loop_follows_no_picture(self, foley: AVLinkFoley) -> None:
        with pytest.raises(ModelError, match="cannot follow a picture"):
            foley.generate(picture(24), 48_000, loop=True)

    def test_a_batch_of_loops_gives_what_its_rows_give_alone(self, foley: AVLinkFoley) -> None:
        both = foley.generate_batch(None, 48_000, captions=["a", "bc"], seeds=[1, 2], loop=True)
        for row, (caption, seed) in enumerate((("a", 1), ("bc", 2))):
            alone = foley.generate(None, 48_000, caption=caption, seed=seed, loop=True)
            assert torch.allclose(both[row], alone, atol=1e-4)

    @pytest.mark.parametrize("latents", [7, 60])
    @pytest.mark.parametrize("config", [None, NANO], ids=["small", "nano"])
    def test_turned_latents_give_the_turned_sound(
        self, foley: AVLinkFoley, config: CodecConfig | None, latents: int
    ) -> None:
        if config is not None:
            foley.codec = AudioCodec(config).eval()
        circle = torch.randn(1, latents, foley.codec.config.vae.latent_width)
        sound = foley.codec.decode(circle, circle=True)
        turned = foley.codec.decode(circle.roll(3, dims=1), circle=True)
        assert torch.allclose(turned, sound.roll(3 * 1920, dims=1), atol=1e-4 * float(sound.abs().max()))
        # Decoded with two ends, it is another sound near them.
        ends = foley.codec.decode(circle)[:, :1920]
        assert not torch.allclose(ends, sound[:, :1920], atol=1e-2 * float(sound.abs().max()))

    def test_the_seam_is_like_any_other_place(self, foley: AVLinkFoley) -> None:
        """How the seam ranks, among all places, by how much the sound changes there: over many sounds, in the middle."""
        # Noise jumps at every sample. A sound with little treble jumps at a seam only.
        bins = foley.codec.vocoder.head.projection.bias.data[:961]
        bins -= 2 * torch.log1p(torch.arange(961) / 2)
        seeds = list(range(12))

        def sounds(loop: bool) -> np.ndarray:
            text = ["ab"] * len(seeds)
            return foley.generate_batch(None, 96_000, captions=text, seeds=seeds, loop=loop, steps=6).numpy()

        for change in (sample_change, spectral_change):
            looped, ended = ([rank_of_first(change(sound)) for sound in sounds(loop)] for loop in (True, False))
            assert 0.25 < np.mean(looped) < 0.75, change.__name__
            assert np.mean(ended) > 0.8, change.__name__


def sample_change(sound: np.ndarray) -> np.ndarray:
    """At every latent's border, how far a straight line through the two samples before it misses the sample behind it."""
    at = np.arange(0, len(sound), 1920)
    return np.abs(sound[at] - 2 * sound[at - 1] + sound[at - 2])


def spectral_change(sound: np.ndarray) -> np.ndarray:
    """At every latent's border, the mean difference in log-magnitude of the spectra of 20 ms before and behind it."""
    blocks = sound.reshape(-1, 2, 960)
    spectra = np.log(np.abs(np.fft.rfft(blocks * np.hanning(960))) + 1e-6)
    return np.abs(spectra[:, 0] - np.roll(spectra[:, 1], 1, axis=0)).mean(axis=1)


def rank_of_first(values: np.ndarray) -> float:
    return float((values < values[0]).mean())


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
    with pytest.raises(ModelError, match="72, 128"):
        foley.generate(torch.zeros(5, 18, 32, 3, dtype=torch.uint8), 1000)


def test_a_sound_beyond_full_scale_is_turned_down_and_not_cut_off(
    foley: AVLinkFoley, monkeypatch: pytest.MonkeyPatch
) -> None:
    swell = torch.sin(torch.arange(48_000) / 10) * torch.linspace(0, 3, 48_000)
    monkeypatch.setattr(foley.codec, "decode", lambda latents, circle: torch.stack([swell, swell / 10]))
    loud, soft = foley.generate_batch(None, 48_000, captions=["a", "b"], seeds=[1, 2])
    assert torch.allclose(loud, swell / swell.abs().max())
    assert torch.equal(soft, swell / 10)
