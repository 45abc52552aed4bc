"""A real engine with a fake model, in processes of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# For engine_harness and fake_worker, which the tests of client and shell use as well.
sys.path.insert(0, str(Path(__file__).parent))

from engine_harness import Engine


@pytest.fixture
def engine(engine_home: Path) -> Iterator[Engine]:
    """An engine that runs on a private folder."""
    engine = Engine(engine_home)
    engine.start()
    yield engine
    engine.end()


@pytest.fixture
def stopped_engine(engine_home: Path) -> Iterator[Engine]:
    """An engine that the test starts, or has a client start."""
    engine = Engine(engine_home)
    yield engine
    engine.end()
