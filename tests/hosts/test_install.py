"""Launchers: where each program on each system looks for them, and only ours are touched."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts import install as launchers
from avfoley_plugin.hosts.install import Program, find_hosts, install, uninstall

PLACES = {
    (Program.RESOLVE, "linux"): ".local/share/DaVinciResolve/Fusion/Scripts/Utility/AVFoley.py",
    (
        Program.RESOLVE,
        "darwin",
    ): "Library/Application Support/Blackmagic Design/DaVinci Resolve/Fusion/Scripts/Utility/AVFoley.py",
    (
        Program.RESOLVE,
        "win32",
    ): "AppData/Roaming/Blackmagic Design/DaVinci Resolve/Support/Fusion/Scripts/Utility/AVFoley.py",
    (Program.KDENLIVE, "linux"): ".local/share/applications/avfoley-kdenlive.desktop",
    (Program.KDENLIVE, "darwin"): "Applications/AVFoley.command",
    (Program.KDENLIVE, "win32"): "AppData/Roaming/Microsoft/Windows/SendTo/AVFoley.cmd",
    (Program.BLENDER, "linux"): ".config/blender/4.2/scripts/addons/avfoley",
    (Program.BLENDER, "darwin"): "Library/Application Support/Blender/4.2/scripts/addons/avfoley",
    (Program.BLENDER, "win32"): "AppData/Roaming/Blender Foundation/Blender/4.2/scripts/addons/avfoley",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder in which a Blender was started once, and an add-on to install there."""
    home = tmp_path / "home dir"
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    add_on = tmp_path / "blender"
    add_on.mkdir()
    (add_on / "__init__.py").write_text("bl_info = {}\n")
    monkeypatch.setattr(launchers, "ADD_ON", add_on)
    for (program, _), place in PLACES.items():
        if program is Program.BLENDER:
            (home / place).parents[2].mkdir(parents=True)
    return home


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("program", "platform"), PLACES)
def test_installed_twice_and_removed(home: Path, program: Program, platform: str) -> None:
    before = files(home)
    written = install(program, platform)
    assert home / PLACES[program, platform] in written
    assert install(program, platform) == written
    assert uninstall(program, platform) == written
    assert files(home) == before
    assert uninstall(program, platform) == []


def test_resolves_menu_has_an_entry_for_each_verb(home: Path) -> None:
    entries = {path.stem: path.read_text() for path in install(Program.RESOLVE, "linux")}
    calls = {
        name: next(verb for verb in ("panel", "foley", "visualize") if f"'{verb}', 'resolve:'" in text)
        for name, text in entries.items()
    }
    assert calls == {
        "AVFoley": "panel",
        "AVFoley Selected Clips": "foley",
        "AVFoley Picture for Selected Sounds": "visualize",
    }


@pytest.mark.parametrize(("program", "platform"), PLACES)
def test_what_is_not_ours_is_left_alone(home: Path, program: Program, platform: str) -> None:
    theirs = home / PLACES[program, platform]
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("print('theirs')")
    with pytest.raises(HostError, match="not ours"):
        install(program, platform)
    uninstall(program, platform)
    assert theirs.read_text() == "print('theirs')"


def test_resolves_scripts_start_this_avfoley(home: Path) -> None:
    for path in install(Program.RESOLVE, "linux"):
        names: dict[str, object] = {"__name__": "script"}
        exec(compile(path.read_text(), str(path), "exec"), names)
        command = names["COMMAND"]
        assert isinstance(command, list)
        assert command[:3] == [sys.executable, "-m", "avfoley_plugin.cli"]
        assert command[-1] == "resolve:"


def test_the_desktop_entry_names_this_python(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launchers, "COMMAND", ("/opt/my venv/100%/python", "-m", "avfoley_plugin.cli"))
    (path,) = install(Program.KDENLIVE, "linux")
    (line,) = [line for line in path.read_text().splitlines() if line.startswith("Exec=")]
    assert shlex.split(line.removeprefix("Exec=")) == [
        "/opt/my venv/100%%/python", "-m", "avfoley_plugin.cli", "panel", "%f",
    ]  # fmt: skip
    assert "MimeType=application/x-kdenlive;" in path.read_text()


def test_the_add_on_knows_the_command(home: Path) -> None:
    (path,) = install(Program.BLENDER, "linux")
    assert (path / "__init__.py").is_file()
    assert json.loads((path / launchers.ADD_ON_COMMAND).read_text())["command"] == list(launchers.COMMAND)


def test_blender_must_have_been_started(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "new"))
    with pytest.raises(HostError, match="start it once"):
        install(Program.BLENDER, "linux")
    monkeypatch.setattr(launchers, "ADD_ON", tmp_path / "none")
    with pytest.raises(HostError, match="no add-on"):
        install(Program.BLENDER, "linux")


def test_what_was_found_is_listed(home: Path) -> None:
    assert {found.name: found.launcher for found in find_hosts("linux")}["DaVinci Resolve"] is None
    install(Program.RESOLVE, "linux")
    found = {one.name: one for one in find_hosts("linux")}
    assert list(found) == ["OpenTimelineIO", "Kdenlive", "DaVinci Resolve", "Blender", "Interchange"]
    assert found["DaVinci Resolve"].launcher == home / PLACES[Program.RESOLVE, "linux"]
    assert found["Blender"].where is not None
