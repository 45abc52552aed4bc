"""How fast a picture is read and scaled, beside the ffmpeg command doing the same.

    python benchmarks/decode.py [--video FILE] [--seconds 20] [--rounds 5] [--json]

Both decode the same H.264 file of 1920x1080 and scale the frames of the model's rate to the size
that the model is shown, with area averaging, to RGB. Both use as many threads as there are
processors for them. Rounds alternate, so that what else the machine does falls on both. `ratio` is
the command's time over ours: 1 is as fast. `ratio_without_start` leaves out what the command needs
for a single frame, as the engine runs already; `ratio_of_processor_time` does, too, and counts the
processors' seconds, which other programs change less. Needs ffmpeg on the path.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from avfoley_engine.media import probe, read_frames
from avfoley_engine.media.optical_flow import FRAME_SIZE

#: What the model is shown, and the test picture: frames a second. A fifth is decoded and not shown.
MODEL_RATE, RATE = 24, 30


def main() -> int:
    """Prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="a 16:9 file of one's own (default: a moving test picture)")
    parser.add_argument("--seconds", type=int, default=20, help="length of the test picture (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of readings (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(arguments.video or test_picture(Path(folder), arguments.seconds), arguments.rounds)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(
                f"{name.replace('_', ' '):26}{value:.3f}"
                if isinstance(value, float)
                else f"{name.replace('_', ' '):26}{value}"
            )
    return 0


def test_picture(folder: Path, seconds: int) -> Path:
    """A moving picture with a little grain, as x264 encodes it, with B-frames."""
    path = folder / "picture.mp4"
    source = f"testsrc2=size=1920x1080:rate={RATE}:duration={seconds},noise=alls=4:allf=t"
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, *encoder, str(path)], check=True)
    return path


def measure(path: Path, rounds: int) -> dict[str, object]:
    """The first reading of each does not count."""
    media = probe(path)
    times = [Fraction(n, MODEL_RATE) for n in range(max(1, int(media.duration * MODEL_RATE)))]
    height, width = FRAME_SIZE
    scaling = f"fps={MODEL_RATE},scale={width}:{height}:flags=area"
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-an", "-vf", scaling, "-pix_fmt", "rgb24", "-f", "rawvideo"]
    readings: dict[str, Callable[[], object]] = {
        "ours": lambda: read_frames(path, times, FRAME_SIZE),
        "ffmpeg": lambda: subprocess.run([*command, "-"], check=True, capture_output=True),
        "start": lambda: subprocess.run([*command, "-frames:v", "1", "-"], check=True, capture_output=True),
    }
    costs = [[cost(reading) for reading in readings.values()] for _ in range(rounds + 1)][1:]
    (ours, our_work), (theirs, their_work), (start, start_work) = (
        zip(*(one[n] for one in costs), strict=True) for n in range(len(readings))
    )
    ratios = ratio(theirs, ours)
    return {
        "ratio": statistics.median(ratios),
        "ratio_without_start": statistics.median(ratio(theirs, ours, start)),
        "ratio_of_processor_time": statistics.median(ratio(their_work, our_work, start_work)),
        "ours_seconds": statistics.median(ours),
        "ffmpeg_seconds": statistics.median(theirs),
        "start_seconds": statistics.median(start),
        "frames": len(times),
        "ratios": ratios,
        "video_seconds": float(media.duration),
        "processors": os.cpu_count(),
    }


def ratio(theirs: Sequence[float], ours: Sequence[float], start: Sequence[float] | None = None) -> list[float]:
    return [(a - c) / b for a, b, c in zip(theirs, ours, start or [0.0] * len(ours), strict=True)]


def cost(do: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processors, those of ended child processes with them."""
    began, used = time.perf_counter(), sum(os.times()[:4])
    do()
    return time.perf_counter() - began, sum(os.times()[:4]) - used


if __name__ == "__main__":
    sys.exit(main())
