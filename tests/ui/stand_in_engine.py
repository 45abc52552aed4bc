"""The real server and the real task with a stand-in model: ``python stand_in_engine.py [serve-options]``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from avfoley_engine.protocol import state_folder
from avfoley_engine.server import serve

sys.path.insert(0, str(Path(__file__).parent))

from stand_in_worker import STAND_IN

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=state_folder())
    parser.add_argument("--idle-exit", type=float)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    worker = [sys.executable, str(Path(__file__).with_name("stand_in_worker.py"))]
    sys.exit(serve(options.folder, idle_exit=options.idle_exit, worker_command=worker, models=lambda: [STAND_IN]))
