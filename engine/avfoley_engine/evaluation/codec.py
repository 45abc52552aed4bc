"""`evaluate codec`: what is left of a recorded sound after the codec?

Four rows, on recordings that no part of the system was trained on. *griffin_lim*: 64 iterations from the recording's
own mel. *vocoder*: from that same mel, network and iterations (`AudioCodec.invert`); *network*: without the iterations.
*codec*: encoded to latents and decoded, VAE and network together.

The multi-resolution STFT distance (spectral convergence and log-magnitude L1, FFT 256 to 2048) and the log-mel L1
(natural logarithm) are means over the files, and look at each file only up to the frequency where MP3 or a low sampling
rate has cut it off.

Onsets are looked at in two ways, those of all files together. *lag*: around each onset of the recording, by how much the
detector's curve (`onsets.flux`) of what was decoded must be moved to look most like the recording's, up to 50 ms either
way; *> 10 ms* is the share that lags further than that, *unlike* the share of onsets around which the two never
correlate by 0.5. *shift*: the detector's onsets in the recording and in what was decoded, matched one to one within
50 ms so that the shifts are smallest; *unmatched* is the share of the recording's onsets that are not found again,
*added* the share of the decoded ones that were not in the recording. A lag says where a transient went. A shift also
counts that of a row of pulses 30 ms apart, of which the detector reports one in 50 ms, it reported another one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.codec.griffin_lim import GriffinLim
from avfoley_engine.errors import MediaError
from avfoley_engine.media import onsets
from avfoley_engine.training.codec import SpectralDistance
from avfoley_engine.world.recordings import bandwidth, decode, is_held_out, read_index

ROWS = ("griffin_lim", "vocoder", "network", "codec")
#: The figures of a row, and their headings in the table.
FIGURES = {
    "stft_distance": "STFT distance",
    "log_mel_l1": "log-mel L1",
    "onset_lag_95_ms": "lag, 95 % ms",
    "onsets_late": "> 10 ms",
    "onsets_unlike": "unlike",
    "onset_shift_median_ms": "shift, median ms",
    "onset_shift_95_ms": "shift, 95 % ms",
    "onsets_unmatched": "unmatched",
    "onsets_added": "added",
}
_WINDOW_SECONDS = 0.05
#: Around how many frames of an onset the curves are compared, how far they are moved, and how alike they must be.
_AROUND = _MOVED = round(_WINDOW_SECONDS / onsets.HOP_SECONDS)
_ALIKE = 0.5
#: Between the detector's steps of 5 ms: a lag of 10 ms is not late yet.
_LATE_MS = 12.5
#: Shorter recordings are continued with silence, so that every STFT fits.
_SHORTEST_SECONDS = 0.25
_PICTURES = 4

System = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Recording:
    """A held-out recording: waveform (1, samples) at the codec's rate, a whole number of latents, and where it is cut off in Hz."""

    file: str
    label: str
    waveform: torch.Tensor
    bandwidth: float


@dataclass(frozen=True)
class Alignment:
    """The absolute lags in seconds of the onsets that are still alike, and how many are not."""

    lags: np.ndarray
    unlike: int


@dataclass(frozen=True)
class Comparison:
    """What became of a recording: its two distances, its onsets as they are now, and the shifts of matched ones in seconds."""

    stft_distance: float
    log_mel_l1: float
    alignment: Alignment
    shifts: np.ndarray
    recorded: int
    decoded: int


def recordings(folder: Path, count: int, codec: AudioCodec) -> Iterator[Recording]:
    """`count` held-out files of a sound folder, always the same: those whose names have the smallest sha256.

    Raises:
        MediaError: the folder has no index or no held-out file, or one cannot be read.
    """
    rows = [row for row in read_index(folder) if is_held_out(row["file"])]
    if not rows:
        raise MediaError(f"{folder}: none of its files is held out of training (every tenth is); add more sounds.")
    rows.sort(key=lambda row: hashlib.sha256(row["file"].encode()).hexdigest())
    rate, whole = codec.config.mel.sample_rate, codec.config.samples_per_latent
    for row in rows[:count]:
        samples = decode(folder / row["file"]).clip(-1, 1)
        limit = bandwidth((samples * 32767).astype(np.int16))
        waveform = torchaudio.functional.resample(torch.from_numpy(samples)[None], 48_000, rate)
        waveform = F.pad(waveform, (0, max(0, round(_SHORTEST_SECONDS * rate) - waveform.shape[1])))
        waveform = F.pad(waveform, (0, -waveform.shape[1] % whole))
        yield Recording(row["file"], row["label"], waveform, limit)


