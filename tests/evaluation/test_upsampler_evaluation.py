"""`evaluate upsampler`: what each figure reacts to, and the whole command on an untrained upsampler."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from avfoley_engine.evaluation.cli import main
from avfoley_engine.evaluation.upsampler import FIGURES, ROWS, compare, enlargements, small_frames
from avfoley_engine.models.avlink.upsampler.config import AutoencoderConfig, UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.upsample import LatentUpsampler, UpsamplerNetworks
from avfoley_engine.nn.dit import DiTConfig, TextStates
from avfoley_engine.training.loading import keep_sizes
from safetensors.torch import save_file

SMALL = UpsamplerConfig(
    autoencoder=AutoencoderConfig(latent_width=4, encoder_widths=(8, 8, 8), decoder_widths=(8, 8, 8)),
    dit=DiTConfig(width=32, depth=1, heads=2),
    height=48,
    width=80,
    window_latents=2,
    steps=1,
)
FILM, PAPER = Fraction(24), Fraction(6)


def moving_edge(count: int = 8, speed: int = 2) -> torch.Tensor:
    """A bright half whose edge moves to the right: (T, 48, 80, 3) uint8."""
    columns = torch.arange(80)[None, :] < 20 + speed * torch.arange(count)[:, None]
    return (columns[:, None, :, None] * torch.tensor([200, 180, 160])).expand(count, 48, 80, 3).to(torch.uint8)


def no_words(captions: list[str]) -> TextStates:
    return TextStates(torch.zeros(len(captions), 1, 384), torch.ones(len(captions), 1, dtype=torch.bool))


def test_a_copy_is_perfect_and_a_known_error_has_its_psnr() -> None:
    large = moving_edge()
    assert compare(large, large).summary() == {"psnr_db": None, "edges": 1, "motion": 1}
    # 25.5 of 255 everywhere is 20 dB, and moves or stands out no more or less.
    off = compare(large, large + 25).summary()
    assert off["psnr_db"] == pytest.approx(20.17, abs=0.01)
    assert (off["edges"], off["motion"]) == (1, 1)


def test_soft_edges_and_smeared_motion_are_below_one() -> None:
    large = moving_edge()
    soft = torch.nn.functional.avg_pool2d(large.float().movedim(-1, 1), (1, 3), 1, (0, 1)).movedim(1, -1)
    assert compare(soft.to(torch.uint8), large).summary()["edges"] < 0.5
    still = large[:1].expand_as(large)
    assert compare(still, large).summary()["motion"] == 0
    flicker = large.clone()
    flicker[::2] //= 2
    assert compare(flicker, large).summary()["motion"] > 1


def test_clips_count_by_their_pixels() -> None:
    large = moving_edge()
    energies = [compare(made, large) for made in (large, large + 25)]
    assert (energies[0] + energies[1]).summary()["psnr_db"] == pytest.approx(20.17 + 3.01, abs=0.01)


def test_nothing_that_moves_has_no_figure() -> None:
    grey = torch.full((4, 48, 80, 3), 90, dtype=torch.uint8)
    assert compare(grey, grey).summary() == dict.fromkeys(FIGURES)


def test_small_frames_are_means_at_their_rate() -> None:
    large = moving_edge()
    small = small_frames(large, PAPER, FILM)
    assert small.shape == (2, 6, 10, 3)
    assert (small[1, 0, 3] - large[4, :8, 24:32].float().mean((0, 1))).abs().max() < 0.51


def test_an_untrained_upsampler_is_interpolation_in_every_row() -> None:
    large = moving_edge()
    made = enlargements(large, PAPER, LatentUpsampler(UpsamplerNetworks(SMALL), no_words), "", 0)  # type: ignore[arg-type]
    assert tuple(made) == ROWS
    for row in ROWS:
        assert made[row].shape == large.shape
        # Small frames are rounded to 8 bits, except those that the autoencoder itself makes.
        assert (made[row].int() - made["interpolation"].int()).abs().max() <= 1
    assert compare(made["interpolation"], large).summary()["psnr_db"] < 40


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = UpsamplerNetworks(SMALL)
    keep_sizes(tmp_path, SMALL)
    (tmp_path / "upsampler").mkdir()
    save_file(networks.autoencoder.state_dict(), tmp_path / "autoencoder" / "autoencoder.safetensors")
    weights = {f"ema.{name}": tensor for name, tensor in networks.flow.state_dict().items()}
    save_file(weights, tmp_path / "upsampler" / "checkpoint.safetensors")
    command = ["upsampler", "--runs", str(tmp_path), "--clips", "2", "--seconds", "0.5"]
    assert main([*command, "--json", "--pictures", str(tmp_path / "drawn")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["clips"], result["set"], list(result["rates"])) == (2, "world", ["24", "12", "6"])
    rows = result["rates"]["6"]
    assert rows["interpolation"]["psnr_db"] == pytest.approx(rows["latent flow"]["psnr_db"], abs=0.5)
    assert rows["interpolation"]["edges"] < 1
    assert result["rates"]["24"]["interpolation"]["psnr_db"] >= rows["interpolation"]["psnr_db"]
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 2
    assert main(command) == 0
    assert "latent flow" in capsys.readouterr().out


def test_models_and_runs_without_an_upsampler_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upsampler", "--runs", str(tmp_path), "--clips", "1"]) == 1
    assert "avfoley train upsampler" in capsys.readouterr().err
