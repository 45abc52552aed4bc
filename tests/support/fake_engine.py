"""The real server with a worker of the tests: ``python -m support.fake_engine [--worker MODULE] [serve-options]``.

The module's MODELS are those that the server lists.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from pathlib import Path

from avfoley_engine.protocol import state_folder
from avfoley_engine.server import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=state_folder())
    parser.add_argument("--idle-exit", type=float)
    parser.add_argument("--worker", default="support.fake_worker")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    worker = [sys.executable, "-m", options.worker]
    models = importlib.import_module(options.worker).MODELS
    sys.exit(serve(options.folder, idle_exit=options.idle_exit, worker_command=worker, models=lambda: models))