def systems(codec: AudioCodec) -> dict[str, System]:
    """The rows: each takes a waveform (1, samples) and gives one of the same shape."""
    griffin_lim = GriffinLim(codec.mel)
    return {
        "griffin_lim": lambda waveform: griffin_lim(codec.mel(waveform)),
        "vocoder": lambda waveform: codec.invert(codec.mel(waveform)),
        "network": lambda waveform: codec.vocoder(codec.mel(waveform)),
        "codec": lambda waveform: codec.decode(codec.encode(waveform)),
    }


@torch.no_grad()
def decoded(recording: Recording, rows: dict[str, System]) -> dict[str, torch.Tensor]:
    """What each system makes of a recording; the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {name: system(recording.waveform) for name, system in rows.items()}


@torch.no_grad()
def compare(recording: Recording, waveform: torch.Tensor, codec: AudioCodec, distance: SpectralDistance) -> Comparison:
    """Measures one decoded waveform (1, samples) against the recording."""
    rate = codec.config.mel.sample_rate
    audible = codec.mel.centres < recording.bandwidth
    difference = (codec.mel(waveform) - codec.mel(recording.waveform))[:, audible] * codec.config.mel.std
    curves = [onsets.flux(x[0].numpy(), rate) for x in (recording.waveform, waveform)]
    before, after = (onsets.pick(*curve, rate) for curve in curves)
    return Comparison(
        stft_distance=distance(waveform, recording.waveform, recording.bandwidth / (rate / 2)).item(),
        log_mel_l1=difference.abs().mean().item(),
        alignment=aligned(curves[0][0], curves[1][0], before),
        shifts=onset_shifts(before, after),
        recorded=len(before),
        decoded=len(after),
    )


def aligned(recorded: np.ndarray, found: np.ndarray, times: np.ndarray) -> Alignment:
    """How two curves of `onsets.flux`, each (T,), agree around onsets at `times` in seconds.

    An onset's lag is the one at which the curves correlate best, under a Hann window of 50 ms either way; of equals the smallest.
    """
    margin = _AROUND + _MOVED
    recorded, found = np.pad(recorded, margin), np.pad(found, margin)
    weights = np.hanning(2 * _AROUND + 3)[1:-1]
    moves = sorted(range(-_MOVED, _MOVED + 1), key=abs)
    lags = []
    for onset in np.rint(times / onsets.HOP_SECONDS).astype(int) + margin:
        rise = recorded[onset - _AROUND : onset + _AROUND + 1]
        likeness = [_correlation(rise, found[onset + m - _AROUND : onset + m + _AROUND + 1], weights) for m in moves]
        best = int(np.argmax(likeness))
        if likeness[best] >= _ALIKE:
            lags.append(abs(moves[best]) * onsets.HOP_SECONDS)
    return Alignment(np.array(lags), len(times) - len(lags))


def onset_shifts(recorded: np.ndarray, found: np.ndarray, window: float = _WINDOW_SECONDS) -> np.ndarray:
    """Absolute shifts in seconds of as many onsets as can be matched one to one within `window`, the smallest such shifts in all."""
    if not len(recorded) or not len(found):
        return np.zeros(0)
    shifts = np.abs(recorded[:, None] - found)
    # Beyond the window a pair costs more than all the others together could save.
    rows, columns = linear_sum_assignment(np.where(shifts <= window, shifts, 1.0 + window * len(recorded)))
    matched = shifts[rows, columns]
    return matched[matched <= window]


def summary(comparisons: Sequence[Comparison]) -> dict[str, float | None]:
    """The figures of one row; None where there are no onsets to speak of."""
    lags = 1000 * np.concatenate([h.alignment.lags for h in comparisons])
    shifts = 1000 * np.concatenate([h.shifts for h in comparisons])
    recorded, found = sum(h.recorded for h in comparisons), sum(h.decoded for h in comparisons)
    return {
        "stft_distance": float(np.mean([h.stft_distance for h in comparisons])),
        "log_mel_l1": float(np.mean([h.log_mel_l1 for h in comparisons])),
        "onset_lag_95_ms": float(np.percentile(lags, 95)) if len(lags) else None,
        "onsets_late": float((lags > _LATE_MS).mean()) if len(lags) else None,
        "onsets_unlike": sum(h.alignment.unlike for h in comparisons) / recorded if recorded else None,
        "onset_shift_median_ms": float(np.median(shifts)) if len(shifts) else None,
        "onset_shift_95_ms": float(np.percentile(shifts, 95)) if len(shifts) else None,
        "onsets_unmatched": 1 - len(shifts) / recorded if recorded else None,
        "onsets_added": 1 - len(shifts) / found if found else None,
    }


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `codec` to the evaluation's commands."""
    parser = commands.add_parser("codec", help="recordings after the codec, beside Griffin-Lim", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sounds", type=Path, required=True, metavar="DIR", help="sound folder with an index.csv")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", default="avlink-nano", help="a registered model (default: %(default)s)")
    source.add_argument("--runs", type=Path, help="the codec of a folder of training runs, before it is exported")
    parser.add_argument("--count", type=int, default=100, help="recordings (default: 100)")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="draw spectrograms of four recordings side by side"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `evaluate codec`; returns the exit status. Raises `AVFoleyError`."""
    codec, identity = _codec(arguments)
    rows, distance = systems(codec), SpectralDistance()
    comparisons: dict[str, list[Comparison]] = {name: [] for name in rows}
    labels: set[str] = set()
    seconds, cut_off, pictures = 0.0, 0, 0
    progress = Console(stderr=True)
    found: Iterable[Recording] = recordings(arguments.sounds, arguments.count, codec)
    for recording in track(found, "Listening", arguments.count, console=progress, disable=not progress.is_terminal):
        waveforms = decoded(recording, rows)
        for name, waveform in waveforms.items():
            comparisons[name].append(compare(recording, waveform, codec, distance))
        showable = recording.label not in labels and np.isinf(recording.bandwidth)
        if arguments.pictures and showable and pictures < _PICTURES:
            path = arguments.pictures / f"{recording.label}.png"
            draw(path, {"recording": recording.waveform, **waveforms}, codec.config.mel.sample_rate)
            pictures += 1
        labels.add(recording.label)
        seconds += recording.waveform.shape[1] / codec.config.mel.sample_rate
        cut_off += np.isfinite(recording.bandwidth)
    result: dict[str, Any] = {
        "recordings": len(comparisons["codec"]),
        "labels": len(labels),
        "cut_off": int(cut_off),
        "seconds": round(seconds, 1),
        "onsets": sum(h.recorded for h in comparisons["codec"]),
        **identity,
        "systems": {name: summary(results) for name, results in comparisons.items()},
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(result, Console())
    return 0


def draw(path: Path, waveforms: dict[str, torch.Tensor], sample_rate: int) -> None:
    """Draws the spectrograms of waveforms (1, samples) side by side, on one scale: 80 dB below the loudest of all."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = 1024
    spectra = {
        name: torch.stft(x[0], size, size // 4, window=torch.hann_window(size), return_complex=True).abs()
        for name, x in waveforms.items()
    }
    loudest = 20 * max(s.max().clamp_min(1e-9).log10().item() for s in spectra.values())
    figure, axes = plt.subplots(1, len(spectra), figsize=(3 * len(spectra), 3), sharey=True, layout="constrained")
    for axis, (name, spectrum) in zip(axes, spectra.items(), strict=True):
        seconds = waveforms[name].shape[1] / sample_rate
        axis.imshow(
            20 * spectrum.clamp_min(1e-9).log10().numpy(),
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(0, seconds, 0, sample_rate / 2000),
            vmin=loudest - 80,
            vmax=loudest,
        )
        axis.set(title=name.replace("_", " "), xlabel="s")
    axes[0].set_ylabel("kHz")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=64)
    plt.close(figure)


