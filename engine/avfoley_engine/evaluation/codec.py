"""`evaluate codec`: what the codec preserves of a recorded sound.

Four rows, on recordings that no part of the system was trained on. *griffin_lim*: 64 iterations from
the recording's own mel. *vocoder*: from that same mel, network and iterations (`AudioCodec.invert`);
*network*: without the iterations. *codec*: encoded to latents and decoded, VAE and network together.

The multi-resolution STFT distance (spectral convergence and log-magnitude L1, FFT 256 to 2048) and
the log-mel L1 (natural logarithm) are means over the files, up to the frequency where MP3 or a low
sampling rate has cut each off.

The onsets of all files are compared in two ways. *lag*: around each onset of the recording, the
delay of up to 50 ms either way at which the detector's curve (`onsets.flux`) of the decoded sound
correlates best with the recording's; *> 10 ms* is the share that lags further, *uncorrelated* the
share around which the two never correlate by 0.5. *shift*: the detector's onsets in both, matched
one to one within 50 ms so that the shifts are smallest; *unmatched* is the share of the recording's
onsets without a match, *added* that of the decoded ones. A lag says where a transient went. A shift
also counts that the detector, which reports one in 50 ms, picked another of a row of pulses.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from rich.console import RenderableType
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.codec.griffin_lim import GriffinLim
from avfoley_engine.errors import MediaError
from avfoley_engine.evaluation import options
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
    "onsets_unlike": "uncorrelated",
    "onset_shift_median_ms": "shift, median ms",
    "onset_shift_95_ms": "shift, 95 % ms",
    "onsets_unmatched": "unmatched",
    "onsets_added": "added",
}
_WINDOW_SECONDS = 0.05
#: Frames around an onset over which the curves are compared, and by which they are moved; the least
#: correlation of an onset that was kept.
_AROUND = _MOVED = round(_WINDOW_SECONDS / onsets.HOP_SECONDS)
_CORRELATED = 0.5
#: Between the detector's steps of 5 ms: a lag of 10 ms is not late yet.
_LATE_MS = 12.5
#: Shorter recordings are continued with silence, so that every STFT fits.
_SHORTEST_SECONDS = 0.25
_PICTURES = 4

System = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Recording:
    """A held-out recording: waveform (1, samples) at the codec's rate, a whole number of latents.

    `bandwidth` is where it is cut off, in Hz.
    """

    file: str
    label: str
    waveform: torch.Tensor
    bandwidth: float


@dataclass(frozen=True)
class Comparison:
    """A decoded sound beside its recording: distances, and onsets' lags and shifts in s."""

    stft_distance: float
    log_mel_l1: float
    lags: np.ndarray
    shifts: np.ndarray
    recorded: int
    decoded: int


def recordings(folder: Path, count: int, codec: AudioCodec) -> Iterator[Recording]:
    """`count` held-out files of a sound folder, always the same: those of the smallest sha256.

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
    """The rows: each maps a waveform (1, samples) to one of the same shape."""
    griffin_lim = GriffinLim(codec.mel)
    return {
        "griffin_lim": lambda waveform: griffin_lim(codec.mel(waveform)),
        "vocoder": lambda waveform: codec.invert(codec.mel(waveform)),
        "network": lambda waveform: codec.vocoder(codec.mel(waveform)),
        "codec": lambda waveform: codec.decode(codec.encode(waveform)),
    }


@torch.no_grad()
def decoded(recording: Recording, rows: dict[str, System]) -> dict[str, torch.Tensor]:
    """Each system's output for a recording; the same every time."""
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
        lags=aligned(curves[0][0], curves[1][0], before),
        shifts=onset_shifts(before, after),
        recorded=len(before),
        decoded=len(after),
    )


