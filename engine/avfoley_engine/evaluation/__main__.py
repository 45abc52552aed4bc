"""`python -m avfoley_engine.evaluation …`, the way of programs that must not import the engine."""

import sys

from avfoley_engine.evaluation.cli import main

sys.exit(main())