def _correlation(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    """Pearson's, weighted; 0 where one of them does not change."""
    first, second = (x - np.average(x, weights=weights) for x in (first, second))
    powers = (weights * first**2).sum() * (weights * second**2).sum()
    return float((weights * first * second).sum() / np.sqrt(powers)) if powers > 1e-12 else 0.0


def _codec(arguments: argparse.Namespace) -> tuple[AudioCodec, dict[str, str]]:
    if arguments.runs:
        from avfoley_engine.training.loading import load_codec

        return load_codec(arguments.runs, torch.device("cpu"), vocoder=True), {"runs": str(arguments.runs)}
    from avfoley_engine import zoo
    from avfoley_engine.models.avlink import system

    model = system.load(zoo.entry(arguments.model))
    return model.codec, {"model": model.name, "revision": model.revision}


def _print(result: dict[str, Any], console: Console) -> None:
    source = result.get("model") or result["runs"]
    table = Table(
        title=f"{source}: {result['recordings']} held-out recordings, {result['seconds']:.0f} s, {result['onsets']} onsets",
        caption="Smaller is better. Distances look at each file up to its own bandwidth.",
    )
    table.add_column("", no_wrap=True)
    for heading in FIGURES.values():
        table.add_column(heading, justify="right")
    for name in ROWS:
        figures = result["systems"][name]
        table.add_row(name.replace("_", " "), *("–" if figures[f] is None else f"{figures[f]:.3f}" for f in FIGURES))
    console.print(table)
