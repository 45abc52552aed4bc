"""How fast a picture is read and scaled, beside the ffmpeg command doing the same.

    python benchmarks/decode.py [--video FILE] [--seconds 10] [--rounds 5] [--json]

Both decode the same H.264 file of 1920x1080 and scale each frame to the size that the model is
shown, with area averaging, to RGB. Rounds alternate, so that what else the machine does falls on
both. `ratio` is the command's time over ours: 1 is as fast. Needs ffmpeg on the path.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from avfoley_engine.media import probe, read_frames
from avfoley_engine.media.optical_flow import FRAME_SIZE


def main() -> int:
    """Prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="a 16:9 file of one's own (default: a moving test picture)")
    parser.add_argument("--seconds", type=int, default=10, help="length of the test picture (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of readings (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(arguments.video or test_picture(Path(folder), arguments.seconds), arguments.rounds)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):16}{value:.3f}" if isinstance(value, float) else f"{name:16}{value}")
    return 0


def test_picture(folder: Path, seconds: int) -> Path:
    """A moving picture with a little grain, as x264 encodes it, with B-frames."""
    path = folder / "picture.mp4"
    source = f"testsrc2=size=1920x1080:rate=24:duration={seconds},noise=alls=4:allf=t"
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, *encoder, str(path)], check=True)
    return path


def measure(path: Path, rounds: int) -> dict[str, object]:
    """The first reading of each does not count."""
    media = probe(path)
    times = [n / media.rate for n in range(int(media.frames))]
    height, width = FRAME_SIZE
    scaling = f"scale={width}:{height}:flags=area"
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", scaling, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds + 1):
        ours.append(seconds_of(lambda: read_frames(path, times, FRAME_SIZE)))
        theirs.append(seconds_of(lambda: subprocess.run(command, check=True, capture_output=True)))
    ratios = [command / own for own, command in zip(ours[1:], theirs[1:], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "ours_seconds": statistics.median(ours[1:]),
        "ffmpeg_seconds": statistics.median(theirs[1:]),
        "frames": len(times),
        "ratios": ratios,
        "video_seconds": float(Fraction(media.frames) / media.rate),
    }


def seconds_of(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
