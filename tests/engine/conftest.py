"""A real engine with a fake model, in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engine import Engine


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
