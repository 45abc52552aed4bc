"""A worker with a model that needs no weights: ten steps of 50 ms, then a file whose bytes tell the seed.

For foley that is a WAV, mono or stereo; for a picture it is no video at all, but as many bytes as frames.

The caption says what shall go wrong: "crash" kills the process, "broken" raises an error of ours, "bug" one nobody
foresaw, "greedy" runs out of memory on anything but the processor, "huge" everywhere, "slow" takes 200 steps.
"""

from __future__ import annotations

import hashlib
import os
import signal
import struct
import sys
import time
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from avfoley_engine.errors import ModelError
from avfoley_engine.jobs.worker import Backend, main
from avfoley_engine.protocol import (
    SAMPLE_RATE,
    FoleyResult,
    ModelInfo,
    Request,
    Result,
    VisualizeRequest,
    VisualizeResult,
)

STEP_SECONDS = float(os.environ.get("FAKE_STEP_SECONDS", "0.05"))

FAKE = ModelInfo(
    name="fake",
    title="A model that sleeps",
    tasks=["foley"],
    revision="r1",
    licence="Apache-2.0",
    size_bytes=0,
    local=True,
    sample_rate=SAMPLE_RATE,
    window_seconds=Fraction(129, 25),
    default_steps=10,
    default_guidance_scale=1.0,
)
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
    if isinstance(request, VisualizeRequest):
        out.write_bytes(bytes([request.seed % 256]) * request.frames)
        return VisualizeResult(
            path=out,
            sha256=hashlib.sha256(out.read_bytes()).hexdigest(),
            frames=request.frames,
            rate=request.record_rate,
            width=512,
            height=288,
            codec=request.codec,
            upsampling="interpolation",
            model=request.model,
            revision=model.revision,
            seed=request.seed,
            caption=request.caption,
            negative_caption=request.negative_caption,
            steps=steps,
            guidance_scale=1.0,
            seconds=time.monotonic() - began,
        )
    samples = round(request.frames / request.record_rate * SAMPLE_RATE)
    with wave.open(str(out), "wb") as file:
        file.setnchannels(request.channels)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(struct.pack("<h", request.seed % 32_768) * samples * request.channels)
    return FoleyResult(
        path=out,
        sha256=hashlib.sha256(out.read_bytes()).hexdigest(),
        samples=samples,
        shot_samples=samples,
        head_samples=0,
        tail_samples=0,
        channels=request.channels,
        peak_dbtp=-1.0,
        loudness_lufs=None,
        onsets=[],
        model=request.model,
        revision=model.revision,
        seed=request.seed,
        caption=request.caption,
        negative_caption=request.negative_caption,
        steps=steps,
        guidance_scale=1.0,
        seconds=time.monotonic() - began,
    )


def backend() -> Backend:
    return Backend(device=lambda: os.environ.get("FAKE_DEVICE", "cpu"), info=info, load=load, run=run)


if __name__ == "__main__":
    main(sys.argv[1:], backend)
