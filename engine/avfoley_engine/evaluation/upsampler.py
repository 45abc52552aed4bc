"""`evaluate upsampler`: small pictures made large again, beside the large ones they came from.

The pictures are those of the world's held-out set, plain as backbones draw them (or real videos),
in the upsampler's size and rate. A small pixel is the mean over its part of the large picture; small
frames come at 24, 12 and 6 per second.

Rows. *interpolation*: bicubic in space, linear in time, as a model without an upsampler does.
*latent flow*: the upsampler. *autoencoder*: the large frames through its latents, a bound of it.

Figures over all pixels of all clips. *PSNR*, in dB: higher is better. *edges*: the energy of the
differences between neighbouring pixels, as a share of the large pictures': below 1 is soft.
*motion*: the same between successive frames: below 1 is smeared, above 1 flickers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from fractions import Fraction
from math import log10
from pathlib import Path
from typing import Any

import torch
from rich.console import RenderableType

from avfoley_engine.errors import ModelError
from avfoley_engine.evaluation import options
from avfoley_engine.evaluation.clips import Clip, video_clips, world_clips
from avfoley_engine.media.pixels import from_pixels, to_pixels
from avfoley_engine.models.avlink.upsampler.frames import STRIDE
from avfoley_engine.models.avlink.upsampler.upsample import Interpolation, LatentUpsampler
from avfoley_engine.training.avlink.upsampler import RATES, conditioning_of, shrunk

ROWS = ("interpolation", "latent flow", "autoencoder")
#: The figures of a row, and their headings in the table.
FIGURES = {"psnr_db": "PSNR, dB", "edges": "edges", "motion": "motion"}
_PICTURES = 4


@dataclass(frozen=True)
class Energies:
    """Sums over pixels (0 to 255) of squares: of the error, and of both pictures' differences."""

    error: float = 0.0
    values: int = 0
    edges: float = 0.0
    real_edges: float = 0.0
    motion: float = 0.0
    real_motion: float = 0.0

    def __add__(self, other: Energies) -> Energies:
        return Energies(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def summary(self) -> dict[str, float | None]:
        """The figures; None where pictures are identical, without edges or without motion."""
        return {
            "psnr_db": 10 * log10(255**2 * self.values / self.error) if self.error else None,
            "edges": self.edges / self.real_edges if self.real_edges else None,
            "motion": self.motion / self.real_motion if self.real_motion else None,
        }


def compare(made: torch.Tensor, large: torch.Tensor) -> Energies:
    """Frames (T, H, W, 3) uint8 against the large ones (T, H, W, 3) uint8 that they should be."""
    made, large = made.float(), large.float()
    return Energies(
        (made - large).square().sum().item(),
        large.numel(),
        *(_square_differences(x, 1) + _square_differences(x, 2) for x in (made, large)),
        *(_square_differences(x, 0) for x in (made, large)),
    )


def small_frames(large: torch.Tensor, rate: Fraction, frame_rate: Fraction) -> torch.Tensor:
    """Large frames (T, H, W, 3) uint8 at `frame_rate` -> small ones at `rate`, uint8."""
    return from_pixels(shrunk(to_pixels(large[None]), int(frame_rate / rate))[0])


@torch.no_grad()
def enlargements(
    large: torch.Tensor, rate: Fraction, upsampler: LatentUpsampler, caption: str, seed: int
) -> dict[str, torch.Tensor]:
    """Each row's frames, as many as `large` (T, H, W, 3) uint8; T is a multiple of a latent's."""
    small, frame_rate = small_frames(large, rate, upsampler.frame_rate), upsampler.frame_rate
    methods = (Interpolation(frame_rate, upsampler.frame_size), upsampler)
    made = {
        str(method.method): torch.cat(list(method.upsample(small, rate, caption=caption, seed=seed)))
        for method in methods
    }
    autoencoder, pixels = upsampler.networks.autoencoder, to_pixels(large[None]).to(upsampler.device)
    seen = conditioning_of(pixels, rate, frame_rate)
    pieces = autoencoder.decode_in_pieces(autoencoder.encode(pixels, seen), seen, upsampler.piece)
    made["autoencoder"] = torch.cat([from_pixels(piece[0]).cpu() for piece in pieces])
    return {row: made[row][: len(large)] for row in ROWS}


def evaluate(
    clips: Iterable[Clip], upsampler: LatentUpsampler, seconds: float, seed: int, pictures: Path | None = None
) -> Iterator[dict[Fraction, dict[str, Energies]]]:
    """Yields each row's energies at every rate, over every clip's first seconds.

    Clips shorter than a latent are left out. The first few are drawn to the folder `pictures`.
    """
    for number, clip in enumerate(clips):
        frames = torch.from_numpy(clip.frames(upsampler.frame_rate, upsampler.frame_size))
        count = min(len(frames), round(seconds * upsampler.frame_rate)) // STRIDE[0] * STRIDE[0]
        if not count:
            continue
        large = frames[:count]
        made = {rate: enlargements(large, rate, upsampler, clip.video_caption, seed + number) for rate in RATES}
        if pictures and number < _PICTURES:
            draw(pictures / f"{clip.name}.png", made, large)
        yield {rate: {row: compare(x, large) for row, x in rows.items()} for rate, rows in made.items()}


def draw(path: Path, made: Mapping[Fraction, Mapping[str, torch.Tensor]], large: torch.Tensor) -> None:
    """Draws one frame of each row (T, H, W, 3) beside the large one, a line per rate.

    The frame lies half way between two small frames of the lowest rate.
    """
    shown = min(len(large) - 1, len(large) // 2 // STRIDE[0] * STRIDE[0] + STRIDE[0] // 2)
    columns = (*ROWS, "large")
    with options.drawing(path, len(made), len(columns), (13, 1.95 * len(made))) as axes:
        for line, (rate, rows) in zip(axes, made.items(), strict=True):
            for axis, name in zip(line, columns, strict=True):
                axis.imshow({**rows, "large": large}[name][shown].numpy())
                axis.set(title=name if rate == RATES[0] else None, xticks=[], yticks=[])
            line[0].set_ylabel(f"{rate} per second")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate upsampler`."""
    options.add_model(parser, runs="the upsampler")
    options.add_clips(parser, 32)
    parser.add_argument("--seconds", type=float, default=2.0, help="how much of each clip (default: 2)")
    options.add_device(parser)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw a frame of the first clips, row by row")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate upsampler`. Raises `AVFoleyError`."""
    upsampler, identity = _upsampler(arguments)
    chosen = video_clips(arguments.videos) if arguments.videos else world_clips(arguments.clips, style="plain")
    made = evaluate(chosen.clips, upsampler, arguments.seconds, arguments.seed, arguments.pictures)
    trials = list(options.tracked(made, "Enlarging", chosen.count))
    return {
        "set": chosen.name,
        "clips": len(trials),
        "seconds": arguments.seconds,
        **identity,
        "seed": arguments.seed,
        "rates": {
            str(rate): {row: sum((trial[rate][row] for trial in trials), Energies()).summary() for row in ROWS}
            for rate in RATES
        },
        "left_out": chosen.left_out,
    }


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as tables."""
    table = options.table(
        f"{result.get('model') or result['runs']}: {result['clips']} clips ({result['set']}), "
        f"the first {result['seconds']:g} s",
        ["small frames per second", ""],
        FIGURES.values(),
        caption="Higher PSNR is better; edges and motion should be near 1.",
    )
    for rate, rows in result["rates"].items():
        for row in ROWS:
            table.add_row(rate, row, *(options.figure(rows[row][name], ".2f") for name in FIGURES))
    yield table
    yield from options.left_out(result)


def _upsampler(arguments: argparse.Namespace) -> tuple[LatentUpsampler, dict[str, str]]:
    from avfoley_engine import zoo
    from avfoley_engine.models.avlink import system
    from avfoley_engine.models.text import text_encoder
    from avfoley_engine.training.loading import upsampler_of_runs

    device = options.device(arguments)
    if arguments.runs:
        networks, identity = upsampler_of_runs(arguments.runs), {"runs": str(arguments.runs)}
        if networks is None:
            raise ModelError(f"{arguments.runs} holds no upsampler. Train one: `avfoley train upsampler`.")
        return LatentUpsampler(networks.to(device), text_encoder(networks.config.text, device)), identity
    video = system.load_video(zoo.entry(arguments.model), device)
    if not isinstance(video.upsampler, LatentUpsampler):
        raise ModelError(f"{video.name} has no upsampler: it interpolates. Give a model that has one, or --runs.")
    return video.upsampler, {"model": video.name, "revision": video.revision}


def _square_differences(frames: torch.Tensor, axis: int) -> float:
    return frames.diff(dim=axis).square().sum().item()
