"""`evaluate upsampler`: small pictures made large again, beside the large ones that they were shrunk from.

The pictures are those of the world's held-out set, plain as backbones draw them (or real videos), in the upsampler's size and
rate. A small pixel is the mean over its part of the large picture; small frames come at 24, 12 and 6 a second.

Rows. *interpolation*: bicubic in space, linear in time, what a model without an upsampler does. *latent flow*: the
upsampler. *autoencoder*: the large frames through the upsampler's own latents, which is the best that it could do.

Figures over all pixels of all clips. *PSNR*, in dB: bigger is better. *edges*: the energy of the differences between
neighbouring pixels, as a share of that of the large pictures: below 1 is soft. *motion*: the same of the differences between
successive frames: below 1 is smeared, above 1 flickers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log10
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from avfoley_engine.errors import ModelError
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
    """Sums over pixels of squares, pixels from 0 to 255: of the error, and of the differences of each of the two in space and in time."""

    error: float = 0.0
    values: int = 0
    edges: float = 0.0
    real_edges: float = 0.0
    motion: float = 0.0
    real_motion: float = 0.0

    def __add__(self, other: Energies) -> Energies:
        return Energies(
            self.error + other.error,
            self.values + other.values,
            self.edges + other.edges,
            self.real_edges + other.real_edges,
            self.motion + other.motion,
            self.real_motion + other.real_motion,
        )

    def summary(self) -> dict[str, float | None]:
        """The figures; None where pictures are the same, or where nothing stands out or moves."""
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
    """Large frames (T, H, W, 3) uint8 at `frame_rate` -> the small ones at `rate`, uint8."""
    return from_pixels(shrunk(to_pixels(large[None]), int(frame_rate / rate))[0])


@torch.no_grad()
def enlargements(
    large: torch.Tensor, rate: Fraction, upsampler: LatentUpsampler, caption: str, seed: int
) -> dict[str, torch.Tensor]:
    """Each row's frames, as many as `large` (T, H, W, 3) uint8, T a multiple of a latent's frames."""
    small, frame_rate = small_frames(large, rate, upsampler.frame_rate), upsampler.frame_rate
    methods = (Interpolation(frame_rate, upsampler.frame_size), upsampler)
    made = {
        str(method.method): torch.cat(list(method.upsample(small, rate, caption=caption, seed=seed)))
        for method in methods
    }
    autoencoder, pixels = upsampler.networks.autoencoder, to_pixels(large[None]).to(upsampler.device)
    conditioning = conditioning_of(pixels, rate, frame_rate)
    pieces = autoencoder.decode_in_pieces(autoencoder.encode(pixels, conditioning), conditioning, upsampler.piece)
    made["autoencoder"] = torch.cat([from_pixels(piece[0]).cpu() for piece in pieces])
    return {row: made[row][: len(large)] for row in ROWS}


def evaluate(
    clips: Iterable[Clip], upsampler: LatentUpsampler, seconds: float, seed: int, pictures: Path | None = None
) -> Iterator[dict[Fraction, dict[str, Energies]]]:
    """Every clip's first seconds at every rate; yields each row's energies.

    Clips that show less than a latent's frames are left out. The first few are drawn to the folder `pictures`.
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
    """Draws one frame of each row's (T, H, W, 3) beside the large one's, a line a rate: half way between two small frames at the lowest."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = min(len(large) - 1, len(large) // 2 // STRIDE[0] * STRIDE[0] + STRIDE[0] // 2)
    columns = (*ROWS, "large")
    figure, axes = plt.subplots(len(made), len(columns), figsize=(13, 1.95 * len(made)), layout="constrained")
    for line, (rate, rows) in zip(axes, made.items(), strict=True):
        for axis, name in zip(line, columns, strict=True):
            axis.imshow({**rows, "large": large}[name][shown].numpy())
            axis.set(title=name if rate == RATES[0] else None, xticks=[], yticks=[])
        line[0].set_ylabel(f"{rate} a second")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=64)
    plt.close(figure)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `upsampler` to the evaluation's commands."""
    parser = commands.add_parser("upsampler", help="small pictures made large again", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", default="avlink-nano", help="a registered model (default: %(default)s)")
    source.add_argument("--runs", type=Path, help="the upsampler of a folder of training runs, before it is exported")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="real videos instead of the world's pictures")
    parser.add_argument("--clips", type=int, default=32, help="clips of the world's held-out set (default: 32)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how much of each clip (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first clip's detail (default: 0)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="draw a frame of the first clips, all rows side by side"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `evaluate upsampler`; returns the exit status. Raises `AVFoleyError`."""
    upsampler, identity = _upsampler(arguments)
    left_out: dict[str, str] = {}
    clips: Sequence[Clip]
    if arguments.videos:
        clips, left_out = video_clips(arguments.videos)
    else:
        clips = list(world_clips(arguments.clips, style="plain"))
    progress = Console(stderr=True)
    made = evaluate(clips, upsampler, arguments.seconds, arguments.seed, arguments.pictures)
    trials = list(track(made, "Enlarging", len(clips), console=progress, disable=not progress.is_terminal))
    result: dict[str, Any] = {
        "set": "videos" if arguments.videos else "world",
        "clips": len(trials),
        "seconds": arguments.seconds,
        **identity,
        "seed": arguments.seed,
        "rates": {
            str(rate): {row: sum((trial[rate][row] for trial in trials), Energies()).summary() for row in ROWS}
            for rate in RATES
        },
        "left_out": left_out,
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(result, Console())
    return 0


def _upsampler(arguments: argparse.Namespace) -> tuple[LatentUpsampler, dict[str, str]]:
    from avfoley_engine import zoo
    from avfoley_engine.jobs.worker import best_device
    from avfoley_engine.models.avlink import system
    from avfoley_engine.models.text import text_encoder
    from avfoley_engine.training.loading import upsampler_of_runs

    device = torch.device(arguments.device or best_device())
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


def _print(result: Mapping[str, Any], console: Console) -> None:
    source = result.get("model") or result["runs"]
    table = Table(
        title=f"{source}: {result['clips']} clips ({result['set']}), the first {result['seconds']:g} s",
        caption="Bigger PSNR is better; edges and motion should be near 1.",
    )
    table.add_column("small frames a second", justify="right")
    table.add_column("", no_wrap=True)
    for heading in FIGURES.values():
        table.add_column(heading, justify="right")
    for rate, rows in result["rates"].items():
        for row in ROWS:
            figures = ("–" if rows[row][name] is None else f"{rows[row][name]:.2f}" for name in FIGURES)
            table.add_row(rate, row, *figures)
    console.print(table)
    for name, reason in result["left_out"].items():
        console.print(f"left out: {name} ({reason})", highlight=False)
