"""The fake worker, whose pictures are real videos: grey, as bright as the seed says."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
from avfoley_engine.jobs.worker import Backend, main
from avfoley_engine.protocol import Request, Result, VisualizeResult

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import fake_worker


def run(request: Request, model: Any, out: Path, on_progress: Callable[[float], None]) -> Result:
    result = fake_worker.run(request, model, out, on_progress)
    if not isinstance(result, VisualizeResult):
        return result
    with av.open(str(out), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=request.record_rate, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for _ in range(request.frames):
            grey = np.full((36, 64, 3), request.seed % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    return result.model_copy(update={"sha256": hashlib.sha256(out.read_bytes()).hexdigest()})


if __name__ == "__main__":
    main(sys.argv[1:], lambda: Backend(device=lambda: "cpu", info=fake_worker.info, load=fake_worker.load, run=run))
