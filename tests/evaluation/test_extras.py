"""What only an extra installs: served code works without it, and evaluation says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest
from avfoley_engine.errors import ModelError
from avfoley_engine.extras import require

_WITHOUT_EXTRAS = """
import sys
for module in ("librosa", "matplotlib", "mir_eval", "numba", "soundfile"):
    sys.modules[module] = None  # Importing it raises ModuleNotFoundError.

import avfoley_engine.server, avfoley_engine.tasks.foley, avfoley_engine.tasks.visualize, avfoley_engine.zoo
from avfoley_engine import world
from avfoley_engine.evaluation.cli import main
from avfoley_engine.world import demo

frames, sound, events = world.render_clip(world.sample_scene(0), world.SyntheticBank())
assert len(frames) and len(sound)
try:
    main(["sync", "--help"])
except SystemExit as help:
    assert help.code == 0
sys.exit(main(["sync", "--clips", "1"]))
"""


def test_served_code_runs_without_extras_and_evaluation_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_EXTRAS], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "--direction" in done.stdout
    assert done.stderr.endswith("avfoley evaluate: librosa is not installed: pip install 'avfoley[evaluate]'\n")


def test_a_module_that_is_installed_is_imported() -> None:
    assert require("json.decoder", "train").JSONDecoder is __import__("json").JSONDecoder


def test_a_missing_module_is_named_with_its_extra() -> None:
    with pytest.raises(ModelError, match=r"no_such_module is not installed: pip install 'avfoley\[train\]'"):
        require("no_such_module.part", "train")