def aligned(recorded: np.ndarray, found: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How far in s two curves of `onsets.flux` (T,) are apart around onsets at `times` in s.

    An onset's lag is the one at which they correlate best, under a Hann window of 50 ms either way;
    of equal ones the smallest. Onsets around which they do not correlate have none.
    """
    margin = _AROUND + _MOVED
    recorded, found = np.pad(recorded, margin), np.pad(found, margin)
    weights = np.hanning(2 * _AROUND + 3)[1:-1]
    moves = sorted(range(-_MOVED, _MOVED + 1), key=abs)
    lags = []
    for onset in np.rint(times / onsets.HOP_SECONDS).astype(int) + margin:
        rise = recorded[onset - _AROUND : onset + _AROUND + 1]
        correlations = [
            _correlation(rise, found[onset + m - _AROUND : onset + m + _AROUND + 1], weights) for m in moves
        ]
        best = int(np.argmax(correlations))
        if correlations[best] >= _CORRELATED:
            lags.append(abs(moves[best]) * onsets.HOP_SECONDS)
    return np.array(lags)


def onset_shifts(recorded: np.ndarray, found: np.ndarray, window: float = _WINDOW_SECONDS) -> np.ndarray:
    """Absolute shifts in seconds of the onsets matched one to one within `window`.

    The matching has the most pairs, and of those the smallest sum of shifts.
    """
    if not len(recorded) or not len(found):
        return np.zeros(0)
    shifts = np.abs(recorded[:, None] - found)
    # Beyond the window a pair costs more than all the others together could save.
    rows, columns = linear_sum_assignment(np.where(shifts <= window, shifts, 1.0 + window * len(recorded)))
    matched = shifts[rows, columns]
    return matched[matched <= window]


def summary(comparisons: Sequence[Comparison]) -> dict[str, float | None]:
    """The figures of one row; None where there are no onsets."""
    lags = 1000 * np.concatenate([c.lags for c in comparisons])
    shifts = 1000 * np.concatenate([c.shifts for c in comparisons])
    recorded, found = sum(c.recorded for c in comparisons), sum(c.decoded for c in comparisons)
    return {
        "stft_distance": float(np.mean([c.stft_distance for c in comparisons])),
        "log_mel_l1": float(np.mean([c.log_mel_l1 for c in comparisons])),
        "onset_lag_95_ms": float(np.percentile(lags, 95)) if len(lags) else None,
        "onsets_late": float((lags > _LATE_MS).mean()) if len(lags) else None,
        "onsets_unlike": (recorded - len(lags)) / recorded if recorded else None,
        "onset_shift_median_ms": float(np.median(shifts)) if len(shifts) else None,
        "onset_shift_95_ms": float(np.percentile(shifts, 95)) if len(shifts) else None,
        "onsets_unmatched": 1 - len(shifts) / recorded if recorded else None,
        "onsets_added": 1 - len(shifts) / found if found else None,
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `evaluate codec`."""
    parser.add_argument("--sounds", type=Path, required=True, metavar="DIR", help="sound folder with an index.csv")
    options.add_model(parser, runs="the codec")
    parser.add_argument("--count", type=options.positive, default=100, help="recordings (default: 100)")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw spectrograms of four recordings")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs `evaluate codec`. Raises `AVFoleyError`."""
    codec, identity = _codec(arguments)
    rows, distance = systems(codec), SpectralDistance()
    comparisons: dict[str, list[Comparison]] = {name: [] for name in rows}
    labels: set[str] = set()
    seconds, cut_off, pictures = 0.0, 0, 0
    found = recordings(arguments.sounds, arguments.count, codec)
    for recording in options.tracked(found, "Evaluating", arguments.count):
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
    return {
        "recordings": len(comparisons["codec"]),
        "labels": len(labels),
        "cut_off": int(cut_off),
        "seconds": round(seconds, 1),
        "onsets": sum(comparison.recorded for comparison in comparisons["codec"]),
        **identity,
        "systems": {name: summary(some) for name, some in comparisons.items()},
    }


def tables(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The result of `run` as a table."""
    table = options.table(
        f"{result.get('model') or result['runs']}: {result['recordings']} held-out recordings, "
        f"{result['seconds']:.0f} s, {result['onsets']} onsets",
        [""],
        FIGURES.values(),
        caption="Lower is better. Distances look at each file up to its own bandwidth.",
    )
    for name in ROWS:
        table.add_row(name.replace("_", " "), *(options.figure(result["systems"][name][f]) for f in FIGURES))
    yield table


def draw(path: Path, waveforms: dict[str, torch.Tensor], sample_rate: int) -> None:
    """Draws spectrograms of waveforms (1, samples): 80 dB below the loudest of all of them."""
    size = 1024
    window = torch.hann_window(size)
    spectra = {
        name: torch.stft(x[0], size, size // 4, window=window, return_complex=True).abs()
        for name, x in waveforms.items()
    }
    loudest = 20 * max(s.max().clamp_min(1e-9).log10().item() for s in spectra.values())
    with options.drawing(path, 1, len(spectra), (3 * len(spectra), 3)) as axes:
        for axis, (name, spectrum) in zip(axes[0], spectra.items(), strict=True):
            axis.imshow(
                20 * spectrum.clamp_min(1e-9).log10().numpy(),
                origin="lower",
                aspect="auto",
                cmap="magma",
                extent=(0, waveforms[name].shape[1] / sample_rate, 0, sample_rate / 2000),
                vmin=loudest - 80,
                vmax=loudest,
            )
            axis.set(title=name.replace("_", " "), xlabel="s")
        axes[0, 0].set_ylabel("kHz")


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
