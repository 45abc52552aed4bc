"""`evaluate codec`: what each figure reacts to, which recordings are used, and the whole command on an untrained codec."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.evaluation.cli import main
from avfoley_engine.evaluation.codec import (
    FIGURES,
    ROWS,
    Recording,
    compare,
    decoded,
    onset_shifts,
    recordings,
    summary,
    systems,
)
from avfoley_engine.training.codec import SpectralDistance
from avfoley_engine.world.recordings import is_held_out
from safetensors.torch import save_file


@pytest.fixture(scope="module")
def codec() -> AudioCodec:
    torch.manual_seed(0)
    return AudioCodec(CodecConfig()).eval().requires_grad_(False)


def bursts(*times: float, seconds: float = 2.0) -> torch.Tensor:
    """Bursts of noise (1, samples) at 48 kHz, every one the same."""
    rng = np.random.default_rng(0)
    burst = 0.3 * rng.normal(size=4800) * np.exp(-np.arange(4800) / 800)
    x = 1e-5 * rng.normal(size=round(seconds * 48_000))
    for time in times:
        place = x[round(time * 48_000) :][:4800]
        place += burst[: len(place)]
    return torch.from_numpy(x.astype(np.float32))[None]


def recording(waveform: torch.Tensor, bandwidth: float = float("inf")) -> Recording:
    return Recording("a.wav", "a", waveform, bandwidth)


def figures(a: torch.Tensor, b: torch.Tensor, codec: AudioCodec, bandwidth: float = float("inf")) -> dict:
    return summary([compare(recording(a, bandwidth), b, codec, SpectralDistance())])


def test_a_perfect_copy(codec: AudioCodec) -> None:
    x = bursts(0.3, 0.9, 1.5)
    assert figures(x, x, codec) == dict.fromkeys(FIGURES, 0.0)


def test_late_lost_and_added_onsets(codec: AudioCodec) -> None:
    assert figures(bursts(0.3, 0.9, 1.5), bursts(0.32, 0.92, 1.52), codec)["onset_shift_median_ms"] == pytest.approx(20)
    lost = figures(bursts(0.3, 0.9, 1.5), bursts(0.3, 0.9), codec)
    assert (lost["onsets_unmatched"], lost["onsets_added"]) == (pytest.approx(1 / 3), 0)
    added = figures(bursts(0.3, 0.9), bursts(0.3, 0.9, 1.5), codec)
    assert (added["onsets_unmatched"], added["onsets_added"]) == (0, pytest.approx(1 / 3))
    assert added["onset_shift_95_ms"] == 0


def test_a_lag_is_where_the_transient_went(codec: AudioCodec) -> None:
    late = figures(bursts(0.3, 0.9, 1.5), bursts(0.32, 0.92, 1.52), codec)
    assert (late["onset_lag_95_ms"], late["onsets_unlike"]) == (pytest.approx(20), 0)
    gone = figures(bursts(0.3, 0.9, 1.5), bursts(), codec)
    assert (gone["onset_lag_95_ms"], gone["onsets_unlike"]) == (None, 1)


def test_pulses_of_other_heights_do_not_lag(codec: AudioCodec) -> None:
    """Of pulses 30 ms apart the detector reports one in 50 ms: a shift where nothing moved."""
    times = 0.5 + np.random.default_rng(0).uniform(0.022, 0.038, 30).cumsum()

    def pulses(seed: int) -> torch.Tensor:
        x = bursts(seconds=2.0)
        for time, height in zip(times, np.random.default_rng(seed).uniform(0.1, 0.4, 30), strict=True):
            start = round(time * 48_000)
            x[0, start : start + 400] += height * bursts(0.0)[0, :400]
        return x

    found = figures(pulses(102), pulses(152), codec)
    assert found["onset_shift_95_ms"] > 20
    assert (found["onset_lag_95_ms"], found["onsets_unlike"]) == (0, 0)


def test_without_onsets_there_is_nothing_to_shift(codec: AudioCodec) -> None:
    silence = torch.zeros(1, 24_000)
    assert figures(silence, silence, codec)["onset_shift_95_ms"] is None
    assert figures(silence, silence, codec)["onsets_unmatched"] is None


def test_what_lies_above_the_bandwidth_does_not_count(codec: AudioCodec) -> None:
    low = bursts(0.3, 0.9)
    hiss = low + torch.from_numpy(np.random.default_rng(1).normal(size=low.shape).astype(np.float32)) * 0.02
    spectrum = torch.fft.rfft(hiss - low)
    spectrum[:, : spectrum.shape[1] * 18 // 24] = 0
    high = low + torch.fft.irfft(spectrum, low.shape[1])
    whole, cut = figures(low, high, codec), figures(low, high, codec, bandwidth=16_000)
    for name in ("stft_distance", "log_mel_l1"):
        assert cut[name] < 0.05 * whole[name]


def test_onsets_are_matched_one_to_one_with_the_smallest_shifts() -> None:
    def matched(recorded: list[float], found: list[float]) -> list[float]:
        return [round(s, 6) for s in onset_shifts(np.array(recorded), np.array(found))]

    # A greedy match, or one that only counts pairs, could cross these.
    assert matched([1.00, 1.04], [1.00, 1.04]) == [0, 0]
    assert matched([1.00, 1.04], [1.04, 1.08]) == [0.04, 0.04]
    assert matched([1.0, 2.0], [1.01, 1.02]) == [0.01]
    assert matched([1.0], [1.06]) == []
    assert matched([], [1.0]) == []


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A sound folder: five files of many lengths that are held out, among others that are not even there."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    with (folder / "index.csv").open("w", newline="") as file:
        index = csv.writer(file)
        index.writerow(["file", "label", "caption", "license", "author"])
        names = [f"{n}.wav" for n in range(200)]
        index.writerows([name, f"label of {name}", "", "", ""] for name in names if not is_held_out(name))
        for n, name in enumerate([name for name in names if is_held_out(name)][:5]):
            index.writerow([name, f"label {n}", "", "", ""])
            soundfile.write(folder / name, bursts(0.1, 0.4, seconds=0.1 + 0.15 * n)[0].numpy(), 48_000)
    return folder


def test_recordings_are_held_out_and_always_the_same(sounds: Path, codec: AudioCodec) -> None:
    chosen = list(recordings(sounds, 3, codec))
    assert len(chosen) == 3
    assert all(is_held_out(r.file) for r in chosen)
    assert all(r.waveform.shape[1] % 1920 == 0 and r.waveform.shape[1] >= 12_000 for r in chosen)
    index = sounds / "index.csv"
    head, *rows = index.read_text().splitlines()
    index.write_text("\n".join([head, *rows[::-1]]) + "\n")
    assert [r.file for r in recordings(sounds, 3, codec)] == [r.file for r in chosen]


def test_every_system_keeps_the_length_and_repeats_itself(codec: AudioCodec) -> None:
    x = recording(bursts(0.2, seconds=0.4))
    once, again = decoded(x, systems(codec)), decoded(x, systems(codec))
    assert tuple(once) == ROWS
    for name in ROWS:
        assert once[name].shape == x.waveform.shape
        assert torch.equal(once[name], again[name])


def test_the_command_on_a_folder_of_runs(
    sounds: Path, codec: AudioCodec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    for part in ("vae", "vocoder"):
        (runs / part).mkdir(parents=True)
    state = {f"vae.{name}": tensor for name, tensor in codec.vae.state_dict().items()}
    save_file(
        state | {"latent_mean": codec.latent_mean, "latent_std": codec.latent_std}, runs / "vae" / "codec.safetensors"
    )
    save_file(
        {f"ema.{name}": p.detach() for name, p in codec.vocoder.named_parameters()},
        runs / "vocoder" / "checkpoint.safetensors",
    )
    arguments = ["codec", "--sounds", str(sounds), "--runs", str(runs), "--count", "3"]
    assert main([*arguments, "--json", "--pictures", str(tmp_path / "pictures")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["recordings"] == 3
    assert tuple(result["systems"]) == ROWS
    assert all(row.keys() == FIGURES.keys() for row in result["systems"].values())
    # Griffin-Lim needs no training; the others have had none.
    assert result["systems"]["griffin_lim"]["stft_distance"] < result["systems"]["network"]["stft_distance"]
    assert result["systems"]["griffin_lim"]["onset_shift_95_ms"] <= 10
    pictures = list((tmp_path / "pictures").glob("*.png"))
    assert {p.stem for p in pictures} == {r.label for r in recordings(sounds, 3, codec)}
    assert main(arguments) == 0
    assert "griffin lim" in capsys.readouterr().out


def test_what_is_missing_is_said(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "--sounds", str(sounds), "--runs", str(tmp_path)]) == 1
    assert "Run `avfoley train vae` first" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["codec", "--runs", str(tmp_path)])


def test_a_folder_without_held_out_sounds_is_an_error(tmp_path: Path, codec: AudioCodec) -> None:
    from avfoley_engine.errors import MediaError

    name = next(f"{n}.wav" for n in range(99) if not is_held_out(f"{n}.wav"))
    (tmp_path / "index.csv").write_text(f"file,label,caption,license,author\n{name},a,,,\n")
    with pytest.raises(MediaError, match="held out"):
        next(recordings(tmp_path, 3, codec))
