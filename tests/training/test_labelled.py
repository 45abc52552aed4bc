"""Clips of labelled sounds for text-to-audio: composed, encoded, and drawn in batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.training.labelled import AudioBatch, Composer, LabelledClips, encode_sounds, mixed, trimmed
from avfoley_engine.world.recordings import Sound, bandwidth

RATE = 48_000
CPU = torch.device("cpu")


def sound(file: str, seconds: float, label: str = "knock", before: float = 0.0) -> Sound:
    """A decaying burst of noise after `before` seconds of silence."""
    rng = np.random.default_rng(len(file))
    x = np.zeros(round(seconds * RATE))
    start = round(before * RATE)
    age = np.arange(len(x) - start) / RATE
    x[start:] = rng.normal(size=len(age)) * np.exp(-age / 0.05)
    return Sound(
        file, label, f"{label} ({label})", "CC0-1.0", "nobody", (x / np.abs(x).max() * 20_000).astype(np.int16)
    )


def test_trimming_leaves_ten_milliseconds_of_silence() -> None:
    x = np.zeros(RATE, np.float32)
    x[10_000:20_000] = 0.5
    assert len(trimmed(x)) == 10_000 + 2 * 480 - 1
    assert not trimmed(np.zeros(100, np.float32)).any()


def test_clips_are_of_every_length_up_to_the_longest_and_never_clip() -> None:
    compose = Composer([sound("a", 0.3), sound("b", 8.0, "rain")], 3 * RATE)
    clips = [compose(np.random.default_rng(i))[0] for i in range(60)]
    lengths = np.array([len(c) for c in clips])
    assert lengths.max() <= 3 * RATE
    assert lengths.min() >= 0.4 * RATE
    assert lengths.std() > 0.5 * RATE
    assert all(0.3 < np.abs(c).max() < 0.85 for c in clips)


def test_the_same_generator_gives_the_same_clip() -> None:
    compose = Composer([sound("a", 0.3), sound("b", 8.0)], 3 * RATE)
    first, second = (compose(np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert first[1] is second[1]


def test_a_long_sound_is_mostly_cut_just_before_its_attack() -> None:
    late = Sound(
        "late", "knock", "", "", "", np.concatenate([np.full(5 * RATE, 30), sound("a", 4.0).samples]).astype(np.int16)
    )
    compose = Composer([late], RATE)
    attacks = [
        int(np.abs(clip).argmax()) / len(clip) for clip, _ in (compose(np.random.default_rng(i)) for i in range(40))
    ]
    assert np.mean([a < 0.35 for a in attacks]) > 0.4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    codec = AudioCodec(CodecConfig(vae=VAEConfig(latent_width=8, widths=(16, 16, 16), blocks=1)))
    encode_sounds(tmp_path, codec, [sound("a", 0.3), sound("b", 2.0, "rain")], 12, 25)
    return tmp_path


def test_batches_are_masked_by_length(folder: Path) -> None:
    batch = LabelledClips(folder, CPU)(6, np.random.default_rng(0))
    assert batch.latents.shape[:2] == batch.mask.shape
    assert batch.mask.sum(1).max() == batch.mask.shape[1]
    assert not batch.latents[~batch.mask].any()
    assert batch.latents[batch.mask].abs().sum(-1).all()
    assert len(set(batch.captions)) > 1


def test_captions_tell_which_files_were_cut_off(tmp_path: Path) -> None:
    torch.manual_seed(0)
    codec = AudioCodec(CodecConfig(vae=VAEConfig(latent_width=8, widths=(16, 16, 16), blocks=1)))
    whole, cut = sound("a", 0.3), replace(sound("b", 0.4, "rain"), bandwidth=16_000.0)
    encode_sounds(tmp_path, codec, [whole, cut], 20, 25)
    clips = LabelledClips(tmp_path, CPU)
    drawn = [c for i in range(10) for c in clips(20, np.random.default_rng(i)).captions]
    low = [c for c in drawn if c.endswith("in low fidelity")]
    assert 0.2 < len(low) / len(drawn) < 0.7
    assert {c.label for c in clips.clips if c.low_fidelity} == {"rain"}
    assert not any("knock" in c for c in low)


def test_a_finished_folder_is_left_as_it_is(folder: Path) -> None:
    before = (folder / "latents.npy").stat().st_mtime_ns
    encode_sounds(folder, None, [], 12, 25)  # type: ignore[arg-type]
    assert (folder / "latents.npy").stat().st_mtime_ns == before


def test_mixing_pads_to_the_longest() -> None:
    def source(length: int, value: float):  # type: ignore[no-untyped-def]
        return lambda size, rng: AudioBatch(
            torch.full((size, length, 2), value), torch.ones(size, length, dtype=torch.bool), [str(value)] * size
        )

    batch = mixed(source(4, 1.0), source(7, 2.0), 0.25)(8, np.random.default_rng(0))
    assert batch.captions == ["1.0"] * 2 + ["2.0"] * 6
    assert batch.mask.sum(1).tolist() == [4, 4, 7, 7, 7, 7, 7, 7]
    assert not batch.latents[0, 4:].any()


@pytest.mark.parametrize("cut", [8_000, 12_000, 16_000])
def test_the_bandwidth_of_a_cut_sound_is_where_it_was_cut(cut: int) -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.normal(size=2 * RATE))
    spectrum[np.fft.rfftfreq(2 * RATE, 1 / RATE) > cut] = 0
    x = np.fft.irfft(spectrum)
    assert abs(bandwidth((x / np.abs(x).max() * 20_000).astype(np.int16)) - cut) <= 750


def test_dull_is_not_cut() -> None:
    noise = np.cumsum(np.random.default_rng(0).normal(size=2 * RATE))
    noise -= np.convolve(noise, np.ones(4800) / 4800, "same")
    assert bandwidth((noise / np.abs(noise).max() * 20_000).astype(np.int16)) == float("inf")
