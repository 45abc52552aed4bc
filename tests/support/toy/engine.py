"""An engine that knows the toy: ``python -m support.toy.engine serve|worker FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from avfoley_engine.jobs import worker
from avfoley_engine.models import registry
from avfoley_engine.server import serve

from support.toy.system import ToySystem

# The one line.
registry.SYSTEMS["toy"] = ToySystem()

if __name__ == "__main__":
    command, folder = sys.argv[1:]
    if command == "worker":
        worker.main([folder])
    else:
        sys.exit(serve(Path(folder), worker_command=(sys.executable, "-m", "support.toy.engine", "worker")))
