"""The table of what survives: what it comes to, and what the docs have of it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from avfoley_plugin.hosts.interchange import FORMATS
from avfoley_plugin.hosts.survival import ASPECTS
from support.program_trips import BPY_PYTHON

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """The lines of the table as it is now, by the format or program that they are about."""
    pytest.importorskip("otio_fcp_adapter")
    pytest.importorskip("otio_aaf_adapter")
    command = [sys.executable, str(DOCS / "make_hosts_table.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)
    return {line.split("|")[1].strip(): line for line in ran.stdout.splitlines()}


def test_every_format_and_program_has_a_row(printed: dict[str, str]) -> None:
    programs = ["Kdenlive", "Resolve Studio (stand-in)", "Blender"]
    formats = ["OpenTimelineIO", "OTIO of Resolve", *(form.name for form in FORMATS.values())]
    assert list(printed)[2:] == [*formats, *programs]
    assert printed["OpenTimelineIO"] == "| OpenTimelineIO | " + " | ".join(["all"] * len(ASPECTS)) + " |"


def test_the_docs_have_that_table(printed: dict[str, str]) -> None:
    has_blender = bool(os.environ.get(BPY_PYTHON)) or importlib.util.find_spec("bpy") is not None
    documented = (DOCS / "hosts.md").read_text(encoding="utf-8").splitlines()
    checked = [line for name, line in printed.items() if has_blender or name != "Blender"]
    assert [line for line in checked if line not in documented] == []
