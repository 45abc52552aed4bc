"""`demo-clip`: a silent clip of the world as a video file, for showing foley on it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import torch

from avfoley_engine.errors import MediaError
from avfoley_engine.world.render import render_frames
from avfoley_engine.world.scene import sample_scene

_SHOWPIECE = 2028  # a hammer on an anvil, well in view, without cuts or bystanders
_FRAME_RATE = 24


def write_video(frames: torch.Tensor, frame_rate: int, path: Path) -> None:
    """Writes frames uint8 (T, H, W, 3) as H.264 in MP4, without sound; H and W even. Raises MediaError."""
    try:
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(frame_rate))
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            stream.options = {"crf": "20", "preset": "veryfast"}
            for picture in frames.cpu().numpy():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    except (OSError, av.FFmpegError) as error:
        raise MediaError(f"{path}: cannot be written ({error}); choose another place for the clip") from error


def main(argv: Sequence[str]) -> int:
    """Renders one clip to the file named in `argv` and prints what it shows; with --json as one line of JSON."""
    parser = argparse.ArgumentParser("avfoley_engine demo-clip", description=__doc__)
    parser.add_argument("clip", type=Path, help="the MP4 file to write")
    parser.add_argument("--seed", type=int, default=_SHOWPIECE, help="which clip of the world")
    parser.add_argument("--height", type=int, default=360, help="lines of the picture; 16:9")
    parser.add_argument("--json", action="store_true", help="print caption, duration and event times as JSON")
    options = parser.parse_args(argv)
    scene = sample_scene(options.seed, split="demo")
    height = options.height // 2 * 2
    frames = render_frames(scene, height, round(height * 16 / 9 / 2) * 2, _FRAME_RATE)
    write_video(frames, _FRAME_RATE, options.clip)
    events = [round(event.time, 4) for event in scene.events if event.on_screen]
    duration = len(frames) / _FRAME_RATE
    if options.json:
        print(json.dumps({"caption": scene.caption, "duration": duration, "events": events}))
    else:
        print(f"{options.clip}: {scene.caption}; events at {', '.join(f'{time:.2f}' for time in events)} s")
    return 0
