"""The real engine with the real task, and a model that was never trained: everything but the sound is as it should be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import NANO
from avfoley_engine.models.avlink.link import AVLink

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import EngineError
from support import toy

TESTS = Path(__file__).parents[1]
TOY_MODELS = Path(toy.__file__).parent / "models"

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def untrained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models for $AVFOLEY_MODELS, with one named "untrained" in it."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    system.save(
        folder / "untrained",
        AVLink(NANO),
        AudioCodec(CodecConfig()),
        title="Untrained",
        licence="Apache-2.0",
        steps=2,
        guidance_scale=1.0,
    )
    return folder


@pytest.fixture
def avfoley(untrained_model: Path, engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Runs the shell, which starts an engine of its own; that one is stopped after the test."""
    monkeypatch.setenv("AVFOLEY_MODELS", str(untrained_model))
    monkeypatch.setenv("AVFOLEY_DEVICE", "cpu")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "avfoley_plugin.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=engine_home.parent, timeout=120)

    yield run
    assert run("engine", "stop").returncode == os.EX_OK


@pytest.fixture
def toy_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """A client of an engine that runs and knows the toy (`support.toy`)."""
    home = tmp_path / "home"
    monkeypatch.setenv("AVFOLEY_HOME", str(home))
    monkeypatch.setenv("AVFOLEY_MODELS", str(TOY_MODELS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen([sys.executable, "-m", "support.toy.engine", "serve", str(home)])
    client = LocalEngine(home, command=None)
    deadline = time.monotonic() + 120
    while True:
        try:
            client.status()
            break
        except EngineError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield client
    client.shut_down()
    process.wait(30)
