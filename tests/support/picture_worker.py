"""The fake worker, whose pictures are real videos: grey, as bright as the seed says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from avfoley_engine.jobs.worker import Backend, main
from avfoley_engine.protocol import Request, Result, VisualizeRequest

from support import fake_worker
from support.fake_worker import MODELS as MODELS
from support.media import write_film
from support.messages import visualize_result


def run(request: Request, model: Any, out: Path, on_progress: Callable[[float], None]) -> Result:
    result = fake_worker.run(request, model, out, on_progress)
    if not isinstance(request, VisualizeRequest):
        return result
    write_film(out, [request.seed % 256] * request.frames, request.record_rate, codec="libx264", crf="1")
    return visualize_result(request, path=out, steps=result.steps)


if __name__ == "__main__":
    main(sys.argv[1:], lambda: Backend(device=lambda: "cpu", info=fake_worker.info, load=fake_worker.load, run=run))
