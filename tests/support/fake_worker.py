"""A worker with a model that needs no weights: ten steps of 50 ms, then a file whose bytes tell the seed.

For foley that is a WAV, mono or stereo; for a picture it is no video at all, but as many bytes as frames.

The caption says what shall go wrong: "crash" kills the process, "broken" raises an error of ours, "bug" one nobody
foresaw, "greedy" runs out of memory on anything but the processor, "huge" everywhere, "slow" takes 200 steps.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from avfoley_engine.errors import ModelError
from avfoley_engine.jobs.worker import Backend, main
from avfoley_engine.protocol import SAMPLE_RATE, ModelInfo, Request, Result, VisualizeRequest

from support.messages import foley_result, model_info, visualize_result

STEP_SECONDS = float(os.environ.get("FAKE_STEP_SECONDS", "0.05"))

FAKE = model_info("fake", title="A model that sleeps", default_steps=10, default_guidance_scale=1.0)
# The shell asks for the default model by name.
MODELS = [FAKE, FAKE.model_copy(update={"name": "avlink-nano", "tasks": ["foley", "visualize"]})]


def info(name: str) -> ModelInfo:
    return next(model for model in MODELS if model.name == name)


def load(name: str, task: str, device: str) -> Any:
    return SimpleNamespace(name=name, device=device, revision="r1")


def run(request: Request, model: Any, out: Path, on_progress: Callable[[float], None]) -> Result:
    began = time.monotonic()
    if request.caption == "broken":
        raise ModelError("the weights are broken; fetch them again")
    if request.caption == "bug":
        raise ZeroDivisionError("an oversight")
    if request.caption == "huge" or (request.caption == "greedy" and model.device != "cpu"):
        raise MemoryError
    steps = request.steps or (200 if request.caption == "slow" else 10)
    for step in range(steps):
        time.sleep(STEP_SECONDS)
        if request.caption == "crash" and step == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        on_progress((step + 1) / steps)
    told = {"path": out, "steps": steps, "guidance_scale": 1.0, "seconds": time.monotonic() - began}
    if isinstance(request, VisualizeRequest):
        out.write_bytes(bytes([request.seed % 256]) * request.frames)
        return visualize_result(request, **told)
    samples = round(request.frames / request.record_rate * SAMPLE_RATE)
    with wave.open(str(out), "wb") as file:
        file.setparams((request.channels, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(struct.pack("<h", request.seed % 32_768) * samples * request.channels)
    return foley_result(request, head_samples=0, tail_samples=0, loudness_lufs=None, **told)


def backend() -> Backend:
    return Backend(device=lambda: os.environ.get("FAKE_DEVICE", "cpu"), info=info, load=load, run=run)


if __name__ == "__main__":
    main(sys.argv[1:], backend)
