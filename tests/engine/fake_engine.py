"""The real server with the fake worker, as a process: ``python fake_engine.py [serve-options]``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from avfoley_engine.protocol import state_folder
from avfoley_engine.server import serve

sys.path.insert(0, str(Path(__file__).parent))

from fake_worker import MODELS

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=state_folder())
    parser.add_argument("--idle-exit", type=float)
    parser.add_argument("--worker", default=str(Path(__file__).with_name("fake_worker.py")))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    sys.exit(
        serve(
            options.folder,
            idle_exit=options.idle_exit,
            worker_command=[sys.executable, options.worker],
            models=lambda: MODELS,
        )
    )
