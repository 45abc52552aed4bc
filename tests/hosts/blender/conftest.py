"""Blender as the Python module `bpy`, in a process of its own, with our add-on installed as a user's is."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from avfoley_plugin.hosts import install as launchers
from avfoley_plugin.hosts.install import Program, install
from support.engine import Engine

DRIVER = Path(__file__).with_name("in_blender.py")

Steps = Callable[..., list[Any]]


def carry_out(python: str, folder: Path, config: Path, steps: tuple[Any, ...]) -> list[Any]:
    """The answers of a Blender to steps (name, settings) of in_blender.py."""
    asked, told = folder / "steps.json", folder / "answers.json"
    asked.write_text(json.dumps([(name, settings) for name, settings in steps]))
    told.unlink(missing_ok=True)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(config)}
    # The add-on must do without what this process has.
    environment.pop("PYTHONPATH", None)
    command = [python, str(DRIVER), str(asked), str(told)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert told.exists(), ran.stdout + ran.stderr
    answers: list[Any] = json.loads(told.read_text())
    return answers


@pytest.fixture(scope="session")
def bpy_python() -> str:
    """The Python that has `bpy`."""
    python = os.environ.get("AVFOLEY_BPY_PYTHON")
    if python is None and importlib.util.find_spec("bpy") is not None:
        python = sys.executable
    if python is None:
        pytest.skip("no bpy: set AVFOLEY_BPY_PYTHON to a Python 3.11 with `pip install bpy==5.0.1`")
    return python


@pytest.fixture(scope="session")
def blender_version(bpy_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("version")
    (version,) = carry_out(bpy_python, folder, folder, (("version", {}),))
    return dict(version)


@pytest.fixture
def blender(bpy_python: str, blender_version: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Carries out steps in a new Blender that has the add-on enabled: ``blender(("save", {"path": ...}), ...)``."""
    config = tmp_path / "config"
    (config / "blender" / blender_version["config"]).mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    start = f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}; from avfoley_plugin.cli import main; main()"
    monkeypatch.setattr(launchers, "COMMAND", (sys.executable, "-c", start))
    install(Program.BLENDER, "linux")
    return lambda *steps: carry_out(bpy_python, tmp_path, config, (("enable", {}), *steps))[1:]


@pytest.fixture
def needs_sounds(blender_version: dict[str, Any]) -> None:
    """Skips where Blender cannot open sounds: PyPI's `bpy` before 5.0 was built without."""
    if not blender_version["sounds"]:
        pytest.skip("this bpy was built without Audaspace and has no sounds; bpy 5.0.1 has")


@pytest.fixture
def start_engine(engine_home: Path) -> Iterator[Callable[..., Engine]]:
    """Starts the engine that the add-on's command will find: with the model that clicks at a rate, one that paints grey
    pictures, one that sees events, or one that only sleeps.
    """
    engine = Engine(engine_home)

    def start(clicking_rate: object = None, *, pictures: bool = False, events: bool = False) -> Engine:
        if clicking_rate is not None:
            engine.start("clicking_worker", CLICKING_FRAME_RATE=str(clicking_rate))
        elif pictures:
            engine.start("picture_worker", FAKE_STEP_SECONDS="0.005")
        elif events:
            engine.start("spotting_worker")
        else:
            engine.start()
        return engine

    yield start
    engine.end()
