"""The shell's commands for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avfoley_plugin.hosts.saving import save
from support.sample_edit import sample

Avfoley = Callable[..., Any]


@pytest.fixture
def edit(tmp_path: Path) -> Path:
    path = tmp_path / "edit.otio"
    save(sample(tmp_path), tmp_path, path)
    return path


def test_what_is_lost_is_said_before_it_is_lost(avfoley: Avfoley, edit: Path, tmp_path: Path) -> None:
    ran = avfoley("export", edit, tmp_path / "cut.edl")
    assert ran.code == 3
    assert "1 of 4 tracks" in ran.err
    assert not (tmp_path / "cut.edl").exists()
    ran = avfoley("export", edit, tmp_path / "cut.edl", "--yes")
    assert ran.code == 0
    assert (tmp_path / "cut.edl").read_text().startswith("TITLE: sample")


def test_the_rate_of_a_list_can_be_told(avfoley: Avfoley, edit: Path, tmp_path: Path) -> None:
    avfoley("export", edit, tmp_path / "cut.edl", "--yes")
    assert avfoley("export", tmp_path / "cut.edl", tmp_path / "m.csv", "--rate", "50").code == 0
    assert avfoley("export", tmp_path / "cut.edl", tmp_path / "m.csv", "--rate", "fast").code == 3


def test_launchers(avfoley: Avfoley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    ran = avfoley("install", "kdenlive")
    assert ran.code == 0
    path = Path(ran.out.removeprefix("installed: ").strip())
    assert path.is_file()
    assert str(path) in avfoley("hosts").out
    assert avfoley("install", "kdenlive", "--undo").code == 0
    assert not path.exists()
    assert avfoley("install", "premiere").code == 2


def test_without_resolve_it_is_an_input_that_cannot_be_used(avfoley: Avfoley, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESOLVE_SCRIPT_API", "/nonexistent")
    ran = avfoley("export", "resolve:", "x.csv")
    assert ran.code == 3
    assert "Resolve" in ran.err
