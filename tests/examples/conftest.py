"""The examples as processes, all with one real engine and the model that ships."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from avfoley_plugin.engine_client import LocalEngine

EXAMPLES = Path(__file__).parents[2] / "examples"

Example = Callable[..., str]


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of an engine that the first example starts and the last one leaves running."""
    folder = tmp_path_factory.mktemp("engine")
    yield folder
    LocalEngine(folder, command=None).shut_down()


@pytest.fixture
def example(state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Example:
    """Runs ``examples/NAME`` with arguments in an empty folder. Returns what it printed."""
    monkeypatch.setenv("AVFOLEY_HOME", str(state_folder))
    monkeypatch.setenv("AVFOLEY_DEVICE", "cpu")

    def run(name: str, *arguments: str | Path) -> str:
        command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run
